"""Which texts are still open, kept up as answers come.

A key costs the same in a table of a hundred rows and of a million: of what the book wrote since the
last look, each text is opened or closed, and the first open place of the order is remembered.
"""

import threading
from collections.abc import Iterator, Sequence

import numpy as np

from labelmend.audit.draw import Design, DrawnRow
from labelmend.review.book import AnswerBook
from labelmend.review.reviewed import Reviewed
from labelmend.types import Bools

_STRIDE = 4096
"""Places that are looked through at a time for an open one; no outcome depends on it."""


class Openings:
    """What is open of a table. Its methods may be called from several threads."""

    def __init__(
        self,
        table: Reviewed,
        book: AnswerBook,
        design: Design | None,
        drawn: Sequence[DrawnRow],
    ) -> None:
        """Begin.

        Args:
            table: that is reviewed.
            book: what people said.
            design: of the audit; None without one.
            drawn: the rows of the audit that are asked about here; others may be left to somebody
                else.
        """
        self._table = table
        self._book = book
        self._design = None if design is None else design.design
        self._drawn = frozenset(table.keys[one.row] for one in drawn)
        whole = () if design is None else design.rows_of()
        self._designed = self._drawn.union(table.keys[one.row] for one in whole)
        self._lock = threading.Lock()
        self._place = np.full(len(table), -1, dtype=np.int64)
        self._place[table.order] = np.arange(len(table.order))
        self._log: list[tuple[str, str]] | None = None
        self._heard = 0
        self._open = np.ones(len(table.order), dtype=bool)
        self._first = 0
        self._left: set[str] = set()
        self._reviewed: set[str] = set()
        self._others: dict[str, dict[str, None]] = {}

    @property
    def drawn(self) -> frozenset[str]:
        """The texts that the audit asks about."""
        return self._drawn

    @property
    def designed(self) -> frozenset[str]:
        """The texts that the audit drew, also those that are left to somebody else."""
        return self._designed

    def left_to_audit(self) -> frozenset[str]:
        """Return the texts that the audit drew and nobody has answered, whoever is asked."""
        with self._lock:
            self._follow()
            return frozenset(self._left)

    def audited_here(self) -> int:
        """Return how many of the texts that are asked about here are answered."""
        with self._lock:
            self._follow()
            return len(self._drawn - self._left)

    def is_left(self, key: str) -> bool:
        """Whether the audit still asks about a text."""
        with self._lock:
            self._follow()
            return key in self._left

    def any_left(self) -> bool:
        """Whether the audit still asks about any text here."""
        with self._lock:
            self._follow()
            return not self._drawn.isdisjoint(self._left)

    def reviewed(self) -> int:
        """Return how many of the texts that the run left to people are answered."""
        with self._lock:
            self._follow()
            return len(self._reviewed)

    def of_others(self, who: str) -> Sequence[str]:
        """Return the texts that other people have answered, oldest answer first."""
        with self._lock:
            self._follow()
            if who not in self._others:
                told = (a.text_sha256 for a in self._book.answers() if a.who != who)
                keys = list(dict.fromkeys(told))
                _, whose = self._table.rows_of.of_all(keys)
                self._others[who] = {keys[i]: None for i in whose.tolist()}
            return tuple(self._others[who])

    def rows(self, among: Bools | None = None) -> Iterator[int]:
        """Yield the open rows in the order of a look.

        Args:
            among: bool [n], those that may be yielded; None for all.
        """
        order = self._table.order
        with self._lock:
            self._follow()
            start = self._first
        while start < len(order):
            places = start + np.flatnonzero(self._open[start : start + _STRIDE])
            if among is not None:
                places = places[among[order[places]]]
            yield from order[places].tolist()
            start += _STRIDE

    def _follow(self) -> None:
        """Hear what the book was told since the last look."""
        log = self._book.log
        if log is not self._log:
            self._log, self._heard = log, 0
            self._open[:] = True
            self._first = 0
            self._reviewed, self._left, self._others = set(), set(self._designed), {}
            for key in self._designed:
                self._hear(key)
            self._hear_all([key for key in {key for _, key in log} if key not in self._designed])
            self._heard = len(log)
        for who, key in log[self._heard :]:
            self._hear(key)
            self._heard += 1
            # What one says changes only what is asked of others.
            self._others = {name: texts for name, texts in self._others.items() if name == who}
        while self._first < len(self._open) and not self._open[self._first]:
            ahead = np.flatnonzero(self._open[self._first : self._first + _STRIDE])
            self._first += int(ahead[0]) if len(ahead) else _STRIDE

    def _hear_all(self, keys: list[str]) -> None:
        """Close such texts that are answered, where all are open: far faster than one by one."""
        answered = [key for key in keys if self._book.on(key)]
        self._reviewed.update(key for key in answered if key in self._table.in_review)
        rows, _ = self._table.rows_of.of_all(answered)
        places = self._place[rows]
        self._open[places[places >= 0]] = False

    def _hear(self, key: str) -> None:
        """Open or close a text as what stands on it has it."""
        answered = bool(self._book.on(key))
        if key in self._designed:
            audited = self._design is not None and any(self._book.in_audit(key, self._design))
            (self._left.discard if audited else self._left.add)(key)
        if key in self._table.in_review:
            (self._reviewed.add if answered else self._reviewed.discard)(key)
        is_open = not answered and key not in self._left
        for row in self._table.rows_of.get(key, ()):
            place = int(self._place[row])
            if place >= 0:
                self._open[place] = is_open
                if is_open:
                    self._first = min(self._first, place)
