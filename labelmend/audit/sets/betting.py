"""95 % intervals of shares of assignments, that hold whenever one looks.

A bet against a share: if it were the true one, the mean of `d = part - share * whole` over all rows
would be 0. Each row that is seen multiplies a capital by `1 - b + b * v / m`, where `v` is how far
the row's `d` is from the least that can be, `m` what is then expected of the rows that are left of
its cell, and `b` a stake that is chosen before the row is seen (Waudby-Smith and Ramdas 2024,
betting without replacement). If the share is true, the capital is a martingale that starts at 1, so
it reaches 40 in one audit of forty at most (Ville 1939); shares at which it has are ruled out, on
either side. How the rows err is bounded, and nothing else is taken for granted.

A share says what the mean over all cells is, not that of each; it is ruled out where the capitals
of all cells together, at the means that are worst for the bet, have reached 40. Minus the log of
each is convex in the cell's mean, so Lagrange's multiplier finds the worst, and one that is not
quite the best makes the interval wider, never too narrow. The stakes are those at which no cell's
mean matters more than another's, for the number of rows that had been drawn when a row was.
"""

from collections.abc import Sequence

import numpy as np

from labelmend.audit.sets.ratios import RatioCell, greatest_share, ratio_estimate
from labelmend.intervals import ERROR
from labelmend.types import Doubles, Ints

_BAR = float(np.log(2 / ERROR))
"""Shares at which the log of the capital has reached this are ruled out, half the error a side."""

_MOST_STAKE = 0.95
"""Of the capital: with all of it one row as bad as can be would end the audit. By hand, on made-up
tables other than those of the benchmark."""

_PRIOR_ROWS = 2.0
"""Rows that the first guess at means and spread counts for, before any is seen."""

_PRIOR_SHARE = 0.1
"""Of a row's assignments, those that are counted by the first guess."""

_POINTS, _PASSES = 14, 3
"""Shares that are tried at a time, each time between two neighbours of the time before."""

_GRID, _PRICES = 40, 80
"""Means, and multipliers, among which the worst is looked for."""

_HALVINGS = 40
"""Until a cell's worst mean is found."""

_TINY, _HUGE = 1e-12, 1e6
"""Bounds of what is divided by and of multipliers."""


def anytime_ratio(cells: Sequence[RatioCell]) -> tuple[float, float]:
    """Return the 95 % interval of the share over all cells."""
    most = greatest_share(cells)
    if not any(cell.whole.any() for cell in cells):
        return 0.0, most
    near = min(ratio_estimate(cells), most)
    if all(cell.is_known for cell in cells):
        return near, near
    return _end(cells, near, 0.0, upper=False), _end(cells, near, most, upper=True)


def _end(cells: Sequence[RatioCell], near: float, far: float, *, upper: bool) -> float:
    """Return the share nearest to a held one that is ruled out, or the last there is."""
    for _ in range(_PASSES):
        tried = near + (far - near) * np.arange(1, _POINTS + 1) / _POINTS
        held = np.flatnonzero(evidence(cells, tried, upper=upper) < _BAR)
        last = int(held[-1]) if len(held) else -1
        if last == len(tried) - 1:
            return far
        near, far = float(tried[last]) if last >= 0 else near, float(tried[last + 1])
    return far


def evidence(cells: Sequence[RatioCell], shares: Doubles, *, upper: bool) -> Doubles:
    """Return float64 [r], the log of what a bet has made, at the means that are worst for it.

    Args:
        cells: what was seen.
        shares: float64 [r], that are bet against.
        upper: the bet is that the true share is below; else above.
    """
    bets = [_Bet(cell, shares, upper) for cell in cells]
    _place(bets)
    budget: Doubles = np.sum([bet.rows * bet.edge for bet in bets], axis=0)
    grids = [bet.grid() for bet in bets]
    slopes = np.concatenate([grid[2] for grid in grids]).clip(_TINY, _HUGE)
    prices = np.geomspace(slopes.min(axis=0), slopes.max(axis=0), _PRICES)
    prices = np.concatenate([np.zeros((1, len(shares))), prices, np.full((1, len(shares)), _HUGE)])
    dual = -prices * budget
    for bet, (means, values, _) in zip(bets, grids, strict=True):
        dual = dual + (values + bet.rows * prices[:, None, :] * means).min(axis=1)
    price = np.take_along_axis(prices, dual.argmax(axis=0)[None], axis=0)[0]
    worst: Doubles = -price * budget + np.sum([bet.worst(price) for bet in bets], axis=0)
    return worst


