"""The log of a served model: one thread writes, and whoever serves never waits for the disk."""

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from labelmend.errors import LabelmendError, OutputError
from labelmend.extras import require
from labelmend.journal.database import (
    check_log,
    erase,
    open_log,
    transaction,
    usable,
    waits_to_be_erased,
)
from labelmend.journal.entries import HASHED, Clock, Entry, Guess, LogRules, LogTask, Said
from labelmend.journal.feedback import keep_feedback
from labelmend.journal.forget import expire, forget_sender
from labelmend.journal.read import guesses_of
from labelmend.journal.requests import keep_requests

_NEEDED = ("phonenumbers", "stdnum")
"""Packages of the extra `mask`."""

_GATHER = 0.1
"""Seconds that requests wait for others, so that a thousand of them are one transaction: a killed
process loses as much."""

_MOST_TEXTS = 500
"""In one transaction: it then takes some 10 ms, and feedback does not wait for longer."""

_MOST_WAITING = 100_000
"""Texts that wait to be written; beyond, they are lost: with texts of 1,000 characters, 100 MB."""

_LOOK_EVERY = 600.0
"""Seconds between two looks for what has been kept for long enough."""

_MOST_ERASING = 0.01
"""Share of the time in which the file may be written anew, so that nothing is left of what has been
kept for long enough: some 10 s a gigabyte, during which requests wait to be written."""


_Found = TypeVar("_Found")


@dataclass(frozen=True)
class LogRequest:
    """A log that is to be kept.

    Attributes:
        path: of the log.
        rules: what is kept.
    """

    path: Path
    rules: LogRules = HASHED

    def check(self, task: LogTask = "single") -> None:
        """Make sure, before anything takes time, that it can be opened; nothing is written.

        Args:
            task: of the models whose requests it keeps.

        Raises:
            LabelmendError: it can't be written, is none of ours or of another task, or the extra
                `mask` is missing.
        """
        if self.rules.mask:
            require(*_NEEDED, by="--mask")
        check_log(self.path, task)

    def open(self, task: LogTask = "single") -> "Journal":
        """Open or make it.

        Args:
            task: of the models whose requests it keeps.

        Raises:
            LabelmendError: as `check` does.
        """
        return Journal(self.path, self.rules, task=task)


@dataclass(frozen=True)
class _Errand:
    """Something that is done between two lots of requests, for somebody who waits for it."""

    do: Callable[[], Any]
    done: "Future[Any]"


