"""What the answers of an audit prove of a mended table with several labels a row.

The labels as given are judged by all rows that the audit drew. What mending made of them is judged
by those of them that taught it nothing: rows that are answered by now are right, and form a part of
the table by themselves, of which all is known; of every stratum, those that are left and were drawn
are as good as drawn from those that are left. Where no such row was answered, nothing is said of
what mending made of the labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.audit.certificate import FURTHER, Certificate, StratumFigures, elsewhere_note
from labelmend.audit.draw import Design
from labelmend.audit.figures import Effort, Which
from labelmend.audit.sets.answered import AnsweredRows, answered_rows
from labelmend.audit.sets.counts import RowCounts
from labelmend.audit.sets.figures import SetCell, SetSample, right_shares, set_figures
from labelmend.audit.sets.mended import MendedSetTable
from labelmend.audit.sets.outlook import further_set_widths
from labelmend.audit.sets.ratios import Turns
from labelmend.audit.strata import Kind
from labelmend.data.answers import AnswerFile
from labelmend.types import Bools, Ints
from labelmend.voice.speak import note

_ROWS_BELOW = 0.99
"""Of the rows, by how many labels they have as given or now: no row is taken to have more that
hold than the fullest of these, or any that was answered. All rows would let one odd row decide how
much is not known of the others."""

_LEAST_MOST = 2
"""Labels that a row may well have, however few the table's rows carry."""


def certify_sets(
    table: MendedSetTable, design: Design, answers: AnswerFile, sha256: str = ""
) -> Certificate:
    """Say what the answers of an audit prove.

    Args:
        table: the mended one.
        design: of its audit.
        answers: of people, of the task `several`; only those count that this audit drew.
        sha256: of the table, as a file.
    """
    heard = answered_rows(table, design.design, answers)
    rows = _Rows.of(table, design, heard)
    before, after = rows.before(), rows.after()
    sample = SetSample(
        tuple(cell for _, cell in before),
        tuple(cell for _, cell in after),
        max(most_labels(table), int(rows.counts.holds[rows.seen].max(initial=0))),
    )
    effort = Effort(design.seed)
    unsure = rows.drawn & heard.unsure & ~rows.seen
    missing = int((rows.drawn & ~rows.seen & ~unsure).sum())
    first = len(design.draws) == 1
    headline: Which = "fixed_95" if first and not missing else "anytime_95"
    parts = []
    for h, part in enumerate(design.strata):
        here = rows.stratum == h
        sides = [[cell for of, cell in cells if of == h] for cells in (before, after)]
        shares = (*right_shares(sides[0], effort)[:1], *right_shares(sides[1], effort)[1:])
        parts.append(
            StratumFigures(
                name=part.name,
                rows=len(part),
                drawn=int(design.drawn[h]),
                answered=int((rows.seen & here).sum()),
                unsure=int((unsure & here).sum()),
                figures=shares,
            )
        )
    elsewhere = int((rows.drawn & heard.elsewhere & ~rows.seen & ~unsure).sum())
    return Certificate(
        table=str(table.path),
        sha256=sha256,
        design=design.design,
        rows=len(table),
        drawn=int(rows.drawn.sum()),
        answered=int(rows.seen.sum()),
        unsure=int(unsure.sum()),
        open=missing,
        continued=not first,
        taught=int(rows.taught.sum()),
        headline=headline,
        figures=set_figures(sample, effort),
        strata=tuple(parts),
        further=further_set_widths(sample, FURTHER, headline, design.seed),
        notes=(*table.notes, *heard.notes, *rows.notes(), *elsewhere_note(elsewhere)),
        agreement=heard.agreement,
        task="several",
        most_labels=sample.most_labels,
    )


def most_labels(table: MendedSetTable) -> int:
    """Return how many labels of a row are taken to hold at most, before anybody has answered."""
    sizes = np.maximum(table.sets.given.sum(axis=1), table.mended.sum(axis=1))
    return max(_LEAST_MOST, int(np.quantile(sizes, _ROWS_BELOW, method="higher")))


def countable(table: MendedSetTable) -> RowCounts:
    """Count of each row what does not depend on what holds."""
    return RowCounts.of(table.sets.given, table.mended, table.mended)


