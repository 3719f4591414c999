"""Did the classifier get better? Paired statistics on the same test rows.

Two classifiers of one kind are trained on two versions of the labels and tested on the same rows.
The interval is a paired bootstrap over these rows (Efron & Tibshirani 1993), the test McNemar's
exact one (1947) on the rows that just one of them gets right, and its p-values are corrected by
Holm (1979) over the kinds of classifiers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labelmend.types import Bools, Doubles, Ints

Verdict = Literal["better", "no difference shown", "worse"]

LEVEL = 0.05
"""Of the tests; the intervals are of 95 %."""

_RESAMPLES = 2000
"""Of the bootstrap."""

_TWO = 2


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
        differences = tuple(
            _difference(figure, measure, before, after, rows, seed)
            for figure, measure, applies in _FIGURES
            if applies(rows)
        )
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


_Measure = Callable[[Answers, TestRows, Ints], float]


def _accuracy(answers: Answers, rows: TestRows, chosen: Ints) -> float:
    return float((answers.called[:, chosen] == rows.truth[chosen]).mean())


def _in_scope_accuracy(answers: Answers, rows: TestRows, chosen: Ints) -> float:
    return _accuracy(answers, rows, chosen[~rows.is_oos[chosen]])


def _oos_recall(answers: Answers, rows: TestRows, chosen: Ints) -> float:
    return float(answers.flagged[:, chosen[rows.is_oos[chosen]]].mean())


def _macro_f1(answers: Answers, rows: TestRows, chosen: Ints) -> float:
    truth = rows.truth[chosen]
    of_seeds = [macro_f1(truth, called[chosen], rows.label_count) for called in answers.called]
    return float(np.mean(of_seeds))


def _always(rows: TestRows) -> bool:
    return len(rows.truth) > 0


def _has_both(rows: TestRows) -> bool:
    return bool(rows.is_oos.any() and not rows.is_oos.all())


_FIGURES: tuple[tuple[str, _Measure, Callable[[TestRows], bool]], ...] = (
    ("accuracy", _accuracy, _always),
    ("macro-F1", _macro_f1, _always),
    ("in-scope accuracy", _in_scope_accuracy, _has_both),
    ("oos recall", _oos_recall, _has_both),
)


def _difference(
    figure: str, measure: _Measure, before: Answers, after: Answers, rows: TestRows, seed: int
) -> Difference:
    """Measure both sides, and resample the rows, the same ones for both."""
    from scipy.stats import bootstrap

    everything = np.arange(len(rows.truth))

    def change(chosen: Doubles) -> float:
        drawn = chosen.astype(np.int64)
        return measure(after, rows, drawn) - measure(before, rows, drawn)

    values = measure(before, rows, everything), measure(after, rows, everything)
    if len(everything) < _TWO or np.array_equal(before.called, after.called):
        return Difference(figure, *values, low=values[1] - values[0], high=values[1] - values[0])
    found = bootstrap(
        (everything,),
        change,
        n_resamples=_RESAMPLES,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Difference(figure, *values, low=float(found.low), high=float(found.high))
