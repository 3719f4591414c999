"""What requests and answers look like: read by pydantic, and shown in the OpenAPI document."""

import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    create_model,
    model_validator,
)

_SAYS_SOMETHING = r"[^\s\x00-\x20\x7f-\xa0\ufeff]"
"""One character at least that no reader of the schema takes for white space."""

_VISIBLE = re.compile(_SAYS_SOMETHING)


def _not_blank(text: str) -> str:
    """Refuse a text that says nothing.

    Raises:
        ValueError: it is blank.
    """
    if _VISIBLE.search(text) is None:
        raise ValueError("is blank")
    return text


_NotBlank = AfterValidator(_not_blank)
_PATTERN = Field(json_schema_extra={"pattern": _SAYS_SOMETHING})
Text = Annotated[str, _NotBlank, _PATTERN]


class Asked(BaseModel):
    """One text or many to predict the labels of."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "oneOf": [{"required": ["text"]}, {"required": ["texts"]}],
            "examples": [
                {"text": "I can't find my card"},
                {"texts": ["I can't find my card", "is the moon made of cheese?"]},
            ],
        },
    )

    text: Text | None = None
    texts: Annotated[tuple[Text, ...] | None, Field(min_length=1, strict=False)] = None
    compare: bool = False
    """Ask the model that was given as --against as well."""
    near: bool = False
    """Name the nearest texts of the training, if the model keeps them."""

    @model_validator(mode="after")
    def _one_of_them(self) -> "Asked":
        if (self.text is None) == (self.texts is None):
            raise ValueError("give either text or texts")
        return self

    def all_texts(self) -> tuple[str, ...]:
        """Return the texts."""
        return self.texts or (self.text or "",)


def asked_within(most_texts: int, most_chars: int) -> type[Asked]:
    """Return the type of requests with bounds.

    Args:
        most_texts: of a request.
        most_chars: of a text.
    """
    text = Annotated[str, Field(max_length=most_chars), _NotBlank, _PATTERN]
    # The first item that is amiss is enough: a body may hold a hundred thousand of them.
    many = Annotated[
        tuple[text, ...], Field(min_length=1, max_length=most_texts, strict=False, fail_fast=True)
    ]
    return create_model(
        "Asked",
        __base__=Asked,
        __doc__=Asked.__doc__,
        text=(text | None, None),
        texts=(many | None, None),
    )


class LabelShareBody(BaseModel):
    """A label and how probable it is, 0 to 1."""

    label: str
    probability: float


class NearBody(BaseModel):
    """A text of the training, its label, and the cosine of the two texts."""

    text: str
    label: str
    similarity: float


class PredictionBody(BaseModel):
    """What a model says of one text."""

    label: str
    probability: float
    is_oos: bool
    top: list[LabelShareBody]
    near: list[NearBody]


class SaidBody(BaseModel):
    """What a model says of all texts, in their order."""

    version: str
    predictions: list[PredictionBody]


_LABELS: list[JsonValue] = [
    {"label": "card_lost", "probability": 0.962114},
    {"label": "card_blocked", "probability": 0.021907},
    {"label": "pin_forgotten", "probability": 0.004283},
]


class AnswerBody(BaseModel):
    """The answer to a request: `against` is null unless `compare` asked for it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "request_id": "5f3b0c2e9d8a4c6f8e1b7a2d3c4f5a6b",
                    "version": "9f2c4e7a1b3d5f60",
                    "predictions": [
                        {
                            "label": "card_lost",
                            "probability": 0.962114,
                            "is_oos": False,
                            "top": _LABELS,
                            "near": [],
                        }
                    ],
                    "against": None,
                }
            ]
        }
    )

    request_id: str
    version: str
    predictions: list[PredictionBody]
    against: SaidBody | None


class ModelBody(BaseModel):
    """A model that is served.

    `task` is `single`, `several` or `soft`; `labels` of the last are its targets. `name` is its
    folder's, `version` the beginning of its card's sha256; `engine` is `onnx` or `plain`; `problem`
    says why a newer one could not take its place.
    """

    role: str
    task: str
    name: str
    version: str
    kind: str
    engine: str
    labels: list[str]
    oos_label: str | None
    encoders: list[str]
    keeps_texts: bool
    since: str
    problem: str | None


class LimitsBody(BaseModel):
    """What is asked of requests: more is refused with 413, or with 429 for a full queue."""

    most_texts: int
    most_chars: int
    most_body_bytes: int
    most_waiting_texts: int


class ModelsBody(BaseModel):
    """The models that are served, `main` first, and the bounds of requests.

    `takes_feedback` says whether there is POST /v1/feedback, and `watches_drift` whether there is
    GET /v1/drift.
    """

    models: list[ModelBody]
    limits: LimitsBody
    takes_feedback: bool
    watches_drift: bool


class HealthBody(BaseModel):
    """Whether the server is well."""

    status: str


class Refusal(BaseModel):
    """Why a request was refused: a word for programs, and a sentence for people."""

    error: str
    message: str


MEANINGS: dict[int, str] = {
    400: "The body is no JSON, or the request can't be read.",
    401: "The token is missing or wrong.",
    403: "It comes from another page.",
    408: "The request came too slowly.",
    413: "A text or the body is too long, or there are too many texts.",
    415: "The body is of another type than application/json.",
    421: "It is meant for another host.",
    422: "The body is not of the form that is asked for.",
    429: "Too much waits already: try again after the seconds that Retry-After says.",
}
"""Of the status of a refusal."""


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return refusals as an application's schema has them."""
    return {status: {"description": MEANINGS[status], "model": Refusal} for status in statuses}
