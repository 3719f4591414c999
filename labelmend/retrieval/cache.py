"""Embeddings on disk by model and text hash, so that a second run starts at once.

One SQLite file holds the vectors of one model under one set of settings, each under the hash of the
text as the model reads it. The texts themselves are never stored.

A text's vector is computed once. Batches are padded to their longest text, so the last bits of a
vector can depend on its company, and with it on what was missing; what the file holds is taken as
it is, so every later run, and every process beside this one, gets the bits of the first.
"""

import hashlib
import importlib.metadata
import json
import os
import re
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from labelmend.configs.schema import EncoderConfig
from labelmend.protocols import Encoder
from labelmend.retrieval.encode import load_encoder
from labelmend.types import Floats
from labelmend.weights.home import cache_home
from labelmend.weights.locate import LocatedModel

Result = TypeVar("Result")

_VERSION = 1
"""Of the file's layout and of the keys; another version is another file."""

_LIBRARIES = {
    "sentence-transformers": ("sentence-transformers", "transformers", "tokenizers", "torch"),
    "onnx": ("onnxruntime", "tokenizers"),
}
"""What turns texts into vectors, by backend: a release may tokenize or pool otherwise."""

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

_BLOCK = 1024
"""Texts looked up, encoded and committed at a time; no vector depends on it."""

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

_FAILURES = (OSError, sqlite3.Error, UnicodeDecodeError)
"""What a file that can't be used raises; the last is for a damaged name of a table."""

_NOT_THE_FILES_FAULT = (
    *_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
)
"""The low byte of SQLite's error codes that deleting the file would not mend."""


class CachedEncoder:
    """An encoder that computes only the vectors that its file does not hold.

    The model is loaded when the first of them is asked for, so a run whose texts are all known
    loads none. A file that can't be used never fails a run: the model then works alone.

    Attributes:
        note: one line on why vectors are not kept, for the user; None while they are.
    """

    def __init__(
        self, load: Callable[[], Encoder], path: Path, *, query_prefix: str, max_bytes: float
    ) -> None:
        """Open or make the file.

        Args:
            load: loads the model; its errors come up when the first vector is computed.
            path: of the file; its folder is the cache, where other databases may be deleted.
            query_prefix: what the model reads before row texts.
            max_bytes: of the folder. The databases that were not used for longest are deleted to
                stay below; this one never is: once it is full, new vectors are not kept.
        """
        self.note: str | None = None
        self._load = load
        self._model: Encoder | None = None
        self._query_prefix = query_prefix
        self._file: _VectorFile | None = _VectorFile(path, max_bytes)
        self._keeps = True
        self._read([])  # so that the caller can show the note before the work

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], unit vectors of row texts, read after the prefix.

        Raises:
            ModelError: some are missing, and the model can't load.
        """
        return self._vectors(texts, self._query_prefix, lambda part: self._loaded().encode(part))

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], unit vectors of texts read as they are.

        Raises:
            ModelError: some are missing, and the model can't load.
        """
        return self._vectors(texts, "", lambda part: self._loaded().encode_passages(part))

    def _loaded(self) -> Encoder:
        if self._model is None:
            self._model = self._load()
        return self._model

    def _vectors(
        self, texts: Sequence[str], prefix: str, run: Callable[[list[str]], Floats]
    ) -> Floats:
        """Fill the result block by block, the distinct texts sorted.

        What shares a block depends neither on the order of texts nor on what is known, so a run
        that was killed goes on with the very blocks that it would have had.
        """
        if not texts:
            _, none = self._read([])
            return none if none.shape[1] else run([])
        order = np.array(sorted(range(len(texts)), key=texts.__getitem__))
        is_first = np.array(
            [i == 0 or texts[order[i - 1]] != texts[at] for i, at in enumerate(order)]
        )
        distinct = np.cumsum(is_first) - 1
        found: Floats | None = None
        for start in range(0, int(distinct[-1]) + 1, _BLOCK):
            first, end = np.searchsorted(distinct, [start, start + _BLOCK])
            places = order[first:end]
            part = [texts[at] for at in places[is_first[first:end]]]
            vectors = self._block(part, prefix, run)
            if found is None:
                found = np.empty((len(texts), vectors.shape[1]), dtype=np.float32)
            found[places] = vectors[distinct[first:end] - start]
        assert found is not None
        return found

    def _block(self, texts: list[str], prefix: str, run: Callable[[list[str]], Floats]) -> Floats:
        """Return float32 [len(texts), d] of distinct texts."""
        if self._file is None:
            return run(texts)
        keys = [_key(prefix, text) for text in texts]
        is_known, vectors = self._read(keys)
        missing = np.flatnonzero(~is_known)
        if not missing.size:
            return vectors
        computed = run([texts[i] for i in missing])
        if computed.shape[1] != vectors.shape[1]:
            # The file does not say how long vectors are, for it is new, or it says a wrong thing.
            if is_known.any():
                missing, computed = np.arange(len(texts)), run(texts)
            vectors = np.empty((len(texts), computed.shape[1]), dtype=np.float32)
        vectors[missing] = self._keep([keys[i] for i in missing], computed)
        return vectors

    def _read(self, keys: list[bytes]) -> tuple[npt.NDArray[np.bool_], Floats]:
        if self._file is not None:
            try:
                return self._file.read(keys)
            except _FAILURES as error:
                self._go_without(self._file.path, error)
        return np.zeros(len(keys), dtype=bool), np.empty((len(keys), 0), dtype=np.float32)

    def _keep(self, keys: list[bytes], vectors: Floats) -> Floats:
        """Store vectors; return them as they now stand in the file."""
        if self._file is None or not self._keeps:
            return vectors
        try:
            if self._file.has_room(vectors):
                return self._file.settle(keys, vectors)
        except _FAILURES as error:
            self._go_without(self._file.path, error)
            return vectors
        self._keeps = False
        self.note = (
            f"{self._file.path}: the embedding cache is full, new embeddings are not kept; raise"
            " cache_gib of the encoders, or delete the file"
        )
        return vectors

    def _go_without(self, path: Path, error: Exception) -> None:
        self._file = None
        advice = "delete the file"
        if isinstance(error, OSError) or _primary_code(error) in _NOT_THE_FILES_FAULT:
            advice = "free some space, or set LABELMEND_HOME to another folder"
        said = " ".join(str(getattr(error, "strerror", None) or error).split())
        self.note = f"{path}: embeddings are not cached ({said}); {advice}"


