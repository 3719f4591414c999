"""What two models say of every label of a table, crossed, and counted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from labelmend.classify.data import TrainingSet
from labelmend.classify.train import Learner
from labelmend.configs.schema import ClassifyConfig
from labelmend.data.duplicates import text_key
from labelmend.evaluation.error_analysis.kinds import (
    KINDS,
    Kind,
    backing,
    kinds_of,
    reason,
    usual_backing,
)
from labelmend.evaluation.error_analysis.learners import (
    held_out_probabilities,
    overfit,
)
from labelmend.protocols import Progress
from labelmend.types import NO_LABEL, Bools, Dataset, Doubles, Floats, Ints

SHOWN_EXAMPLES = 3
"""Of each kind: as many as a terminal has room for."""


@dataclass(frozen=True)
class ErrorAnalysis:
    """What stands behind each pair of text and label.

    Attributes:
        data: the pairs; what follows is NaN, or no label, of texts that were made from others.
        learned: float64 [p], the probability of its label by the overfitted model, which saw it.
        held_out: float64 [p], the same by one that has not seen the text, calibrated.
        overfitted: int64 [p], the overfitted model's most probable label.
        predicted: int64 [p], the held-out one's.
        backed: float64 [p], how near other texts with its label are; higher is nearer.
        usual: how near they usually are; below it, they are far.
        is_only: bool [p], no other text has its label.
        kinds: of each pair; None of those that are not measured.
        features: that the overfitted model reads.
        by_heart: share of labels planted wrong that it would learn; the less, the more what it
            can't learn says.
    """

    data: TrainingSet
    learned: Doubles
    held_out: Doubles
    overfitted: Ints
    predicted: Ints
    backed: Doubles
    usual: float
    is_only: Bools
    kinds: tuple[Kind | None, ...]
    features: int
    by_heart: float

    @property
    def doubt(self) -> Doubles:
        """float64 [p], 0 to 1, higher where the label is likelier to be wrong: both models' say."""
        return 1 - (self.learned + self.held_out) / 2

    @property
    def is_learned(self) -> Bools:
        """Bool [p], whether the overfitted model gives the text its label."""
        return np.equal(self.overfitted, self.data.label_of)

    @property
    def is_right(self) -> Bools:
        """Bool [p], whether the held-out one does."""
        return np.equal(self.predicted, self.data.label_of)

    def reason(self, pair: int) -> str:
        """Return one sentence on why a measured pair is of its kind."""
        kind = self.kinds[pair]
        assert kind is not None, "nothing is said of pairs that are not measured"
        return reason(
            kind,
            self.data.labels,
            int(self.overfitted[pair]),
            int(self.predicted[pair]),
            is_right=bool(self.is_right[pair]),
            is_only=bool(self.is_only[pair]),
            backed=float(self.backed[pair]),
            usual=self.usual,
        )

    def pair_of(self, dataset: Dataset) -> Ints:
        """Return int64 [n], the pair of each row; -1 where it has no label, or isn't measured."""
        data = self.data
        place = {text_key(text): i for i, text in enumerate(data.texts)}
        label = {name: k for k, name in enumerate(data.labels)}
        pair = {
            code: i
            for i, code in enumerate(
                zip(data.text_of.tolist(), data.label_of.tolist(), strict=True)
            )
            if self.kinds[i] is not None
        }
        found = np.full(len(dataset), -1, dtype=np.int64)
        for row in np.flatnonzero(dataset.given != NO_LABEL).tolist():
            name = dataset.labels[dataset.given[row]]
            code = place.get(text_key(dataset.texts[row]), -1), label.get(name, -1)
            found[row] = pair.get(code, -1)
        return found


def analyse_errors(
    data: TrainingSet,
    embeddings: Floats,
    config: ClassifyConfig,
    learner: Learner,
    seed: int,
    progress: Progress,
) -> ErrorAnalysis:
    """Cross what an overfitted model can't learn with what a held-out one gets wrong.

    Args:
        data: at least two labels, each of two texts; others may have one (`data.trainable_set` with
            `keep`).
        embeddings: float32 [u, d], unit rows, of the distinct texts.
        config: the classifier's settings.
        learner: the kind of the held-out models.
        seed: of the folds, and of whatever the learner draws.
        progress: hears how far the work is.
    """
    held_out = held_out_probabilities(data, embeddings, config, learner, seed, progress)
    text_of, label_of = data.text_of, data.label_of
    called = np.where(data.real(), np.nan_to_num(held_out).argmax(axis=1), NO_LABEL)
    overfitted = overfit(data, embeddings, called == data.main_labels(), seed, progress)
    real, predicted = data.real()[text_of], called[text_of]
    fitted = overfitted.probabilities.argmax(axis=1)[text_of]
    backed = backing(embeddings, text_of, label_of)
    is_right = predicted == label_of
    is_only = np.bincount(label_of, minlength=len(data.labels))[label_of] == 1
    usual = usual_backing(backed[real], is_right[real])
    kinds = kinds_of(fitted == label_of, is_right, backed < usual, is_only)
    return ErrorAnalysis(
        data=data,
        learned=overfitted.probabilities[text_of, label_of],
        held_out=held_out[text_of, label_of],
        overfitted=fitted,
        predicted=predicted,
        backed=backed,
        usual=usual,
        is_only=is_only,
        kinds=tuple(k if real[i] else None for i, k in enumerate(kinds)),
        features=overfitted.features,
        by_heart=overfitted.by_heart,
    )


