"""Where people sit: in their tabs, with the rows that they get, and what they answered.

Every answer is on the disk before it is said to be kept. Nothing else has to survive: a server that
is killed reads the answers and goes on; what it held for tabs is held again when they come back.

What an answer says depends on how many labels a row may have: `sitting.py` knows one, and
`sets/sitting.py` several.
"""

import threading
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, ClassVar, Generic, TypeVar

from labelmend.data.answers import Answer, Saw, Verdict, now
from labelmend.review.book import AnswerBook
from labelmend.review.items import Item
from labelmend.review.locks import Locks
from labelmend.review.outlook import NEXT_ROWS, Pace, likely_wrong
from labelmend.review.queues import QUEUE_OF, Asked, Queue, Queues
from labelmend.review.reviewed import TableT
from labelmend.types import Bools, Task

ItemT_co = TypeVar("ItemT_co", bound=Item, covariant=True)
"""A row as the page shows it."""


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
    """What a person says of a row.

    Attributes:
        queue: from which the row came.
        row: its index, from 0.
        verdict: as an answer's.
        labels: as an answer's.
        revealed: the tab was shown the labels, and may know better than a server that was killed.
    """

    queue: Queue
    row: int
    verdict: Verdict
    labels: tuple[str, ...] = ()
    revealed: bool = False


class Seats(ABC, Generic[TableT, ItemT_co]):
    """All that a running page knows. Its methods may be called from several threads.

    Attributes:
        task: how many labels an answer may have.
    """

    task: ClassVar[Task]

    def __init__(
        self, queues: Queues[TableT], on_answers: Callable[[Queue, int], None] | None = None
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

    @abstractmethod
    def _item_of(self, asked: Asked, *, hidden: bool) -> ItemT_co:
        """Return a row for the page; hidden, without what would tell the labels."""

    @abstractmethod
    def _same(self, one: Answer, other: Answer) -> bool:
        """Whether two answers say the same."""

    @property
    def table(self) -> TableT:
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
    def queues(self) -> Queues[TableT]:
        """Where rows come from."""
        return self._queues

    def renew(self, queues: Queues[TableT]) -> None:
        """Take rows from other queues from now on; rows that are being looked at stay."""
        with self._lock:
            self._queues = queues

    def next_row(
        self, tab: Tab, queue: Queue, skip: int | None = None, among: Bools | None = None
    ) -> ItemT_co | None:
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

    def undo(self, tab: Tab) -> ItemT_co:
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

    def reveal(self, tab: Tab, queue: Queue, row: int) -> ItemT_co:
        """Show the labels of a row that is blind; its answer will say so.

        Raises:
            RefusedError: there is no such row.
        """
        with self._lock:
            asked = self._asked(queue, row)
            self._revealed.add((tab.name, row))
            return self._shown(tab, asked)

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
        first, *others = self.book.on(key).values()
        return all(self._same(first, other) for other in others)

    def _now(self, label: str) -> str:
        """Return what a label is called by now: it may be renamed under a person's eyes."""
        return self.table.former_names.get(label, label)

    def _key(self, row: int) -> str:
        return self.table.keys[row]

    def _asked(self, queue: Queue, row: int) -> Asked:
        asked = self._queues.asked(queue, row)
        if asked is None:
            raise RefusedError(404, "no-row", row=str(row + 1))
        return asked

    def _hides(self, tab: Tab, asked: Asked) -> bool:
        return asked.blind and (tab.name, asked.row) not in self._revealed

    def _shown(self, tab: Tab, asked: Asked) -> ItemT_co:
        self._locks.take([self._key(asked.row)], tab.name)
        return self._item(tab, asked)

    def _item(self, tab: Tab, asked: Asked) -> ItemT_co:
        return self._item_of(asked, hidden=self._hides(tab, asked))

    def _known(self, said: Said) -> Said:
        """Return what a person says, in the labels' present names.

        Raises:
            RefusedError: there is no such label.
        """
        said = replace(said, labels=tuple(map(self._now, said.labels)))
        for label in said.labels:
            if label not in self.table.label_set:
                raise RefusedError(404, "unknown-label", label=label)
        return said

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

    def _unless_said(self, tab: Tab, asked: Asked, said: Said) -> list[Answer]:
        """Return the answer that says so; nothing where the person has said so already.

        Raises:
            RefusedError: the row was answered in another way or by somebody else, or is being
                looked at.
        """
        made = self._made(tab, asked, said)
        before = self._said_before(tab, asked)
        for one in before:
            if one.who == tab.who and self._same(one, made):
                return []
        if before:
            raise RefusedError(409, "answered", who=before[0].who)
        if not self._locks.free(self._key(asked.row), tab.name):
            raise RefusedError(409, "held")
        return [made]

    def _made(self, tab: Tab, asked: Asked, said: Said) -> Answer:
        saw = not self._hides(tab, asked) or said.revealed
        return Answer(
            text_sha256=self._key(asked.row),
            id=self.table.ids[asked.row],
            verdict=said.verdict,
            labels=said.labels,
            who=tab.who,
            when=now(),
            shown=asked.shown,
            saw=Saw(given=saw, proposed=saw),
            task=self.task,
        )
