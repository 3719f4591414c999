"""The figures of a certificate over assignments, from what was seen of rows with several labels.

Rows are drawn, so shares of rows are counted as where a row has one label, and shares of
assignments are ratios of totals over rows: `ratios` and `betting`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.audit.figures import PRECISION, Effort, Figure, counted_share
from labelmend.audit.sets.betting import anytime_ratio
from labelmend.audit.sets.counts import RowCounts
from labelmend.audit.sets.ratios import RatioCell, Turns, fixed_ratio, ratio_estimate
from labelmend.intervals import Cells
from labelmend.types import Bools, Doubles

MISSING_BEFORE, MISSING_AFTER = "missing_before", "missing_after"
FALSE_BEFORE, FALSE_AFTER = "false_before", "false_after"
REMOVED_HOLDING, ADDED_FALSE = "removed_holding", "added_false"
RIGHT_BEFORE, RIGHT_AFTER = "rows_right_before", "rows_right_after"

BEFORE = (MISSING_BEFORE, FALSE_BEFORE, RIGHT_BEFORE)
"""Figures of the labels as given, of which mending knows nothing."""

SET_NAMES = (
    *(MISSING_BEFORE, MISSING_AFTER, FALSE_BEFORE, FALSE_AFTER),
    *(REMOVED_HOLDING, ADDED_FALSE, PRECISION, RIGHT_BEFORE, RIGHT_AFTER),
)
"""All figures in their order."""


_SIZES = ("given", "mended", "removed", "added", "changes")
"""Numbers of labels that the table itself tells of each row, whatever holds."""

_HOLDS = "holds"


@dataclass(frozen=True)
class SetCell:
    """What was seen of a cell: rows of one stratum of which the same was decided.

    Attributes:
        rows: in the table.
        seen: drawn, and answered by a person who was sure, as they were drawn.
        limits: by `_SIZES`, how many a row has at most.
        usual: likewise, how many a row has in the mean.
        doubt: believed share of rows in which something is wrong after mending, as it was before
            any row was seen.
        turns: when the rows were drawn.
    """

    rows: int
    seen: RowCounts
    limits: Mapping[str, int]
    usual: Mapping[str, float]
    doubt: float
    turns: Turns

    @classmethod
    def of(cls, all_rows: RowCounts, seen: RowCounts, doubt: float, turns: Turns) -> "SetCell":
        """Count a cell.

        Args:
            all_rows: of the cell, of which only what does not depend on the truth is used.
            seen: those of which the truth is known, as they were drawn.
            doubt: as above, so with `turns`.
            turns: of the rows that were seen.
        """
        sizes = {name: getattr(all_rows, name) for name in _SIZES}
        limits = {name: int(size.max(initial=0)) for name, size in sizes.items()}
        usual = {name: float(size.sum() / max(len(size), 1)) for name, size in sizes.items()}
        return cls(len(all_rows), seen, limits, usual, doubt, turns)


@dataclass(frozen=True)
class SetSample:
    """What was seen of a table.

    Attributes:
        before: cells for the labels as given.
        after: cells for what mending made of them; empty where the answers can't speak of it.
        most_labels: labels that a row is taken to have at most that hold.
    """

    before: tuple[SetCell, ...]
    after: tuple[SetCell, ...]
    most_labels: int


@dataclass(frozen=True)
class Share:
    """A share of assignments, by columns of `RowCounts`.

    Attributes:
        name: of the figure.
        part: the assignments that are counted.
        whole: those among which they are.
        limit: a row has no more of the part than of this.
        is_within: the part is among the whole.
    """

    name: str
    part: str
    whole: str
    limit: str
    is_within: bool = True

    def cell(self, cell: SetCell, most_labels: int) -> RatioCell:
        """Return what was seen of it in a cell."""
        limits = {**cell.limits, _HOLDS: most_labels}
        part, usual = limits[self.limit], {**cell.usual, _HOLDS: cell.usual["mended"]}
        return RatioCell(
            rows=cell.rows,
            part=getattr(cell.seen, self.part),
            whole=getattr(cell.seen, self.whole),
            most=(part, part if self.is_within else 0),
            least=(0, limits[self.whole]),
            usual=usual[self.whole],
            turns=cell.turns,
        )


SHARES = (
    Share(MISSING_BEFORE, "missing_before", _HOLDS, _HOLDS),
    Share(MISSING_AFTER, "missing_after", _HOLDS, _HOLDS),
    Share(FALSE_BEFORE, "false_before", "given", "given"),
    Share(FALSE_AFTER, "false_after", "mended", "mended"),
    Share(REMOVED_HOLDING, "removed_holding", _HOLDS, "removed"),
    # Of a row to which labels were added in error, nothing may hold.
    Share(ADDED_FALSE, "added_false", _HOLDS, "added", is_within=False),
    Share(PRECISION, "right_changes", "changes", "changes"),
)
"""All shares of assignments."""


def set_figures(sample: SetSample, effort: Effort) -> tuple[Figure, ...]:
    """Return the figures; one whose share is of nothing is left out."""
    found = {}
    for share in SHARES:
        cells = sample.before if share.name in BEFORE else sample.after
        figure = _ratio(share, cells, sample.most_labels, effort)
        if figure is not None:
            found[share.name] = figure
    rows = (*right_shares(sample.before, effort)[:1], *right_shares(sample.after, effort)[1:])
    found |= {figure.name: figure for figure in rows}
    return tuple(found[name] for name in SET_NAMES if name in found)


def _ratio(
    share: Share, cells: Sequence[SetCell], most_labels: int, effort: Effort
) -> Figure | None:
    counted = [share.cell(cell, most_labels) for cell in cells]
    counted = [cell for cell in counted if cell.most != (0, 0) or cell.least != (0, 0)]
    seen_whole = any(cell.whole.any() for cell in counted)
    if not counted or (share.whole == _HOLDS and not seen_whole):
        return None
    fixed = whenever = 0.0, 1.0
    if effort.only != "anytime_95":
        fixed = fixed_ratio(counted, effort.seed, effort.draws)
    if effort.only != "fixed_95":
        whenever = anytime_ratio(counted)
    estimate = ratio_estimate(counted)
    if effort.only is None:
        # Of few rows the estimate may be more extreme than what was drawn around it.
        fixed = min(fixed[0], estimate), max(fixed[1], estimate)
    return Figure(share.name, estimate, fixed, whenever)


def right_shares(cells: Sequence[SetCell], effort: Effort) -> tuple[Figure, ...]:
    """Return the shares of rows that are wholly right before and after; none without cells."""
    if not cells:
        return ()
    rows = np.array([cell.rows for cell in cells], dtype=np.int64)
    seen = np.array([len(cell.seen) for cell in cells], dtype=np.int64)
    doubt = np.array([cell.doubt for cell in cells])
    changed = np.array([cell.limits["changes"] > 0 for cell in cells])
    # A change is a claim that the row was wrong.
    sides: list[tuple[str, Callable[[RowCounts], Bools], Doubles]] = [
        (RIGHT_BEFORE, lambda c: c.right_before, np.where(changed, doubt, 1 - doubt)),
        (RIGHT_AFTER, lambda c: c.right_after, 1 - doubt),
    ]
    found = []
    for name, is_right, belief in sides:
        right = np.array([int(is_right(cell.seen).sum()) for cell in cells], dtype=np.int64)
        whole = Cells(rows, seen, right)
        found.append(counted_share(name, whole, belief, (0, int(rows.sum())), effort))
    return tuple(figure for figure in found if figure is not None)
