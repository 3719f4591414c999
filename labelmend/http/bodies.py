"""Bodies of requests, read within bounds."""

from collections.abc import Mapping

from labelmend.http.asgi import Message, Receive

_MOST_DRAINED = 64 * 1024 * 1024
"""Bytes of a refused body that are read and thrown away, so that the client hears the refusal."""


async def read_body(
    receive: Receive, headers: Mapping[str, str], most: int
) -> tuple[bytes | None, bool]:
    """Read a body; None where it is too large. Tell also whether it was read to its end.

    Args:
        receive: of the request.
        headers: of the request.
        most: bytes that it may have.
    """
    said = headers.get("content-length", "0")
    if not said.isdigit() or int(said) > most:
        return None, await drained(receive, headers)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts), True
        size += len(message.get("body", b""))
        if size > most:
            return None, await drained(receive, headers)
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts), True


async def drained(receive: Receive, headers: Mapping[str, str]) -> bool:
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


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that tells a body that was read, and then what comes."""
    left = [body]

    async def again() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return again
