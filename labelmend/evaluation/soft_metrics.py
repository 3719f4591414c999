"""How good predictions of soft targets are: by column, and on average, with intervals over groups.

Rows of one group, such as all answers to a question, are alike, so groups are drawn and not rows
(the cluster bootstrap: Field and Welsh 2007): intervals that drew rows would be too short.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from labelmend.parallel import blocks_of
from labelmend.types import Doubles, Ints

DRAWS = 500
"""Of groups, with replacement: the 2.5 % quantile is then one of 1.3 to 4.2 %."""

_TAIL = 2.5
"""Per cent of the draws beyond each end of an interval."""

_DRAWS_AT_ONCE = 64
"""Draws whose ranks are computed together: memory depends on it, and no outcome."""


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval; all are None where nothing was to be measured."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class TargetMetrics:
    """One target's figures.

    Attributes:
        spearman: rank correlation, -1 to 1; None where one side is constant.
        cross_entropy: mean binary cross-entropy with the soft values, at least 0.
        absolute_error: mean absolute error, 0 to 1.
    """

    spearman: Figure
    cross_entropy: Figure
    absolute_error: Figure


@dataclass(frozen=True)
class SoftMetrics:
    """How good predictions of soft targets are.

    Attributes:
        rows: that were measured.
        groups: that they are of.
        spearman: mean over the targets that have one.
        cross_entropy: mean over the targets.
        absolute_error: mean over the targets.
        targets: by name.
    """

    rows: int
    groups: int
    spearman: Figure
    cross_entropy: Figure
    absolute_error: Figure
    targets: dict[str, TargetMetrics]


def evaluate_soft(
    values: Doubles,
    predicted: Doubles,
    targets: Sequence[str],
    groups: Ints,
    seed: int,
    draws: int = DRAWS,
) -> SoftMetrics:
    """Compare predictions with soft targets.

    Args:
        values: float64 [n, T], from 0 to 1.
        predicted: float64 [n, T], from 0 to 1.
        targets: [T], their names.
        groups: int64 [n], from 0; what is drawn.
        seed: of the draws.
        draws: of groups; 0 for no intervals.
    """
    losses = {
        "cross_entropy": cross_entropies(values, predicted),
        "absolute_error": np.abs(values - predicted),
    }
    blocks: dict[str, list[Doubles]] = {"spearman": [], **{name: [] for name in losses}}
    for counts in _drawn(groups, draws, seed):
        pairs = zip(values.T, predicted.T, strict=True)
        blocks["spearman"].append(np.column_stack([spearmans(*pair, counts) for pair in pairs]))
        for name, lost in losses.items():
            blocks[name].append((counts @ lost) / counts.sum(axis=1, keepdims=True))
    means = {name: np.vstack(parts) for name, parts in blocks.items()}
    shown = {name: [_figure(column) for column in part.T] for name, part in means.items()}
    by_target = {
        target: TargetMetrics(**{name: figures[t] for name, figures in shown.items()})
        for t, target in enumerate(targets)
    }
    overall = {name: _figure(_row_means(columns)) for name, columns in means.items()}
    return SoftMetrics(len(values), int(groups.max()) + 1, **overall, targets=by_target)


def cross_entropies(values: Doubles, predicted: Doubles) -> Doubles:
    """Return float64 [n, T], the cross-entropy of each prediction with its soft value.

    A prediction is kept as far from 0 and 1 as scikit-learn's `log_loss` keeps it.
    """
    least = np.finfo(np.float64).eps
    sure = np.clip(predicted, least, 1 - least)
    return np.asarray(-xlogy(values, sure) - xlogy(1 - values, 1 - sure))


def spearmans(one: Doubles, other: Doubles, counts: Doubles) -> Doubles:
    """Return float64 [draws], Spearman's correlation of rows that count several times or never.

    Equal values share the mean of their ranks. NaN where all rows that count are equal.

    Args:
        one: float64 [n].
        other: float64 [n].
        counts: float64 [draws, n], how often each row is in each draw.
    """
    places = [np.unique(values, return_inverse=True)[1] for values in (one, other)]
    total = counts.sum(axis=1, keepdims=True)
    # Halves, which are exact, so that equal ranks have no spread at all.
    first, second = (_ranks(place, counts) - (total + 1) / 2 for place in places)
    weighted = first * counts
    together = (weighted * second).sum(axis=1)
    spread = (weighted * first).sum(axis=1) * (second * second * counts).sum(axis=1)
    root = np.sqrt(np.where(spread > 0, spread, 1.0))
    return np.asarray(np.where(spread > 0, together / root, np.nan))


def _ranks(place: Ints, counts: Doubles) -> Doubles:
    """Return float64 [draws, n], the mean rank of each row's value among all that count.

    Args:
        place: int64 [n], of its value among the distinct ones, which are sorted.
        counts: float64 [draws, n].
    """
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(int(place.max()) + 1))
    equal = np.add.reduceat(counts[:, order], starts, axis=1)
    ranks = np.cumsum(equal, axis=1) - (equal - 1) / 2
    return np.asarray(ranks[:, place])


def _drawn(groups: Ints, draws: int, seed: int) -> Iterator[Doubles]:
    """Yield blocks of float64 [b, n], how often each row counts: once, and then as drawn."""
    yield np.ones((1, len(groups)))
    count = int(groups.max()) + 1
    rng = np.random.default_rng(seed)
    for block in blocks_of(draws, _DRAWS_AT_ONCE):
        size = block.stop - block.start
        times = rng.multinomial(count, np.full(count, 1 / count), size=size)
        yield times[:, groups].astype(np.float64)


def _row_means(columns: Doubles) -> Doubles:
    """Return float64 [draws], the mean over the targets that have a figure; NaN without any."""
    known = ~np.isnan(columns)
    total = np.where(known, columns, 0.0).sum(axis=1)
    count = known.sum(axis=1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _figure(drawn: Doubles) -> Figure:
    """Return a figure of a value, which comes first, and of draws."""
    value, others = float(drawn[0]), drawn[1:][~np.isnan(drawn[1:])]
    if np.isnan(value):
        return Figure(None, None, None)
    if not len(others):
        return Figure(value, None, None)
    low, high = np.percentile(others, [_TAIL, 100 - _TAIL])
    return Figure(value, float(low), float(high))
