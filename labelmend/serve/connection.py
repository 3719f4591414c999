"""One connection: how long a client may take over its request and its answer, and how many may be.

uvicorn closes what is idle. What is slow it waits for: a request line that comes letter by letter,
or an answer that nobody reads, each of which holds a connection for ever.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from labelmend.serve.place import Patience

TRANSPORT = "labelmend.transport"
"""Where a scope has the connection's transport."""

_MOST_HEAD = 64 * 1024
"""Bytes of a request's first line and headers; common servers allow 8 to 64 KiB."""

_END = b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_SLOW = b"HTTP/1.1 408 Request Timeout" + _END
_LONG = b"HTTP/1.1 431 Request Header Fields Too Large" + _END


@dataclass
class Room:
    """The connections of a server.

    Attributes:
        most: connections; where one more comes, the one that has said nothing for longest goes.
        patience: with slow clients.
        taken: those that are open, the oldest first.
        is_closing: whether each ends with its next answer, which says so.
    """

    most: int = 1000
    patience: Patience = field(default_factory=Patience)
    taken: "dict[Connection, None]" = field(default_factory=dict)
    is_closing: bool = False

    def enter(self, connection: "Connection") -> None:
        """A connection is there: make room for it, or close it."""
        self.taken[connection] = None
        if len(self.taken) <= self.most:
            return
        idle = (one for one in self.taken if one.is_idle)
        next(idle, connection).transport.abort()

    def leave(self, connection: "Connection") -> None:
        """A connection is gone."""
        self.taken.pop(connection, None)


class Connection(HttpToolsProtocol):
    """A connection of uvicorn's that does not wait for ever."""

    room: Room

    def __init__(self, *args: Any, **named: Any) -> None:
        """Wait for a first request."""
        super().__init__(*args, **named)
        self._in_head = True
        self._head_bytes = 0
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @classmethod
    def within(cls, room: Room) -> type["Connection"]:
        """Return the class of connections in a room."""
        return type("ConnectionWithin", (cls,), {"room": room})

    @property
    def is_new(self) -> bool:
        """Whether it has not asked for anything yet."""
        return self.cycle is None

    @property
    def is_idle(self) -> bool:
        """Whether no request of it is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: Any) -> None:
        """Somebody is there."""
        super().connection_made(transport)
        self._after("head", self.room.patience.head, self._too_slow)
        self.room.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any longer."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.room.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Something came."""
        if self._in_head:
            if "head" not in self._timers:
                self._after("head", self.room.patience.head, self._too_slow)
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > _MOST_HEAD and not self.transport.is_closing():
            self._end(_LONG)

    def on_message_begin(self) -> None:
        """The first letter of a request."""
        super().on_message_begin()
        scope: dict[str, Any] = cast("dict[str, Any]", self.scope)
        scope[TRANSPORT] = self.transport

    def on_headers_complete(self) -> None:
        """The headers are there."""
        self._in_head = False
        self._head_bytes = 0
        self._stop("head")
        super().on_headers_complete()
        if self.room.is_closing:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The body is there."""
        self._in_head = True
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client does not read."""
        self._after("read", self.room.patience.reading, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._stop("read")
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing came for a while."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def _too_slow(self) -> None:
        self._timers.pop("head", None)
        if not self.transport.is_closing():
            self._end(_SLOW if self._head_bytes else b"")

    def _end(self, said: bytes) -> None:
        if said and self.is_idle:
            self.transport.write(said)
        self.transport.close()

    def _after(self, name: str, seconds: float, act: Callable[[], None]) -> None:
        self._stop(name)
        self._timers[name] = self.loop.call_later(seconds, act)

    def _stop(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
