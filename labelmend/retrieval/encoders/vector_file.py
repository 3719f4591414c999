"""The SQLite file of one model's vectors: read and written by many processes, and never trusted.

Every row has a checksum of its own, so that what is damaged is computed anew.
"""

import os
import re
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from labelmend.types import Floats

Result = TypeVar("Result")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    key BLOB NOT NULL UNIQUE, vector BLOB NOT NULL, checksum INTEGER NOT NULL
)
"""
# With a rowid, so that vectors lie in the order in which they were written, and will be read.

_PAGE_BYTES = 16384
"""SQLite's page: several vectors lie in one."""

_ROW_BYTES = 160
"""What a row takes beside its vector, generously: key, checksum, index, unfilled pages."""

_MOST_PARAMETERS = 500
"""Keys asked for in one statement; SQLite's own limit was 999 for long."""

_WIDEST = 1 << 16
"""Numbers a vector; a file that claims more is damaged."""

_PATIENCE = 60.0
"""Seconds to wait for another process; it holds the file for a block's writing. Chosen by hand."""

_PAUSE = 0.02
"""Seconds between two tries where SQLite itself does not wait."""

_FILE_NAME = re.compile(r"([0-9a-f]{32}\.sqlite)(-wal|-shm|-journal)?")

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
"""The low byte of SQLite's error codes for a file that another process is using."""

FAILURES = (OSError, sqlite3.Error, UnicodeDecodeError)
"""What a file that can't be used raises; the last is for a damaged name of a table."""

NOT_THE_FILES_FAULT = (
    *_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
)
"""The low byte of SQLite's error codes that deleting the file would not mend."""


class VectorFile:
    """The SQLite file. It is open only while it is read or written, so nothing has to close it."""

    def __init__(self, path: Path, max_bytes: float) -> None:
        self.path = path
        self._max_bytes = max_bytes

    def read(self, keys: list[bytes]) -> tuple[npt.NDArray[np.bool_], Floats]:
        """Look up distinct keys.

        Returns:
            bool [len(keys)], which are known, and float32 [len(keys), d], the vectors of those;
            d is 0 as long as the file holds none.

        Raises:
            OSError: the file can't be made or used.
            sqlite3.Error: it can't be used, or is damaged.
            UnicodeDecodeError: it is damaged.
        """
        return self._patiently(lambda database: _select(database, keys))

    def settle(self, keys: list[bytes], vectors: Floats) -> Floats:
        """Store vectors float32 [len(keys), d] in one transaction, unless others were faster.

        Returns:
            float32 [len(keys), d], what the file now holds.

        Raises:
            OSError: the file can't be made or used.
            sqlite3.Error: it can't be used, or is damaged.
            UnicodeDecodeError: it is damaged.
        """

        def store(database: sqlite3.Connection) -> Floats:
            database.execute("BEGIN IMMEDIATE")
            is_known, held = _select(database, keys)
            if held.shape[1] != vectors.shape[1]:
                is_known, held = np.zeros(len(keys), dtype=bool), np.empty_like(vectors)
                database.execute(f"PRAGMA user_version = {vectors.shape[1]}")
            rows = []
            for i in np.flatnonzero(~is_known):
                held[i] = vectors[i]
                blob = held[i].astype("<f4").tobytes()
                rows.append((keys[i], blob, _checksum(keys[i], blob)))
            database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
            database.execute("COMMIT")
            return held

        return self._patiently(store)

    def has_room(self, vectors: Floats) -> bool:
        """Tell whether vectors fit; delete other databases, the least lately used first, if not.

        Raises:
            OSError: the folder can't be read.
        """
        needed = vectors.nbytes + len(vectors) * _ROW_BYTES
        sizes: dict[str, int] = {}
        used_at: dict[str, float] = {}
        for entry in self.path.parent.iterdir():
            match = _FILE_NAME.fullmatch(entry.name)
            with suppress(FileNotFoundError):  # another process deletes too
                if match:
                    stat, name = entry.stat(), match[1]
                    sizes[name] = sizes.get(name, 0) + stat.st_size
                    used_at[name] = max(used_at.get(name, 0), stat.st_mtime)
        total = sum(sizes.values()) + needed
        if total <= self._max_bytes:
            return True
        own = sizes.pop(self.path.name, 0)
        if not own + needed <= self._max_bytes:  # nothing would be won by deleting others
            return False
        for name in sorted(sizes, key=lambda name: (used_at[name], name)):
            if _remove(self.path.with_name(name)):
                total -= sizes[name]
            if total <= self._max_bytes:
                return True
        return False

    def _patiently(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Open the file and work on it, again if another process is in the way."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                with self._open() as database:
                    return work(database)
            except sqlite3.OperationalError as error:
                # SQLite does not wait everywhere: not where the log is made or taken away.
                if primary_code(error) not in _BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(_PAUSE)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        folder = self.path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
        # Never opened here if it exists: closing it would drop this process's locks on it.
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        os.utime(self.path)  # reading counts as use, too
        connection = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
        with closing(connection) as database:
            database.text_factory = bytes  # damage can turn a blob into text that is no UTF-8
            database.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            journal, synchronous = _journal_in(folder)
            database.execute(f"PRAGMA journal_mode = {journal}")
            database.execute(f"PRAGMA synchronous = {synchronous}")
            database.execute(_SCHEMA)
            yield database


@cache
def _journal_in(folder: Path) -> tuple[str, str]:
    """Return how SQLite keeps its journal in a folder, and how surely it writes.

    Its write-ahead log is shared by memory, which machines do not share. Between them it is locks
    on the file that keep writers apart, and nothing may be left in a machine's own buffers.
    """
    return ("TRUNCATE", "FULL") if file_system_of(folder) in ACROSS_MACHINES else ("WAL", "NORMAL")


ACROSS_MACHINES = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "gfs2", "glusterfs", "gpfs", "lustre", "nfs"),
        *("nfs4", "ocfs2", "orangefs", "smb2", "smb3", "smbfs", "webdav"),
        *("fuse.ceph", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs"),
    }
)
"""File systems that several machines write to, as the system calls them."""


