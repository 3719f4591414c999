"""Model folders of soft targets: the card and the arrays of `classify.model_folder`, another task.

`model.json` is the card, whose `task` is `soft`; `arrays.npz` holds the weights. Nothing in it
executes anything, and nothing of it is used before it was held to a schema.
"""

import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from labelmend.classify.model_card import FileRecord, check_card
from labelmend.classify.model_folder import (
    ARRAYS,
    CARD,
    ENCODER,
    FORMAT,
    README,
    check_folder,
    checked_body,
    file_records,
    write_card,
)
from labelmend.classify.soft.features import BLOCKS_OF_PAIR
from labelmend.classify.soft.scorer import SoftScorer
from labelmend.configs.schema import EncoderConfig
from labelmend.data.write import atomic_folder
from labelmend.errors import ConfigError, ModelError
from labelmend.types import Doubles
from labelmend.version import __version__
from labelmend.weights.array_file import read_arrays
from labelmend.weights.signature import TrustedKey

SOFT = "soft"
"""The task that a card names."""

_RETRAIN = "train it again with `labelmend train-classifier`"

# Bounds far from any use, so that what is made of a card stays small.
_MOST_TARGETS = 1_000_000  # thirty are many
_MOST_ENCODERS = 100  # the default profile has two
_MOST_FILES = 10_000  # a fine-tuned encoder has a dozen
_MOST_CHARACTERS = 1_000_000_000  # of a text; 4,000 by default


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


class SoftCard(BaseModel):
    """The fields of a card that predicting needs."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False, extra="allow")

    format: Literal[2]
    task: Literal["soft"]
    kind: Annotated[str, Field(min_length=1, max_length=1000)]
    targets: Annotated[
        list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=_MOST_TARGETS)
    ]
    is_pair: bool
    own_encoder: bool
    encoders: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=_MOST_ENCODERS)]
    max_text_chars: Annotated[int, Field(ge=1, le=_MOST_CHARACTERS)]
    files: Annotated[dict[str, FileRecord], Field(max_length=_MOST_FILES)]

    @model_validator(mode="after")
    def _agrees(self) -> "SoftCard":
        if len(set(self.targets)) < len(self.targets):
            raise ValueError("a target is there twice")
        if not all(isinstance(encoder.get("sha256"), str) for encoder in self.encoders):
            raise ValueError("an encoder has no sha256")
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
    check_folder(folder)
    arrays: dict[str, npt.NDArray[Any]] = {f"mean_{i}": mean for i, mean in enumerate(model.means)}
    arrays |= {"weights": model.scorer.weights, "bias": model.scorer.bias}
    with atomic_folder(folder) as temporary:
        np.savez(temporary / ARRAYS, allow_pickle=False, **arrays)
        if model.own_encoder is not None:
            shutil.copytree(model.own_encoder, temporary / ENCODER)
        (temporary / README).write_text(readme, "utf-8")
        body = {
            "format": FORMAT,
            "labelmend": __version__,
            "task": SOFT,
            "kind": model.kind,
            "targets": list(model.targets),
            "is_pair": model.is_pair,
            "own_encoder": model.own_encoder is not None,
            "encoders": [
                {**vars(encoder), "sha256": digest}
                for encoder, digest in zip(model.encoders, model.encoder_digests, strict=True)
            ],
            "max_text_chars": model.max_text_chars,
            **model.card,
            "files": file_records(temporary),
        }
        write_card(temporary / CARD, body)


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
    try:
        check_card(body, SoftCard)
        card = SoftCard.model_validate(body)
        axes = {"weights": 2, "bias": 1} | {f"mean_{i}": 1 for i in range(len(card.encoders))}
        arrays = read_arrays(folder / ARRAYS, axes)
        # A card's encoders are checked by the class that they make.
        settings = [{k: v for k, v in one.items() if k != "sha256"} for one in card.encoders]
        model = SoftModel(
            kind=card.kind,
            targets=tuple(card.targets),
            is_pair=card.is_pair,
            scorer=SoftScorer(arrays["weights"], arrays["bias"]),
            means=tuple(arrays[f"mean_{i}"] for i in range(len(settings))),
            encoders=tuple(EncoderConfig(**one) for one in settings),
            encoder_digests=tuple(one["sha256"] for one in card.encoders),
            max_text_chars=card.max_text_chars,
            card=body,
            own_encoder=folder / ENCODER if card.own_encoder else None,
        )
        _check_sizes(model)
    except (
        *(LookupError, TypeError, OSError, EOFError, ValueError, zipfile.BadZipFile),
        *(ArithmeticError, AttributeError, MemoryError, NotImplementedError, ConfigError),
    ) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{folder}: this model can't be read ({said}); {_RETRAIN}") from None
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