@dataclass(frozen=True)
class Example:
    """A row that stands for its kind.

    Attributes:
        row: its number; the first is 1.
        text: as the models read it.
        label: that it has.
        reason: one sentence.
    """

    row: int
    text: str
    label: str
    reason: str


@dataclass(frozen=True)
class LabelShare:
    """How many rows of a label are of a kind."""

    label: str
    rows: int
    of: int


@dataclass(frozen=True)
class ErrorCounts:
    """An error analysis, counted over the rows of a table.

    Attributes:
        rows: that were judged.
        crossed: by whether the label was learned and whether it is right held out: rows by kind.
        labels: by kind, the labels with most rows of it first.
        features: that the overfitted model reads.
        by_heart: share of labels planted wrong that it would learn.
        examples: by kind, some rows: of `fine`, where both models are surest; of the others, where
            they are surest that it is another label, or where texts with the label are farthest.
    """

    rows: int
    crossed: Mapping[tuple[bool, bool], Mapping[Kind, int]]
    labels: Mapping[Kind, tuple[LabelShare, ...]]
    features: int
    by_heart: float
    examples: Mapping[Kind, tuple[Example, ...]]

    @cached_property
    def kinds(self) -> Mapping[Kind, int]:
        """Rows of each kind."""
        total: Counter[Kind] = Counter()
        for cell in self.crossed.values():
            total.update(cell)
        return {kind: total[kind] for kind in KINDS}

    def to_json(self) -> dict[str, Any]:
        """Return what `comparison.json` says of it."""
        return {
            "rows": self.rows,
            "crossed": [
                {"learned": learned, "right_held_out": right, "kinds": dict(cell)}
                for (learned, right), cell in self.crossed.items()
            ],
            "labels": {k: [asdict(one) for one in shares] for k, shares in self.labels.items()},
            "examples": {k: [asdict(one) for one in shown] for k, shown in self.examples.items()},
            "features": self.features,
            "learned_by_heart": self.by_heart,
        }


def count_errors(
    found: ErrorAnalysis, dataset: Dataset, pair_of: Ints, shown: int = SHOWN_EXAMPLES
) -> ErrorCounts:
    """Count kinds by rows, and choose examples of each.

    Args:
        found: what was found of pairs.
        dataset: all rows of the table.
        pair_of: int64 [n], `found.pair_of(dataset)`.
        shown: examples of each kind, at most; no text comes twice in one kind.
    """
    data = found.data
    rows = np.flatnonzero(pair_of >= 0).tolist()
    is_learned, is_right = found.is_learned.tolist(), found.is_right.tolist()
    crossed: dict[tuple[bool, bool], Counter[Kind]] = {
        (learned, right): Counter() for learned in (True, False) for right in (True, False)
    }
    carried: Counter[str] = Counter()
    by_label: dict[Kind, Counter[str]] = {kind: Counter() for kind in KINDS}
    first: dict[int, int] = {}
    for row in rows:
        pair = int(pair_of[row])
        kind, label = found.kinds[pair], data.labels[data.label_of[pair]]
        assert kind is not None, "pair_of has none that is not measured"
        crossed[is_learned[pair], is_right[pair]][kind] += 1
        by_label[kind][label] += 1
        carried[label] += 1
        first.setdefault(pair, row)
    examples = {}
    for kind in KINDS:
        pairs = [pair for pair in first if found.kinds[pair] == kind]
        examples[kind] = tuple(
            Example(
                first[pair] + 1,
                dataset.texts[first[pair]],
                data.labels[data.label_of[pair]],
                found.reason(pair),
            )
            for pair in sorted(pairs, key=lambda pair: (_telling(found, pair), pair))[:shown]
        )
    return ErrorCounts(
        rows=len(rows),
        crossed={
            cell: {kind: count[kind] for kind in KINDS if count[kind]}
            for cell, count in crossed.items()
        },
        labels={kind: _shares(count, carried) for kind, count in by_label.items()},
        features=found.features,
        by_heart=found.by_heart,
        examples=examples,
    )


def _telling(found: ErrorAnalysis, pair: int) -> float:
    """Return what examples are ordered by; the most telling has the least."""
    kind = found.kinds[pair]
    if kind == "missing data":
        return float(found.backed[pair])
    doubt = float(found.doubt[pair])
    return doubt if kind == "fine" else -doubt


def _shares(count: Counter[str], carried: Counter[str]) -> tuple[LabelShare, ...]:
    ranked = sorted(count, key=lambda label: (-count[label], carried[label], label))
    return tuple(LabelShare(label, count[label], carried[label]) for label in ranked)
