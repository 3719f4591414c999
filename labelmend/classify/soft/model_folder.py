"""Model folders of soft targets; `labelmend.classify.folder` has the format.

`arrays.npz` holds the weights; nothing of a folder is used before it was held to a schema.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from labelmend.classify.folder import (
    ARRAYS,
    ENCODER,
    FORMAT,
    SOFT,
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
from labelmend.classify.soft.features import BLOCKS_OF_PAIR
from labelmend.classify.soft.scorer import SoftScorer
from labelmend.configs.schema import EncoderConfig
from labelmend.types import Doubles
from labelmend.version import __version__
from labelmend.weights.array_file import read_arrays
from labelmend.weights.signature import TrustedKey


@dataclass(frozen=True)
class SoftModel:
    """A model of soft targets, the space that it reads, and its card.

    Attributes:
        kind: of what was trained.
        targets: names, [T].
        is_pair: whether it reads two texts as a pair.
        scorer: gives a share a target.
        means: of each encoder, what is taken away from its vectors (`TextSpace.means`).
        encoders: the encoders' settings.
        encoder_digests: sha256 of the weights of each.
        max_text_chars: longer texts are cut to this.
        card: the rest of what the model card says; plain JSON values.
        own_encoder: folder of the one encoder, where it was fine-tuned with the model.
    """

    kind: str
    targets: tuple[str, ...]
    is_pair: bool
    scorer: SoftScorer
    means: tuple[Doubles, ...]
    encoders: tuple[EncoderConfig, ...]
    encoder_digests: tuple[str, ...]
    max_text_chars: int
    card: Mapping[str, Any]
    own_encoder: Path | None = None


class SoftCard(AnyCard):
    """The fields of a card that predicting needs."""

    format: Literal[2]
    task: Literal["soft"]
    targets: Annotated[list[Name], Field(min_length=1, max_length=MOST_LABELS)]
    is_pair: bool
    own_encoder: bool

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if len(set(self.targets)) < len(self.targets):
            raise ValueError("a target is there twice")
        return self


def save_soft(model: SoftModel, folder: Path, readme: str) -> None:
    """Write a model folder, whole or not at all; a model that stands there is replaced.

    Args:
        model: what to write.
        folder: its place, see `check_folder`.
        readme: the card for people, in Markdown.

    Raises:
        OutputError: it can't be written.
    """
    scorer = model.scorer
    arrays = {**mean_arrays(model.means), "weights": scorer.weights, "bias": scorer.bias}
    fields = {
        "format": FORMAT,
        "labelmend": __version__,
        "task": SOFT,
        "kind": model.kind,
        "targets": list(model.targets),
        "is_pair": model.is_pair,
        "own_encoder": model.own_encoder is not None,
        "encoders": encoder_records(model),
        "max_text_chars": model.max_text_chars,
        **model.card,
    }
    write_folder(folder, Contents(arrays, fields, readme, model.own_encoder))


def load_soft_model(folder: Path, trusted: TrustedKey | None = None) -> SoftModel:
    """Read a model folder of soft targets, after its files were held to their hashes.

    Args:
        folder: of the model.
        trusted: the key that has to have signed its card; None where anybody's will do.

    Raises:
        ModelMissingError: there is none.
        ModelHashError: a file is missing or was changed.
        ModelError: it is of another task or version, holds a pickle, or can't be read.
    """
    body = checked_body(folder, trusted)
    with readable(folder):
        check_card(body, SoftCard)
        card = SoftCard.model_validate(body)
        axes = {"weights": 2, "bias": 1} | mean_axes(len(card.encoders))
        arrays = read_arrays(folder / ARRAYS, axes)
        encoders, digests = encoders_of(card.encoders)
        model = SoftModel(
            kind=card.kind,
            targets=tuple(card.targets),
            is_pair=card.is_pair,
            scorer=SoftScorer(arrays["weights"], arrays["bias"]),
            means=means_of(arrays, len(encoders)),
            encoders=encoders,
            encoder_digests=digests,
            max_text_chars=card.max_text_chars,
            card=body,
            own_encoder=folder / ENCODER if card.own_encoder else None,
        )
        _check_sizes(model)
    return model


def _check_sizes(model: SoftModel) -> None:
    """See whether the parts fit each other.

    Raises:
        ValueError: they don't.
    """
    width = sum(len(mean) for mean in model.means) * (BLOCKS_OF_PAIR if model.is_pair else 1)
    if model.scorer.weights.shape != (width, len(model.targets)):
        raise ValueError(
            f"weights that don't read {width} numbers for {len(model.targets)} targets"
        )
    if model.scorer.bias.shape != (len(model.targets),):
        raise ValueError(f"a bias that isn't of {len(model.targets)} targets")
