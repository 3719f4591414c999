"""What stands before the page: who may ask, from where, and how much.

Another site that a person has open in the same browser can send requests to this machine, and a
name of its own can be made to lead here. So a request needs the token, which only the address in
the terminal has; its Host must be one of ours, its Origin our own, and its body no longer than any
of ours.
"""

import hmac
import ipaddress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from labelmend.http.address import is_loopback, own_names
from labelmend.http.asgi import (
    SAFE,
    App,
    Receive,
    Scope,
    Send,
    plain_headers,
    reply_json,
    with_our_headers,
)
from labelmend.http.bodies import drained, read_body, replayed

MOST_BODY = 64 * 1024
"""Bytes of a request's body: an answer has some hundred, a batch of them some more."""

_HTTP = 80
"""The port of HTTP."""


@dataclass(frozen=True)
class Door:
    """Who is let in.

    Attributes:
        token: that every request has, as a cookie or as `Authorization: Bearer`.
        host: that the server is bound to.
        port: of the server.
    """

    token: str
    host: str
    port: int

    @property
    def cookie(self) -> str:
        """The cookie's name: cookies don't know ports, and two pages may be open."""
        return f"labelmend_review_{self.port}"

    @property
    def address(self) -> str:
        """Where the page is, with the token."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{name}:{self.port}/?token={self.token}"

    def is_loopback(self) -> bool:
        """Whether only this machine reaches the server."""
        return is_loopback(self.host)

    def knows_host(self, host: str) -> bool:
        """Whether a Host header names this server.

        Bound to this machine, it is the machine's own name for itself. Bound to a network, it is an
        address or the machine's name: no name that somebody else can make lead here.
        """
        ending = f":{self.port}"
        # Browsers leave out the port that HTTP has by itself.
        if not host.endswith(ending) and self.port != _HTTP:
            return False
        name = host.removesuffix(ending).strip("[]").lower()
        if self.is_loopback():
            return is_loopback(name)
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in {"localhost", self.host.lower(), *own_names()}
        return True

    def knows_token(self, headers: dict[str, str]) -> bool:
        """Whether a request has the token."""
        scheme, _, said = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.is_token(said.strip())
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return False
        return morsel is not None and self.is_token(morsel.value)

    def is_token(self, said: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(said.encode(errors="replace"), self.token.encode())


class Guard:
    """Refuses what may not pass, before any of our code sees it; adds headers to all replies."""

    def __init__(self, app: App, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            return

        reply = with_our_headers(send)
        headers = plain_headers(scope)
        refused = self._refused(scope, headers)
        if refused is None:
            body, whole = await read_body(receive, headers, MOST_BODY)
            if body is not None:
                await self._app(scope, replayed(body, receive), reply)
                return
            refused = (413, "too-large")
        else:
            whole = await drained(receive, headers)
        status, code = refused
        await reply_json(reply, status, {"error": code}, close=not whole)

    def _refused(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """Return the status and the reason of a refusal; None to let a request pass."""
        if not self._door.knows_host(headers.get("host", "")):
            return 421, "wrong-host"
        origin = headers.get("origin")
        ours = f"http://{headers['host']}"
        if origin is not None and origin != ours:
            return 403, "wrong-origin"
        # A browser names the origin of whatever is no mere reading.
        by_header = headers.get("authorization") is not None
        if origin is None and scope["method"] not in SAFE and not by_header:
            return 403, "wrong-origin"
        if scope["path"] == "/" and scope["method"] in SAFE:
            said = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if said and self._door.is_token(said):
                return None
        return None if self._door.knows_token(headers) else (401, "no-token")