@dataclass(frozen=True)
class _Rows:
    """What is known of each row, [n].

    Attributes:
        stratum: from which it may be drawn.
        drawn: the audit drew it.
        seen: and its labels are known by an answer of this audit.
        disputed: people say this and that of it, and all of that has taught the run: so what it
            made of the row proves nothing.
        turn: its place in the order of all that were drawn; -1 where it was not.
        draw: that took it; -1 where none did.
        draws: of the design.
        certain: it had been answered before the audit began, and is.
        taught: it was answered since then, and its labels are the answer now.
        changed: mending changed it.
        counts: of its labels as given and now.
        settled: the same, an answer being no change.
        doubt: float64 [h], of the strata.
    """

    stratum: Ints
    drawn: Bools
    seen: Bools
    disputed: Bools
    turn: Ints
    draw: Ints
    draws: int
    certain: Bools
    taught: Bools
    changed: Bools
    counts: RowCounts
    settled: RowCounts
    doubt: Sequence[float]

    @classmethod
    def of(cls, table: MendedSetTable, design: Design, heard: AnsweredRows) -> "_Rows":
        total = len(table)
        stratum, turn, draw = (np.full(total, -1, dtype=np.int64) for _ in range(3))
        asked_before = np.zeros(total, dtype=np.bool_)
        for h, part in enumerate(design.strata):
            stratum[part.rows] = h
            asked_before[part.rows] = part.kind == Kind.ANSWERED
        place = 0
        for number in range(len(design.draws)):
            for one in design.rows_of(number):
                turn[one.row], draw[one.row] = place, number
                place += 1
        answered = table.answered
        # What a run took for the truth is the truth of its rows, unless people said more since.
        truth = np.where(heard.known[:, None], heard.truth, table.mended)
        given, mended = table.sets.given, table.mended
        now = np.where(answered[:, None], mended, given)
        return cls(
            stratum=stratum,
            drawn=draw >= 0,
            seen=(draw >= 0) & heard.known,
            # Where no row is answered, the run had no answers to learn from.
            disputed=heard.disputed & ~answered & answered.any(),
            turn=turn,
            draw=draw,
            draws=len(design.draws),
            certain=asked_before & answered,
            taught=answered & ~asked_before,
            changed=(given != mended).any(axis=1),
            counts=RowCounts.of(given, mended, truth),
            settled=RowCounts.of(now, mended, truth),
            doubt=tuple(part.doubt for part in design.strata),
        )

    def before(self) -> list[tuple[int, SetCell]]:
        """Return cells for the labels as given, each with its stratum."""
        part = np.zeros(len(self.seen), dtype=np.int64)
        return self._cells(self.counts, self.certain, part, self.seen)

    def after(self) -> list[tuple[int, SetCell]]:
        """Return cells for the labels as they are now; none where nothing can be said of them."""
        known, seen = self.certain | self.taught, self.seen & ~self.disputed
        if not (seen & ~known).any() and not known.all():
            return []
        return self._cells(self.settled, known, self.changed.astype(np.int64), seen)

    def _cells(
        self, counts: RowCounts, known: Bools, parts: Ints, all_seen: Bools
    ) -> list[tuple[int, SetCell]]:
        """Return the cells: of each stratum rows that are known, and the others by their part."""
        part = np.where(known, -1, parts)
        found = []
        for h in range(len(self.doubt)):
            for one in np.unique(part[self.stratum == h]).tolist():
                rows = np.flatnonzero((self.stratum == h) & (part == one))
                seen = rows if one < 0 else rows[all_seen[rows]]
                found.append((h, self._cell(counts, rows, seen, self.doubt[h], is_known=one < 0)))
        return found

    def _cell(
        self, counts: RowCounts, rows: Ints, seen: Ints, doubt: float, *, is_known: bool
    ) -> SetCell:
        seen = seen[np.argsort(self.turn[seen], kind="stable")]
        taken = np.array([(self.draw[rows] == d).sum() for d in range(self.draws)], dtype=np.int64)
        drawn = np.full(self.draws, len(rows)) if is_known else np.cumsum(taken)
        turns = Turns(self.turn[seen], np.maximum(self.draw[seen], 0), drawn)
        return SetCell.of(counts.rows(rows), counts.rows(seen), 0.0 if is_known else doubt, turns)

    def notes(self) -> tuple[str, ...]:
        """Return what answers that taught a run can't say."""
        taught = self.taught | self.disputed
        told = int((self.seen & taught).sum())
        left = int((self.seen & ~taught & ~self.certain).sum())
        if not told:
            return ()
        if left:
            said = note(
                "{count} {count:one=answer|other=answers} of this audit taught the run that wrote "
                "this table, so {count:one=it tells|other=they tell} of the labels as given alone; "
                "what mending made of them is told by the {left} {left:one=other|other=others}",
                count=told,
                left=left,
            )
        else:
            said = note(
                "all answers of this audit taught the run that wrote this table, so they prove "
                "nothing of what mending made of the labels; draw further rows with labelmend "
                "audit, answer them, and certify again before relabel learns from them"
            )
        return (said,)
