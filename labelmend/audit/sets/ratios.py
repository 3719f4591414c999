"""95 % intervals of shares of assignments, that hold if the number of rows was fixed beforehand.

People answer rows, and a row has any number of assignments: a share is the ratio of two totals over
rows, and rows are what is drawn (cluster sampling). Of each cell, `rows` are in the table, and of
some of them it was seen how many assignments are of the kind that is counted (`part`) among how
many (`whole`).

The share is not above a bound where the mean of `part - bound * whole` is not above 0, so a bound
of such means makes one of the share. With one cell that is Learned-Miller and Thomas' (2019):
rows weigh as the parts of a Dirichlet distribution, beside those that were seen stands one that
counts as much as any can, for the lower end as little, and the end is a quantile over the weights.
Where each row has one assignment it is Clopper and Pearson's. With several cells that one row
stands in the cell of which it would move the share most, since what nobody saw is unlikely to be at
its worst everywhere at once; rows that nobody saw are drawn by the weights. That is no theorem:
`benchmarks/certificate_sets.py` counts how often the truth is within.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.intervals import DRAWS, ERROR
from labelmend.types import Doubles, Ints

Pair = tuple[int, int]
"""Assignments of a row that are counted, and those among which they are."""

UNSEEN_SHARE = 0.5
"""What is told of a share of which nothing was seen, as in `labelmend.intervals`."""


@dataclass(frozen=True)
class Turns:
    """When the rows of a cell were drawn.

    Attributes:
        turn: int64 [s], the place of each row that was seen in the order of all.
        draw: int64 [s], the draw that took it, from 0.
        drawn: int64 [d], rows of the cell that all draws up to each took.
    """

    turn: Ints
    draw: Ints
    drawn: Ints


@dataclass(frozen=True)
class RatioCell:
    """What was seen of a cell.

    Attributes:
        rows: in the table.
        part: int64 [s], of each row that was seen, in the order of the draw.
        whole: int64 [s], likewise.
        most: what a row may have at which the share is as high as can be.
        least: and as low.
        usual: about how many a row has of which some are counted, by the table and not by what was
            seen.
        turns: when the rows were drawn.
    """

    rows: int
    part: Ints
    whole: Ints
    most: Pair
    least: Pair
    usual: float
    turns: Turns

    @property
    def seen(self) -> int:
        """Rows that were looked at."""
        return len(self.part)

    @property
    def is_known(self) -> bool:
        """All rows were looked at, or none of them can matter."""
        return self.seen == self.rows or self.most == self.least == (0, 0)


def ratio_estimate(cells: Sequence[RatioCell]) -> float:
    """Return the share: each cell's means, by its rows; a half where nothing was seen of a whole.

    A cell of which nothing was seen is taken to be like all that was seen.
    """
    seen = sum(cell.seen for cell in cells)
    usual = (sum(int(c.part.sum()) for c in cells), sum(int(c.whole.sum()) for c in cells))
    part = whole = 0.0
    for cell in cells:
        totals = (int(cell.part.sum()), int(cell.whole.sum())) if cell.seen else usual
        scale = cell.rows / max(cell.seen or seen, 1)
        part, whole = part + scale * totals[0], whole + scale * totals[1]
    return part / whole if whole > 0 else UNSEEN_SHARE


def greatest_share(cells: Sequence[RatioCell]) -> float:
    """Return how high the share may be, whatever the rows are like that nobody saw."""
    if all(part <= whole for part, whole in (cell.most for cell in cells)):
        return 1.0
    part = sum(int(c.part.sum()) + (c.rows - c.seen) * c.most[0] for c in cells)
    return max(1.0, part / max(sum(int(c.whole.sum()) for c in cells), 1))


def fixed_ratio(cells: Sequence[RatioCell], seed: int, draws: int = DRAWS) -> tuple[float, float]:
    """Return the 95 % interval of the share over all cells.

    Args:
        cells: what was seen.
        seed: of the draws of weights.
        draws: of them.
    """
    if not any(cell.whole.any() for cell in cells):
        return 0.0, greatest_share(cells)
    rng = np.random.default_rng(seed)
    low = np.quantile(_shares(cells, rng, draws, high=False), ERROR / 2, method="inverted_cdf")
    high = np.quantile(_shares(cells, rng, draws, high=True), 1 - ERROR / 2, method="inverted_cdf")
    return float(low), float(high)


def _shares(
    cells: Sequence[RatioCell], rng: np.random.Generator, draws: int, *, high: bool
) -> Doubles:
    """Return float64 [draws], shares as likely as what was seen makes them, drawn to one end."""
    pull = [
        (cell.rows - cell.seen) / (cell.seen + 1) * (cell.most[0] if high else cell.least[1])
        for cell in cells
    ]
    worst = int(np.argmax(pull))
    total = np.zeros((draws, 2))
    for place, cell in enumerate(cells):
        extreme = cell.most if high else cell.least
        total += _totals(cell, rng, draws, extreme if place == worst or not cell.seen else None)
    return np.divide(total[:, 0], total[:, 1], out=np.zeros(draws), where=total[:, 1] > 0)


def _totals(cell: RatioCell, rng: np.random.Generator, draws: int, extreme: Pair | None) -> Doubles:
    """Return float64 [draws, 2], the totals of both numbers."""
    known = np.array([cell.part.sum(), cell.whole.sum()], dtype=np.float64)
    unseen = cell.rows - cell.seen
    if not unseen:
        return np.tile(known, (draws, 1))
    pairs = np.stack([cell.part, cell.whole], axis=1)
    values, counts = np.unique(pairs, axis=0, return_counts=True)
    if extreme is not None:
        values, counts = np.append(values, [extreme], axis=0), np.append(counts, 1)
    weights = rng.standard_gamma(counts.astype(np.float64), (draws, len(counts)))
    weights /= weights.sum(axis=1, keepdims=True)
    found: Doubles = known + rng.multinomial(unseen, weights) @ values.astype(np.float64)
    return found
