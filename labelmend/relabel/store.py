"""Remembers what LLMs said, in SQLite beside the output, so that no token is spent twice."""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from labelmend.errors import OutputError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS votes (key TEXT PRIMARY KEY, scores BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID;
"""


def key_of(*parts: str) -> str:
    """Return one key for all that determines an answer."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return digest.hexdigest()


class Store:
    """Votes and replies by key. Each `put` is one committed transaction."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the store; None keeps it in memory.

        Raises:
            OutputError: the file can't be opened or is no store.
        """
        self.path = path
        try:
            self._database = sqlite3.connect(path or ":memory:", timeout=60)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise OutputError(
                f"{path}: can't be used as the vote store: {error}; remove it"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._database.close()

    def votes(self, keys: Sequence[str]) -> dict[str, tuple[float, ...]]:
        """Return the votes that are known."""
        return {k: tuple(np.frombuffer(blob).tolist()) for k, blob in self._known("votes", keys)}

    def put_votes(self, votes: Iterable[tuple[str, tuple[float, ...]]]) -> None:
        """Remember votes."""
        rows = [(key, np.asarray(scores, dtype=np.float64).tobytes()) for key, scores in votes]
        self._put("votes", rows)

    def replies(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the replies that are known."""
        return dict(self._known("replies", keys))

    def put_replies(self, replies: Iterable[tuple[str, str]]) -> None:
        """Remember replies."""
        self._put("replies", list(replies))

    def count(self) -> int:
        """Return how many votes are known."""
        (number,) = self._database.execute("SELECT count(*) FROM votes").fetchone()
        return int(number)

    def _known(self, table: str, keys: Sequence[str]) -> list[tuple[str, bytes]]:
        column = {"votes": "scores", "replies": "reply"}[table]
        found: list[tuple[str, bytes]] = []
        for start in range(0, len(keys), 500):  # SQLite's limit on parameters
            part = keys[start : start + 500]
            marks = ",".join("?" * len(part))
            query = f"SELECT key, {column} FROM {table} WHERE key IN ({marks})"  # noqa: S608
            found += self._database.execute(query, part).fetchall()
        return found

    def _put(self, table: str, rows: Sequence[tuple[str, bytes | str]]) -> None:
        try:
            with self._database:
                self._database.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            raise OutputError(
                f"{self.path}: can't store votes: {error}; free some space and run again: "
                "what was stored is kept"
            ) from None
