"""What stands before the application: it refuses, hands on, and adds headers to all replies."""

import asyncio
import logging
from collections.abc import Collection

from labelmend.http.asgi import (
    App,
    Message,
    Receive,
    Scope,
    Send,
    plain_headers,
    reply_json,
    with_our_headers,
)
from labelmend.http.bodies import drained, read_body, replayed
from labelmend.serve.door import Door
from labelmend.serve.lean import PREDICT, Predicting
from labelmend.serve.place import Patience
from labelmend.serve.refusals import FAILED, RefusedError
from labelmend.serve.service import GoneError, Service

_LOG = logging.getLogger("labelmend.serve")

_GONE = 499
"""What the figures call a request whose client left, as nginx does."""


class Gate:
    """Lets requests in, predictions by the quick way, and says what became of each."""

    def __init__(
        self,
        door: Door,
        service: Service,
        predicting: Predicting,
        app: App,
        paths: Collection[str],
        patience: Patience,
    ) -> None:
        """Stand before an application.

        Args:
            door: who is let in.
            service: counts requests.
            predicting: answers requests for predictions.
            app: answers all else.
            paths: that there are, for the figures: what nobody knows is one.
            patience: with slow clients.
        """
        self._door, self._service = door, service
        self._patience = patience
        self._predicting, self._app, self._paths = predicting, app, frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        reply = _Reply(send)
        in_time = _in_time(receive, self._patience.body)
        try:
            await self._answer(scope, in_time, reply.send)
        except RefusedError as error:
            await reply.refuse(error)
        except TimeoutError:
            slow = RefusedError(408, "slow", "the body came too slowly", is_last=True)
            await reply.refuse(slow)
        except GoneError:
            reply.status = _GONE
        except Exception as error:  # noqa: BLE001 -- may quote a text
            place = error.__traceback__
            while place is not None and place.tb_next is not None:
                place = place.tb_next
            where = "" if place is None else f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}"
            _LOG.error("a request failed: %s in %s", type(error).__name__, where)
            await reply.fail()
        path = scope["path"] if scope["path"] in self._paths else "other"
        self._service.metrics.request(path, reply.status)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = plain_headers(scope)
        refused = self._door.refused(scope, headers)
        if refused is not None:
            whole = await drained(receive, headers)
            raise RefusedError(*refused, is_last=not whole)
        if scope["path"] == PREDICT and scope["method"] == "POST":
            await self._predicting.answer(scope, receive, send, headers)
            return
        body, whole = await read_body(receive, headers, self._service.limits.most_body)
        if body is None:
            most = self._service.limits.most_body
            said = f"the body has more than {most:,} bytes"
            raise RefusedError(413, "too-large", said, is_last=not whole)
        await self._app(scope, replayed(body, receive), send)


class _Reply:
    """A reply that is sent once, and what its status is."""

    def __init__(self, send: Send) -> None:
        self._send = with_our_headers(send)
        self.status = 0

    async def send(self, message: Message) -> None:
        """Send a piece of it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def refuse(self, error: RefusedError) -> None:
        """Send a refusal."""
        if self.status:
            return
        more = []
        if error.retry_after is not None:
            more.append((b"retry-after", b"%d" % error.retry_after))
        await reply_json(self.send, error.status, error.plain(), *more, close=error.is_last)

    async def fail(self) -> None:
        """Say that something went wrong."""
        if not self.status:
            await reply_json(self.send, 500, FAILED)


def _in_time(receive: Receive, seconds: float) -> Receive:
    """Return a `receive` that gives up on a slow client.

    Raises:
        TimeoutError: the whole body is not there in time.
    """
    end = asyncio.get_running_loop().time() + seconds
    is_read = False

    async def receive_in_time() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        async with asyncio.timeout_at(end):
            message = await receive()
        is_read = not message.get("more_body")
        return message

    return receive_in_time
