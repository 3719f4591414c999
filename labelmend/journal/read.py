"""The log as it stands, request by request and text by text."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from labelmend.errors import InputError
from labelmend.journal.database import open_log, task_of, usable
from labelmend.journal.entries import Guess
from labelmend.journal.feedback import no_request

_REQUESTS = (
    "SELECT r.id, r.at, r.source, r.sender, r.text_hash, r.masked, r.text, "
    "m.model, m.label, m.probability, m.oos, m.top, a.model, a.label, a.probability, a.oos, a.top "
    "FROM {} r JOIN guesses m ON m.request = r.id AND m.place = 0 "
    "LEFT JOIN guesses a ON a.request = r.id AND a.place = 1 ORDER BY r.at, r.id"
)

_ALL, _NEWEST = "requests", "(SELECT * FROM requests ORDER BY at DESC, id DESC LIMIT ?)"

_GUESS = 5
"""Columns of a guess."""


@dataclass(frozen=True)
class Word:
    """What a sender says of a request's answer.

    Attributes:
        sender: hashed, "" for nobody.
        at: milliseconds since 1970.
        label: the right one; None where it is only said that the first guess is wrong.
    """

    sender: str
    at: int
    label: str | None


@dataclass(frozen=True)
class Logged:
    """A request as the log has it.

    Attributes:
        id: its name.
        at: milliseconds since 1970.
        source: what was asked.
        sender: hashed, "" for nobody.
        text_hash: keyed; of copies the same.
        masked: places in its text that were masked.
        text: None where texts are not kept.
        guesses: of the served model, and of the other one if it was asked.
        words: what was said of the answer, oldest first.
    """

    id: str
    at: int
    source: str
    sender: str
    text_hash: str
    masked: int
    text: str | None
    guesses: tuple[Guess, ...]
    words: tuple[Word, ...]


@dataclass(frozen=True)
class LoggedLabels:
    """The labels of all models that were served.

    Attributes:
        labels: sorted.
        oos: the one that means "fits no label"; None without one.
    """

    labels: tuple[str, ...]
    oos: str | None


class LogReader:
    """A log that is read as it stood when it was opened, whatever is written meanwhile."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Take a log that is open, inside of a transaction."""
        self._database = database

    @property
    def is_of_sets(self) -> bool:
        """Whether its models give several labels a text: labels are then sets, see `sets`."""
        return task_of(self._database) == "several"

    def labels(self) -> LoggedLabels:
        """Return the labels that there are."""
        found = self._database.execute("SELECT label, oos FROM labels ORDER BY label").fetchall()
        oos = [label for label, is_oos in found if is_oos]
        return LoggedLabels(tuple(label for label, _ in found), oos[0] if oos else None)

    def requests(self, newest: int | None = None) -> Iterator[Logged]:
        """Yield requests, oldest first.

        Args:
            newest: at most so many, those that were asked last; None for all.
        """
        words = self._words()
        rows = self._database.execute(_REQUESTS.format(_ALL))
        if newest is not None:
            rows = self._database.execute(_REQUESTS.format(_NEWEST), (newest,))
        for row in rows:
            name, at, source, sender, text_hash, masked, text, *said = row
            guesses = [_guess(*said[:_GUESS])]
            if said[_GUESS] is not None:
                guesses.append(_guess(*said[_GUESS:]))
            yield Logged(
                *(name, at, source, sender, text_hash, masked, text),
                tuple(guesses),
                tuple(words.get(name, ())),
            )

    def _words(self) -> Mapping[str, list[Word]]:
        found: dict[str, list[Word]] = defaultdict(list)
        query = "SELECT request, sender, at, label FROM feedback ORDER BY at, sender"
        for request, sender, at, label in self._database.execute(query):
            found[request].append(Word(sender, at, label))
        return found


@contextmanager
def reading(path: Path, one_label_for: str | None = None) -> Iterator[LogReader]:
    """Open a log for reading.

    Args:
        path: of the log.
        one_label_for: who reads logs of one label a text alone, for the message; None for nobody.

    Raises:
        InputError: there is none, or it can't be read.
        OutputError: another process keeps it.
    """
    database, _ = open_log(path)
    with closing(database), usable(path):
        database.execute("BEGIN")
        reader = LogReader(database)
        if one_label_for is not None and reader.is_of_sets:
            raise InputError(
                f"{path}: is a log of models of several labels a text, which {one_label_for} can't "
                "read; give one of one label a text"
            )
        yield reader


def _guess(model: str, label: str, probability: float, oos: int, top: str) -> Guess:
    shares = tuple((str(name), float(share)) for name, share in json.loads(top))
    return Guess(model, label, probability, bool(oos), shares)


def guesses_of(database: sqlite3.Connection, request: str) -> tuple[Guess, ...]:
    """Return what the models said of a request, the served one first.

    Raises:
        FeedbackError: there is no such request.
    """
    query = (
        "SELECT model, label, probability, oos, top FROM guesses WHERE request = ? ORDER BY place"
    )
    found = tuple(_guess(*row) for row in database.execute(query, (request,)))
    if not found:
        raise no_request(request)
    return found


@dataclass(frozen=True)
class LoggedText:
    """A text with all of its copies in the log.

    Attributes:
        last: its newest request.
        text: as that has it.
        count: requests with it.
        words: what was said of its answers, one word a sender, the newest one; oldest first.
    """

    last: Logged
    text: str
    count: int
    words: tuple[Word, ...]


def texts_of(requests: Iterator[Logged]) -> list[LoggedText]:
    """Return the texts that were kept, in the order in which each was asked first."""
    last: dict[str, Logged] = {}
    counts: dict[str, int] = defaultdict(int)
    words: dict[str, dict[str, Word]] = defaultdict(dict)
    for one in requests:
        if one.text is None:
            continue
        last[one.text_hash] = one
        counts[one.text_hash] += 1
        for word in one.words:
            # Nobody's words are those of many: each counts.
            name = word.sender or f"{one.id} {word.at}"
            before = words[one.text_hash].get(name)
            if before is None or (before.at, before.label or "") <= (word.at, word.label or ""):
                words[one.text_hash][name] = word
    return [
        LoggedText(
            one,
            one.text or "",
            counts[key],
            tuple(sorted(words[key].values(), key=lambda w: (w.at, w.sender, w.label or ""))),
        )
        for key, one in last.items()
    ]
