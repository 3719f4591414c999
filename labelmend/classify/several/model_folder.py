"""Model folders of classifiers of label sets; `labelmend.classify.model_folder` has the format."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from labelmend.classify.model_card import FileRecord, check_card
from labelmend.classify.model_folder import (
    ARRAYS,
    CARD,
    FORMAT,
    HEAD,
    README,
    check_folder,
    checked_body,
    file_records,
    write_card,
)
from labelmend.classify.several.calibrate import Lines
from labelmend.classify.several.classifier import SetClassifier
from labelmend.classify.several.linear import KINDS, LinearScorer
from labelmend.configs.schema import EncoderConfig
from labelmend.data.sets.label_sets import SetShape
from labelmend.data.write import atomic_folder
from labelmend.errors import ConfigError, ModelError
from labelmend.types import Doubles, Floats
from labelmend.version import __version__
from labelmend.weights.array_file import read_arrays
from labelmend.weights.signature import TrustedKey

TASK = "several"
"""What the card says of its task."""

# Bounds far from any use, so that what is made of a card stays small.
_MOST_LABELS = 1_000_000  # a table of 5,000 is large
_MOST_ENCODERS = 100  # the default profile has two
_MOST_FILES = 10_000  # a folder has three
_MOST_CHARACTERS = 1_000_000_000  # of a text; 4,000 by default

_Name = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class SavedSets:
    """A classifier of label sets, the space that it reads, and its card.

    Attributes:
        classifier: the classifier.
        shape: how the table that it was trained on writes the labels of a row.
        means: of each encoder, what is taken away from its vectors (`TextSpace.means`).
        encoders: the encoders' settings.
        encoder_digests: sha256 of the weights of each.
        max_text_chars: longer texts are cut to this.
        card: the rest of what the model card says; plain JSON values.
        own_encoder: None; other models may have an encoder of their own.
    """

    classifier: SetClassifier
    shape: SetShape
    means: tuple[Doubles, ...]
    encoders: tuple[EncoderConfig, ...]
    encoder_digests: tuple[str, ...]
    max_text_chars: int
    card: Mapping[str, Any]
    own_encoder: Path | None = None


class ShapeRecord(BaseModel):
    """A `SetShape`; `columns` has one a label, in the order of the labels, or none."""

    model_config = ConfigDict(frozen=True, strict=True)

    column: _Name | None
    joined_by: _Name | None
    columns: list[_Name] = Field(max_length=_MOST_LABELS)


class SetsCard(BaseModel):
    """The fields of a model card that predicting needs."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False, extra="allow")

    format: Literal[2]
    task: Literal["several"]
    kind: str
    labels: Annotated[list[_Name], Field(min_length=1, max_length=_MOST_LABELS)]
    shape: ShapeRecord
    encoders: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=_MOST_ENCODERS)]
    max_text_chars: Annotated[int, Field(ge=1, le=_MOST_CHARACTERS)]
    files: Annotated[dict[str, FileRecord], Field(max_length=_MOST_FILES)]

    @model_validator(mode="after")
    def _agrees(self) -> "SetsCard":
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("a label is there twice")
        if self.kind not in KINDS:
            raise ValueError(f"no kind of classifiers is called {self.kind[:40]!r}")
        columns = self.shape.columns
        if self.shape.column is None and len(set(columns)) != len(self.labels):
            raise ValueError("shape has not one column a label")
        if self.shape.column is not None and columns:
            raise ValueError("shape has one column, and others")
        if not all(isinstance(encoder.get("sha256"), str) for encoder in self.encoders):
            raise ValueError("an encoder has no sha256")
        return self


def save_sets(model: SavedSets, folder: Path, readme: str) -> None:
    """Write a model folder, whole or not at all; a model that stands there is replaced.

    Args:
        model: what to write.
        folder: its place, see `check_folder`.
        readme: the card for people, in Markdown.

    Raises:
        OutputError: it can't be written.
    """
    check_folder(folder)
    digests = zip(model.encoders, model.encoder_digests, strict=True)
    encoders = [{**vars(encoder), "sha256": digest} for encoder, digest in digests]
    classifier, shape = model.classifier, model.shape
    arrays = {
        "slopes": classifier.lines.slopes,
        "offsets": classifier.lines.offsets,
        "thresholds": classifier.thresholds,
        **{f"mean_{i}": mean for i, mean in enumerate(model.means)},
    }
    with atomic_folder(folder) as temporary:
        np.savez(temporary / ARRAYS, allow_pickle=False, **arrays)
        (temporary / HEAD).mkdir()
        classifier.scorer.save(temporary / HEAD)
        (temporary / README).write_text(readme, "utf-8")
        body = {
            "format": FORMAT,
            "task": TASK,
            "labelmend": __version__,
            "kind": classifier.kind,
            "labels": list(classifier.labels),
            "shape": {
                "column": shape.column,
                "joined_by": shape.joined_by,
                "columns": []
                if shape.column is not None
                else [shape.columns[label] for label in classifier.labels],
            },
            "encoders": encoders,
            "max_text_chars": model.max_text_chars,
            **model.card,
            "files": file_records(temporary),
        }
        write_card(temporary / CARD, body)


def load_sets_model(folder: Path, trusted: TrustedKey | None = None) -> SavedSets:
    """Read a model folder, after its files were held to their hashes.

    Args:
        folder: of the model.
        trusted: the key that has to have signed its card; None where anybody's will do.

    Raises:
        ModelMissingError: there is none.
        ModelHashError: a file is missing or was changed.
        ModelError: it is another one, holds a pickle, or can't be read.
    """
    body = checked_body(folder, trusted)
    try:
        check_card(body, SetsCard)
        card = SetsCard.model_validate(body)
        axes = dict.fromkeys(("slopes", "offsets", "thresholds"), 1)
        axes |= {f"mean_{i}": 1 for i in range(len(card.encoders))}
        arrays = read_arrays(folder / ARRAYS, axes)
        scorer = LinearScorer.load(folder / HEAD)
        means = tuple(arrays[f"mean_{i}"] for i in range(len(card.encoders)))
        lines = Lines(arrays["slopes"], arrays["offsets"])
        parts = (scorer.bias, lines.slopes, lines.offsets, arrays["thresholds"])
        _check_sizes(scorer, parts, sum(map(len, means)), len(card.labels))
        encoders = tuple(
            EncoderConfig(**{key: value for key, value in encoder.items() if key != "sha256"})
            for encoder in card.encoders
        )
    except (
        *(LookupError, TypeError, OSError, EOFError, ValueError, zipfile.BadZipFile),
        *(AttributeError, MemoryError, NotImplementedError, RecursionError, ConfigError),
    ) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"{folder}: this model can't be read ({said}); train it again with "
            "`labelmend train-classifier`"
        ) from None
    columns = dict(zip(card.labels, card.shape.columns, strict=False))
    return SavedSets(
        SetClassifier(
            card.kind,
            tuple(card.labels),
            scorer,
            lines,
            arrays["thresholds"],
        ),
        SetShape(card.shape.column, card.shape.joined_by, columns),
        means,
        encoders,
        tuple(encoder["sha256"] for encoder in card.encoders),
        card.max_text_chars,
        body,
    )


def _check_sizes(
    scorer: LinearScorer, parts: Sequence[Doubles | Floats], width: int, labels: int
) -> None:
    """See whether the parts fit each other.

    Raises:
        ValueError: they don't.
    """
    if scorer.weights.shape != (width, labels) or {len(part) for part in parts} != {labels}:
        raise ValueError(f"its parts are not of {labels} labels and {width} dimensions")