def file_system_of(folder: Path) -> str:
    """Return the kind of the file system in which a folder lies; empty where that can't be told."""
    import psutil

    place = os.path.realpath(folder)
    found, longest = "", -1
    try:
        mounts = psutil.disk_partitions(all=True)
    except OSError:
        return ""
    for mount in mounts:
        root = mount.mountpoint.rstrip("/")
        # Of two at one place the later one lies over the other.
        if (place == root or place.startswith(f"{root}/")) and len(root) >= longest:
            found, longest = mount.fstype, len(root)
    return found


def _select(
    database: sqlite3.Connection, keys: list[bytes]
) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Look up distinct keys; a row whose length or checksum is wrong counts as missing."""
    # SQLite leaves this number to us: it is d.
    (width,) = database.execute("PRAGMA user_version").fetchone()
    if not 0 < width <= _WIDEST:
        width = 0
    is_known = np.zeros(len(keys), dtype=bool)
    vectors = np.empty((len(keys), width), dtype=np.float32)
    place = {key: i for i, key in enumerate(keys)}
    for start in range(0, len(keys) if width else 0, _MOST_PARAMETERS):
        part = keys[start : start + _MOST_PARAMETERS]
        marks = ",".join("?" * len(part))
        rows = database.execute(
            f"SELECT key, vector, checksum FROM vectors WHERE key IN ({marks})",  # noqa: S608
            part,
        )
        for key, blob, checksum in rows:
            if not isinstance(blob, bytes) or len(blob) != 4 * width or key not in place:
                continue
            if checksum == _checksum(key, blob):
                is_known[place[key]] = True
                vectors[place[key]] = np.frombuffer(blob, dtype="<f4")
    return is_known, vectors


def _checksum(key: bytes, blob: bytes) -> int:
    """Return what tells a damaged vector, or one that came under another's key."""
    return zlib.crc32(blob, zlib.crc32(key))


def _remove(path: Path) -> bool:
    """Delete a database, unless a process is reading or writing it; tell whether it is gone."""
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as database:
            # A change of journal is refused while anyone else has the file open.
            database.execute("PRAGMA journal_mode = DELETE")
    except FAILURES as error:
        if primary_code(error) in _BUSY:
            return False
    try:
        for suffix in ("", "-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError:
        return False
    return True


def primary_code(error: Exception) -> int:
    """Return SQLite's code for the kind of error, 0 if it is none of SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
