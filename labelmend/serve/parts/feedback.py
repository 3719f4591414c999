"""The log of a server: its requests are recorded, and `POST /v1/feedback` says what was right.

A text is named by the id of its request, and by its place among the texts of that. Whoever knows
the id may speak; the sender is who asks, as `sender_of` has it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from prometheus_client import Counter, Gauge
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from labelmend.errors import LabelmendError
from labelmend.journal.entries import Entry, Guess, item_id
from labelmend.journal.entries import Said as Word
from labelmend.journal.feedback import FeedbackError
from labelmend.journal.log import Journal
from labelmend.serve.answer import Answered, Prediction
from labelmend.serve.app import Part
from labelmend.serve.bodies import Refusal, documented
from labelmend.serve.door import sender_of
from labelmend.serve.refusals import RefusedError
from labelmend.serve.service import Service

_LONGEST_LABEL = 4096
"""Characters: far more than any label has."""

_MOST_INDEX = 1_000_000
"""No request has so many texts."""

_WORDS = {404: "no-such-request", 409: "said-enough", 422: "no-such-label", 429: "too-much"}
"""For programs, by the status of a refusal."""


def _whole(value: object) -> object:
    """Return a number without a fraction as JSON means it: 1.0 is 1."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Feedback(BaseModel):
    """What is right: `verdict` speaks of the answer, `label` names the right label instead."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "oneOf": [
                {"required": ["verdict"], "properties": {"verdict": {"type": "string"}}},
                {"required": ["label"], "properties": {"label": {"type": "string"}}},
            ],
            "examples": [
                {"request_id": "5f3b0c2e9d8a4c6f8e1b7a2d3c4f5a6b", "verdict": "wrong"},
                {"request_id": "5f3b0c2e9d8a4c6f8e1b7a2d3c4f5a6b", "label": "card_lost"},
            ],
        },
    )

    request_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
    index: Annotated[int, Field(ge=0, lt=_MOST_INDEX), BeforeValidator(_whole)] = 0
    """Of the text, where the request had many; the first is 0."""
    verdict: Literal["right", "wrong"] | None = None
    label: Annotated[str, Field(min_length=1, max_length=_LONGEST_LABEL)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "Feedback":
        if (self.verdict is None) == (self.label is None):
            raise ValueError("give either verdict or label")
        return self

    def said_by(self, sender: str) -> Word:
        """Return it as the log has it."""
        name = item_id(self.request_id, self.index)
        return Word(name, sender, self.verdict or "label", self.label)


class FeedbackKept(BaseModel):
    """The feedback is in the log."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "kept"}]})

    status: Literal["kept"]


def log_part(service: Service, journal: Journal) -> Part:
    """Return what keeps a server's log.

    Args:
        service: whose requests are recorded, and whose labels feedback may name.
        journal: the log.
    """
    said = Counter(
        "labelmend_feedback",
        "Feedback that was kept, by what it says.",
        ("verdict",),
        registry=service.metrics.registry,
    )
    lost = Gauge(
        "labelmend_log_lost_texts",
        "Texts that could not be written to the log.",
        registry=service.metrics.registry,
    )
    lost.set_function(lambda: journal.lost)
    refusals: dict[int | str, dict[str, Any]] = documented(401, 403, 413, 421, 422, 429)
    refusals |= {
        404: {"description": "There is no such request in the log.", "model": Refusal},
        409: {"description": "Enough was said of this request.", "model": Refusal},
    }
    router = APIRouter()

    @router.post("/v1/feedback", responses=refusals, response_model=FeedbackKept)
    async def feedback(body: Feedback, request: Request) -> FeedbackKept:
        """Say whether an answer was right, or which label is."""
        word = body.said_by(sender_of(request.scope))
        labels = frozenset(label for model in service.models.values() for label in model.labels)
        try:
            await asyncio.to_thread(journal.feedback, word, labels)
        except FeedbackError as error:
            raise RefusedError(
                error.status, _WORDS[error.status], str(error), retry_after=error.retry_after
            ) from None
        except LabelmendError:
            raise RefusedError(503, "no-log", "the log can't be written now") from None
        said.labels(word.verdict).inc()
        return FeedbackKept(status="kept")

    return Part(router, recorder(service, journal))


def recorder(
    service: Service, journal: Journal, source: str = "http"
) -> Callable[[Answered], None]:
    """Return what hears of answers and records them; the labels of each new model, too.

    Args:
        service: that answers.
        journal: the log.
        source: where requests come from.
    """
    known: set[str] = set()

    def know(versions: Sequence[str]) -> None:
        for model in service.models.values():
            if model.version in versions and model.version not in known:
                known.add(model.version)
                journal.know_labels(model.labels, model.oos_label)

    know([model.version for model in service.models.values()])

    def heard(answered: Answered) -> None:
        if answered.main.version not in known:
            know([answered.main.version])
        journal.record(_entries(answered, source))

    return heard


def _entries(answered: Answered, source: str) -> list[Entry]:
    said = (answered.main,) if answered.against is None else (answered.main, answered.against)
    return [
        Entry(
            item_id(answered.request_id, place),
            text,
            tuple(_guess(one.version, one.predictions[place]) for one in said),
            answered.sender,
            source,
            answered.at,
        )
        for place, text in enumerate(answered.texts)
    ]


def _guess(version: str, said: Prediction) -> Guess:
    top = tuple((one.label, one.probability) for one in said.top)
    return Guess(version, said.label, said.probability, said.is_oos, top)
