"""What a browser loads first: the shell and its files, served before the application is there.

FastAPI takes as long to load as a browser takes to open the page. So nothing of it is needed here,
and the two go on at once: a request for anything else waits until the application is made.
"""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import parse_qs

from labelmend.http.asgi import App, Receive, Scope, Send
from labelmend.http.page import HTML, KINDS, static_of
from labelmend.review.page import PACKAGE, shell
from labelmend.review.serving.guard import Door
from labelmend.voice.speak import ENGLISH, Language

_STATIC = {f"review.{end}": kind for end, kind in KINDS.items()}
"""The files of `static/`, by their names; there is no other path to a file."""

_FIRST = {"/", *(f"/static/{name}" for name in _STATIC)}


class Front:
    """Serves the shell at once, and all else by an application that is being made.

    Attributes:
        loading: the application, as soon as it is there.
    """

    def __init__(self, door: Door, make: Callable[[], App], language: Language = ENGLISH) -> None:
        """Begin to make the application, in a thread of its own.

        Args:
            door: whose token a cookie gets.
            make: makes it.
            language: of the shell.
        """
        self._door = door
        self._language: Language = language
        thread = ThreadPoolExecutor(1)
        self.loading: Future[App] = thread.submit(make)
        thread.shutdown(wait=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reply, or let the application do it."""
        if scope["path"] in _FIRST:
            await self._first(scope, send)
            return
        if not self.loading.done():
            await asyncio.wait([asyncio.wrap_future(self.loading)])
        await self.loading.result()(scope, receive, send)

    async def _first(self, scope: Scope, send: Send) -> None:
        path = scope["path"]
        if scope["method"] != "GET":
            refusal = json.dumps({"error": "invalid", "facts": {}}).encode()
            await _reply(send, 405, "application/json", refusal, ("allow", "GET"))
        elif path != "/":
            name = path.rpartition("/")[2]
            await _reply(send, 200, _STATIC[name], static_of(PACKAGE, name))
        elif "token" in parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True):
            # The token leaves the address, and with it the history and the screen.
            cookie = f"{self._door.cookie}={self._door.token}; HttpOnly; Path=/; SameSite=lax"
            await _reply(send, 303, HTML, b"", ("location", "/"), ("set-cookie", cookie))
        else:
            await _reply(send, 200, HTML, shell(self._language).encode())


async def _reply(send: Send, status: int, kind: str, body: bytes, *more: tuple[str, str]) -> None:
    headers = (("content-type", kind), ("content-length", str(len(body))), *more)
    plain = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": plain})
    await send({"type": "http.response.body", "body": body})
