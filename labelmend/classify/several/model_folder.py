"""Model folders of classifiers of label sets; `labelmend.classify.folder` has the format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from labelmend.classify.folder import (
    ARRAYS,
    ENCODER,
    FORMAT,
    HEAD,
    SEVERAL,
    Contents,
    checked_body,
    encoder_records,
    encoders_of,
    mean_arrays,
    mean_axes,
    means_of,
    readable,
    write_folder,
)
from labelmend.classify.model_card import MOST_LABELS, AnyCard, Name, check_card
from labelmend.classify.several.calibrate import Lines
from labelmend.classify.several.classifier import SetClassifier
from labelmend.classify.several.linear import FINETUNE, KINDS, LinearScorer
from labelmend.configs.schema import EncoderConfig
from labelmend.data.sets.label_sets import SetShape
from labelmend.types import Doubles, Floats
from labelmend.version import __version__
from labelmend.weights.array_file import read_arrays
from labelmend.weights.signature import TrustedKey


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
        own_encoder: folder of the one encoder, where it was fine-tuned with the classifier.
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

    column: Name | None
    joined_by: Name | None
    columns: list[Name] = Field(max_length=MOST_LABELS)


class SetsCard(AnyCard):
    """The fields of a model card that predicting needs."""

    format: Literal[2]
    task: Literal["several"]
    labels: Annotated[list[Name], Field(min_length=1, max_length=MOST_LABELS)]
    shape: ShapeRecord

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("a label is there twice")
        if self.kind not in {*KINDS, FINETUNE}:
            raise ValueError(f"no kind of classifiers is called {self.kind[:40]!r}")
        columns = self.shape.columns
        if self.shape.column is None and len(set(columns)) != len(self.labels):
            raise ValueError("shape has not one column a label")
        if self.shape.column is not None and columns:
            raise ValueError("shape has one column, and others")
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
    classifier, shape = model.classifier, model.shape
    arrays = {
        "slopes": classifier.lines.slopes,
        "offsets": classifier.lines.offsets,
        "thresholds": classifier.thresholds,
        **mean_arrays(model.means),
    }
    columns = [] if shape.column is not None else [shape.columns[k] for k in classifier.labels]
    fields = {
        "format": FORMAT,
        "task": SEVERAL,
        "labelmend": __version__,
        "kind": classifier.kind,
        "labels": list(classifier.labels),
        "shape": {"column": shape.column, "joined_by": shape.joined_by, "columns": columns},
        "encoders": encoder_records(model),
        "max_text_chars": model.max_text_chars,
        **model.card,
    }
    contents = Contents(arrays, fields, readme, model.own_encoder, classifier.scorer.save)
    write_folder(folder, contents)


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
    with readable(folder):
        check_card(body, SetsCard)
        card = SetsCard.model_validate(body)
        axes = dict.fromkeys(("slopes", "offsets", "thresholds"), 1)
        arrays = read_arrays(folder / ARRAYS, axes | mean_axes(len(card.encoders)))
        scorer = LinearScorer.load(folder / HEAD)
        means = means_of(arrays, len(card.encoders))
        lines = Lines(arrays["slopes"], arrays["offsets"])
        parts = (scorer.bias, lines.slopes, lines.offsets, arrays["thresholds"])
        _check_sizes(scorer, parts, sum(map(len, means)), len(card.labels))
        encoders, digests = encoders_of(card.encoders)
    columns = dict(zip(card.labels, card.shape.columns, strict=False))
    return SavedSets(
        SetClassifier(card.kind, tuple(card.labels), scorer, lines, arrays["thresholds"]),
        SetShape(card.shape.column, card.shape.joined_by, columns),
        means,
        encoders,
        digests,
        card.max_text_chars,
        body,
        folder / ENCODER if card.kind == FINETUNE else None,
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
