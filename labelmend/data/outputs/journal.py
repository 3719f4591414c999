"""The journal of files that appear together, and what becomes of it when its process has died.

While a run writes, `.labelmend-TOKEN.journal` lies in each folder that it writes to, locked by the
process, and its files under names that begin with `.labelmend-TOKEN-`. The journal is empty until
all of them are whole. Then it gets one line of JSON that says which name each takes, and from that
moment on the outcome counts. Of a process that died before, `settle` removes what it left; of one
that died later, it puts the files in place that are not there yet.

A journal speaks of names in its own folder only, so one that came with somebody else's folder can
reach nothing outside it. Where a run writes to several folders, the journal of the first one is
`home`: its line is the last to be written, and it is the last to go.
"""

import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from labelmend.data.outputs.locks import alone_in, lock
from labelmend.voice.speak import note

PREFIX = ".labelmend-"
"""Names of ours that are on their way begin with it."""

_NAME = re.compile(re.escape(PREFIX) + r"[0-9a-f]{16}\.journal")
_LONGEST = 1 << 20
"""Bytes of a journal; ours have some hundred."""


@dataclass(frozen=True)
class Piece:
    """A file or folder that takes another's place.

    Attributes:
        name: that it has until then.
        target: that it takes; both are names in the journal's folder.
        before: `state` of what stands there; None for nothing.
        after: its own `state`.
    """

    name: str
    target: str
    before: str | None
    after: str

    @property
    def old(self) -> str:
        """The name under which a folder that is replaced lies meanwhile."""
        return f"{self.name}-old"


@dataclass(frozen=True)
class Entry:
    """What a journal says.

    Attributes:
        pieces: in the order in which they are put in place.
        home: path of the journal that decides; None if it is this one.
        others: folders whose journals this one decides.
    """

    pieces: tuple[Piece, ...]
    home: str | None
    others: tuple[str, ...]


