"""A sitting on a table with several labels a row: an answer says of each label whether it holds."""

from dataclasses import replace

from labelmend.data.answers import Answer
from labelmend.review.queues import Asked
from labelmend.review.seats import RefusedError, Said, Seats, Tab
from labelmend.review.sets.items import SetItem, set_item_of
from labelmend.review.sets.table import SetTable


class SetSitting(Seats[SetTable, SetItem]):
    """All that a running page knows of such a table."""

    task = "several"

    def answer(self, tab: Tab, said: Said) -> tuple[Answer, ...]:
        """Keep what a person says; when this returns, it is on the disk.

        Returns:
            the new answer: none where the person had said so already, as when a reply got lost.

        Raises:
            RefusedError: there is no such row or label, somebody else holds or has answered it.
            OutputError: the answer can't be written.
        """
        with self._lock:
            self.book.refresh()
            asked = self._asked(said.queue, said.row)
            if said.labels and said.verdict != "label":
                raise RefusedError(422, "invalid")
            known = self._known(said)
            known = replace(known, labels=tuple(sorted({*known.labels})))
            if not known.labels and known.verdict == "label":
                known = replace(known, verdict="none")
            answers = self._unless_said(tab, asked, known)
            self._keep(tab, answers)
        if answers:
            self._on_answers(said.queue, len(answers))
        return tuple(answers)

    def _item_of(self, asked: Asked, *, hidden: bool) -> SetItem:
        return set_item_of(self.table, asked, hidden=hidden)

    def _same(self, one: Answer, other: Answer) -> bool:
        if "unsure" in {one.verdict, other.verdict}:
            return one.verdict == other.verdict
        return {*one.labels} == {*other.labels}