class Journal:
    """A log that is open for writing. Its methods may be called from several threads."""

    def __init__(
        self,
        path: Path,
        rules: LogRules = HASHED,
        clock: Clock = time.time,
        task: LogTask = "single",
    ) -> None:
        """Open or make a log.

        Args:
            path: of the log.
            rules: what is kept.
            clock: tells the time of feedback, and of what has been kept for long enough.
            task: of the models whose requests it keeps.

        Raises:
            LabelmendError: it can't be written, is none of ours or of another task, or the extra
                `mask` is missing.
        """
        if rules.mask:
            require(*_NEEDED, by="--mask")
        self.path = path
        self.rules = rules
        self._clock = clock
        self._database, self._key = open_log(path, create=True, task=task)
        self._waiting: queue.SimpleQueue[Sequence[Entry] | _Errand | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._count = 0
        self._lost = 0
        self._problem: str | None = None
        self._closed = False
        self._next_look = self._next_erase = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def lost(self) -> int:
        """Texts that could not be written: the disk is full or too slow."""
        return self._lost

    @property
    def problem(self) -> str | None:
        """Why the last texts could not be written, without any of them; None where all is well."""
        return self._problem

    def record(self, entries: Sequence[Entry]) -> None:
        """Keep requests soon; nobody waits, and nothing is raised."""
        if not entries:
            return
        with self._lock:
            if self._closed or self._count + len(entries) > _MOST_WAITING:
                self._lost += len(entries)
                return
            self._count += len(entries)
            self._waiting.put(entries)

    def feedback(self, said: Said, labels: Collection[str]) -> None:
        """Keep what somebody says of an answer; when this returns, it is kept.

        Args:
            said: of which request; those that were recorded before in this process are known.
            labels: that there are.

        Raises:
            FeedbackError: the request or the label is unknown, or the sender said too much.
            LabelmendError: it can't be written.
        """

        def keep() -> None:
            at = int(self._clock() * 1000)
            keep_feedback(self._database, self._key, said, labels, self.rules, at)

        self._wait_for(keep)

    def guesses_of(self, request: str) -> tuple[Guess, ...]:
        """Return what the models said of a request.

        Args:
            request: the id of its entry.

        Raises:
            FeedbackError: there is no such request.
            LabelmendError: the log can't be read.
        """
        return self._wait_for(lambda: guesses_of(self._database, request))

    def know_labels(self, labels: Sequence[str], oos_label: str | None) -> None:
        """Keep the labels of a model that is served, for those who review; nobody waits.

        Args:
            labels: all that it may give.
            oos_label: the one that means "fits no label"; None without one.
        """
        rows = [(label, int(label == oos_label)) for label in labels]

        def keep() -> None:
            with transaction(self._database):
                self._database.executemany("INSERT OR REPLACE INTO labels VALUES (?, ?)", rows)

        with self._lock:
            if not self._closed:
                self._waiting.put(_Errand(keep, Future()))

    def forget_sender(self, sender: str) -> int:
        """Remove all that a sender asked and said; the bytes are erased at once, or soon.

        Returns:
            requests that were removed.

        Raises:
            LabelmendError: it can't be written.
        """

        def forget() -> int:
            found = forget_sender(self._database, self._key.of_sender(sender))
            self._erase()
            return found.requests

        return self._wait_for(forget)

    def sender_hash(self, sender: str) -> str:
        """Return what the log calls a sender."""
        return self._key.of_sender(sender)

    def flush(self) -> None:
        """Wait until all that was recorded before is written."""
        self._wait_for(lambda: None)

    def close(self) -> None:
        """Write what waits, and close the file."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._waiting.put(None)
        self._thread.join()
        self._database.close()

    def _wait_for(self, do: Callable[[], _Found]) -> _Found:
        done: Future[_Found] = Future()
        with self._lock:
            if self._closed:
                raise OutputError(f"{self.path}: the log is closed already; start again")
            self._waiting.put(_Errand(do, done))
        return done.result()

    def _work(self) -> None:
        """Do what waits, in its order, until the log is closed."""
        open_still = True
        while open_still:
            entries, errand, open_still = self._gathered()
            if entries:
                self._keep(entries)
            if errand is not None:
                self._run(errand)
            if time.monotonic() >= self._next_look:
                self._next_look = time.monotonic() + _LOOK_EVERY
                self._tidy()

    def _gathered(self) -> tuple[list[Entry], _Errand | None, bool]:
        """Return requests, what is done behind them, and whether the log stays open."""
        entries: list[Entry] = []
        ends = self._next_look
        while len(entries) < _MOST_TEXTS:
            try:
                work = self._waiting.get(timeout=max(ends - time.monotonic(), 0))
            except queue.Empty:
                break
            if work is None:
                return entries, None, False
            if isinstance(work, _Errand):
                return entries, work, True
            if not entries:
                ends = time.monotonic() + _GATHER
            entries += work
        return entries, None, True

    def _keep(self, entries: Sequence[Entry]) -> None:
        lost = 0
        for start in range(0, len(entries), _MOST_TEXTS):
            part = entries[start : start + _MOST_TEXTS]
            try:
                keep_requests(self._database, self._key, part, self.rules)
            except Exception as error:  # noqa: BLE001 - to serve goes on without its log
                lost += len(part)
                self._problem = _plain(error)
            else:
                self._problem = None
        with self._lock:
            self._count -= len(entries)
            self._lost += lost

    def _run(self, errand: _Errand) -> None:
        try:
            with usable(self.path):
                found = errand.do()
        except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
            errand.done.set_exception(error)
        else:
            errand.done.set_result(found)

    def _tidy(self) -> None:
        """Remove what has been kept for long enough, and erase what was deleted."""
        try:
            if self.rules.keep_days is not None:
                expire(self._database, self.rules.keep_days, self._clock())
            self._erase()
        except Exception as error:  # noqa: BLE001 - as above
            self._problem = _plain(error)

    def _erase(self) -> None:
        """Erase what was deleted, unless that was done so often that nothing else would be."""
        if not waits_to_be_erased(self._database):
            return
        began = time.monotonic()
        if began < self._next_erase:
            # What waits for it is not forgotten.
            self._next_look = min(self._next_look, self._next_erase)
            return
        erase(self._database)
        took = time.monotonic() - began
        self._next_erase = time.monotonic() + took / _MOST_ERASING


def _plain(error: Exception) -> str:
    """Return why something failed, without what it failed on: texts don't get into messages."""
    known = isinstance(error, sqlite3.Error | LabelmendError)
    return str(error) if known else type(error).__name__
