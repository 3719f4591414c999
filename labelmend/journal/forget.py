"""Deletion: what is removed is gone from the file, not only from its tables, once it is erased.

`erase` of `database.py` does that, and says why zeros in freed pages are not enough. What lies in
copies of the file, or in tables made of it, is not reached; nor are blocks that the file system or
the disk keeps on its own.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from labelmend.journal.database import begin_to_erase, in_parts, transaction
from labelmend.journal.entries import days

_LOT = 2_000
"""Requests that go in one transaction, so that others write in between: some 50 ms."""


@dataclass(frozen=True)
class Forgotten:
    """What was removed.

    Attributes:
        requests: with what was guessed of them and all that was said of that.
        feedback: on requests that others sent.
    """

    requests: int
    feedback: int


def forget_request(database: sqlite3.Connection, request: str) -> Forgotten:
    """Remove a request with all of its texts, or one of them by its own id; `erase` has to follow.

    Args:
        database: of the log.
        request: as the reply named it.
    """
    # "/" follows upon "." in ASCII: see `item_id`.
    values = (request, f"{request}.", f"{request}/")
    return Forgotten(_remove_where(database, "id = ? OR (id >= ? AND id < ?)", values), 0)


def forget_sender(database: sqlite3.Connection, sender: str) -> Forgotten:
    """Remove all that a sender asked and said; `erase` has to follow.

    Args:
        database: of the log.
        sender: as the log has it, hashed.
    """
    removed = _remove_where(database, "sender = ?", (sender,))
    with transaction(database):
        begin_to_erase(database)
        said = database.execute("DELETE FROM feedback WHERE sender = ?", (sender,)).rowcount
    return Forgotten(removed, said)


def expire(database: sqlite3.Connection, keep_days: float, now: float) -> int:
    """Remove what was asked longer ago; `erase` has to follow.

    Args:
        database: of the log.
        keep_days: that requests are kept.
        now: seconds since 1970.

    Returns:
        requests that were removed.
    """
    return _remove_where(database, "at < ?", (int((now - days(keep_days)) * 1000),))


def _remove_where(database: sqlite3.Connection, condition: str, values: Sequence[str | int]) -> int:
    """Remove requests, a lot after the other."""
    removed = 0
    query = f"SELECT id FROM requests WHERE {condition} LIMIT {_LOT}"  # noqa: S608 - both are ours
    while True:
        with transaction(database):
            ids = [name for (name,) in database.execute(query, values)]
            if ids:
                removed += _remove(database, ids)
        if len(ids) < _LOT:
            return removed


def _remove(database: sqlite3.Connection, ids: Sequence[str]) -> int:
    """Remove requests and what belongs to them, inside of a transaction."""
    begin_to_erase(database)
    removed = 0
    for marks, part in in_parts(ids):
        removed += database.execute(f"DELETE FROM requests WHERE id IN ({marks})", part).rowcount  # noqa: S608 - question marks
        for table in ("guesses", "feedback"):
            database.execute(f"DELETE FROM {table} WHERE request IN ({marks})", part)  # noqa: S608 - the same
    return removed
