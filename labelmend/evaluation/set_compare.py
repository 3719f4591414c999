"""Did classifiers of label sets get better? Paired statistics on the same test rows.

As `compare` does it for one label a row: the intervals are paired bootstraps, here over the texts
of the test rows (Efron and Tibshirani 1993), the test McNemar's exact one (1947) on the rows whose
labels just one of the classifiers calls without one too many or too few, and its p-values are
corrected by Holm (1979) over the kinds of classifiers.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.evaluation.compare import (
    LEVEL,
    Difference,
    Outcome,
    PairedTest,
    Verdict,
    holm,
    mcnemar,
)
from labelmend.evaluation.set_metrics import SetCounts, resamples
from labelmend.types import Bools, Doubles, Ints

_HALF = 0.5
"""A row counts as right that more than half of the seeds get right."""

_ENDS = (0.025, 0.975)
"""Of a 95 % interval."""


@dataclass(frozen=True)
class SetTest:
    """The rows that all are tested on.

    Attributes:
        truth: bool [n, L].
        text_of: int64 [n], the text of each row, numbered from 0.
    """

    truth: Bools
    text_of: Ints


def compare_sets(
    pairs: Sequence[tuple[str, Bools, Bools]], test: SetTest, seed: int
) -> tuple[Outcome, ...]:
    """Compare before with after, for each kind of classifier.

    A verdict other than "no difference shown" needs an interval of micro-F1 that leaves out 0, a
    p-value below 5 %, and both on the same side.

    Args:
        pairs: kind, and bool [seeds, n, L], the labels as called before and after; as many seeds on
            both sides.
        test: what they are tested on.
        seed: of the bootstrap.
    """
    tests = [
        mcnemar(_mostly_right(before, test), _mostly_right(after, test))
        for _, before, after in pairs
    ]
    adjusted = holm([p for _, _, p in tests])
    outcomes = []
    for (kind, before, after), (lost, won, p), corrected in zip(
        pairs, tests, adjusted, strict=True
    ):
        differences = _differences(before, after, test, seed)
        paired = PairedTest(lost, won, p, corrected)
        outcomes.append(Outcome(kind, differences, paired, _verdict(differences[0], paired)))
    return tuple(outcomes)


def _verdict(micro: Difference, test: PairedTest) -> Verdict:
    if test.adjusted >= LEVEL or micro.low <= 0 <= micro.high:
        return "no difference shown"
    if micro.low > 0 and test.only_after > test.only_before:
        return "better"
    if micro.high < 0 and test.only_after < test.only_before:
        return "worse"
    return "no difference shown"


def _mostly_right(called: Bools, test: SetTest) -> Bools:
    """Return bool [n], the rows that more than half of the seeds get right."""
    mostly: Bools = (called == test.truth).all(axis=2).mean(axis=0) > _HALF
    return mostly


def _differences(before: Bools, after: Bools, test: SetTest, seed: int) -> tuple[Difference, ...]:
    sides = [[SetCounts.of(test.truth, c, test.text_of) for c in side] for side in (before, after)]
    exact = [
        np.bincount(test.text_of, (side == test.truth).all(axis=2).mean(axis=0))
        for side in (before, after)
    ]
    rows = np.bincount(test.text_of).astype(np.float64)
    drawn = [np.ones((1, len(rows))), *resamples(len(rows), seed)]

    def of_counts(figure: Callable[[SetCounts, Doubles], Doubles]) -> Iterable[Doubles]:
        for side in sides:
            by_seed = [
                np.concatenate([figure(counts, weights) for weights in drawn]) for counts in side
            ]
            yield np.mean(by_seed, axis=0)

    def shares() -> Iterable[Doubles]:
        for side in exact:
            yield np.concatenate([weights @ side / (weights @ rows) for weights in drawn])

    return (
        _difference("micro-F1", *of_counts(SetCounts.micro_f1)),
        _difference("macro-F1", *of_counts(SetCounts.macro_f1)),
        _difference("subset accuracy", *shares()),
    )


def _difference(figure: str, before: Doubles, after: Doubles) -> Difference:
    """Return the change of a figure: its value first, then those of the resamples."""
    low, high = np.quantile(after[1:] - before[1:], _ENDS)
    return Difference(figure, float(before[0]), float(after[0]), float(low), float(high))