def open_encoder(config: EncoderConfig, model: LocatedModel) -> Encoder:
    """Return the encoder that `config` names, behind its cache if it asks for one.

    Raises:
        ModelError: the folder holds no model of the configured backend; with a cache this comes up
            when the first vector is computed.
    """
    if not config.cache:
        return load_encoder(config, model.path)
    return CachedEncoder(
        partial(load_encoder, config, model.path),
        cache_file(config, model),
        query_prefix=config.query_prefix,
        max_bytes=config.cache_gib * 2**30,
    )


def cache_file(config: EncoderConfig, model: LocatedModel) -> Path:
    """Return the path of the file for a model and all settings that change its vectors.

    `batch_size` and the device are not among them: they change no more than the last bits.
    """
    identity = {
        "version": _VERSION,
        "digest": model.digest,
        # The digest is that of the weights; tokenizer and pooling come with the release.
        "source": model.source,
        "backend": config.backend,
        "max_tokens": config.max_tokens,
        "query_prefix": config.query_prefix,
        "libraries": {name: _installed(name) for name in _LIBRARIES[config.backend]},
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return cache_home() / "embeddings" / f"{digest[:32]}.sqlite"


class _VectorFile:
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
                if _primary_code(error) not in _BUSY or time.monotonic() > deadline:
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
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(_SCHEMA)
            yield database


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


def _key(prefix: str, text: str) -> bytes:
    """Return the hash of a text as the model reads it.

    With a prefix a row text and an equal passage have two keys, without one they share theirs.
    """
    # A text cut in the middle of a surrogate pair can't be encoded otherwise.
    read = prefix.encode("utf-8", "surrogatepass"), text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(len(read[0]).to_bytes(8, "big") + read[0] + read[1]).digest()


def _checksum(key: bytes, blob: bytes) -> int:
    """Return what tells a damaged vector, or one that came under another's key."""
    return zlib.crc32(blob, zlib.crc32(key))


def _remove(path: Path) -> bool:
    """Delete a database, unless a process is reading or writing it; tell whether it is gone."""
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as database:
            # A change of journal is refused while anyone else has the file open.
            database.execute("PRAGMA journal_mode = DELETE")
    except _FAILURES as error:
        if _primary_code(error) in _BUSY:
            return False
    try:
        for suffix in ("", "-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _primary_code(error: Exception) -> int:
    """Return SQLite's code for the kind of error, 0 if it is none of SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _installed(package: str) -> str | None:
    """Return a package's version without importing it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
