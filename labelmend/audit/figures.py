"""The four figures of a certificate, each with both intervals, from what was seen of a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from labelmend import intervals
from labelmend.audit import anytime
from labelmend.audit.strata import Kind
from labelmend.intervals import Cells, fiducial_totals, quantiles
from labelmend.types import Bools, Doubles, Ints

WRONG_BEFORE, WRONG_AFTER = "wrong_before", "wrong_after"
BROKEN, PRECISION = "broken", "precision"
NAMES = (WRONG_BEFORE, WRONG_AFTER, BROKEN, PRECISION)

Interval = tuple[float, float]


@dataclass(frozen=True)
class Figure:
    """A share of the table.

    Attributes:
        name: one of `NAMES`, or of `labelmend.audit.sets.figures`.
        estimate: each stratum's share, by its size.
        fixed_95: the interval if the number of rows was fixed beforehand.
        anytime_95: the interval that holds whenever one looks.
    """

    name: str
    estimate: float
    fixed_95: Interval
    anytime_95: Interval


@dataclass(frozen=True)
class Known:
    """What holds of the rows whose answers are in the mended labels already.

    Their labels are right now. Without their answers they would have been decided as others are,
    which is what the cells count; so what the cells say of all rows holds of the others once these
    are taken off.

    Attributes:
        wrong: that would be wrong after mending.
        changed: that would have been changed.
        changed_right: of those, to the right label.
        broken: of those, that were right as given.
    """

    wrong: int = 0
    changed: int = 0
    changed_right: int = 0
    broken: int = 0


@dataclass(frozen=True)
class Sample:
    """What was seen of a table, by cells: rows of one stratum of which the same was decided.

    Attributes:
        kind: int64 [c], `Kind` of each cell, as it is decided now.
        rows: int64 [c], in the table.
        seen: int64 [c], drawn, and answered by a person who was sure.
        given_wrong: int64 [c], of the seen ones, whose given label is wrong.
        mended_wrong: int64 [c], of the seen ones, whose label after mending is wrong.
        doubt: float64 [c], believed share of labels that are wrong after mending, as it was before
            any row was seen.
        known: of rows whose answers are in the mended labels.
    """

    kind: Ints
    rows: Ints
    seen: Ints
    given_wrong: Ints
    mended_wrong: Ints
    doubt: Doubles
    known: Known = Known()

    def chosen(self, cells: Bools) -> Sample:
        """Return some of the cells, nothing being known besides."""
        return Sample(
            self.kind[cells],
            self.rows[cells],
            self.seen[cells],
            self.given_wrong[cells],
            self.mended_wrong[cells],
            self.doubt[cells],
        )

    @property
    def labelled(self) -> int:
        """Rows that came with a label."""
        return int(self.rows[_is(self, Kind.KEPT, Kind.CHANGED)].sum())


Which = Literal["fixed_95", "anytime_95"]


@dataclass(frozen=True)
class Effort:
    """What is worked out of each figure.

    Attributes:
        seed: of the draws of fiducial distributions.
        draws: of them; fewer for a forecast.
        only: the one interval that is wanted, the other being all from 0 to 1; None for both.
    """

    seed: int
    draws: int = intervals.DRAWS
    only: Which | None = None


def figures(sample: Sample, effort: Effort) -> tuple[Figure, ...]:
    """Return the four figures; one whose share is of no rows is left out."""
    found = [_broken(sample, effort), _precision(sample, effort)]
    changed = tuple(figure for figure in found if figure is not None)
    return (*wrong_shares(sample, effort), *changed)


def wrong_shares(sample: Sample, effort: Effort) -> tuple[Figure, ...]:
    """Return the share of wrong labels before and after, the first two of the figures."""
    found = [_before(sample, effort), _after(sample, effort)]
    return tuple(figure for figure in found if figure is not None)


def _is(sample: Sample, *kinds: Kind) -> Bools:
    return np.isin(sample.kind, kinds) & (sample.rows > 0)


def _cells(sample: Sample, positive: Ints, used: Bools) -> Cells:
    return Cells(sample.rows, sample.seen, positive).of(used)


def _before(sample: Sample, effort: Effort) -> Figure | None:
    used = _is(sample, Kind.KEPT, Kind.CHANGED)
    # A change is a claim that the given label is wrong.
    belief = np.where(sample.kind == Kind.CHANGED, 1 - sample.doubt, sample.doubt)[used]
    cells = _cells(sample, sample.given_wrong, used)
    return counted_share(WRONG_BEFORE, cells, belief, (0, sample.labelled), effort)


def _after(sample: Sample, effort: Effort) -> Figure | None:
    used = _is(sample, Kind.KEPT, Kind.CHANGED, Kind.FILLED)
    cells = _cells(sample, sample.mended_wrong, used)
    total = int(sample.rows[used].sum())
    known = sample.known.wrong
    return counted_share(WRONG_AFTER, cells, sample.doubt[used], (known, total), effort)


def _precision(sample: Sample, effort: Effort) -> Figure | None:
    used = _is(sample, Kind.CHANGED)
    cells = _cells(sample, sample.seen - sample.mended_wrong, used)
    total = int(sample.rows[used].sum()) - sample.known.changed
    known = sample.known.changed_right
    return counted_share(PRECISION, cells, 1 - sample.doubt[used], (known, total), effort)


def counted_share(
    name: str, cells: Cells, belief: Doubles, known: tuple[int, int], effort: Effort
) -> Figure | None:
    """Return (total of the cells - known) / of, or None where it is of no rows.

    Args:
        name: of the figure.
        cells: what was seen of what is counted.
        belief: float64 [c], the believed share in each cell, as it was before any row was seen.
        known: known and of, rows.
        effort: what is worked out.
    """
    less, of = known
    if not of:
        return None
    fixed = whenever = 0.0, float(of + less)
    if effort.only != "anytime_95":
        fixed = intervals.total_interval(cells, effort.seed, effort.draws)
    if effort.only != "fixed_95":
        whenever = anytime.total_interval(cells, belief)
    ends = cells.estimate, *fixed, *whenever
    shares = [min(max((end - less) / of, 0.0), 1.0) for end in ends]
    return Figure(name, shares[0], (shares[1], shares[2]), (shares[3], shares[4]))


def _broken(sample: Sample, effort: Effort) -> Figure | None:
    """Return the broken ones among the good labels, of both of which the sample has to tell."""
    changed, kept = _is(sample, Kind.CHANGED), _is(sample, Kind.KEPT)
    if not changed.any():
        return None
    good = _cells(sample, sample.seen - sample.given_wrong, changed)
    wrong = _cells(sample, sample.given_wrong, kept)
    rows, less = int(sample.rows[kept].sum()), sample.known.broken

    def share(good_changed: Doubles | Ints, wrong_kept: Doubles | Ints) -> Doubles:
        broken = np.maximum(good_changed - less, 0)
        shares: Doubles = broken / np.maximum(rows - wrong_kept + good_changed, 1)
        return shares

    fixed = whenever = 0.0, 1.0
    if effort.only != "anytime_95":
        rng = np.random.default_rng(effort.seed)
        drawn = fiducial_totals(good, rng, effort.draws)
        fixed = quantiles(share(drawn, fiducial_totals(wrong, rng, effort.draws)))
    if effort.only != "fixed_95":
        beliefs = sample.doubt[changed], sample.doubt[kept]
        totals, least, most = anytime.pair_limits(good, wrong, beliefs)
        whenever = float(share(totals, least).min()), float(share(totals, most).max())
    estimate = share(np.array([good.estimate]), np.array([wrong.estimate]))
    return Figure(BROKEN, float(estimate[0]), fixed, whenever)
