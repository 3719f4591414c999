"""Files and folders that are written under other names, and then appear together."""

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from labelmend.data.formats.compressed import full_suffix
from labelmend.data.outputs.journal import (
    PREFIX,
    Entry,
    Journal,
    Piece,
    put,
    state,
    sync_folder,
)
from labelmend.data.outputs.locks import alone_in

WRITTEN = "all files were written"
"""What a `KeyboardInterrupt` says that came too late."""


class Publication:
    """Files or folders of one run, on their way to their places.

    Use `begin`, write to `names`, then `commit`; `close` in any case.

    Attributes:
        names: what to write to, one a target, in the targets' folders and with their suffixes.
        decided: the outcome counts: what is not in its place yet will be put there, if not by this
            process, then by the next one.
    """

    def __init__(self, targets: Sequence[Path], *, folders: bool = False) -> None:
        """Prepare to write.

        Args:
            targets: whose names they take; a link keeps its place, and what it links to is written.
            folders: they are folders.
        """
        self._targets = [Path(os.path.realpath(target)) for target in targets]
        self._suffixes = [full_suffix(target) for target in targets]
        self._folders = folders
        self._journals: list[Journal] = []
        self._pieces: list[tuple[Path, Piece]] = []
        self.names: tuple[Path, ...] = ()
        self.decided = False

    def begin(self) -> tuple[Path, ...]:
        """Make the empty files or folders to write to.

        Raises:
            OSError: they can't be made.
        """
        places = list(dict.fromkeys(target.parent for target in self._targets))
        token = ""
        while len(self._journals) < len(places):
            self.close()
            token = secrets.token_hex(8)
            for folder in places:
                journal = Journal.begin(folder, token)
                if journal is None:
                    break
                self._journals.append(journal)
        self.names = tuple(
            target.with_name(f"{PREFIX}{token}-{number}{suffix}")
            for number, (target, suffix) in enumerate(
                zip(self._targets, self._suffixes, strict=True)
            )
        )
        for name in self.names:
            if self._folders:
                name.mkdir()
            else:
                name.open("xb").close()
        return self.names

    def commit(self) -> None:
        """Put all in place.

        Raises:
            OSError: it can't be done. Unless it is `decided`, what was there before is untouched.
            KeyboardInterrupt: as it came; it says `WRITTEN` where it came too late.
        """
        for name, target in zip(self.names, self._targets, strict=True):
            _sync_all(name)
            if target.exists() and not self._folders:
                shutil.copymode(target, name)
        with alone_in(journal.folder for journal in self._journals):
            try:
                self._decide()
                self._put_all()
            except OSError:
                if self._none_is_placed():
                    self._journals[0].take_back()
                    self.decided = False
                raise
            except KeyboardInterrupt as late:
                if not self.decided and self._none_is_placed():
                    raise
                self._put_all()
                late.args = (WRITTEN,)
                raise

    def close(self) -> None:
        """Remove what is left of it; what is decided and not in place is left to the next run."""
        is_whole = not any(os.path.lexists(folder / piece.name) for folder, piece in self._pieces)
        while self._journals:
            journal = self._journals.pop()
            if self.decided and not is_whole:
                journal.close()
            else:
                with suppress(OSError):
                    journal.remove()

    def _none_is_placed(self) -> bool:
        return all(map(os.path.lexists, self.names))

    def _decide(self) -> None:
        """Write down what takes whose place; one rename alone needs no such word."""
        places = list(zip(self.names, self._targets, strict=True))
        if len(places) == 1 and not (self._folders and self._targets[0].exists()):
            ((name, target),) = places
            self._pieces = [(target.parent, Piece(name.name, target.name, None, ""))]
            return
        self._pieces = [
            (target.parent, Piece(name.name, target.name, state(target), str(state(name))))
            for name, target in places
        ]
        home, *parts = self._journals
        for journal in parts:
            journal.write(Entry(self._of(journal), str(home.path), ()))
        self.decided = True
        home.write(Entry(self._of(home), None, tuple(str(journal.folder) for journal in parts)))

    def _of(self, journal: Journal) -> tuple[Piece, ...]:
        return tuple(piece for folder, piece in self._pieces if folder == journal.folder)

    def _put_all(self) -> None:
        """Put all in place that is not there yet."""
        for folder, piece in self._pieces:
            put(folder, piece)
        for journal in self._journals:
            sync_folder(journal.folder)


@contextmanager
def scratch_folder(place: Path) -> Iterator[Path]:
    """Give a folder in another one that is gone afterwards; should this process be killed, too.

    Raises:
        OSError: it can't be made.
    """
    scratch = Publication([place / f"{PREFIX}scratch"], folders=True)
    try:
        (folder,) = scratch.begin()
        yield folder
    finally:
        scratch.close()


def _sync_all(path: Path) -> None:
    """See that a file, or all files of a folder, are on the disk."""
    for file in [path, *sorted(path.rglob("*"))] if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb+") as opened:
                os.fsync(opened.fileno())
