"""What a model folder says, held to a schema before anything of it is used.

A folder may come from a stranger, who can forge its hashes as well: a hash tells what has changed
by accident, and is no signature. So every field, shape and size is checked here first.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from labelmend.errors import ModelError
from labelmend.regular_file import read_regular

MOST_CARD_BYTES = 64 << 20
"""Of a model card: a hundred thousand labels take three MiB."""

MOST_LABELS = 1_000_000
"""Of a card, or targets: CLINC150 has 151, and a table of several labels a text some thousands."""

# Bounds far from any use, so that what is made of a card stays small.
_MOST_ENCODERS = 100  # the default profile has two
_MOST_FILES = 10_000  # a fine-tuned encoder has a dozen
_MOST_CHARACTERS = 1_000_000_000  # of a text; 4,000 by default
_MOST_TIMES = 1e6  # the inverse temperature is fitted up to exp(5)

_STRICT = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Number = Annotated[float, Field(ge=-1e9, le=1e9)]


class FileRecord(BaseModel):
    """Hash and size of a file."""

    model_config = _STRICT

    sha256: _Sha256
    bytes: Annotated[int, Field(ge=0, lt=1 << 62)]


class DetectorRecord(BaseModel):
    """The numbers of an out-of-scope detector; a threshold without bounds is a word."""

    model_config = _STRICT

    slope: _Number | None
    offset: _Number | None
    threshold: _Number | Literal["inf", "-inf"]
    source: Literal["oos texts", "left-out labels", "equal weights"]


Name = Annotated[str, Field(min_length=1)]
"""Of a label, a target or a column."""


class AnyCard(BaseModel):
    """The fields of a model card that reading a model of any task needs."""

    model_config = ConfigDict(**_STRICT, extra="allow")

    kind: Annotated[str, Field(min_length=1, max_length=1000)]
    encoders: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=_MOST_ENCODERS)]
    max_text_chars: Annotated[int, Field(ge=1, le=_MOST_CHARACTERS)]
    files: Annotated[dict[str, FileRecord], Field(max_length=_MOST_FILES)]

    @model_validator(mode="after")
    def _tells_encoders(self) -> Self:
        if not all(isinstance(encoder.get("sha256"), str) for encoder in self.encoders):
            raise ValueError("an encoder has no sha256")
        return self


class ModelCard(AnyCard):
    """The fields of a model card that predicting needs, of today's format and of format 1."""

    labels: Annotated[list[Name], Field(min_length=2, max_length=MOST_LABELS)]
    oos_label: str | None
    neighbours: Annotated[int, Field(ge=1, le=MOST_LABELS)]
    inverse_temperature: Annotated[float, Field(gt=0, le=_MOST_TIMES)] | None = None
    sharpness: Annotated[float, Field(gt=0, le=_MOST_TIMES)] | None = None
    detector: DetectorRecord

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("a label is there twice")
        if self.oos_label is not None and self.oos_label not in self.labels:
            raise ValueError("oos_label is none of the labels")
        if self.inverse_temperature is None and self.sharpness is None:
            raise ValueError("inverse_temperature is missing")
        return self


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the fields of a card; None where it is no JSON of ours.

    Raises:
        ModelError: the file can't be read.
    """
    try:
        found = json.loads(read_regular(path, MOST_CARD_BYTES))
        # Half a character has no bytes, so that nothing could be made of it.
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except OSError as error:
        raise ModelError(f"{path}: can't be read ({error.strerror or error})") from None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def check_card(body: Mapping[str, Any], schema: type[BaseModel] = ModelCard) -> None:
    """Hold a card to the schema.

    Args:
        body: its fields.
        schema: of the model's task.

    Raises:
        ValueError: it is another one; the message names the field.
    """
    try:
        schema.model_validate(dict(body))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in found["loc"][:3])
        said = str(found["msg"]).removeprefix("Value error, ")
        raise ValueError(f"{where}: {said}" if where else said) from None
