"""Remembers what LLMs said, in SQLite beside the output, so that no token is spent twice.

Several processes may work on one store: the first answer to a question stands, and a file that
another process has open is emptied, never removed. A file that is no store of ours is never
touched: a store says in its header, by SQLite's `application_id`, whose it is.
"""

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from labelmend.errors import OutputError

_TABLES = {
    "votes": ("key TEXT PRIMARY KEY", "scores BLOB NOT NULL"),
    "replies": ("key TEXT PRIMARY KEY", "reply TEXT NOT NULL"),
    "spent": ("key TEXT PRIMARY KEY", "seconds REAL NOT NULL"),
}
"""Each with its columns."""

_SCHEMA = tuple(
    f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(columns)}) WITHOUT ROWID"
    for name, columns in _TABLES.items()
)

_OURS = 0x6C6D7674
"""The `application_id` of our stores, "lmvt" in ASCII."""

_MAGIC = b"SQLite format 3\0"
_ID_AT = 68
"""Byte of SQLite's header at which the `application_id` stands: four bytes, the highest first."""

_LOG_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
"""What SQLite's write-ahead logs begin with."""

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

_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
"""Where the file is: no database any more, a damaged one, or one that lacks what is asked for."""

_PATIENCE = 60.0
"""Seconds that one process waits for another's transaction."""

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


def check_store(path: Path) -> None:
    """Make sure that a store may be kept in a file, without a change to it.

    A file may be missing, empty, ours or an SQLite database without tables.

    Raises:
        OutputError: it is somebody else's, or no file.
    """
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; the votes are kept there: {_MOVE}")
    if not path.exists():
        _check_log(path)
        return
    if _is_marked(path):
        return
    try:
        # Whoever reads a database does no more to it than this.
        with closing(sqlite3.connect(path, timeout=_PATIENCE)) as database:
            _check_ours(path, database)
    except sqlite3.Error as error:
        if not _is_database(path):
            raise _not_ours(path) from None
        advice = _ADVICE.get(_code(error), f"it may be somebody else's: {_MOVE}")
        raise OutputError(f"{path}: can't be read as the vote store: {error}; {advice}") from None


def forget(path: Path) -> None:
    """Empty a store, if there is one; one of ours that is damaged is removed.

    Raises:
        OutputError: it can't be emptied or removed, or is somebody else's; a store that is locked,
            or for which the disk lacks room, is not removed.
    """
    check_store(path)
    if not path.exists():
        _remove(path)  # a write-ahead log without its database would be replayed into the next one
        return
    try:
        with Store(path) as store:
            store.clear()
    except DamagedStoreError:
        _remove(path)


_MOVE = "move it away, or name another output"


class DamagedStoreError(OutputError):
    """A store of ours can't be read."""


def _not_ours(path: Path) -> OutputError:
    return OutputError(
        f"{path}: can't be used as the vote store: it is somebody else's file, none of "
        f"labelmend's; {_MOVE}"
    )


def _is_database(path: Path) -> bool:
    """Whether a file begins as SQLite's do; an empty one will."""
    begins = _header(path)
    return not begins or begins.startswith(_MAGIC)


def _is_marked(path: Path) -> bool:
    begins = _header(path)
    mark = begins[_ID_AT : _ID_AT + 4]
    return begins.startswith(_MAGIC) and mark == _OURS.to_bytes(4, "big")


def _header(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_ID_AT + 4)
    except OSError as error:
        raise OutputError(
            f"{path}: can't be used as the vote store: {error.strerror or error}; {_NOT_ALLOWED}"
        ) from None


def _check_ours(path: Path, database: sqlite3.Connection) -> None:
    """Make sure that a database is ours, by its mark or its tables; older stores have no mark.

    Raises:
        OutputError: it is somebody else's.
    """
    (mark,) = database.execute("PRAGMA application_id").fetchone()
    held = database.execute("SELECT type, name FROM sqlite_master").fetchall()
    ours = mark == 0 and all(
        kind == "table"
        and name in _TABLES
        and [c[1] for c in database.execute(f"PRAGMA table_info({name})")]
        == [column.partition(" ")[0] for column in _TABLES[name]]
        for kind, name in held
    )
    if mark != _OURS and not ours:
        raise _not_ours(path)


def _check_log(path: Path) -> None:
    """Make sure that what lies where a store's log would lie is one.

    Raises:
        OutputError: it is something else.
    """
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        begins = _header(log)
        if begins and not begins.startswith(_LOG_MAGIC):
            raise _not_ours(log)


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
        if path is not None and self._is_new:
            _check_log(path)
        elif path is not None and path.is_file() and not _is_database(path):
            raise _not_ours(path)
        with self._usable():
            self._database = sqlite3.connect(path or ":memory:", timeout=_PATIENCE)
        try:
            with self._usable():
                if path is not None:
                    _check_ours(path, self._database)
                self._use_wal()
                # Where nothing can be written, that is found out now.
                self._make_tables()
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
        with self._usable():
            self._make_tables(*_TABLES)

    def _make_tables(self, *dropped: str) -> None:
        """Make those that are missing, and mark the file as ours."""
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for table in dropped:
                self._database.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in _SCHEMA:
                self._database.execute(statement)
            self._database.execute(f"PRAGMA application_id = {_OURS}")

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
            kind = DamagedStoreError if code in _DAMAGED else OutputError
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
