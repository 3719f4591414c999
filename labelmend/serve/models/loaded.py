"""A model that is ready to be asked, and what it says in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

from labelmend.serve.answer import LabelShare, Near, Prediction
from labelmend.serve.models.engines import Engine, Scored, Vectors
from labelmend.types import Floats, Ints

TOP = 3
"""Labels that an answer has of each text, as `labelmend predict` has."""

_DIGITS = 6
"""Of probabilities: the export is held to the model within 1e-4."""


class Kept(Protocol):
    """The training texts that a model keeps."""

    def near(self, placed: Floats, labels: Sequence[str]) -> tuple[Near, ...]:
        """Return the texts of some labels that are nearest to a text [d], label by label."""
        ...


@dataclass(frozen=True)
class Loaded:
    """A model that is ready to be asked.

    Attributes:
        name: of its folder.
        version: the first characters of its card's sha256, which covers all of its files.
        kind: of classifier.
        labels: in the order of the engine's probabilities.
        oos_label: the label that means "fits no label", or None.
        encoders: their names.
        max_text_chars: longer texts are cut to this, as in training.
        engine: computes.
        kept: its training texts, or None.
        since: when it was loaded.
        notes: what the user should know.
    """

    name: str
    version: str
    kind: str
    labels: tuple[str, ...]
    oos_label: str | None
    encoders: tuple[str, ...]
    max_text_chars: int
    engine: Engine
    kept: Kept | None
    since: datetime
    notes: tuple[str, ...] = ()

    def predictions(self, vectors: Vectors, near: Ints) -> tuple[list[Prediction], Scored]:
        """Say what the model says of texts.

        Args:
            vectors: of the texts, by `engine.embed`.
            near: int64, places of the texts whose nearest training texts are asked for.
        """
        scored = self.engine.classify(vectors)
        tops = scored.top(TOP)
        rows = np.arange(len(tops))
        shares = np.round(scored.probabilities[rows[:, None], tops], _DIGITS).tolist()
        own = np.round(scored.probabilities[rows, scored.labels], _DIGITS).tolist()
        evidence = self._evidence(vectors, near, tops)
        labels = self.labels
        said = [
            Prediction(
                labels[label],
                probability,
                flagged,
                tuple(LabelShare(labels[k], p) for k, p in zip(top, top_shares, strict=True)),
                evidence.get(row, ()),
            )
            for row, (label, probability, flagged, top, top_shares) in enumerate(
                zip(
                    scored.labels.tolist(),
                    own,
                    scored.is_oos.tolist(),
                    tops.tolist(),
                    shares,
                    strict=True,
                )
            )
        ]
        return said, scored

    def _evidence(self, vectors: Vectors, near: Ints, tops: Ints) -> dict[int, tuple[Near, ...]]:
        if self.kept is None or not len(near):
            return {}
        placed = self.engine.placed({name: part[near] for name, part in vectors.items()})
        return {
            row: self.kept.near(placed[i], [self.labels[k] for k in tops[row]])
            for i, row in enumerate(near.tolist())
        }
