"""The log of a server: its requests are recorded, and `POST /v1/feedback` says what was right.

A text is named by the id of its request, and by its place among the texts of that. Whoever knows
the id may speak; the sender is who asks, as `sender_of` has it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from prometheus_client import Counter, Gauge
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from labelmend.classify.folder import SEVERAL
from labelmend.errors import LabelmendError
from labelmend.journal.entries import Entry, Guess, item_id
from labelmend.journal.entries import Said as Word
from labelmend.journal.feedback import FeedbackError
from labelmend.journal.log import Journal
from labelmend.journal.sets import packed
from labelmend.serve.answer import Answered, AnyPrediction, Prediction, SetPrediction
from labelmend.serve.app import Part
from labelmend.serve.bodies import Refusal, documented
from labelmend.serve.door import sender_of
from labelmend.serve.refusals import RefusedError
from labelmend.serve.service import Service

_LONGEST_LABEL = 4096
"""Characters: far more than any label has."""

_MOST_INDEX = 1_000_000
"""No request has so many texts."""

_MOST_NAMED = 10_000
"""Labels of a text: a table of 5,000 labels is large."""

_WORDS = {404: "no-such-request", 409: "said-enough", 422: "no-such-label", 429: "too-much"}
"""For programs, by the status of a refusal."""


def _whole(value: object) -> object:
    """Return a number without a fraction as JSON means it: 1.0 is 1."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class AnyFeedback(BaseModel):
    """Of which text it is, and whether the answer is right."""

    model_config = ConfigDict(extra="forbid", strict=True)

    request_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
    index: Annotated[int, Field(ge=0, lt=_MOST_INDEX), BeforeValidator(_whole)] = 0
    """Of the text, where the request had many; the first is 0."""
    verdict: Literal["right", "wrong"] | None = None

    def said_by(self, sender: str) -> Word:
        """Return it as the log has it."""
        name = item_id(self.request_id, self.index)
        if self.verdict is not None:
            return Word(name, sender, self.verdict)
        return self.named(name, sender)

    def named(self, name: str, sender: str) -> Word:
        """Return what it names as right.

        Args:
            name: of the text in the log.
            sender: says it.
        """
        raise NotImplementedError


def _either(named: str, kind: str, example: dict[str, JsonValue]) -> ConfigDict:
    """Return what the schema says of feedback: a verdict, or what is right instead.

    Args:
        named: the field that says what is right.
        kind: of it, in JSON.
        example: of it.
    """
    request: dict[str, JsonValue] = {"request_id": "5f3b0c2e9d8a4c6f8e1b7a2d3c4f5a6b"}
    return ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["verdict"], "properties": {"verdict": {"type": "string"}}},
                {"required": [named], "properties": {named: {"type": kind}}},
            ],
            "examples": [{**request, "verdict": "wrong"}, {**request, **example}],
        }
    )


class Feedback(AnyFeedback):
    """What is right: `verdict` speaks of the answer, `label` names the right label instead."""

    model_config = _either("label", "string", {"label": "card_lost"})

    label: Annotated[str, Field(min_length=1, max_length=_LONGEST_LABEL)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "Feedback":
        if (self.verdict is None) == (self.label is None):
            raise ValueError("give either verdict or label")
        return self

    def named(self, name: str, sender: str) -> Word:
        """Return the label that is right."""
        return Word(name, sender, "label", self.label)


class SetFeedback(AnyFeedback):
    """What is right: `verdict` speaks of the answer, `labels` names all right labels instead.

    An empty list says that none holds.
    """

    model_config = _either("labels", "array", {"labels": ["card", "lost"]})

    labels: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=_LONGEST_LABEL)]],
            Field(max_length=_MOST_NAMED),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "SetFeedback":
        if (self.verdict is None) == (self.labels is None):
            raise ValueError("give either verdict or labels")
        return self

    def named(self, name: str, sender: str) -> Word:
        """Return the labels that are right."""
        return Word(name, sender, "labels", labels=tuple(self.labels or ()))


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

    asked = SetFeedback if service.task == SEVERAL else Feedback

    @router.post("/v1/feedback", responses=refusals, response_model=FeedbackKept)
    async def feedback(body: asked, request: Request) -> FeedbackKept:  # type: ignore[valid-type]
        """Say whether an answer was right, or what is."""
        word = body.said_by(sender_of(request.scope))  # type: ignore[attr-defined]
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


def _guess(version: str, said: AnyPrediction) -> Guess:
    if isinstance(said, Prediction):
        top = tuple((one.label, one.probability) for one in said.top)
        return Guess(version, said.label, said.probability, said.is_oos, top)
    assert isinstance(said, SetPrediction), "of soft targets no log is kept"
    shares = {one.label: one.probability for one in (*said.labels, *said.top)}
    called = packed(one.label for one in said.labels)
    ranked = sorted(shares.items(), key=lambda one: -one[1])
    return Guess(version, called, said.all_right, is_oos=False, top=tuple(ranked))
