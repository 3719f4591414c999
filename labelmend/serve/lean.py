"""`POST /v1/predict` without a framework: read, asked, written.

FastAPI takes as long for a request as a small model for its text. What the route reads and writes
is in the OpenAPI document all the same, by `labelmend.serve.bodies`, which checks bodies here too.
"""

from collections.abc import Callable, Mapping

import orjson
from pydantic import ValidationError

from labelmend.http.asgi import Receive, Scope, Send
from labelmend.http.bodies import drained, read_body
from labelmend.serve.batcher import FullError
from labelmend.serve.bodies import Asked, asked_within
from labelmend.serve.connection import TRANSPORT
from labelmend.serve.door import sender_of
from labelmend.serve.refusals import RefusedError
from labelmend.serve.service import NoSuchModelError, Service

PREDICT = "/v1/predict"

_JSON = "application/json"

_TOO_LONG = {"too_long", "string_too_long"}
"""What pydantic calls bounds that are passed."""


class Predicting:
    """Answers requests for predictions."""

    def __init__(self, service: Service) -> None:
        """Take who answers."""
        self._service = service
        self._asked = asked_within(service.limits.most_texts, service.limits.most_chars)

    async def answer(
        self, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str]
    ) -> None:
        """Answer a request that was let in.

        Raises:
            RefusedError: it can't be answered.
            FailedError: a text could not be predicted.
        """
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _JSON:
            whole = await drained(receive, headers)
            raise RefusedError(
                415, "no-json", f"send the header: Content-Type: {_JSON}", is_last=not whole
            )
        body, whole = await read_body(receive, headers, self._service.limits.most_body)
        if body is None:
            most = self._service.limits.most_body
            raise RefusedError(
                413, "too-large", f"the body has more than {most:,} bytes", is_last=not whole
            )
        asked = self._read(body)
        try:
            answered = await self._service.answer(
                asked.all_texts(),
                compare=asked.compare,
                near=asked.near,
                sender=sender_of(scope),
                is_gone=_watch(scope),
            )
        except FullError as error:
            raise RefusedError(
                429,
                "full",
                "too many texts wait; try again later",
                retry_after=error.retry_after,
            ) from None
        except NoSuchModelError:
            raise RefusedError(
                422, "no-other-model", "compare: there is no other model; start with --against"
            ) from None
        reply = orjson.dumps(
            {
                "request_id": answered.request_id,
                "version": answered.main.version,
                "predictions": answered.main.predictions,
                "against": answered.against,
            }
        )
        self._service.metrics.answered(answered.seconds)
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", b"%d" % len(reply)),
                ],
            }
        )
        await send({"type": "http.response.body", "body": reply})

    def _read(self, body: bytes) -> Asked:
        """Return what is asked.

        Raises:
            RefusedError: the body is no JSON, not of the form, or asks for too much.
        """
        try:
            return self._asked.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        kind = first["type"]
        if kind == "json_invalid":
            raise RefusedError(400, "no-json", "the body is no JSON in UTF-8") from None
        limits = self._service.limits
        place = ".".join(map(str, first["loc"])) or "the body"
        if kind in _TOO_LONG:
            if kind == "too_long":
                said = f"more than {limits.most_texts:,} texts; send them in several requests"
            else:
                said = f"has more than {limits.most_chars:,} characters"
            raise RefusedError(413, "too-large", f"{place}: {said}") from None
        said = first["msg"].removeprefix("Value error, ")
        raise RefusedError(422, "invalid", f"{place}: {said}") from None


def _watch(scope: Scope) -> Callable[[], bool]:
    """Return what tells whether the client left."""
    transport = scope.get(TRANSPORT)
    return _stays if transport is None else transport.is_closing


def _stays() -> bool:
    return False
