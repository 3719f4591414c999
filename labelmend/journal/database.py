"""The log's file: SQLite with a write-ahead log, of which nothing is left that was deleted.

Several processes may write to one log, one transaction at a time. A process that is killed loses
what it had not committed, and nothing else. A file that is no log of ours is never touched: a log
says in its header, by SQLite's `application_id`, whose it is.
"""

import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from labelmend.errors import InputError, OutputError
from labelmend.journal.entries import LogTask
from labelmend.journal.keys import LogKey

_OURS = 0x6C6D6C67
"""The `application_id` of our logs, "lmlg" in ASCII."""

_MAGIC = b"SQLite format 3\0"
_VERSION_AT, _ID_AT = 60, 68
"""Bytes of SQLite's header at which `user_version` and `application_id` stand: four each, the
highest first."""

_VERSIONS: Mapping[LogTask, int] = {"single": 1, "several": 2}
"""Of the tables, SQLite's `user_version`: who knows the first alone reads no sets of labels."""

_NEWEST = max(_VERSIONS.values())

PATIENCE = 30.0
"""Seconds that one process waits for another's transaction, which takes milliseconds; forgetting a
sender of a large log takes seconds."""

_LOOK_AGAIN = 0.02
"""Seconds between two tries."""

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS requests (id TEXT PRIMARY KEY, at INTEGER NOT NULL, "
    "source TEXT NOT NULL, sender TEXT NOT NULL, text_hash TEXT NOT NULL, "
    "masked INTEGER NOT NULL, text TEXT)",
    "CREATE INDEX IF NOT EXISTS requests_at ON requests (at)",
    "CREATE INDEX IF NOT EXISTS requests_sender ON requests (sender)",
    "CREATE TABLE IF NOT EXISTS guesses (request TEXT NOT NULL, place INTEGER NOT NULL, "
    "model TEXT NOT NULL, label TEXT NOT NULL, probability REAL NOT NULL, oos INTEGER NOT NULL, "
    "top TEXT NOT NULL, PRIMARY KEY (request, place)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS feedback (request TEXT NOT NULL, sender TEXT NOT NULL, "
    "at INTEGER NOT NULL, label TEXT, times INTEGER NOT NULL, PRIMARY KEY (request, sender)) "
    "WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS feedback_sender ON feedback (sender, at)",
    "CREATE TABLE IF NOT EXISTS labels (label TEXT PRIMARY KEY, oos INTEGER NOT NULL) "
    "WITHOUT ROWID",
)
"""`feedback.label` is the right label; NULL where it was only said that the first guess is wrong.
`labels` has those of all models that were served; `oos` marks the out-of-scope label."""

ERASING = "erasing"
"""The fact that says that something was deleted whose bytes may still be in the file."""

_KEY = "key"
"""The fact that tells the log's key from others."""

_IN_WORDS: Mapping[LogTask, str] = {
    "single": "models of one label a text",
    "several": "models of several labels a text",
}


def open_log(
    path: Path, *, create: bool = False, task: LogTask | None = None
) -> tuple[sqlite3.Connection, LogKey]:
    """Open a log.

    The connection begins and ends its transactions by SQL, and may be used by one thread at a time.

    Args:
        path: of the log.
        create: make one where there is none.
        task: of the models whose requests it keeps, or shall keep; None where any will do.

    Raises:
        InputError: there is none, it is somebody else's file or of another task, or its key does
            not fit.
        OutputError: it can't be written.
    """
    is_new = not path.exists()
    if is_new and not create:
        raise InputError(f"{path}: no such file; check the path")
    with usable(path):
        if is_new:
            _make(path)
        else:
            _check_ours(path)
        database = _connected(path)
        try:
            if create:
                _make_tables(path, database, task or "single")
            key = _key_of(path, database)
            _check_task(path, task_of(database), task)
            erase(database, only_if_begun=True)
        except BaseException:
            database.close()
            raise
    return database, key


def check_log(path: Path, task: LogTask | None = None) -> None:
    """Make sure, without a change to anything, that a log may be kept in a file.

    Args:
        path: of the log.
        task: of the models whose requests it shall keep; None where that is not known.

    Raises:
        InputError: it is somebody else's file or of another task, or its key is missing.
        OutputError: its folder can't be written to.
    """
    if path.exists():
        with usable(path):
            version = _check_ours(path)
        if path.stat().st_size:
            _check_task(path, _task_of(version), task)
            LogKey.read(LogKey.beside(path))
    elif not os.access(path.parent, os.W_OK | os.X_OK) or not path.parent.is_dir():
        raise OutputError(
            f"{path}: can't write the log in {path.parent}; choose a folder that is there and that "
            "you may write to"
        )


def _make(path: Path) -> None:
    """Make an empty file that nobody but its owner reads; SQLite's other files follow its rights.

    Raises:
        OutputError: it can't be made.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError as error:
        raise OutputError(
            f"{path}: can't write the log: {error.strerror or error}; choose a folder that you may "
            "write to"
        ) from None


def _check_ours(path: Path) -> int:
    """Make sure that a file is a log, or empty; return the version of its tables.

    Raises:
        InputError: it is somebody else's, or of a later labelmend.
    """
    if not path.is_file():
        raise InputError(f"{path}: is no file; give the file of a log")
    if path.stat().st_size == 0:
        return 0
    with path.open("rb") as file:
        header = file.read(_ID_AT + 4)
    mark = int.from_bytes(header[_ID_AT:])
    version, held = int.from_bytes(header[_VERSION_AT : _VERSION_AT + 4]), 0
    if mark != _OURS or not header.startswith(_MAGIC):
        # A log that a killed process began may have its header in the write-ahead log alone.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}")
            (mark,) = database.execute("PRAGMA application_id").fetchone()
            (version,) = database.execute("PRAGMA user_version").fetchone()
            (held,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if mark != _OURS and (mark or held):
        raise _not_ours(path)
    if version > _NEWEST:
        raise InputError(f"{path}: was written by a later labelmend; update labelmend")
    return int(version)


def _not_ours(path: Path) -> InputError:
    return InputError(
        f"{path}: is no log of labelmend's; give the file of `labelmend serve --log`, or a new name"
    )


def task_of(database: sqlite3.Connection) -> LogTask:
    """Return the task of the models whose requests a log keeps."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return _task_of(version)


