"""What answers look like where models give several labels a text, or soft targets."""

from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

from labelmend.classify.folder import SEVERAL, SOFT
from labelmend.serve.bodies import AnswerBody, LabelShareBody


class SetPredictionBody(BaseModel):
    """What a model of several labels a text says of one.

    `labels` are those that are called, the most probable first; a text may have none. `all_right`
    is how probable it is that just these hold, were labels independent of each other.
    """

    labels: list[LabelShareBody]
    top: list[LabelShareBody]
    all_right: float


class SetSaidBody(BaseModel):
    """What a model says of all texts, in their order."""

    version: str
    predictions: list[SetPredictionBody]


def _examples(prediction: dict[str, JsonValue]) -> ConfigDict:
    """Return an answer as the document shows it."""
    return ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "request_id": "5f3b0c2e9d8a4c6f8e1b7a2d3c4f5a6b",
                    "version": "9f2c4e7a1b3d5f60",
                    "predictions": [prediction],
                    "against": None,
                }
            ]
        }
    )


_CARD: JsonValue = {"label": "card", "probability": 0.962114}
_LOST: JsonValue = {"label": "lost", "probability": 0.871907}
_ABROAD: JsonValue = {"label": "abroad", "probability": 0.104283}


class SetAnswerBody(BaseModel):
    """The answer to a request: `against` is null unless `compare` asked for it."""

    model_config = _examples(
        {"labels": [_CARD, _LOST], "top": [_CARD, _LOST, _ABROAD], "all_right": 0.751392}
    )

    request_id: str
    version: str
    predictions: list[SetPredictionBody]
    against: SetSaidBody | None


class SoftPredictionBody(BaseModel):
    """What a model of soft targets says of one text: the value of each target, 0 to 1."""

    values: dict[str, float]


class SoftSaidBody(BaseModel):
    """What a model says of all texts, in their order."""

    version: str
    predictions: list[SoftPredictionBody]


class SoftAnswerBody(BaseModel):
    """The answer to a request: `against` is null unless `compare` asked for it."""

    model_config = _examples({"values": {"joy": 0.731204, "anger": 0.018873}})

    request_id: str
    version: str
    predictions: list[SoftPredictionBody]
    against: SoftSaidBody | None


def answer_body(task: str) -> type[Any]:
    """Return the type of answers of models of a task."""
    return {SEVERAL: SetAnswerBody, SOFT: SoftAnswerBody}.get(task, AnswerBody)