class Journal:
    """One folder's journal, which is this process's alone until it is closed."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def begin(cls, folder: Path, token: str) -> Self | None:
        """Make an empty one; None where another process took it for a dead one's meanwhile.

        Raises:
            OSError: it can't be made.
        """
        path = folder / f"{PREFIX}{token}.journal"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if lock(descriptor) is not False and _is_at(path, descriptor):
            return cls(path, descriptor)
        os.close(descriptor)
        return None

    @classmethod
    def of_the_dead(cls, path: Path) -> Self | None:
        """Open one of this user whose process has died; None where it lives, or that can't be told.

        Raises:
            OSError: it can't be opened.
        """
        if not _NAME.fullmatch(path.name) or not _is_own(path.lstat()):
            return None
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        if lock(descriptor) and _is_at(path, descriptor):
            return cls(path, descriptor)
        os.close(descriptor)
        return None

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.path.parent

    def read(self) -> Entry | None:
        """Return what it says; None where its run had not decided."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        raw = os.read(self._descriptor, _LONGEST)
        try:
            said = json.loads(raw if raw.endswith(b"\n") else b"")
            pieces = tuple(Piece(**piece) for piece in said["pieces"])
            entry = Entry(pieces, said["home"], tuple(said["others"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        token = self.path.name.removesuffix(".journal")
        fits = all(
            piece.name.startswith(f"{token}-")
            and {piece.name, piece.target}.isdisjoint({".", ".."})
            and "/" not in piece.name + piece.target
            for piece in pieces
        )
        return entry if fits else None

    def write(self, entry: Entry) -> None:
        """Say it, once, and see that it is on the disk.

        Raises:
            OSError: it can't be written.
        """
        line = json.dumps(asdict(entry)).encode() + b"\n"
        if os.write(self._descriptor, line) < len(line):
            raise OSError("the journal could not be written")
        os.fsync(self._descriptor)
        sync_folder(self.folder)

    def take_back(self) -> None:
        """Say nothing again."""
        os.ftruncate(self._descriptor, 0)

    def remove(self) -> None:
        """Remove the run's other names in this folder, and then the journal."""
        for path in self.folder.glob(f"{self.path.name.removesuffix('.journal')}-*"):
            _remove(path)
        _remove(self.path)
        self.close()

    def close(self) -> None:
        """Leave it as it is to whoever comes next."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def put(folder: Path, piece: Piece) -> None:
    """Let a piece take its place; one that has it already is left alone.

    Raises:
        OSError: it can't; then what stood there stands there still.
    """
    name, target, old = (folder / part for part in (piece.name, piece.target, piece.old))
    if not os.path.lexists(name):
        return
    if not name.is_dir():
        name.replace(target)
        return
    if target.exists():
        target.replace(old)
    try:
        name.replace(target)
    except OSError:
        put_back(folder, piece)
        raise
    shutil.rmtree(old, ignore_errors=True)


def put_back(folder: Path, piece: Piece) -> None:
    """Where a folder was taken away, and nothing took its place, put it back."""
    target, old = folder / piece.target, folder / piece.old
    if os.path.lexists(old) and not os.path.lexists(target):
        old.replace(target)


def state(path: Path) -> str | None:
    """Return what tells a file or folder from others, wherever it is moved; None for nothing.

    Raises:
        OSError: it can't be read.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        return f"folder {found.st_dev}:{found.st_ino}"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def settle(*paths: Path | None) -> tuple[str, ...]:
    """Finish what runs that were killed had begun in the folders of these paths, or undo it.

    What a living process is writing is left alone. What can't be settled, such as in a folder that
    may not be written to, is left for another time: the files' readers see that they don't fit.

    Returns:
        what was put in place, one line a run.
    """
    told: list[str] = []
    for folder in sorted(_folders(paths)):
        with suppress(OSError):
            found = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
            if not found:
                continue
            with alone_in([folder]):
                for path in found:
                    with suppress(OSError):
                        told += _settle(path)
    return tuple(told)


def _folders(paths: Iterable[Path | None]) -> set[Path]:
    """Return the folders in which paths lie, and those in which the files lie that they link to."""
    given = [path for path in paths if path is not None]
    folders = {Path(os.path.realpath(path.parent)) for path in given}
    return folders | {Path(os.path.realpath(path)).parent for path in given}


def _settle(path: Path, *, is_home: bool = False) -> list[str]:
    journal = Journal.of_the_dead(path)
    if journal is None:
        return []
    try:
        entry = journal.read()
        if entry is None:
            journal.remove()
            return []
        if entry.home is None:
            return _finish(journal, entry)
        if is_home:
            return []
    finally:
        journal.close()
    home = Path(entry.home)
    if home.name == path.name and home != path and home.exists():
        return _settle(home, is_home=True)
    # The one that decides is the last to go, or never said a word.
    journal = Journal.of_the_dead(path)
    if journal is not None:
        journal.remove()
    return []


def _finish(home: Journal, entry: Entry) -> list[str]:
    """Put all that is not in its place there, in all folders."""
    parts = [(home, entry)]
    try:
        for folder in entry.others:
            with suppress(FileNotFoundError):
                journal = Journal.of_the_dead(Path(folder) / home.path.name)
                said = None if journal is None else journal.read()
                if journal is not None and said is not None and said.home == str(home.path):
                    parts.append((journal, said))
        placed = _place([(journal.folder, piece) for journal, e in parts for piece in e.pieces])
        for journal, _ in reversed(parts):
            journal.remove()
    finally:
        for journal, _ in parts:
            journal.close()
    names = ", ".join(str(path) for path in placed)
    told = note(
        "a run was killed while it put its files in place; this was finished: {names}", names=names
    )
    return [told] * bool(placed)


def _place(pieces: Sequence[tuple[Path, Piece]]) -> list[Path]:
    """Put the pieces in place whose place nobody has changed since; return where they are now."""
    waiting = [(folder, piece) for folder, piece in pieces if _is_whole(folder, piece)]
    free = [(folder, piece) for folder, piece in waiting if _is_free(folder, piece)]
    # Where nothing was put in place yet and somebody has changed a file, all is left as it is.
    if len(waiting) == len(pieces) and len(free) < len(waiting):
        free = []
    for folder, piece in free:
        put(folder, piece)
    for folder, piece in pieces:
        put_back(folder, piece)
    return [folder / piece.target for folder, piece in free]


def _is_whole(folder: Path, piece: Piece) -> bool:
    path = folder / piece.name
    return not path.is_symlink() and state(path) == piece.after


def _is_free(folder: Path, piece: Piece) -> bool:
    """Whether a piece's place is as it was when the run decided."""
    now = state(folder / piece.target)
    taken_away = now is None and state(folder / piece.old) == piece.before
    return now == piece.before or taken_away


def _is_own(found: os.stat_result) -> bool:
    """Whether it is a regular file of this user: in a folder for all, others may leave anything."""
    owner = os.geteuid() if hasattr(os, "geteuid") else found.st_uid
    return stat.S_ISREG(found.st_mode) and found.st_uid == owner


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def sync_folder(folder: Path) -> None:
    """See that a folder's names are on the disk, where the system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
