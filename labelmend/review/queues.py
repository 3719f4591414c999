"""The three queues: which rows a person is asked about, in which order, and what they may see.

- audit: the rows that an audit drew, in drawn order; people see neither label unless they ask to.
- doubtful: by what a look is worth, as the run ranks them. Rows of the audit that are still open
  are left to it, also those of a sheet that somebody else has: a person who has seen their labels
  could not answer them blind any more.
- agreement: texts that somebody else has answered, blind, oldest answer first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Literal

from labelmend.audit.draw import Design, DrawnRow
from labelmend.data.answers import Answer, Shown
from labelmend.review.book import AnswerBook
from labelmend.review.ranking.openings import Openings
from labelmend.review.reviewed import TableT
from labelmend.types import Bools

Queue = Literal["audit", "doubtful", "agreement"]

QUEUES: tuple[Queue, ...] = ("audit", "doubtful", "agreement")
"""All of them."""

QUEUE_OF: Mapping[str, Queue] = {
    "audit": "audit",
    "queue": "doubtful",
    "agreement": "agreement",
}
"""The queue that an answer came from, by why its text was shown."""


@dataclass(frozen=True)
class Asked:
    """A row that a person is asked about.

    Attributes:
        row: its index, from 0.
        queue: from which it comes.
        shown: why, as the answer will say.
        blind: neither the given nor the proposed label is shown, unless the person asks.
    """

    row: int
    queue: Queue
    shown: Shown
    blind: bool


@dataclass(frozen=True)
class Queues(Generic[TableT]):
    """Where the next row comes from.

    Attributes:
        table: the mended one.
        book: what people said.
        design: of the audit; None without one.
        drawn: its rows that are asked about, in their order.
        blind: hide the labels in all queues, or in none but agreement; None for the queues of audit
            and agreement.
    """

    table: TableT
    book: AnswerBook
    design: Design | None
    drawn: tuple[DrawnRow, ...]
    blind: bool | None = None

    @cached_property
    def openings(self) -> Openings:
        """Which texts are open, kept up as answers come."""
        return Openings(self.table, self.book, self.design, self.drawn)

    @cached_property
    def _drawn_at(self) -> Mapping[int, DrawnRow]:
        return {one.row: one for one in reversed(self.drawn)}

    def asked(self, queue: Queue, row: int) -> Asked | None:
        """Return a row as a queue shows it, None where the queue has no such row."""
        if not 0 <= row < len(self.table) or not self.table.texts[row].strip():
            return None
        if queue == "audit":
            drawn = self._drawn_at.get(row)
            return None if drawn is None else self._of_audit(drawn)
        if queue == "agreement":
            return Asked(row, queue, Shown("agreement"), blind=True)
        return Asked(row, queue, Shown("queue"), blind=bool(self.blind))

    def open_rows(self, queue: Queue, who: str, among: Bools | None = None) -> Iterator[Asked]:
        """Yield the rows that a person may be asked about, first ones first.

        Args:
            queue: from which.
            who: is asked.
            among: bool [n], the rows that the person picked, to which the queue of doubtful ones is
                narrowed; None for all.
        """
        if queue == "audit":
            for drawn in self.drawn:
                if self.openings.is_left(self.table.keys[drawn.row]):
                    yield self._of_audit(drawn)
        elif queue == "agreement":
            for key in self.texts_of_others(who):
                if who not in self.book.on(key):
                    row = self.table.rows_of[key][0]
                    yield Asked(row, queue, Shown("agreement"), blind=True)
        else:
            for row in self.openings.rows(among):
                yield Asked(row, queue, Shown("queue"), blind=bool(self.blind))

    def is_audited(self, key: str) -> bool:
        """Whether an answer of this audit stands on a text."""
        return self.design is not None and any(self.book.in_audit(key, self.design.design))

    @property
    def designed(self) -> frozenset[str]:
        """The texts that the audit drew, also those that a sheet leaves to somebody else."""
        return self.openings.designed

    def left_to_audit(self) -> frozenset[str]:
        """Return the texts of drawn rows that nobody has answered, whichever sheet has them."""
        return self.openings.left_to_audit()

    def texts_of_others(self, who: str) -> Sequence[str]:
        """Return the texts that other people have answered, oldest answer first."""
        return self.openings.of_others(who)

    def row_of(self, answer: Answer) -> int | None:
        """Return the row that an answer was given on; None where the table lacks its text."""
        rows = self.table.rows_of.get(answer.text_sha256, ())
        named = [row for row in rows if self.table.ids[row] == answer.id]
        return next(iter(named or rows), None)

    def _of_audit(self, drawn: DrawnRow) -> Asked:
        assert self.design is not None
        shown = Shown("audit", self.design.design, drawn.stratum, drawn.inclusion)
        return Asked(drawn.row, "audit", shown, blind=self.blind is not False)
