"""A model that is ready to be asked, and what it says in words."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np

from labelmend.classify.folder import SEVERAL, SINGLE, SOFT
from labelmend.serve.answer import (
    AnyPrediction,
    LabelShare,
    Near,
    Prediction,
    SetPrediction,
    SoftPrediction,
)
from labelmend.serve.models.engines import Engine, Vectors
from labelmend.serve.models.scored import AnyScored, Scored, SetsScored, SoftScored
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


_Found = TypeVar("_Found", bound=AnyScored)


@dataclass(frozen=True)
class LoadedOf(ABC, Generic[_Found]):
    """A model of some task that is ready to be asked.

    Attributes:
        task: of its card.
        name: of its folder.
        version: the first characters of its card's sha256, which covers all of its files.
        kind: of classifier.
        labels: in the order of the engine's probabilities; or targets, of its values.
        oos_label: the label that means "fits no label", or None.
        encoders: their names.
        max_text_chars: longer texts are cut to this, as in training.
        engine: computes.
        kept: its training texts, or None.
        since: when it was loaded.
        notes: what the user should know.
    """

    task: ClassVar[str]

    name: str
    version: str
    kind: str
    labels: tuple[str, ...]
    oos_label: str | None
    encoders: tuple[str, ...]
    max_text_chars: int
    engine: Engine[_Found]
    kept: Kept | None
    since: datetime
    notes: tuple[str, ...] = ()

    @abstractmethod
    def predictions(self, vectors: Vectors, near: Ints) -> tuple[Sequence[AnyPrediction], _Found]:
        """Say what the model says of texts.

        Args:
            vectors: of the texts, by `engine.embed`.
            near: int64, places of the texts whose nearest training texts are asked for; whoever
                keeps none says nothing of them.
        """
        ...


AnyLoaded = LoadedOf[Any]
"""A model of whatever task."""


class Loaded(LoadedOf[Scored]):
    """A model of one label a text."""

    task = SINGLE

    def predictions(self, vectors: Vectors, near: Ints) -> tuple[list[Prediction], Scored]:
        """Say label, probability, flag, the likeliest labels and the nearest texts of each."""
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


class LoadedSets(LoadedOf[SetsScored]):
    """A model of several labels a text."""

    task = SEVERAL

    def predictions(
        self,
        vectors: Vectors,
        near: Ints,  # noqa: ARG002 -- such models keep no texts
    ) -> tuple[list[SetPrediction], SetsScored]:
        """Say which labels of each text are called, and which are the likeliest."""
        scored = self.engine.classify(vectors)
        rows = zip(
            scored.worth_saying(TOP),
            scored.probabilities,
            scored.called,
            np.round(scored.all_right(), _DIGITS).tolist(),
            strict=True,
        )
        said = []
        for places, row, called, all_right in rows:
            shares = [
                LabelShare(self.labels[k], p)
                for k, p in zip(places, np.round(row[places], _DIGITS).tolist(), strict=True)
            ]
            given = tuple(one for one, k in zip(shares, places, strict=True) if called[k])
            top = tuple(shares[:TOP])
            said.append(SetPrediction(given, top, all_right))
        return said, scored


class LoadedSoft(LoadedOf[SoftScored]):
    """A model of soft targets; its `labels` are these."""

    task = SOFT

    def predictions(
        self,
        vectors: Vectors,
        near: Ints,  # noqa: ARG002 -- such models keep no texts
    ) -> tuple[list[SoftPrediction], SoftScored]:
        """Say the value of each target."""
        scored = self.engine.classify(vectors)
        values = np.round(scored.values, _DIGITS).tolist()
        return [SoftPrediction(dict(zip(self.labels, row, strict=True))) for row in values], scored
