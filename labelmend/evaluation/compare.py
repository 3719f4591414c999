"""Did the classifier get better? Paired statistics on the same test rows.

Two classifiers of one kind are trained on two versions of the labels and tested on the same rows.
The interval is a paired bootstrap over these rows (Efron & Tibshirani 1993), the test McNemar's
exact one (1947) on the rows that just one of them gets right, and its p-values are corrected by
Holm (1979) over the kinds of classifiers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labelmend.types import Bools, Doubles, Ints

Verdict = Literal["better", "no difference shown", "worse"]

LEVEL = 0.05
"""Of the tests; the intervals are of 95 %."""

_RESAMPLES = 2000
"""Of the bootstrap."""

_BATCH = 100
"""Resamples that are held in memory at a time."""

_TWO = 2
"""A half is one of two, and with fewer than two cases nothing varies."""


@dataclass(frozen=True)
class Answers:
    """What the classifiers of one kind, trained on one version of the labels, say of the test rows.

    Attributes:
        called: int64 [s, b], the labels by seed, flags included.
        flagged: bool [s, b], the rows called out of scope.
    """

    called: Ints
    flagged: Bools


@dataclass(frozen=True)
class TestRows:
    """The rows that all are tested on.

    Attributes:
        truth: int64 [b].
        is_oos: bool [b].
        label_count: K.
    """

    __test__ = False  # no test of pytest's

    truth: Ints
    is_oos: Bools
    label_count: int


@dataclass(frozen=True)
class Difference:
    """How much a figure changed, in the mean over the seeds.

    Attributes:
        figure: accuracy, macro-F1, in-scope accuracy or oos recall.
        before: its value on the first version of the labels.
        after: on the second.
        low: lower end of the 95 % interval of after - before.
        high: its upper end.
    """

    figure: str
    before: float
    after: float
    low: float
    high: float

    @property
    def change(self) -> float:
        """After - before."""
        return self.after - self.before


@dataclass(frozen=True)
class PairedTest:
    """McNemar's exact test on rows right or wrong in most seeds.

    Attributes:
        only_before: rows that only the first classifier gets right.
        only_after: rows that only the second one gets right.
        p_value: two-sided; 1 where they are right on the same rows.
        adjusted: after Holm's correction.
    """

    only_before: int
    only_after: int
    p_value: float
    adjusted: float


@dataclass(frozen=True)
class Outcome:
    """One kind of classifier, before and after.

    Attributes:
        kind: of the classifier.
        differences: accuracy first.
        test: of the accuracy.
        verdict: `better` or `worse` where both the interval and the test say so.
    """

    kind: str
    differences: tuple[Difference, ...]
    test: PairedTest
    verdict: Verdict


def compare(
    pairs: Sequence[tuple[str, Answers, Answers]], rows: TestRows, seed: int
) -> tuple[Outcome, ...]:
    """Compare before with after, for each kind of classifier.

    Args:
        pairs: kind, answers before, answers after; as many seeds on both sides.
        rows: what they are tested on.
        seed: of the bootstrap.
    """
    tests = [mcnemar(_mostly_right(a, rows), _mostly_right(b, rows)) for _, a, b in pairs]
    adjusted = holm([p for _, _, p in tests])
    outcomes = []
    for (kind, before, after), (lost, won, p), corrected in zip(
        pairs, tests, adjusted, strict=True
    ):
        differences = _differences(before, after, rows, seed)
        outcomes.append(
            Outcome(
                kind,
                differences,
                PairedTest(lost, won, p, corrected),
                _verdict(differences[0], corrected),
            )
        )
    return tuple(outcomes)


def mcnemar(before: Bools, after: Bools) -> tuple[int, int, float]:
    """Return how many rows only one side gets right, and the exact two-sided p-value.

    Args:
        before: bool [b], right at first.
        after: bool [b], right afterwards.
    """
    from scipy.stats import binomtest

    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    p_value = float(binomtest(won, lost + won).pvalue) if lost + won else 1.0
    return lost, won, p_value


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values: of m in ascending order, the i-th counts m - i + 1 times."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def macro_f1(truth: Ints, called: Ints, label_count: int) -> float:
    """Return the mean F1 of the labels of the truth; one that is never called right has 0.

    As scikit-learn's with `labels=unique(truth)`, but fast enough for thousands of resamples.
    """
    true = np.bincount(truth, minlength=label_count)
    said = np.bincount(called, minlength=label_count)
    hits = np.bincount(truth[called == truth], minlength=label_count)
    there = true > 0
    return float((2 * hits[there] / (true[there] + said[there])).mean())


def _verdict(accuracy: Difference, adjusted: float) -> Verdict:
    if adjusted >= LEVEL or accuracy.low <= 0 <= accuracy.high:
        return "no difference shown"
    return "better" if accuracy.change > 0 else "worse"


def _mostly_right(answers: Answers, rows: TestRows) -> Bools:
    """Return bool [b], the rows that more than half of the seeds get right."""
    mostly: Bools = (answers.called == rows.truth).mean(axis=0) > 1 / _TWO
    return mostly


def _difference(
    figure: str, before: Doubles, after: Doubles, values: tuple[float, float], seed: int
) -> Difference:
    """Return the change of a mean over rows, float64 [b] on both sides, with its interval."""
    from scipy.stats import bootstrap

    changes = after - before
    if len(changes) < _TWO or not np.ptp(changes):
        change = values[1] - values[0]
        return Difference(figure, *values, low=change, high=change)
    found = bootstrap(
        (changes,),
        np.mean,
        n_resamples=_RESAMPLES,
        batch=_BATCH,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Difference(figure, *values, low=float(found.low), high=float(found.high))


def _of_rows(figure: str, before: Bools, after: Bools, among: Bools, seed: int) -> Difference:
    """Compare a share of rows: bool [s, b] on both sides, of which the rows `among` count."""
    sides = [side[:, among].mean(axis=0) for side in (before, after)]
    values = float(sides[0].mean()), float(sides[1].mean())
    return _difference(figure, sides[0], sides[1], values, seed)


def _macro_f1s(before: Answers, after: Answers, rows: TestRows, seed: int) -> Difference:
    """Compare macro-F1, which is no mean over rows: each resample is counted anew."""
    from scipy.stats import bootstrap

    def mean(answers: Answers, chosen: Ints) -> float:
        truth, count = rows.truth[chosen], rows.label_count
        return float(np.mean([macro_f1(truth, c[chosen], count) for c in answers.called]))

    def change(chosen: Doubles) -> float:
        drawn = chosen.astype(np.int64)
        return mean(after, drawn) - mean(before, drawn)

    everything = np.arange(len(rows.truth))
    values = mean(before, everything), mean(after, everything)
    if len(everything) < _TWO or np.array_equal(before.called, after.called):
        return Difference(
            "macro-F1", *values, low=values[1] - values[0], high=values[1] - values[0]
        )
    found = bootstrap(
        (everything,),
        change,
        n_resamples=_RESAMPLES,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Difference("macro-F1", *values, low=float(found.low), high=float(found.high))


def _differences(
    before: Answers, after: Answers, rows: TestRows, seed: int
) -> tuple[Difference, ...]:
    """Compare every figure; those of scope where there are rows on both sides of it."""
    right = before.called == rows.truth, after.called == rows.truth
    everything = np.ones(len(rows.truth), dtype=bool)
    found = [
        _of_rows("accuracy", *right, everything, seed),
        _macro_f1s(before, after, rows, seed),
    ]
    if rows.is_oos.any() and not rows.is_oos.all():
        found += [
            _of_rows("in-scope accuracy", *right, ~rows.is_oos, seed),
            _of_rows("oos recall", before.flagged, after.flagged, rows.is_oos, seed),
        ]
    return tuple(found)
