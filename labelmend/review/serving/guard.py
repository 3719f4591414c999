"""What stands before the page: who may ask, from where, and how much.

Another site that a person has open in the same browser can send requests to this machine, and a
name of its own can be made to lead here. So a request needs the token, which only the address in
the terminal has; its Host must be one of ours, its Origin our own, and its body no longer than any
of ours.
"""

import hmac
import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BODY = 64 * 1024
"""Bytes of a request's body: an answer has some hundred, a batch of them some more."""

_MOST_DRAINED = 64 * 1024 * 1024
"""Bytes of a refused body that are read and thrown away, so that the client hears the refusal."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
"""The content security policy: the page loads its own script and style, and nothing else."""

_HEADERS = (
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
)

_SAFE = {"GET", "HEAD"}

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
        return _is_loopback(self.host)

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
            return name == "localhost" or _is_loopback(name)
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in {"localhost", self.host.lower(), *_own_names()}
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

        async def reply(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = [(name.encode(), value.encode()) for name, value in _HEADERS]
                message = {**message, "headers": [*message.get("headers", []), *ours]}
            await send(message)

        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        refused = self._refused(scope, headers)
        if refused is None:
            body, whole = await _body(receive, headers)
            if body is not None:
                await self._app(scope, _replayed(body, receive), reply)
                return
            refused = (413, "too-large")
        else:
            whole = await _drained(receive, headers)
        await _refuse(reply, *refused, close=not whole)

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
        if origin is None and scope["method"] not in _SAFE and not by_header:
            return 403, "wrong-origin"
        if scope["path"] == "/" and scope["method"] in _SAFE:
            said = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if said and self._door.is_token(said):
                return None
        return None if self._door.knows_token(headers) else (401, "no-token")


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _own_names() -> set[str]:
    return {socket.gethostname().lower(), socket.getfqdn().lower()}


async def _body(receive: Receive, headers: dict[str, str]) -> tuple[bytes | None, bool]:
    """Read a body; None where it is too large. Tell also whether it was read to its end."""
    said = headers.get("content-length", "0")
    if not said.isdigit() or int(said) > MOST_BODY:
        return None, await _drained(receive, headers)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts), True
        size += len(message.get("body", b""))
        if size > MOST_BODY:
            return None, await _drained(receive, headers)
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts), True


async def _drained(receive: Receive, headers: dict[str, str]) -> bool:
    """Throw a body away; tell whether it came to its end."""
    said = headers.get("content-length", "0")
    if said.isdigit() and int(said) > _MOST_DRAINED:
        return False
    size = 0
    while size <= _MOST_DRAINED:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return True
    return False


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that tells a body that was read, and then what comes."""
    left = [body]

    async def again() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return again


async def _refuse(send: Send, status: int, code: str, *, close: bool) -> None:
    body = json.dumps({"error": code}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *([(b"connection", b"close")] if close else []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