def _task_of(version: int) -> LogTask:
    return "several" if version == _VERSIONS["several"] else "single"


def _check_task(path: Path, found: LogTask, task: LogTask | None) -> None:
    """Make sure that a log is of a task.

    Raises:
        InputError: it is of another one.
    """
    if task is not None and found != task:
        raise InputError(
            f"{path}: is a log of {_IN_WORDS[found]}, not of {_IN_WORDS[task]}; name another file "
            "with --log"
        )


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(
        path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
    )
    _use_wal(database)
    database.execute("PRAGMA secure_delete = ON")
    database.execute("PRAGMA synchronous = NORMAL")
    return database


def _use_wal(database: sqlite3.Connection) -> None:
    """Switch to the write-ahead log, for which SQLite doesn't wait where another opens too."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > ends:
                raise
            time.sleep(_LOOK_AGAIN)
        else:
            return


def _make_tables(path: Path, database: sqlite3.Connection, task: LogTask) -> None:
    with transaction(database):
        (held,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if held:
            return
        key = LogKey.made(LogKey.beside(path))
        for statement in _SCHEMA:
            database.execute(statement)
        database.execute("INSERT INTO facts VALUES (?, ?)", (_KEY, key.check()))
        database.execute(f"PRAGMA application_id = {_OURS}")
        database.execute(f"PRAGMA user_version = {_VERSIONS[task]}")


def _key_of(path: Path, database: sqlite3.Connection) -> LogKey:
    """Read the key of a log.

    Raises:
        InputError: it is missing, or that of another log.
    """
    try:
        found = database.execute("SELECT value FROM facts WHERE name = ?", (_KEY,)).fetchone()
    except sqlite3.OperationalError:
        found = None
    if found is None:
        raise _not_ours(path)
    key_path = LogKey.beside(path)
    key = LogKey.read(key_path)
    if key.check() != found[0]:
        raise InputError(f"{key_path}: is the key of another log; bring back that of {path}")
    return key


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Do all or nothing; others write before or after."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        # A full disk has rolled back already.
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into one line.

    Raises:
        OutputError: the log can't be used.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
            damaged = code == sqlite3.SQLITE_CORRUPT
            raise (_damaged(path) if damaged else _not_ours(path)) from None
        advice = _ADVICE.get(code, "see that it is a file that you may write to")
        raise OutputError(f"{path}: can't be used as a log: {error}; {advice}") from None


def _damaged(path: Path) -> InputError:
    return InputError(f"{path}: is damaged; bring back a copy, or begin a new log")


_ADVICE = {
    sqlite3.SQLITE_FULL: "free some space",
    sqlite3.SQLITE_IOERR: "free some space",
    sqlite3.SQLITE_BUSY: "wait until the other process that uses it is done",
    sqlite3.SQLITE_LOCKED: "wait until the other process that uses it is done",
}
"""By the low byte of SQLite's error codes."""


def begin_to_erase(database: sqlite3.Connection) -> None:
    """Say in the transaction that deletes something that `erase` has to follow."""
    database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (ERASING, secrets.token_hex(8)))


def waits_to_be_erased(database: sqlite3.Connection) -> bool:
    """Whether something was deleted that is not erased yet."""
    return _erasing(database) is not None


def _erasing(database: sqlite3.Connection) -> tuple[str] | None:
    found: tuple[str] | None = database.execute(
        "SELECT value FROM facts WHERE name = ?", (ERASING,)
    ).fetchone()
    return found


def erase(database: sqlite3.Connection, *, only_if_begun: bool = False) -> bool:
    """Make sure that what was deleted is not in the file any more.

    Zeros in freed pages are not enough: where SQLite moves a row between pages, its bytes stay
    behind in a gap, and nobody knows of them when the row is deleted. So the file is written anew
    from the rows that there are, and the write-ahead log, which has pages of the old one, is
    emptied. Whoever deletes calls `begin_to_erase` in the same transaction; if it is killed before
    it gets here, the next that opens the log does it.

    Args:
        database: where something was deleted.
        only_if_begun: do nothing where nothing waits for it.

    Returns:
        whether it was done: not while another process reads the log for longer than `PATIENCE`.
    """
    waits = _erasing(database)
    if waits is not None:
        database.execute("VACUUM")
    elif only_if_begun:
        return True
    busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        return False
    if waits is not None:
        # What was deleted meanwhile has set the fact anew.
        with transaction(database):
            database.execute("DELETE FROM facts WHERE name = ? AND value = ?", (ERASING, *waits))
    return True


_MOST_PARAMETERS = 500
"""Names in one statement; SQLite's own limit was 999 for long."""


def in_parts(names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield names in lots that a statement takes, each with its question marks."""
    for start in range(0, len(names), _MOST_PARAMETERS):
        part = list(names[start : start + _MOST_PARAMETERS])
        yield ",".join("?" * len(part)), part


Rows = Sequence[tuple[Any, ...]]
"""What a query gives."""
