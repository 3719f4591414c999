"""95 % intervals of totals over strata, that hold if the number of rows was fixed beforehand.

A cell is a part of the table of which rows were drawn at random without replacement. Of each cell
`rows` are in the table, `seen` were looked at, and `positive` of those have the property that is
counted.

With one cell the interval is exact: both tails of the hypergeometric distribution are above 2.5 %
(Clopper and Pearson 1934, for finite populations). With several, the rates of the cells follow
their fiducial distributions, half Beta(x, n - x + 1) and half Beta(x + 1, n - x) (Krishnamoorthy
and Lee 2010, Hannig 2009), and the rows not seen are drawn from the rates.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.types import Bools, Doubles, Ints

ERROR = 0.05
"""Probability that an interval may miss the truth with."""

DRAWS = 10_000
"""Of the fiducial distribution: the 2.5 % quantile is then one of 2.2 to 2.8 %."""


@dataclass(frozen=True)
class Cells:
    """What was seen of a property.

    Attributes:
        rows: int64 [c], of each cell in the table.
        seen: int64 [c], that were looked at.
        positive: int64 [c], of the seen ones that have the property.
    """

    rows: Ints
    seen: Ints
    positive: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, chosen: Bools) -> Cells:
        """Return some of the cells."""
        return Cells(self.rows[chosen], self.seen[chosen], self.positive[chosen])

    @property
    def negative(self) -> Cells:
        """The same cells, the rows counted that lack the property."""
        return Cells(self.rows, self.seen, self.seen - self.positive)

    @property
    def estimate(self) -> float:
        """The expected total: each cell's share, drawn to a half by half a row, of its rows.

        A cell of which nothing was seen counts half its rows.
        """
        rate = (self.positive + 0.5 * (self.seen == 0)) / np.maximum(self.seen, 1)
        return float((rate * self.rows).sum())


def join(parts: Sequence[Cells]) -> Cells:
    """Return cells side by side."""
    return Cells(
        np.concatenate([p.rows for p in parts]),
        np.concatenate([p.seen for p in parts]),
        np.concatenate([p.positive for p in parts]),
    )


def exact_interval(rows: int, seen: int, positive: int) -> tuple[int, int]:
    """Return the least and the greatest total of one cell that both tails allow."""
    from scipy.stats import hypergeom

    def not_fewer(total: int) -> bool:
        return float(hypergeom.sf(positive - 1, rows, total, seen)) > ERROR / 2

    def not_more(total: int) -> bool:
        return float(hypergeom.cdf(positive, rows, total, seen)) > ERROR / 2

    totals = range(positive, rows - (seen - positive) + 1)
    # The one tail rises with the total, and the other falls.
    low = totals[bisect_left(totals, True, key=not_fewer)]
    high = totals[bisect_left(totals, True, key=lambda total: not not_more(total)) - 1]
    return low, high


def fiducial_totals(cells: Cells, rng: np.random.Generator, draws: int = DRAWS) -> Doubles:
    """Return float64 [draws], totals as likely as what was seen makes them."""
    total = np.zeros(draws)
    for rows, seen, positive in zip(
        cells.rows.tolist(), cells.seen.tolist(), cells.positive.tolist(), strict=True
    ):
        if seen == rows:
            total += positive
            continue
        upper = rng.random(draws) < 0.5
        rate = _beta(rng, positive + upper, seen - positive + 1 - upper)
        total += positive + rng.binomial(rows - seen, rate)
    return total


def _beta(rng: np.random.Generator, a: Ints, b: Ints) -> Doubles:
    """Draw from Beta(a, b), which is 0 where a is 0 and 1 where b is."""
    drawn = rng.beta(np.maximum(a, 1), np.maximum(b, 1))
    return np.where(a == 0, 0.0, np.where(b == 0, 1.0, drawn))


def total_interval(cells: Cells, seed: int, draws: int = DRAWS) -> tuple[float, float]:
    """Return the 95 % interval of a total over all cells.

    Args:
        cells: what was seen.
        seed: of the draws, where there are several cells.
        draws: of the fiducial distribution.
    """
    used = cells.of(cells.rows > 0)
    if not len(used):
        return 0.0, 0.0
    if len(used) == 1:
        return exact_interval(int(used.rows[0]), int(used.seen[0]), int(used.positive[0]))
    return quantiles(fiducial_totals(used, np.random.default_rng(seed), draws))


def quantiles(draws: Doubles) -> tuple[float, float]:
    """Return the ends of the middle 95 %, values that were drawn."""
    low, high = np.quantile(draws, (ERROR / 2, 1 - ERROR / 2), method="inverted_cdf")
    return float(low), float(high)


def upper_total(cells: Cells, seed: int, draws: int = DRAWS) -> float:
    """Return the total that is not exceeded, with 95 % confidence on this side alone.

    Args:
        cells: what was seen.
        seed: of the draws, where there are several cells.
        draws: of the fiducial distribution.
    """
    used = cells.of(cells.rows > 0)
    if not len(used):
        return 0.0
    if len(used) == 1:
        from scipy.stats import hypergeom

        rows, seen, positive = int(used.rows[0]), int(used.seen[0]), int(used.positive[0])
        totals = range(positive, rows - (seen - positive) + 1)

        def too_many(total: int) -> bool:
            return float(hypergeom.cdf(positive, rows, total, seen)) <= ERROR

        return float(totals[bisect_left(totals, True, key=too_many) - 1])
    drawn = fiducial_totals(used, np.random.default_rng(seed), draws)
    return float(np.quantile(drawn, 1 - ERROR, method="inverted_cdf"))
