"""An error analysis, counted by kind, label and row, with examples."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from labelmend.evaluation.error_analysis.kinds import KINDS, Kind
from labelmend.types import Bools, Doubles, Ints

SHOWN_EXAMPLES = 3
"""Of each kind: as many as a terminal has room for."""


class Judged(Protocol):
    """What was found of pairs of text and label, [p]."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The label set."""
        ...

    @property
    def label_of(self) -> Ints:
        """int64 [p], the label of each pair."""
        ...

    @property
    def kinds(self) -> Sequence[Kind | None]:
        """Of each pair; None of those that are not measured."""
        ...

    @property
    def is_learned(self) -> Bools:
        """Bool [p], the overfitted model says the same."""
        ...

    @property
    def is_right(self) -> Bools:
        """Bool [p], the held-out one does."""
        ...

    @property
    def backed(self) -> Doubles:
        """float64 [p], how near other texts with the label are."""
        ...

    @property
    def doubt(self) -> Doubles:
        """float64 [p], 0 to 1, higher where the label is likelier to be wrong."""
        ...

    @property
    def features(self) -> int:
        """That the overfitted model reads."""
        ...

    @property
    def by_heart(self) -> float:
        """Share of labels planted wrong that it would learn."""
        ...

    def reason(self, pair: int) -> str:
        """Return one sentence on why a pair is of its kind."""
        ...


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
    """An error analysis, counted over the labels of the rows of a table.

    Attributes:
        rows: labels that were judged: one a row, or as many as rows have.
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
    found: Judged,
    rows: Ints,
    pairs: Ints,
    texts: Sequence[str] | Mapping[int, str],
    shown: int = SHOWN_EXAMPLES,
) -> ErrorCounts:
    """Count kinds by the labels of rows, and choose examples of each.

    Args:
        found: what was found of pairs.
        rows: int64 [a], ascending, the row of each label that was judged; the first is 0.
        pairs: int64 [a], its pair.
        texts: by row.
        shown: examples of each kind, at most; no pair comes twice.
    """
    is_learned, is_right = found.is_learned.tolist(), found.is_right.tolist()
    label_of = [found.labels[k] for k in found.label_of.tolist()]
    crossed: dict[tuple[bool, bool], Counter[Kind]] = {
        (learned, right): Counter() for learned in (True, False) for right in (True, False)
    }
    carried: Counter[str] = Counter()
    by_label: dict[Kind, Counter[str]] = {kind: Counter() for kind in KINDS}
    first: dict[Kind, dict[int, int]] = {kind: {} for kind in KINDS}
    for row, pair in zip(rows.tolist(), pairs.tolist(), strict=True):
        kind = found.kinds[pair]
        assert kind is not None, "a pair that is not measured is no row's"
        crossed[is_learned[pair], is_right[pair]][kind] += 1
        by_label[kind][label_of[pair]] += 1
        carried[label_of[pair]] += 1
        first[kind].setdefault(pair, row)
    examples = {}
    for kind, row_of in first.items():
        pairs_of_kind = np.array(sorted(row_of), dtype=np.int64)
        order = np.argsort(_telling(found, kind)[pairs_of_kind], kind="stable")
        examples[kind] = tuple(
            Example(row_of[pair] + 1, texts[row_of[pair]], label_of[pair], found.reason(pair))
            for pair in pairs_of_kind[order[:shown]].tolist()
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


def _telling(found: Judged, kind: Kind) -> Doubles:
    """Return float64 [p], by which examples are ordered; the most telling has the least."""
    if kind == "missing data":
        return found.backed
    return found.doubt if kind == "fine" else -found.doubt


def _shares(count: Counter[str], carried: Counter[str]) -> tuple[LabelShare, ...]:
    ranked = sorted(count, key=lambda label: (-count[label], carried[label], label))
    return tuple(LabelShare(label, count[label], carried[label]) for label in ranked)
