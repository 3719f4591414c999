"""The server: one socket, one process; it stops only when all that it accepted is answered."""

import asyncio
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import uvicorn

from labelmend.errors import ConfigError, InputError
from labelmend.http.address import bound, is_loopback, read_tokens
from labelmend.http.asgi import QUIET
from labelmend.serve.app import Part, build_app
from labelmend.serve.connection import Connection, Room
from labelmend.serve.door import Door
from labelmend.serve.place import PORT, Place
from labelmend.serve.service import Service

_MOST_TOKENS = 100
"""Of a file: each client has its own."""

_CLOSING = 60
"""Seconds that accepted requests have when the server stops: a full queue takes some ten."""

_LATE = 1.0
"""Seconds that new connections have to say what they want: on a busy machine it is on its way."""

_SPARE_FILES = 64
"""Files that the process needs beside its connections."""

_OURS = (signal.SIGINT, signal.SIGTERM)


class Listener:
    """A socket that is bound: connections wait until they are answered.

    Attributes:
        door: who is let in.
        place: where it is.
        socket: that listens.
    """

    def __init__(self, place: Place) -> None:
        """Check what the place asks for, and bind.

        Raises:
            ConfigError: others could come in without a token, or unencrypted.
            InputError: a file can't be used, or the address is taken.
        """
        tokens = tuple(t for path in place.token_files for t in read_tokens(path, _MOST_TOKENS))
        _check(place, tokens)
        self.place = place
        self.socket = bound(place.host, [PORT if place.port is None else place.port])
        self.door = Door(
            place.host,
            self.socket.getsockname()[1],
            tokens,
            place.certificate is not None or place.is_behind_proxy,
            place.is_behind_proxy,
        )

    def close(self) -> None:
        """Let the port go."""
        self.socket.close()


class ServeServer:
    """A server that answers for a service.

    Attributes:
        listener: its socket.
        service: answers.
        room: the connections.
    """

    def __init__(
        self,
        listener: Listener,
        service: Service,
        parts: Sequence[Part] = (),
        language: str = "en",
    ) -> None:
        """Put the application together.

        Args:
            listener: its socket.
            service: answers.
            parts: what others add.
            language: of the page.
        """
        self.listener, self.service = listener, service
        place = listener.place
        self.room = Room(_most_connections(place), place.patience)
        kind = Connection.within(self.room)
        settings = uvicorn.Config(
            build_app(service, listener.door, parts, place.patience, language),
            http=kind,
            timeout_keep_alive=place.patience.idle,
            timeout_graceful_shutdown=_CLOSING,
            **QUIET,
            ssl_certfile=None if place.certificate is None else str(place.certificate),
            ssl_keyfile=None if place.key is None else str(place.key),
        )
        self.uvicorn = _Server(settings, kind, service, place.grace)

    def serve(self) -> None:
        """Answer requests until a signal comes, and then all that was accepted."""
        restore = _without_default_signals()
        try:
            self.uvicorn.run(sockets=[self.listener.socket])
        finally:
            self.close()
            restore()

    def close(self) -> None:
        """Compute what waits, end the thread that does, and let the port go."""
        self.service.close()
        self.listener.close()

    def stop(self) -> None:
        """Let `serve` return, from another thread."""
        self.uvicorn.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn's server, which goes on taking requests for a moment when it is to stop.

    A client whose connection is open may just be sending a request. It is answered, and told that
    the connection ends with that; a proxy has the time to hear that the server is not ready.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        kind: type[Connection],
        service: Service,
        grace: float,
    ) -> None:
        super().__init__(config)
        self._kind = kind
        self._service, self._grace = service, grace

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, when all that was accepted is answered."""
        self._service.is_closing = self._kind.room.is_closing = True
        loop = asyncio.get_running_loop()
        end = loop.time() + self._grace
        while loop.time() < end and not self.force_exit:
            await asyncio.sleep(min(0.05, self._grace))
        # The system has let connections in that nobody has taken yet: they would be cut off, as
        # is what comes between the last of them and the close.
        late = [found for one in sockets or () for found in _accepted(one)]
        for server in self.servers:
            server.close()
        for one in sockets or ():
            one.close()
        for one in late:
            with suppress(OSError):
                await loop.connect_accepted_socket(self._connection, one, ssl=self.config.ssl)
        end = loop.time() + _LATE
        while loop.time() < end and any(one.is_new for one in self._kind.room.taken):
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)

    def _connection(self) -> asyncio.Protocol:
        """Make a connection as uvicorn does."""
        return self._kind(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


def _accepted(listening: socket.socket) -> Iterator[socket.socket]:
    """Yield the connections that wait at a socket."""
    listening.setblocking(False)
    with suppress(OSError):
        while True:
            found, _ = listening.accept()
            found.setblocking(False)
            yield found


def _check(place: Place, tokens: Sequence[str]) -> None:
    """See whether only those come in who may, and nobody reads what they send.

    Raises:
        ConfigError: it is not so.
        InputError: the certificate can't be used.
    """
    if (place.certificate is None) != (place.key is None):
        raise ConfigError("--tls-cert and --tls-key: give both, or neither")
    if place.certificate is not None and place.key is not None:
        _check_certificate(place.certificate, place.key)
    is_open = not is_loopback(place.host)
    if (is_open or place.is_behind_proxy) and not tokens:
        what = f"--host {place.host}" if is_open else "--behind-proxy"
        raise ConfigError(
            f"{what}: lets other machines in, so it needs --token-file: a file with a secret that "
            "you give to those who may ask; make one with: openssl rand -hex 32 > token"
        )
    if is_open and place.certificate is None and not place.is_behind_proxy:
        raise ConfigError(
            f"--host {place.host}: tokens and texts would go over the network unencrypted; give "
            "--tls-cert and --tls-key, or --behind-proxy if a proxy has HTTPS"
        )


def _check_certificate(certificate: Path, key: Path) -> None:
    """Open a certificate and its key.

    Raises:
        InputError: they can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # A key that is locked would ask the terminal for its password.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as error:
        said = (error.reason or "no certificate and key").replace("_", " ").lower()
        raise InputError(
            f"--tls-cert {certificate} --tls-key {key}: can't be used ({said}); give a chain of "
            "certificates and its unlocked private key, both as PEM"
        ) from None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"--tls-cert {certificate} --tls-key {key}: can't be read: {said}"
        ) from None


def _most_connections(place: Place) -> int:
    """Return how many connections there may be: each is an open file."""
    if sys.platform == "win32":
        return place.most_connections
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return place.most_connections
    return max(1, min(place.most_connections, files - _SPARE_FILES))


def _without_default_signals() -> Callable[[], None]:
    """Let signals that uvicorn hands on, once it has stopped, do nothing; return what undoes it."""
    try:
        before = {one: signal.signal(one, lambda *_: None) for one in _OURS}
    except ValueError:  # not the main thread, which alone hears signals
        return lambda: None

    def restore() -> None:
        for one, handler in before.items():
            signal.signal(one, handler)

    return restore