class _Bet:
    """A bet on one cell against several shares.

    Attributes:
        rows: of the cell.
        edge: float64 [r], how far a mean of 0 is from the least that can be.
        gain: float64 [s, r], how far each row is.
        stake: float64 [s, r], chosen by `_place`.
    """

    def __init__(self, cell: RatioCell, shares: Doubles, upper: bool) -> None:
        top, bottom = (float(p) - shares * w for p, w in (cell.most, cell.least))
        seen = cell.part[:, None] - shares * cell.whole[:, None]
        self.rows = cell.rows
        self.turns = cell.turns
        self.edge = top if upper else -bottom
        # A row beyond what was taken for the bounds counts as one at them.
        self.gain = np.maximum(top - seen if upper else seen - bottom, 0.0)
        self.stake = np.zeros(self.gain.shape)
        guess = cell.usual * (_PRIOR_SHARE - shares)
        self.first = np.maximum(top - guess if upper else guess - bottom, _TINY)
        self.spread = np.full(len(shares), max(_PRIOR_SHARE * cell.usual, _TINY))
        total = self.gain.sum(axis=0)
        self._low = total / self.rows
        span = np.maximum(top - bottom, self.gain.max(axis=0, initial=0.0))
        self._high = (total + (self.rows - len(seen)) * span) / self.rows
        taken = np.cumsum(self.gain, axis=0) - self.gain
        self._taken = taken
        self._left = (self.rows - np.arange(len(seen), dtype=np.float64))[:, None]

    def at(self, means: Doubles) -> tuple[Doubles, Doubles]:
        """Return the log of the capital where a cell has a mean, and its slope.

        Args:
            means: float64 [..., r].
        """
        expected = np.maximum((self.rows * means[..., None, :] - self._taken) / self._left, _TINY)
        ratio = self.gain / expected
        factor = 1 - self.stake + self.stake * ratio
        slope = -self.stake * ratio / expected / factor * self.rows / self._left
        return np.log(factor).sum(axis=-2), slope.sum(axis=-2)

    def grid(self) -> tuple[Doubles, Doubles, Doubles]:
        """Return float64 [g, r]: means, the log of the capital, and minus its slope a row."""
        steps = np.linspace(0, 1, _GRID)[:, None] ** 2
        means = self._low + (self._high - self._low) * steps
        values, slope = self.at(means)
        return means, values, -slope / self.rows

    def worst(self, price: Doubles) -> Doubles:
        """Return float64 [r], the least of log capital and what the mean costs."""
        low, high = self._low.copy(), self._high.copy()
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            falls = self.at(middle)[1] + price * self.rows < 0
            low, high = np.where(falls, middle, low), np.where(falls, high, middle)
        middle = (low + high) / 2
        least: Doubles = self.at(middle)[0] + price * self.rows * middle
        return least


def _place(bets: Sequence[_Bet]) -> None:
    """Choose all stakes, each by the rows that were drawn before it and nothing else."""
    rows = np.array([bet.rows for bet in bets], dtype=np.float64)
    shape = (len(bets), len(bets[0].edge))
    count, total, squares = np.zeros(len(bets)), np.zeros(shape), np.zeros(shape)
    first, spread = (np.array([getattr(bet, k) for bet in bets]) for k in ("first", "spread"))
    for cell, place in _in_turn(bets):
        bet = bets[cell]
        draw = int(bet.turns.draw[place])
        drawn = np.array([max(_up_to(one.turns.drawn, draw), 1) for one in bets], dtype=np.float64)
        weight = (_PRIOR_ROWS + count)[:, None]
        mean = (_PRIOR_ROWS * first + total) / weight
        around = np.maximum(squares - 2 * mean * total + count[:, None] * mean**2, 0.0)
        variance = (_PRIOR_ROWS * spread + around) / weight
        left = np.maximum(1 - drawn / rows, 0.0)
        of_total = ((rows**2 / drawn * left)[:, None] * variance).sum(axis=0)
        # Of all cells alike, so that it still does not matter which mean is higher.
        scale = (rows / drawn * (left > 0))[:, None] * mean
        pace = np.sqrt(2 * _BAR / np.maximum(of_total, _TINY))
        pace = np.minimum(pace, _MOST_STAKE / np.maximum(scale.max(axis=0), _TINY))
        bet.stake[place] = np.minimum(pace * scale[cell], _MOST_STAKE)
        gain = bet.gain[place]
        count[cell] += 1
        total[cell] += gain
        squares[cell] += gain**2


def _up_to(drawn: Ints, draw: int) -> int:
    return int(drawn[min(draw, len(drawn) - 1)]) if len(drawn) else 0


def _in_turn(bets: Sequence[_Bet]) -> list[tuple[int, int]]:
    """Return the cell and the place in it of all rows that were seen, as they were drawn."""
    order = [
        (int(turn), cell, place)
        for cell, bet in enumerate(bets)
        for place, turn in enumerate(bet.turns.turn.tolist())
    ]
    return [(cell, place) for _, cell, place in sorted(order)]
