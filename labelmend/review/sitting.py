"""A sitting on a table with one label a row: what people answer, batches, and why."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from labelmend.data.answers import Answer
from labelmend.review.batches import batch_of
from labelmend.review.evidence import panel
from labelmend.review.items import LabelItem, item_of
from labelmend.review.queues import Asked, Queue
from labelmend.review.seats import RefusedError, Said, Seats, Tab
from labelmend.review.table import ReviewTable
from labelmend.types import Bools


@dataclass(frozen=True)
class SaidOfBatch(Said):
    """What a person says of a row, or of several at once.

    Attributes:
        more: rows of its batch that have the same answer.
    """

    more: Sequence[int] = ()


class Sitting(Seats[ReviewTable, LabelItem]):
    """All that a running page knows of such a table."""

    task = "single"

    def answer(self, tab: Tab, said: SaidOfBatch) -> tuple[Answer, ...]:
        """Keep what a person says; when this returns, it is on the disk.

        Returns:
            the new answers: none where the person had said so already, as when a reply got lost.

        Raises:
            RefusedError: there is no such row or label, somebody else holds or has answered it.
            OutputError: the answer can't be written.
        """
        with self._lock:
            self.book.refresh()
            asked = self._asked(said.queue, said.row)
            if len(said.labels) != (said.verdict == "label"):
                raise RefusedError(422, "invalid")
            known = self._known(said)
            answers = self._unless_said(tab, asked, known)
            for row in dict.fromkeys(said.more):
                other = self._asked(said.queue, row)
                if said.queue != "doubtful" or other.blind:
                    raise RefusedError(409, "no-batch")
                if self.table.keys[row] != self._key(said.row) and self._is_open(tab, other):
                    answers.append(self._made(tab, other, known))
            self._keep(tab, answers)
        if answers:
            self._on_answers(said.queue, len(answers))
        return tuple(answers)

    def why(self, tab: Tab, queue: Queue, row: int) -> dict[str, Any]:
        """Return why a row was decided as it was.

        Raises:
            RefusedError: there is no such row, it is blind, or the run left no evidence of it.
        """
        with self._lock:
            asked = self._asked(queue, row)
            if self._hides(tab, asked):
                raise RefusedError(409, "blind")
            found = self.table.evidence.explanation(row, self.table.mended.dataset.texts[row])
        if found is None:
            raise RefusedError(404, "no-evidence")
        return panel(found)

    def batch(self, tab: Tab, row: int) -> list[LabelItem]:
        """Return the rows that may have the same answer as a row, and hold them all.

        Raises:
            RefusedError: there is no such row, or it is blind.
        """
        with self._lock:
            asked = self._asked("doubtful", row)
            if self._hides(tab, asked):
                raise RefusedError(409, "blind")
            found = self.table.evidence.explanation(row, self.table.mended.dataset.texts[row])
            rows = batch_of(self.table, row, found, self._queues.left_to_audit())
            others = [self._asked("doubtful", other) for other in rows]
            others = [other for other in others if self._is_open(tab, other)]
            self._locks.take([self._key(row), *(self._key(o.row) for o in others)], tab.name)
            return [self._item(tab, other) for other in others]

    def put(self, tab: Tab, answers: Sequence[Answer]) -> None:
        """Keep answers that were given together: one Z takes all of them back.

        Raises:
            OutputError: they can't be written.
        """
        with self._lock:
            self._keep(tab, answers)
        if answers:
            self._on_answers("doubtful", len(answers))

    def take_back(self, tab: Tab, names: Collection[str]) -> None:
        """Withdraw those of such answers that still stand.

        Raises:
            OutputError: it can't be written.
        """
        with self._lock:
            self.book.refresh()
            taken = [one for one in self.book.answers() if one.answer in names]
            self.book.withdraw(taken, tab.who)
        if taken:
            self._on_answers("doubtful", -len(taken))

    def open_texts(self, who: str, among: Bools | None) -> int:
        """Return how many doubtful rows, of those that a person picked, are open to them."""
        with self._lock:
            self.book.refresh()
            return sum(1 for _ in self._queues.open_rows("doubtful", who, among))

    def answered(self) -> set[str]:
        """Return the texts that anybody has answered, by hash."""
        with self._lock:
            return {answer.text_sha256 for answer in self.book.answers()}

    def unseen(self, who: str) -> set[str]:
        """Return the texts whose labels a person is not to see, by hash: they will be asked blind.

        Those are the rows of the audit that nobody has answered, and what only others have.
        """
        with self._lock:
            self.book.refresh()
            others = self._queues.texts_of_others(who)
            agreement = {key for key in others if who not in self.book.on(key)}
            queues = self._queues
            return agreement | {key for key in queues.designed if not queues.is_audited(key)}

    def _item_of(self, asked: Asked, *, hidden: bool) -> LabelItem:
        return item_of(self.table, asked, hidden=hidden)

    def _same(self, one: Answer, other: Answer) -> bool:
        first, second = ((a.verdict, *map(self._now, a.labels)) for a in (one, other))
        return first == second
