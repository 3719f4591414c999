"""A sitting: people in their tabs, the rows that they get, and what they answer.

Every answer is on the disk before it is said to be kept. Nothing else has to survive: a server that
is killed reads the answers and goes on; what it held for tabs is held again when they come back.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

from labelmend.data.answers import Answer, Saw, now
from labelmend.review.batches import batch_of
from labelmend.review.book import AnswerBook
from labelmend.review.evidence import panel
from labelmend.review.items import Item, item_of
from labelmend.review.locks import Locks
from labelmend.review.outlook import NEXT_ROWS, Pace, likely_wrong
from labelmend.review.queues import QUEUE_OF, Asked, Queue, Queues
from labelmend.review.table import ReviewTable
from labelmend.types import Bools


class RefusedError(Exception):
    """What was asked for can't be done; nothing was written.

    Attributes:
        status: of the reply, as HTTP has it.
        code: which of the catalogue's sentences says why.
        facts: for that sentence.
    """

    def __init__(self, status: int, code: str, **facts: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.facts = facts


@dataclass(frozen=True)
class Tab:
    """A person in a tab of the browser."""

    name: str
    who: str


@dataclass(frozen=True)
class Said:
    """What a person says of a row, or of several at once.

    Attributes:
        queue: from which the row came.
        row: its index, from 0.
        verdict: as an answer's.
        label: of the verdict "label".
        more: rows of its batch that have the same answer.
        revealed: the tab was shown the labels, and may know better than a server that was killed.
    """

    queue: Queue
    row: int
    verdict: Literal["label", "none", "unsure"]
    label: str | None = None
    more: Sequence[int] = ()
    revealed: bool = False


class Sitting:
    """All that a running page knows. Its methods may be called from several threads."""

    def __init__(
        self, queues: Queues, on_answers: Callable[[Queue, int], None] | None = None
    ) -> None:
        """Begin.

        Args:
            queues: where rows come from.
            on_answers: hears how many answers of which queue were written, or with a negative
                number, withdrawn.
        """
        self._queues = queues
        self._locks = Locks()
        self._lock = threading.RLock()
        self._on_answers = on_answers or (lambda _queue, _count: None)
        self._paces: dict[str, Pace] = defaultdict(Pace)
        self._skipped: dict[tuple[str, Queue], dict[int, None]] = defaultdict(dict)
        self._revealed: set[tuple[str, int]] = set()
        self._given_in: dict[str, str] = {}
        self._groups: dict[str, tuple[str, ...]] = {}

    @property
    def table(self) -> ReviewTable:
        """The table with the newest evidence."""
        return self._queues.table

    @property
    def book(self) -> AnswerBook:
        """What people said."""
        return self._queues.book

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Held while something changes; who holds it may call what is here."""
        return self._lock

    @property
    def queues(self) -> Queues:
        """Where rows come from."""
        return self._queues

    def renew(self, queues: Queues) -> None:
        """Take rows from other queues from now on; rows that are being looked at stay."""
        with self._lock:
            self._queues = queues

    def next_row(
        self, tab: Tab, queue: Queue, skip: int | None = None, among: Bools | None = None
    ) -> Item | None:
        """Return the next row of a queue for a tab, and hold its text; None where there is none.

        Args:
            tab: that asks.
            queue: from which.
            skip: a row that the person puts off: it comes again behind all others.
            among: bool [n], as `Queues.open_rows` has it.
        """
        with self._lock:
            self.book.refresh()
            skipped = self._skipped[tab.who, queue]
            if skip is not None:
                skipped.pop(skip, None)
                skipped[skip] = None
            put_off: dict[int, Asked] = {}
            for asked in self._queues.open_rows(queue, tab.who, among):
                if not self._locks.free(self._key(asked.row), tab.name):
                    continue
                if asked.row not in skipped:
                    return self._shown(tab, asked)
                put_off[asked.row] = asked
            for row in skipped:
                if row in put_off:
                    return self._shown(tab, put_off[row])
            self._locks.release(tab.name)
            return None

    def answer(self, tab: Tab, said: Said) -> tuple[Answer, ...]:
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
            said = replace(said, label=self._now(said.label))
            if (said.verdict == "label") != (said.label is not None):
                raise RefusedError(422, "invalid")
            if said.label is not None and said.label not in self.table.label_set:
                raise RefusedError(404, "unknown-label", label=said.label)
            answers = [] if self._stands(tab, asked, said) else [self._made(tab, asked, said)]
            for row in dict.fromkeys(said.more):
                other = self._asked(said.queue, row)
                if said.queue != "doubtful" or other.blind:
                    raise RefusedError(409, "no-batch")
                if self.table.keys[row] != self._key(said.row) and self._is_open(tab, other):
                    answers.append(self._made(tab, other, said))
            self._keep(tab, answers)
        if answers:
            self._on_answers(said.queue, len(answers))
        return tuple(answers)

    def undo(self, tab: Tab) -> Item:
        """Withdraw the last answer of a person, a whole batch where it was one, and show its row.

        What was said in the person's other tabs is theirs to undo.

        Raises:
            RefusedError: nothing is left to undo.
            OutputError: it can't be written.
        """
        with self._lock:
            self.book.refresh()
            for answer in reversed(self.book.answers()):
                mine = answer.who == tab.who and answer.shown.why in QUEUE_OF
                if not mine or self._given_in.get(answer.answer, tab.name) != tab.name:
                    continue
                row = self._queues.row_of(answer)
                if row is not None:
                    break
            else:
                raise RefusedError(409, "nothing-to-undo")
            names = set(self._groups.get(answer.answer, (answer.answer,)))
            taken = [one for one in self.book.answers() if one.answer in names]
            self.book.withdraw(taken, tab.who)
            first = taken[0] if len(taken) > 1 else answer
            queue = QUEUE_OF[first.shown.why]
            row = self._queues.row_of(first)
            asked = None if row is None else self._queues.asked(queue, row)
            item = None if asked is None else self._shown(tab, asked)
        self._on_answers(queue, -len(taken))
        if item is None:
            raise RefusedError(409, "undone-elsewhere")
        return replace(item, undone=(first.verdict, *first.labels))

    def reveal(self, tab: Tab, queue: Queue, row: int) -> Item:
        """Show the labels of a row that is blind; its answer will say so.

        Raises:
            RefusedError: there is no such row.
        """
        with self._lock:
            asked = self._asked(queue, row)
            self._revealed.add((tab.name, row))
            return self._shown(tab, asked)

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

    def batch(self, tab: Tab, row: int) -> list[Item]:
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

    def hold(self, tab: Tab) -> None:
        """Hear that a tab is still there."""
        with self._lock:
            self._locks.renew(tab.name)

    def release(self, tab: Tab) -> None:
        """Hear that a tab is being closed."""
        with self._lock:
            self._locks.release(tab.name)

    def progress(self, who: str) -> dict[str, Any]:
        """Return how far a person and the queues are."""
        with self._lock:
            self.book.refresh()
            queues, table, pace = self._queues, self.table, self._paces[who]
            openings = queues.openings
            drawn = len(openings.drawn)
            others = queues.texts_of_others(who)
            both = [key for key in others if who in self.book.on(key)]
            ahead = [asked.row for asked in islice(queues.open_rows("doubtful", who), NEXT_ROWS)]
            return {
                "audit": {"done": openings.audited_here(), "total": drawn},
                "doubtful": {
                    "done": openings.reviewed(),
                    "total": len(table.in_review),
                    **likely_wrong([float(table.doubt[row]) for row in ahead]),
                },
                "agreement": {
                    "done": len(both),
                    "total": len(others),
                    "agree": sum(1 for key in both if self._agree(key)),
                },
                "pace": {"answers": pace.count, "per_minute": pace.per_minute()},
            }

    def _keep(self, tab: Tab, answers: Sequence[Answer]) -> None:
        self.book.write(answers)
        names = tuple(one.answer for one in answers)
        self._given_in.update(dict.fromkeys(names, tab.name))
        self._groups.update(dict.fromkeys(names, names))
        self._paces[tab.who].add(len(answers))

    def _agree(self, key: str) -> bool:
        on = self.book.on(key).values()
        return len({(one.verdict, *map(self._now, one.labels)) for one in on}) == 1

    def _now(self, label: str | None) -> str | None:
        """Return what a label is called by now: it may be renamed under a person's eyes."""
        return self.table.mended.dataset.former_names.get(label or "", label)

    def _key(self, row: int) -> str:
        return self.table.keys[row]

    def _asked(self, queue: Queue, row: int) -> Asked:
        asked = self._queues.asked(queue, row)
        if asked is None:
            raise RefusedError(404, "no-row", row=str(row + 1))
        return asked

    def _hides(self, tab: Tab, asked: Asked) -> bool:
        return asked.blind and (tab.name, asked.row) not in self._revealed

    def _shown(self, tab: Tab, asked: Asked) -> Item:
        self._locks.take([self._key(asked.row)], tab.name)
        return self._item(tab, asked)

    def _item(self, tab: Tab, asked: Asked) -> Item:
        return item_of(self.table, asked, hidden=self._hides(tab, asked))

    def _said_before(self, tab: Tab, asked: Asked) -> list[Answer]:
        """Return the answers that close a row to a person."""
        key, queues = self._key(asked.row), self._queues
        if asked.queue == "audit":
            assert queues.design is not None
            return list(self.book.in_audit(key, queues.design.design))
        standing = self.book.on(key)
        if asked.queue == "agreement":
            return [standing[tab.who]] if tab.who in standing else []
        return list(standing.values())

    def _is_open(self, tab: Tab, asked: Asked) -> bool:
        free = self._locks.free(self._key(asked.row), tab.name)
        return free and not self._said_before(tab, asked)

    def _stands(self, tab: Tab, asked: Asked, said: Said) -> bool:
        """Whether a person has said so already.

        Raises:
            RefusedError: the row was answered in another way or by somebody else, or is being
                looked at.
        """
        labels = (said.label,) if said.label is not None else ()
        before = self._said_before(tab, asked)
        for one in before:
            if one.who == tab.who and (one.verdict, one.labels) == (said.verdict, labels):
                return True
        if before:
            raise RefusedError(409, "answered", who=before[0].who)
        if not self._locks.free(self._key(asked.row), tab.name):
            raise RefusedError(409, "held")
        return False

    def _made(self, tab: Tab, asked: Asked, said: Said) -> Answer:
        saw = not self._hides(tab, asked) or said.revealed
        return Answer(
            text_sha256=self._key(asked.row),
            id=self.table.mended.dataset.ids[asked.row],
            verdict=said.verdict,
            labels=(said.label,) if said.label is not None else (),
            who=tab.who,
            when=now(),
            shown=asked.shown,
            saw=Saw(given=saw, proposed=saw),
        )
