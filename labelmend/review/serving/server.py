"""The server: one socket, one process, and what it says of itself."""

import secrets
import socket
from concurrent.futures import Future
from contextlib import suppress

import uvicorn

from labelmend.errors import ConfigError, InputError, LabelmendError
from labelmend.regular_file import read_regular
from labelmend.review.desk import Desk
from labelmend.review.serving.front import Front
from labelmend.review.serving.guard import App, Door, Guard
from labelmend.review.serving.place import PORT, Place

_TOKEN_BYTES = 32
"""Of a random token: nobody guesses 256 bits."""

_SHORTEST_TOKEN = 20
"""Characters of a token that people made: of random letters and digits, 100 bits and more."""

_LONGEST_TOKEN = 1024
"""Characters: a file that has more is no token."""

_MOST_TOKEN_BYTES = 4 * _LONGEST_TOKEN
"""With line ends and blanks around a token: more need not be read."""

_CLOSING = 2
"""Seconds that open connections have when the page is closed."""


class ReviewServer:
    """A server whose socket is bound: connections wait until `serve` is called."""

    def __init__(self, desk: Desk, place: Place) -> None:
        """Bind.

        Raises:
            ConfigError: the host is open to others and no token file is named.
            InputError: the token file can't be used, or the address is taken.
        """
        token = _token(place)
        self._socket = _bound(place)
        self.door = Door(token, place.host, self._socket.getsockname()[1])
        self.desk = desk
        self._front = Front(self.door, self._made, desk.language)
        settings = uvicorn.Config(
            Guard(self._front, self.door),
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=_CLOSING,
        )
        self.uvicorn = uvicorn.Server(settings)

    def serve(self) -> None:
        """Answer requests until somebody interrupts, then end all children."""
        loading = self._front.loading
        loading.add_done_callback(self._loaded)
        try:
            self.uvicorn.run(sockets=[self._socket])
        finally:
            self.close()
        if loading.done():
            loading.result()

    def close(self) -> None:
        """End all children and let the port go."""
        self.desk.close()
        self._socket.close()

    def stop(self) -> None:
        """Let `serve` return, from another thread."""
        self.uvicorn.should_exit = True

    def _made(self) -> App:
        """Make the application, and work out what the page asks for first."""
        from labelmend.review.serving.app import make_app

        app = make_app(self.desk)
        with suppress(LabelmendError):  # the page asks again, and says what is wrong
            self.desk.start()
        return app

    def _loaded(self, loading: "Future[App]") -> None:
        if loading.exception() is not None:
            self.stop()


def _token(place: Place) -> str:
    if place.token_file is None:
        if not Door("", place.host, 0).is_loopback():
            raise ConfigError(
                f"--host {place.host}: lets other machines in, so it needs --token-file: a file "
                "with a secret that you give to those who may answer; make one with: "
                "openssl rand -hex 32 > token"
            )
        return secrets.token_urlsafe(_TOKEN_BYTES)
    try:
        token = read_regular(place.token_file, _MOST_TOKEN_BYTES).decode().strip()
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(f"{place.token_file}: can't be read: {said}") from None
    plain = token.isascii() and all(c.isalnum() or c in "-_" for c in token)
    if not plain or not _SHORTEST_TOKEN <= len(token) <= _LONGEST_TOKEN:
        raise InputError(
            f"{place.token_file}: holds no token: write {_SHORTEST_TOKEN} or more letters and "
            "digits into it, such as: openssl rand -hex 32"
        )
    return token


def _bound(place: Place) -> socket.socket:
    """Return a socket that listens.

    Raises:
        InputError: the address can't be had.
    """
    ports = [PORT, 0] if place.port is None else [place.port]
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    problem = ""
    for port in ports:
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((place.host, port))
            found.listen()
        except (OSError, OverflowError) as error:
            found.close()
            problem = getattr(error, "strerror", None) or str(error)
        else:
            return found
    raise InputError(
        f"--host {place.host} --port {ports[0]}: can't be bound to: {problem}; name another port"
    )
