"""Remembers what LLMs said, in SQLite beside the output, so that no token is spent twice."""

import hashlib
import sqlite3
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
"""

_DISK_ERRORS = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
)
"""The low byte of SQLite's error codes where the file isn't at fault."""

_MOST_PARAMETERS = 500
"""Keys asked for in one statement; SQLite's own limit was 999 for long."""


def key_of(*parts: str) -> str:
    """Return one key for all that determines an answer."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return digest.hexdigest()


def forget(path: Path) -> None:
    """Remove a store, if there is one.

    Raises:
        OutputError: it can't be removed.
    """
    try:
        # A write-ahead log without its database would be replayed into the next one.
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: can't be removed: {error.strerror}; remove it") from None


class Store:
    """Votes and replies by key. Each `put` is one committed transaction."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the store; None keeps it in memory.

        Raises:
            OutputError: the file can't be opened or is no store.
        """
        self.path = path
        self._is_new = path is not None and not path.exists()
        with self._usable():
            self._database = sqlite3.connect(path or ":memory:", timeout=60)
        try:
            with self._usable():
                self._database.execute("PRAGMA journal_mode=WAL")
                self._database.executescript(_SCHEMA)
        except OutputError:
            self._close(failed=True)
            raise

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
        useless = failed and self._is_new and not self._holds_anything()
        self._database.close()
        if useless and self.path is not None:
            for suffix in ("", "-wal", "-shm"):
                with suppress(OSError):
                    self.path.with_name(self.path.name + suffix).unlink()

    def _holds_anything(self) -> bool:
        try:
            return self.count() + self.count_replies() > 0
        except sqlite3.Error:  # it has no tables
            return False

    def votes(self, keys: Sequence[str]) -> dict[str, tuple[float, ...]]:
        """Return the votes that are known."""
        found = self._known("SELECT key, scores FROM votes WHERE key IN ({marks})", keys)
        return {key: tuple(np.frombuffer(blob).tolist()) for key, blob in found}

    def put_votes(self, votes: Iterable[tuple[str, tuple[float, ...]]]) -> None:
        """Remember votes."""
        rows = [(key, np.asarray(scores, dtype=np.float64).tobytes()) for key, scores in votes]
        self._put("INSERT OR REPLACE INTO votes VALUES (?, ?)", rows)

    def replies(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the replies that are known."""
        return dict(self._known("SELECT key, reply FROM replies WHERE key IN ({marks})", keys))

    def put_replies(self, replies: Iterable[tuple[str, str]]) -> None:
        """Remember replies."""
        self._put("INSERT OR REPLACE INTO replies VALUES (?, ?)", list(replies))

    def count(self) -> int:
        """Return how many votes are known."""
        (number,) = self._database.execute("SELECT count(*) FROM votes").fetchone()
        return int(number)

    def count_replies(self) -> int:
        """Return how many replies are known."""
        (number,) = self._database.execute("SELECT count(*) FROM replies").fetchone()
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
            advice = "remove it"
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DISK_ERRORS:
                advice = "free some space, or choose another folder"
            raise OutputError(
                f"{self.path}: can't be used as the vote store: {error}; {advice}"
            ) from None

    def _put(self, statement: str, rows: Sequence[tuple[str, bytes | str]]) -> None:
        try:
            with self._database:
                self._database.executemany(statement, rows)
        except sqlite3.Error as error:
            raise OutputError(
                f"{self.path}: can't store votes: {error}; free some space and run again: "
                "what was stored is kept"
            ) from None
