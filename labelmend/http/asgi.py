"""ASGI's types, the headers of all replies, and what a server of ours does not say."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
"""The content security policy: a page loads its own script and style, and nothing else."""

HEADERS: Sequence[Header] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Of all replies."""

QUIET: Mapping[str, Any] = {
    "log_level": "critical",
    "access_log": False,
    "server_header": False,
    "date_header": False,
    "proxy_headers": False,
    "ws": "none",
    "lifespan": "off",
}
"""Settings of uvicorn: it logs no request, believes no header, and speaks of nothing but HTTP."""

SAFE = {"GET", "HEAD"}
"""Methods that change nothing."""


def plain_headers(scope: Scope) -> dict[str, str]:
    """Return a request's headers by their names, in small letters."""
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }


def with_our_headers(send: Send) -> Send:
    """Return a `send` that adds `HEADERS` to a reply."""

    async def reply(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *HEADERS]}
        await send(message)

    return reply


async def reply_json(
    send: Send, status: int, content: Mapping[str, object], *more: Header, close: bool = False
) -> None:
    """Reply with a small piece of JSON.

    Args:
        send: of the request.
        status: of the reply.
        content: of its body.
        more: headers.
        close: end the connection after it.
    """
    body = json.dumps(content).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *more,
        *([(b"connection", b"close")] if close else []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
