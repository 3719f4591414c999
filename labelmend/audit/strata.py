"""Strata of a mended table, and how many rows of each are looked at.

Rows are parted by what was decided and, within that, by how much the posterior doubts their label:
its order is good where its level is not. The level may be off by a factor of ten, so cuts and
shares of the sample are chosen for beliefs that are drawn towards doubt.

The cuts give the strata equal sums of the standard deviation of a row's error (Dalenius and Hodges
1959, Ekman 1959); the rows go to strata as Neyman (1934) has it, for two aims at once: the share of
wrong labels, and what the changes did.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from labelmend.types import Bools, Doubles, Ints
from labelmend.voice.speak import meant, note

DOUBT_FACTORS = (1.0, 3.0, 10.0)
"""The odds of an error may be so many times what is believed: section 10 of the design found up to
thirty times fewer errors believed than there were, ten in the middle."""

_LEAST_DOUBT = 0.05
"""No row is taken to be surer than that: rules err with certainty. Chosen, as the next three, on
made-up tables (benchmarks/certificate.py), where the four intervals are narrowest together."""

_LEAST_ROWS = 5
"""Looked at in each stratum that has so many: of fewer, nothing is learned."""

_CHANGES_SHARE = 0.2
"""Of the sample at most, about, that serves to judge the changes; the rest serves the noise rate,
which is asked first."""

_ROWS_A_STRATUM = 15
"""Sampled rows that a stratum should have on average: fewer leave its interval open."""

_KEPT_ROWS = 60
"""Kept rows make another stratum for each doubling of so many, up to `_MOST_KEPT`. By hand."""

_MOST_KEPT = 3
"""Strata of kept rows: with more, each has too few sampled rows to say anything."""

_STEPS = 50
"""Of the fixed point that balances the two aims; ten would do."""


class Kind(IntEnum):
    """What was decided of a row."""

    KEPT = 0
    CHANGED = 1
    FILLED = 2
    UNLABELLED = 3
    ANSWERED = 4


NAMES = {
    Kind.KEPT: meant("kept"),
    Kind.CHANGED: meant("changed"),
    Kind.FILLED: meant("labelled from scratch"),
    Kind.UNLABELLED: meant("without label"),
    Kind.ANSWERED: meant("answered before"),
}


@dataclass(frozen=True)
class Stratum:
    """Rows that are drawn from together.

    Attributes:
        name: such as `kept 2`; 1 is the surest.
        kind: what was decided of its rows.
        doubt: mean probability that the label after mending is wrong, as the run believed it.
        rows: int64 [m], indices of its rows, from 0.
    """

    name: str
    kind: Kind
    doubt: float
    rows: Ints

    def __len__(self) -> int:
        return len(self.rows)


def kinds_of(given: Bools, mended: Bools, same: Bools) -> Ints:
    """Return int64 [n], the `Kind` of each row.

    Args:
        given: bool [n], rows that came with a label.
        mended: bool [n], rows that have one now.
        same: bool [n], rows whose two labels are the same.
    """
    kinds = np.where(given, np.where(same, Kind.KEPT, Kind.CHANGED), Kind.FILLED)
    return np.where(~given & ~mended, Kind.UNLABELLED, kinds).astype(np.int64)


def make_strata(kinds: Ints, doubt: Doubles, sample: int) -> tuple[Stratum, ...]:
    """Part a table.

    Args:
        kinds: int64 [n], of each row.
        doubt: float64 [n], the probability that the label after mending is wrong, 0 to 1; rows that
            are as doubtful as each other are in one stratum.
        sample: rows that will be looked at first: of a small sample, there are fewer strata.
    """
    most = max(1, sample // _ROWS_A_STRATUM)
    strata: list[Stratum] = []
    for kind in Kind:
        rows = np.flatnonzero(kinds == kind)
        if not len(rows):
            continue
        parts = 1
        if kind == Kind.KEPT:
            doublings = int(np.log2(max(len(rows) / _KEPT_ROWS, 1)))
            parts = min(1 + doublings, _MOST_KEPT, most)
        strata += _parts(kind, rows, doubt, parts)
    return tuple(strata)


def drawn_to_doubt(doubt: Doubles, factor: float) -> Doubles:
    """Return the probabilities with odds so many times as high, and never next to nothing."""
    raised = factor * doubt / (1 - doubt + factor * doubt)
    return np.maximum(raised, _LEAST_DOUBT)


def allocate(strata: tuple[Stratum, ...], sample: int) -> Ints:
    """Return int64 [h], how many rows of each stratum are looked at.

    Args:
        strata: of the table.
        sample: rows in all; all rows where there are no more.
    """
    sizes = np.array([len(s) for s in strata], dtype=np.int64)
    open_to = np.array([s.kind not in {Kind.UNLABELLED, Kind.ANSWERED} for s in strata])
    sizes = np.where(open_to, sizes, 0)
    if sample >= sizes.sum():
        return sizes
    doubt = np.array([s.doubt for s in strata])
    spread = np.mean([_deviation(drawn_to_doubt(doubt, f)) for f in DOUBT_FACTORS], axis=0)
    changed = np.array([s.kind == Kind.CHANGED for s in strata])
    weight = sizes * spread
    counts = _shares(weight, np.full(len(strata), 1.0), sizes, sample)
    for _ in range(_STEPS):
        variance = weight**2 / np.maximum(counts, 1e-9)
        aims = np.where(changed, _CHANGES_SHARE / max(variance[changed].sum(), 1e-12), 0.0)
        aims = aims + (1 - _CHANGES_SHARE) / variance.sum()
        counts = _shares(weight, np.sqrt(aims), sizes, sample)
    return _whole(counts, sizes, sample)


def _parts(kind: Kind, rows: Ints, doubt: Doubles, parts: int) -> list[Stratum]:
    """Cut rows at equal sums of deviation, by value."""
    values, place, times = np.unique(doubt[rows], return_inverse=True, return_counts=True)
    spread = np.mean([_deviation(drawn_to_doubt(values, f)) for f in DOUBT_FACTORS], axis=0)
    total = np.cumsum(spread * times)
    # A value goes where its middle falls.
    middle = (total - spread * times / 2) / max(total[-1], 1e-12)
    number = np.minimum((middle * parts).astype(np.int64), parts - 1)
    used = np.unique(number)
    part_of_row = np.searchsorted(used, number)[place]
    found = []
    for part in range(len(used)):
        chosen = rows[part_of_row == part]
        name = NAMES[kind]
        if len(used) > 1:
            name = note("{kind:words} {part:d}", kind=name, part=part + 1)
        found.append(Stratum(name, kind, float(doubt[chosen].mean()), chosen))
    return found


def _deviation(probability: Doubles) -> Doubles:
    deviation: Doubles = np.sqrt(probability * (1 - probability))
    return deviation


def _shares(weight: Doubles, aims: Doubles, sizes: Ints, sample: int) -> Doubles:
    """Return float64 [h], the sample in proportion, no stratum beyond its size."""
    wanted = weight * aims
    counts = np.zeros(len(sizes))
    free = sizes > 0
    for _ in range(len(sizes)):
        left = sample - counts[~free].sum()
        counts[free] = left * wanted[free] / wanted[free].sum()
        full = free & (counts >= sizes)
        if not full.any():
            break
        counts[full] = sizes[full]
        free &= ~full
    return counts


def _whole(counts: Doubles, sizes: Ints, sample: int) -> Ints:
    """Round to whole rows, each stratum with its least; the sum is the sample where that goes."""
    least = np.minimum(_LEAST_ROWS, sizes)
    whole = np.clip(np.floor(counts).astype(np.int64), least, sizes)
    order = np.lexsort((np.arange(len(counts)), np.floor(counts) - counts))
    while whole.sum() < sample:
        for h in order:
            if whole[h] < sizes[h] and whole.sum() < sample:
                whole[h] += 1
    for floor in (1, 0):
        while whole.sum() > sample and (whole > floor).any():
            spare = np.where(whole > floor, whole - counts, -np.inf)
            whole[int(spare.argmax())] -= 1
    return whole
