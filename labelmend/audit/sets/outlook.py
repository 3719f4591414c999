"""How wide the intervals over assignments will be, before people have answered.

Of rows that nobody saw, only how many labels they have is known; in those that are wrong, one
assignment is taken to be: that is what most of them have, and a forecast need not be better.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from labelmend.audit.figures import Which
from labelmend.audit.outlook import forecast, in_proportion, mean_widths
from labelmend.audit.sets.counts import RowCounts
from labelmend.audit.sets.figures import SetCell, SetSample, set_figures
from labelmend.audit.sets.ratios import Turns
from labelmend.audit.strata import DOUBT_FACTORS, Kind, Stratum, allocate, drawn_to_doubt
from labelmend.types import Bools, Ints

_TRIALS = 6
"""Made-up samples that a width is the mean of: half of those where a row has one label, since there
are twice the figures to work out."""


def set_widths(
    strata: tuple[Stratum, ...], table: RowCounts, most_labels: int, rows: int, seed: int
) -> dict[str, float]:
    """Return how wide each 95 % interval will be about, by the figure's name.

    The mean over what is believed and over beliefs that have up to ten times the odds of an error.

    Args:
        strata: of the table.
        table: its rows, of which nothing is used that depends on the truth.
        most_labels: as a `SetSample` has it.
        rows: that will be looked at.
        seed: of the made-up samples.
    """
    counts = allocate(strata, rows)
    rng = np.random.default_rng(seed)
    made = []
    for trial in range(_TRIALS):
        factor = DOUBT_FACTORS[trial % len(DOUBT_FACTORS)]
        cells = []
        for stratum, count in zip(strata, counts.tolist(), strict=True):
            # Rows that people answered before are known, and nothing of them is in doubt.
            known = stratum.kind == Kind.ANSWERED
            rate = 0.0 if known else float(drawn_to_doubt(np.array([stratum.doubt]), factor)[0])
            chosen = stratum.rows if known else rng.choice(stratum.rows, count, replace=False)
            seen = _made_up(table.rows(chosen), rng.random(len(chosen)) < rate, rng)
            turns = _one_draw(len(chosen), len(stratum))
            cells.append(SetCell.of(table.rows(stratum.rows), seen, stratum.doubt, turns))
        made.append(SetSample(tuple(cells), tuple(cells), most_labels))
    return mean_widths((set_figures(one, forecast(seed)) for one in made), "fixed_95")


def further_set_widths(
    sample: SetSample, further: int, headline: Which, seed: int
) -> dict[str, float]:
    """Return how wide each interval would be after so many more answers, by the figure's name.

    Args:
        sample: what was seen.
        further: answers more; of each cell they are taken to be like those that there are.
        headline: of the two intervals, the one to foresee.
        seed: of the made-up samples.
    """
    rng = np.random.default_rng(seed)
    effort = forecast(seed, headline)
    made = (
        SetSample(
            _with_more(sample.before, further, rng),
            _with_more(sample.after, further, rng),
            sample.most_labels,
        )
        for _ in range(_TRIALS)
    )
    return mean_widths((set_figures(one, effort) for one in made), headline)


def _one_draw(seen: int, rows: int) -> Turns:
    turn = (np.arange(seen) + 0.5) / max(seen, 1) * rows
    return Turns(turn.astype(np.int64), np.zeros(seen, dtype=np.int64), np.array([seen]))


def _made_up(table: RowCounts, wrong: Bools, rng: np.random.Generator) -> RowCounts:
    """Make up what holds: all that rows carry now, but for one assignment of each wrong row."""
    is_change = table.changes > 0
    may_miss = np.where(is_change, table.removed > 0, True)
    may_exceed = np.where(is_change, table.added > 0, table.mended > 0)
    missing = wrong & may_miss & (~may_exceed | (rng.random(len(table)) < 0.5))
    excess = wrong & may_exceed & ~missing
    miss, over = missing.astype(np.int64), excess.astype(np.int64)
    return replace(
        table,
        holds=table.mended + miss - over,
        missing_after=miss,
        false_after=over,
        missing_before=np.where(is_change, table.added - over, miss),
        false_before=np.where(is_change, table.removed - miss, over),
        removed_holding=np.where(is_change, miss, 0),
        added_false=np.where(is_change, over, 0),
    )


def _with_more(
    cells: Sequence[SetCell], further: int, rng: np.random.Generator
) -> tuple[SetCell, ...]:
    seen: Ints = np.array([len(cell.seen) for cell in cells], dtype=np.int64)
    rows = np.array([cell.rows for cell in cells], dtype=np.int64)
    more = in_proportion(np.where(seen > 0, rows - seen, 0), seen, further)
    last = max((int(cell.turns.turn.max(initial=-1)) for cell in cells), default=-1)
    return tuple(
        _longer(cell, count, last, rng) for cell, count in zip(cells, more.tolist(), strict=True)
    )


def _longer(cell: SetCell, count: int, last: int, rng: np.random.Generator) -> SetCell:
    """Return a cell with so many rows more, as if they were drawn next."""
    turns, draw = cell.turns, len(cell.turns.drawn)
    before = int(turns.drawn[-1]) if draw else 0
    again = cell.seen.rows(rng.integers(len(cell.seen), size=count) if count else np.arange(0))
    return replace(
        cell,
        seen=RowCounts.join([cell.seen, again]),
        turns=Turns(
            np.append(turns.turn, last + 1 + np.arange(count)),
            np.append(turns.draw, np.full(count, draw)),
            np.append(turns.drawn, before + count),
        ),
    )
