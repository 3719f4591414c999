"""Remembers what LLMs said, in SQLite beside the output, so that no token is spent twice.

Several processes may work on one store: the first answer to a question stands, and a file that
another process has open is emptied, never removed.
"""

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from labelmend.errors import OutputError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS votes (key TEXT PRIMARY KEY, scores BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (key TEXT PRIMARY KEY, seconds REAL NOT NULL) WITHOUT ROWID;
"""

_NOT_ALLOWED = "see that it is a file that you may write to, or choose another folder"
_WAIT = "wait until the other process that uses it is done"
_NO_ROOM = "free some space, or choose another folder"
_ADVICE = {
    sqlite3.SQLITE_FULL: _NO_ROOM,
    sqlite3.SQLITE_IOERR: _NO_ROOM,
    sqlite3.SQLITE_READONLY: _NOT_ALLOWED,
    sqlite3.SQLITE_CANTOPEN: _NOT_ALLOWED,
    sqlite3.SQLITE_BUSY: _WAIT,
    sqlite3.SQLITE_LOCKED: _WAIT,
}
"""By the low byte of SQLite's error codes, where the file isn't at fault."""

_SHAPE_ERRORS = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
"""Where the file is no store: no database, a damaged one, or one with other tables."""

_PATIENCE = 60.0
"""Seconds that one process waits for another's transaction."""

_MOST_PARAMETERS = 500
"""Keys asked for in one statement; SQLite's own limit was 999 for long."""


class _NoStoreError(OutputError):
    """The file is no store."""


def key_of(*parts: str) -> str:
    """Return one key for all that determines an answer."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return digest.hexdigest()


def forget(path: Path) -> None:
    """Empty a store, if there is one; a file that is no store is removed.

    Raises:
        OutputError: it can't be emptied or removed; a store that is locked, or for which the disk
            lacks room, is not removed.
    """
    if not path.exists():
        _remove(path)  # a write-ahead log without its database would be replayed into the next one
        return
    try:
        with Store(path) as store:
            store.clear()
    except _NoStoreError:
        _remove(path)


def _remove(path: Path) -> None:
    try:
        for suffix in _SUFFIXES:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: can't be removed: {error.strerror}; remove it") from None


_SUFFIXES = ("", "-wal", "-shm")


class Store:
    """Votes and replies by key. Each `put` is one committed transaction."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the store; None keeps it in memory.

        Raises:
            OutputError: the file can't be opened or written to, or is no store.
        """
        self.path = path
        self._is_new = path is not None and not path.exists()
        with self._usable():
            self._database = sqlite3.connect(path or ":memory:", timeout=_PATIENCE)
        try:
            with self._usable():
                self._use_wal()
                self._database.executescript(_SCHEMA)
                # Where nothing can be written, that is found out now.
                self._database.execute("DELETE FROM spent WHERE 0")
                self._database.rollback()
        except OutputError:
            self._close(failed=True)
            raise

    def _use_wal(self) -> None:
        """Switch to the write-ahead log, for which SQLite doesn't wait where another opens too."""
        began = time.monotonic()
        while True:
            try:
                self._database.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                busy = _code(error) == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() - began > _PATIENCE:
                    raise
                time.sleep(0.01)
            else:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._close(failed=error is not None)

    def _close(self, *, failed: bool) -> None:
        """Close the file; a failed run that learned nothing leaves none behind."""
        useless = failed and self._is_new and self._is_alone() and not self._holds_anything()
        self._database.close()
        if useless and self.path is not None:
            with suppress(OutputError):
                _remove(self.path)

    def _is_alone(self) -> bool:
        """Tell whether no other process has the file open: only then can the log be given up."""
        try:
            self._database.execute("PRAGMA busy_timeout=0")
            (mode,) = self._database.execute("PRAGMA journal_mode=DELETE").fetchone()
        except sqlite3.Error as error:
            return _code(error) != sqlite3.SQLITE_BUSY
        return bool(mode == "delete")

    def _holds_anything(self) -> bool:
        try:
            return self.count() + self.count_replies() > 0
        except OutputError:  # it has no tables
            return False

    def clear(self) -> None:
        """Forget all votes and replies, and what they took."""
        with self._usable(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for table in ("votes", "replies", "spent"):
                self._database.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in _SCHEMA.split(";"):
                self._database.execute(statement)

    def votes(self, keys: Sequence[str]) -> dict[str, tuple[float, ...]]:
        """Return the votes that are known."""
        found = self._known("SELECT key, scores FROM votes WHERE key IN ({marks})", keys)
        return {key: tuple(np.frombuffer(blob).tolist()) for key, blob in found}

    def put_votes(self, votes: Iterable[tuple[str, tuple[float, ...]]]) -> int:
        """Remember votes; where one is known already, by another process, that one stands.

        Returns:
            how many were not known.
        """
        rows = [(key, np.asarray(scores, dtype=np.float64).tobytes()) for key, scores in votes]
        return self._put("INSERT OR IGNORE INTO votes VALUES (?, ?)", rows)

    def replies(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the replies that are known."""
        return dict(self._known("SELECT key, reply FROM replies WHERE key IN ({marks})", keys))

    def put_replies(self, replies: Iterable[tuple[str, str]]) -> None:
        """Remember replies; the first one stands."""
        self._put("INSERT OR IGNORE INTO replies VALUES (?, ?)", list(replies))

    def seconds(self, key: str) -> float:
        """Return how long was worked on what the key stands for, by all runs together."""
        found = self._known("SELECT key, seconds FROM spent WHERE key IN ({marks})", [key])
        return float(dict(found).get(key, 0.0))

    def add_seconds(self, key: str, seconds: float) -> None:
        """Remember that so much longer was worked on it."""
        self._put(
            "INSERT INTO spent VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET seconds = spent.seconds + excluded.seconds",
            [(key, seconds)],
        )

    def count(self) -> int:
        """Return how many votes are known."""
        return self._number("SELECT count(*) FROM votes")

    def count_replies(self) -> int:
        """Return how many replies are known."""
        return self._number("SELECT count(*) FROM replies")

    def _number(self, query: str) -> int:
        with self._usable():
            (number,) = self._database.execute(query).fetchone()
        return int(number)

    def _known(self, query: str, keys: Sequence[str]) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        for start in range(0, len(keys), _MOST_PARAMETERS):
            part = keys[start : start + _MOST_PARAMETERS]
            marks = ",".join("?" * len(part))
            with self._usable():
                found += self._database.execute(query.format(marks=marks), part).fetchall()
        return found

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = _code(error)
            kind = _NoStoreError if code in _SHAPE_ERRORS else OutputError
            advice = _ADVICE.get(code, "remove it")
            raise kind(f"{self.path}: can't be used as the vote store: {error}; {advice}") from None

    def _put(self, statement: str, rows: Sequence[tuple[str, bytes | str | float]]) -> int:
        """Return how many rows were written."""
        try:
            with self._database:
                return self._database.executemany(statement, rows).rowcount
        except sqlite3.Error as error:
            advice = _ADVICE.get(_code(error), "see to it")
            raise OutputError(
                f"{self.path}: can't store votes: {error}; {advice}, and run again: "
                "what was stored is kept"
            ) from None


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
