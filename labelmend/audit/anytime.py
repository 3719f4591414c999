"""95 % intervals of totals over strata, that hold whenever one looks.

A person who looks at the interval after each row and stops where it pleases can't be wrong more
often than one time in twenty over the whole audit: confidence sequences for sampling without
replacement (Waudby-Smith and Ramdas 2020). For the true totals M of the cells, the likelihood of
what was seen under any fixed mixture of them, by that under M, is a martingale that starts at 1;
all M are held at which it is below 20 (Ville 1939). The mixture may favour what is believed: a
wrong belief costs width, never validity.

Of each cell, minus the log-likelihood is convex in its total. So the least sum at each grand total
is found by taking the steps of all cells in the order of their size, and the grand totals that are
held make an interval.
"""

import numpy as np
from scipy.special import betaln, gammaln, logsumexp

from labelmend.intervals import ERROR, Cells, join
from labelmend.types import Doubles, Ints

_FACTORS = (0.3, 1.0, 3.0, 10.0, 30.0)
"""The odds of what is counted may be so many times what is believed."""

_STRENGTHS = (2.0, 10.0, 50.0)
"""Rows that a belief counts for in the parts of the mixture: a hint up to a conviction; by hand."""

_EDGE = 0.005
"""Beliefs are kept away from 0 and 1 by that much: a mixture without doubt learns nothing."""


def mixture_log(cells: Cells, beliefs: Doubles) -> float:
    """Return the log-probability of what was seen under the mixture.

    Args:
        cells: what was seen.
        beliefs: float64 [c], the believed share of positive rows in each cell, as it was before any
            row was seen.
    """
    odds = np.clip(beliefs, _EDGE, 1 - _EDGE)
    odds = odds / (1 - odds)
    components = [np.full(len(cells), 0.5)[None].repeat(2, axis=0)]
    for factor in _FACTORS:
        rate = np.clip(factor * odds / (1 + factor * odds), _EDGE, 1 - _EDGE)
        components += [np.stack([s * rate, s * (1 - rate)]) for s in _STRENGTHS]
    a, b = np.stack(components, axis=1)
    x, rest = cells.positive, cells.seen - cells.positive
    logs = _log_choose(cells.seen, x) + betaln(a + x, b + rest) - betaln(a, b)
    return float(logsumexp(logs.sum(axis=1)) - np.log(len(components)))


def likelihood_log(rows: int, seen: int, positive: int) -> Doubles:
    """Return float64 [t], the log-likelihood of each possible total of a cell.

    The totals are positive, positive + 1, ..., rows - (seen - positive).
    """
    totals = np.arange(positive, rows - (seen - positive) + 1)
    logs: Doubles = (
        _log_choose(totals, positive)
        + _log_choose(rows - totals, seen - positive)
        - _log_choose(rows, seen)
    )
    return logs


def profile(cells: Cells) -> Doubles:
    """Return float64 [t], minus the greatest log-likelihood at each possible grand total.

    The grand totals are the positive rows, one more, ..., all but those seen to be negative.
    """
    start, steps = 0.0, [np.zeros(0)]
    for rows, seen, positive in zip(
        cells.rows.tolist(), cells.seen.tolist(), cells.positive.tolist(), strict=True
    ):
        cost = -likelihood_log(rows, seen, positive)
        start += float(cost[0])
        steps.append(np.diff(cost))
    costs: Doubles = start + np.concatenate([[0.0], np.cumsum(np.sort(np.concatenate(steps)))])
    return costs


_BAR = float(np.log(1 / ERROR))
"""Totals at which the log of the martingale has reached this are ruled out."""


def total_interval(cells: Cells, beliefs: Doubles) -> tuple[int, int]:
    """Return the interval of the total over all cells.

    Args:
        cells: what was seen.
        beliefs: float64 [c], as for `mixture_log`.
    """
    costs = profile(cells)
    # The best total is never ruled out, as no rounding shall leave nothing.
    bar = max(_BAR - mixture_log(cells, beliefs), float(costs.min()))
    kept = np.flatnonzero(costs <= bar) + int(cells.positive.sum())
    return int(kept[0]), int(kept[-1])


def pair_limits(
    first: Cells, second: Cells, beliefs: tuple[Doubles, Doubles]
) -> tuple[Ints, Ints, Ints]:
    """Return the pairs of totals of two groups of cells that are held together.

    Args:
        first: cells of the one group.
        second: of the other.
        beliefs: float64 of each, as for `mixture_log`.

    Returns:
        int64 [t], totals of the first group, and for each the least and the greatest total of the
        second.
    """
    one, other = profile(first), profile(second)
    mixed = mixture_log(join([first, second]), np.concatenate(beliefs))
    bar = max(_BAR - mixed, float(one.min() + other.min()))
    held = np.flatnonzero(one + other.min() <= bar)
    slack = bar - one[held]
    lowest = int(other.argmin())
    # Convex: it falls up to its minimum, and rises from there.
    before = np.searchsorted(other[: lowest + 1][::-1], slack, side="right")
    after = np.searchsorted(other[lowest:], slack, side="right")
    base = int(second.positive.sum())
    return (
        held + int(first.positive.sum()),
        base + lowest + 1 - np.maximum(before, 1),
        base + lowest - 1 + np.maximum(after, 1),
    )


def _log_choose(n: np.ndarray | int, k: np.ndarray | int) -> Doubles:
    logs: Doubles = gammaln(np.add(n, 1)) - gammaln(np.add(k, 1)) - gammaln(np.subtract(n, k) + 1)
    return logs
