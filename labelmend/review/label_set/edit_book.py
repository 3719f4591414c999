"""The edits of a running page: in their file and in the labels file before it says so."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from labelmend.data.answers import now
from labelmend.data.label_edits.cards import CardsText
from labelmend.data.label_edits.edits import CardsFile, EditedLabels, LabelEdit, Undo
from labelmend.data.label_edits.file import NO_EDITS, append_edits, read_label_edits
from labelmend.data.outputs.locks import lock
from labelmend.data.write import atomic_files
from labelmend.errors import OutputError
from labelmend.regular_file import read_regular

_PATIENCE = 5.0
"""Seconds that one process waits for another's edit, which takes milliseconds."""

_LOOK_AGAIN = 0.01
"""Seconds between two tries."""


def edits_path(table: Path) -> Path:
    """Return where the edits of a mended table's labels lie."""
    return table.with_suffix(".label-edits.jsonl")


@dataclass(frozen=True)
class _Seen:
    """Size and time of a file, by which a change of it is seen."""

    size: int
    time: int

    @classmethod
    def of(cls, path: Path) -> "_Seen | None":
        """Return what a file looks like; None where there is none."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        return cls(found.st_size, found.st_mtime_ns)


class EditBook:
    """The edits that stand, and the label cards. It does not lock threads: who uses it does.

    Attributes:
        path: of the edits.
        cards_path: of the labels file; None where the table has none.
    """

    def __init__(self, path: Path, cards_path: Path | None, anchor: Path) -> None:
        """Read the edits, whose file need not be there yet.

        Args:
            path: of the edits.
            cards_path: of the labels file; None where the table has none.
            anchor: a file that is there, by which processes that edit keep apart.

        Raises:
            InputError: it can't be used.
        """
        self._anchor = anchor
        self.path = path
        self.cards_path = cards_path
        self._file = NO_EDITS
        self._seen: _Seen | None = None
        self._is_read = False
        self._cards: CardsText | None = None
        self._cards_seen: _Seen | None = None
        self.refresh()

    @property
    def labels(self) -> EditedLabels:
        """The labels as the edits have made them."""
        return self._file.labels

    @property
    def entries(self) -> tuple[LabelEdit | Undo, ...]:
        """All that was ever done, oldest first."""
        return self._file.entries

    @property
    def sha256(self) -> str:
        """Of the file of edits; "" where there is none, or none stands in it."""
        return self._file.sha256 if self.entries else ""

    def cards(self) -> CardsText | None:
        """Return the labels file; None where the table has none. It is read when it is asked for.

        Raises:
            InputError: it can't be read.
            ConfigError: it says something else than labels.
        """
        if self.cards_path is None:
            return None
        seen = _Seen.of(self.cards_path)
        if self._cards is None or seen != self._cards_seen:
            self._cards, self._cards_seen = CardsText.read(self.cards_path), seen
        return self._cards

    def settle(self) -> None:
        """Write the last entry to the labels file where a process was killed before it could.

        The file is touched only where it is, byte by byte, as it was before that entry, and where
        the outcome is what the entry tells.

        Raises:
            InputError: as `cards`.
            ConfigError: as `cards`.
            OutputError: it can't be written.
        """
        last = self.entries[-1] if self.entries else None
        if last is None or last.cards is None or self.cards_path is None:
            return
        if last.cards.before == last.cards.after or _sha256(self.cards_path) != last.cards.before:
            return
        before = self.cards()
        assert before is not None
        if isinstance(last, Undo):
            edits = (one for one in self.entries if isinstance(one, LabelEdit))
            cards = before.undone(next(one for one in edits if one.edit == last.undoes))
        else:
            cards = before.edited(last)
        if cards.sha256 == last.cards.after:
            with atomic_files([cards.path]) as (name,):
                name.write_bytes(cards.text.encode())

    def look_ahead(self) -> None:
        """Read the labels file for an edit: of thousands of labels that takes seconds.

        Raises:
            InputError: as `cards`.
            ConfigError: as `cards`.
        """
        cards = self.cards()
        if cards is not None:
            _ = cards.entries

    def known(self) -> set[str]:
        """Return the labels, by their present names, that edits tell of, whatever a run knew."""
        found = set(self.labels.made)
        for entry in self.entries:
            if isinstance(entry, LabelEdit):
                found.add(self.labels.now(entry.label))
                if entry.what in {"rename", "merge"} and entry.to is not None:
                    found.add(self.labels.now(entry.to))
        return found

    def wrote(self, path: Path) -> bool:
        """Whether a labels file is as the last edit left it."""
        told = [one.cards for one in self.entries if one.cards is not None]
        return bool(told) and _sha256(path) == told[-1].after

    def refresh(self) -> None:
        """Read the edits anew where somebody else wrote to their file.

        Raises:
            InputError: as reading goes.
        """
        seen = _Seen.of(self.path)
        if not self._is_read or seen != self._seen:
            self._file = NO_EDITS if seen is None else read_label_edits(self.path)
            self._seen, self._is_read = seen, True

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from editing meanwhile, and know all that they did.

        Raises:
            InputError: as `refresh`.
        """
        with ExitStack() as held:
            # Where it can't be opened nobody is kept out; files are whole in any case.
            with suppress(OSError):
                file = held.enter_context(self._anchor.open("rb"))
                ends = time.monotonic() + _PATIENCE
                while lock(file.fileno()) is False and time.monotonic() < ends:
                    time.sleep(_LOOK_AGAIN)
            self.refresh()
            yield

    def write(self, edit: LabelEdit) -> LabelEdit:
        """Keep an edit; when this returns, it is in both files. Call this while `alone`.

        Returns:
            the edit with what became of the labels file.

        Raises:
            EditError: it does not fit.
            ConfigError: the labels file is written in a way in which it can't be edited.
            OutputError: a file can't be written.
        """
        self.labels.after(edit)
        before = self.cards()
        cards = None if before is None else before.edited(edit)
        if before is not None and cards is not None and cards is not before:
            of = edit.to if edit.what == "split" else edit.label
            told = CardsFile(before.sha256, cards.sha256, before.entry(of or ""))
            edit = replace(edit, cards=told)
        self._keep(edit, cards, Undo(edit.edit, edit.who, edit.when))
        return edit

    def undo(self, who: str) -> LabelEdit:
        """Take the last edit back. Call this while `alone`, and only where one stands.

        Raises:
            ConfigError: as `write`.
            OutputError: as `write`.
        """
        last, cards = self.labels.standing[-1], None
        entry = Undo(last.edit, who, now())
        if last.cards is not None:
            before = self.cards()
            cards = None if before is None else before.undone(last)
            if before is not None and cards is not None:
                entry = replace(entry, cards=CardsFile(before.sha256, cards.sha256, ""))
        self._keep(entry, cards, last)
        return last

    def _keep(
        self, entry: LabelEdit | Undo, cards: CardsText | None, back: LabelEdit | Undo
    ) -> None:
        """Write an entry, and with it the labels file where that becomes another one.

        Should the labels file not take its place in the end, `back` takes the entry back.
        """
        if cards is None or cards is self.cards():
            append_edits(self.path, [entry])
        else:
            written = False
            try:
                with atomic_files([cards.path]) as (name,):
                    name.write_bytes(cards.text.encode())
                    append_edits(self.path, [entry])
                    written = True
            except OutputError:
                if written:
                    append_edits(self.path, [back])
                raise
        self._is_read = False
        self.refresh()
        if cards is not None:
            self._cards, self._cards_seen = cards, _Seen.of(cards.path)


def _sha256(path: Path) -> str | None:
    """Return the hash of a file; None where it can't be read."""
    try:
        return hashlib.sha256(read_regular(path)).hexdigest()
    except OSError:
        return None
