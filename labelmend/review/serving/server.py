"""The server: one socket, one process, and what it says of itself."""

import secrets
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

from labelmend.errors import ConfigError, LabelmendError
from labelmend.http.address import bound, is_loopback, read_tokens
from labelmend.http.asgi import QUIET, App
from labelmend.review.desk import Desk
from labelmend.review.serving.front import Front
from labelmend.review.serving.guard import Door, Guard
from labelmend.review.serving.place import PORT, Place

if TYPE_CHECKING:
    from labelmend.review.sets.desk import SetDesk

_TOKEN_BYTES = 32
"""Of a random token: nobody guesses 256 bits."""

_CLOSING = 2
"""Seconds that open connections have when the page is closed."""


class ReviewServer:
    """A server whose socket is bound: connections wait until `serve` is called."""

    def __init__(self, desk: "Desk | SetDesk", place: Place) -> None:
        """Bind.

        Raises:
            ConfigError: the host is open to others and no token file is named.
            InputError: the token file can't be used, or the address is taken.
        """
        token = _token(place)
        self._socket = bound(place.host, [PORT, 0] if place.port is None else [place.port])
        self.door = Door(token, place.host, self._socket.getsockname()[1])
        self.desk = desk
        self._front = Front(self.door, self._made, desk.language)
        settings = uvicorn.Config(
            Guard(self._front, self.door),
            timeout_graceful_shutdown=_CLOSING,
            **QUIET,
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
        if not is_loopback(place.host):
            raise ConfigError(
                f"--host {place.host}: lets other machines in, so it needs --token-file: a file "
                "with a secret that you give to those who may answer; make one with: "
                "openssl rand -hex 32 > token"
            )
        return secrets.token_urlsafe(_TOKEN_BYTES)
    return read_tokens(place.token_file)[0]
