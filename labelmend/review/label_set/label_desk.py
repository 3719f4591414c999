"""Where people work on the label set: what they see of it, and what becomes of their edits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.data.answers import Answer, Saw, Shown, now
from labelmend.data.label_edits.edits import EditError, LabelEdit, Undo, What, name_problem
from labelmend.errors import ConfigError, InputError
from labelmend.review.label_set.confusion import EXAMPLES, MOST_TEXTS, Confusion
from labelmend.review.label_set.edit_book import EditBook, edits_path
from labelmend.review.label_set.renamed import renamed
from labelmend.review.seats import RefusedError, Tab
from labelmend.review.sitting import Sitting
from labelmend.review.table import ReviewTable
from labelmend.runs.again import given_labels
from labelmend.runs.layout import OutputPaths
from labelmend.runs.record import RunRecord

_LAST_EDITS = 20
"""That the page shows: it undoes one after the other."""

_LEAST_LABELS = 2
"""With one, there is nothing to tell apart."""


@dataclass(frozen=True)
class Edit:
    """What a person does to a label.

    Attributes:
        what: is done.
        label: to which.
        to: as a `LabelEdit` has it.
        description: as a `LabelEdit` has it.
        rows: of a split, rows whose texts move to the new label.
        seen: how many lines the file of edits had when the person looked.
    """

    what: What
    label: str
    to: str | None
    description: str | None
    rows: Sequence[int]
    seen: int


class LabelDesk:
    """The label set of a sitting. Its methods may be called from several threads."""

    def __init__(self, book: EditBook, named: Path | None) -> None:
        """Begin.

        Args:
            book: what was done to the labels.
            named: the labels file that the user named; None for the run's.
        """
        self._book = book
        self._named = named
        self._shown = -1
        self._sitting: Sitting | None = None
        self._renew: Callable[[], None] = lambda: None

    @classmethod
    def of(cls, table: Path, run: RunRecord, named: Path | None) -> "LabelDesk":
        """Return the one of a mended table.

        Args:
            table: the mended one.
            run: the record of its run.
            named: the labels file that the user named; None for the run's.

        Raises:
            LabelmendError: the file of edits can't be used, or a labels file that a process left
                unfinished can't be.
        """
        path, record = edits_path(table), OutputPaths.beside(table).record
        book = EditBook(path, None, record)
        cards = named or _cards_path(table, run, book)
        # The demo's labels are a part of labelmend, and nobody's to change.
        book.cards_path = None if cards is None or is_packaged(cards) else cards
        book.settle()
        return cls(book, named)

    def sit(self, sitting: Sitting, renew: Callable[[], None]) -> None:
        """Begin a sitting.

        Args:
            sitting: whose answers and rows are meant.
            renew: lets the sitting show its table under the labels' present names.
        """
        self._sitting, self._renew = sitting, renew

    @property
    def version(self) -> int:
        """How many lines the file of edits has."""
        return len(self._book.entries)

    def shown(self, table: ReviewTable) -> ReviewTable:
        """Return a table under the labels' present names."""
        self._shown = self.version
        book, said = self._book, dict(self._book.labels.descriptions)
        # The run has read the labels file, which somebody may have worked on since the edit.
        if not self.pending(table.run):
            said = {} if table.descriptions else said
        return renamed(table, book.labels.names, book.known(), said)

    def follow(self) -> None:
        """Let the sitting know what others edited.

        Raises:
            InputError: their file can't be used any more.
        """
        self._book.refresh()
        if self._shown != self.version:
            self._renew()

    def pending(self, run: RunRecord) -> bool:
        """Whether a run knows less, or something else, of the edits than their file."""
        applied, book = run.input.label_edits, self._book
        if applied is None:
            return bool(book.labels.standing)
        return book.sha256 != applied.sha256

    def words(self) -> list[str]:
        """Return the words of a command that applies the edits."""
        return ["--label-edits", str(self._book.path)] if self._book.entries else []

    def labels_file(self, table: Path, run: RunRecord) -> Path | None:
        """Return the labels file that a run like that one is given; None lets it write its own.

        Raises:
            InputError: it is not there any more, or somebody else has changed it.
        """
        if self._named is not None:
            return self._named
        ours = any(entry.cards is not None for entry in self._book.entries)
        return self._book.cards_path if ours else given_labels(table, run)

    def overview(self, who: str) -> dict[str, Any]:
        """Return the labels, what is confused with what, and what was done."""
        sitting = self._sat()
        with sitting.lock:
            self.follow()
            table, book, version = sitting.table, self._book, self.version
            standing, pending = book.labels.standing, self.pending(table.run)
            confusion = self._confusion(who)
        # Nobody's key waits for what takes long in a large table.
        given = table.mended.dataset.given
        rows = np.bincount(given[given >= 0], minlength=len(table.labels)).tolist()
        return {
            "version": version,
            "cards": None if book.cards_path is None else book.cards_path.name,
            "edits_file": book.path.name,
            "pending": pending,
            "blind": confusion is None,
            "labels": [
                {"name": name, "description": table.descriptions.get(name, ""), "rows": count}
                for name, count in zip(table.labels, rows, strict=True)
            ],
            "pairs": [] if confusion is None else [one.plain() for one in confusion.pairs()],
            "edits": [_plain(edit) for edit in standing[: -_LAST_EDITS - 1 : -1]],
        }

    def pair(self, who: str, one: str, other: str) -> dict[str, Any]:
        """Return texts of two labels, those first that seem to be of the other one.

        Raises:
            RefusedError: there is no such label.
        """
        with self._sat().lock:
            self._need(one)
            self._need(other)
            found = self._confusion(who)
        sides = {"one": (one, other), "other": (other, one)}
        return {
            side: [] if found is None else found.examples(*labels, EXAMPLES)
            for side, labels in sides.items()
        }

    def texts(self, who: str, label: str) -> dict[str, Any]:
        """Return texts of a label, the most doubtful ones first.

        Raises:
            RefusedError: there is no such label.
        """
        with self._sat().lock:
            self._need(label)
            found = self._confusion(who)
        return {"texts": [] if found is None else found.examples(label, None, MOST_TEXTS)}

    def edit(self, tab: Tab, said: Edit) -> None:
        """Keep an edit; when this returns, it is on the disk.

        Raises:
            RefusedError: it does not fit the label set as it is by now.
            OutputError: it can't be written.
        """
        sitting = self._sat()
        self._look_ahead()
        with sitting.lock, self._book.alone():
            self.follow()
            answers = self._moved(tab, said)
            edit = self._checked(tab, said, answers)
            try:
                self._book.write(edit)
            except EditError as error:
                raise RefusedError(409, error.code, **error.facts) from None
            except ConfigError as error:
                raise RefusedError(409, "labels-file", said=str(error)) from None
            try:
                sitting.put(tab, answers)
            except BaseException:
                self._book.undo(tab.who)
                raise
            finally:
                self._renew()

    def undo(self, tab: Tab, name: str) -> None:
        """Take the last edit back, and with it the answers that it gave.

        Args:
            tab: that asks.
            name: of the edit that the person sees as the last one.

        Raises:
            RefusedError: another one is the last, or none.
            OutputError: it can't be written.
        """
        sitting = self._sat()
        self._look_ahead()
        with sitting.lock, self._book.alone():
            self.follow()
            standing = self._book.labels.standing
            if not standing or standing[-1].edit != name:
                raise RefusedError(409, "not-last-edit")
            try:
                last = self._book.undo(tab.who)
            except ConfigError as error:
                raise RefusedError(409, "labels-file", said=str(error)) from None
            self._renew()
            sitting.take_back(tab, last.answers)

    def _sat(self) -> Sitting:
        assert self._sitting is not None
        return self._sitting

    def _look_ahead(self) -> None:
        """Do what takes long before anybody has to wait for it.

        Raises:
            RefusedError: the labels file is none any more.
        """
        try:
            self._book.look_ahead()
        except (ConfigError, InputError) as error:
            raise RefusedError(409, "labels-file", said=str(error)) from None

    def _confusion(self, who: str) -> Confusion | None:
        """Return what is confused as far as a person may see it; None where all is blind."""
        sitting = self._sat()
        if sitting.queues.blind:
            return None
        return Confusion(sitting.table, sitting.book.answers(), sitting.unseen(who))

    def _need(self, label: str) -> None:
        now_called = self._book.labels.names.get(label)
        if now_called is not None:
            raise RefusedError(409, "label-gone", label=label, now=now_called)
        if label not in self._sat().table.label_set:
            raise RefusedError(404, "no-label", label=label)

    def _checked(self, tab: Tab, said: Edit, answers: Sequence[Answer]) -> LabelEdit:
        """Return an edit that fits the label set.

        Raises:
            RefusedError: it does not.
        """
        table = self._sat().table
        dataset = table.mended.dataset
        self._need(said.label)
        if said.what in {"rename", "split"}:
            problem = name_problem(said.to or "")
            if problem is not None:
                raise RefusedError(409, "bad-name", said=problem)
        place = dataset.labels.index(said.label)
        try:
            edit = LabelEdit(
                what=said.what,
                label=said.label,
                who=tab.who,
                when=now(),
                to=said.to,
                description=said.description,
                rows=int((dataset.given == place).sum()),
                answers=tuple(one.answer for one in answers),
            )
        except ValueError as error:
            raise RefusedError(409, "bad-edit", said=str(error)) from None
        try:
            self._book.labels.check(edit)
        except EditError as error:
            raise RefusedError(409, error.code, **error.facts) from None
        if said.what == "merge":
            self._need(said.to or "")
            if place == dataset.oos:
                raise RefusedError(409, "label-oos", label=said.label)
            if len(dataset.labels) <= _LEAST_LABELS:
                raise RefusedError(409, "label-last")
        elif said.to is not None and said.to in table.label_set:
            raise RefusedError(409, "label-exists", label=said.to)
        self._unchanged(edit, said.seen)
        return edit

    def _unchanged(self, edit: LabelEdit, seen: int) -> None:
        """Make sure that nobody edited these labels since a person looked.

        Raises:
            RefusedError: somebody did.
        """
        done = {one.edit: one for one in self._book.entries if isinstance(one, LabelEdit)}
        for entry in self._book.entries[seen:]:
            of = done[entry.undoes] if isinstance(entry, Undo) else entry
            both = sorted(of.labels & edit.labels)
            if both:
                raise RefusedError(409, "label-changed", label=both[0], who=entry.who)

    def _moved(self, tab: Tab, said: Edit) -> list[Answer]:
        """Return the answers that move texts to a new label.

        Raises:
            RefusedError: a row is not there, or will be asked blind.
        """
        sitting = self._sat()
        table, unseen = sitting.table, sitting.queues.left_to_audit()
        if said.rows and said.what != "split":
            raise RefusedError(409, "bad-edit", said="only a split moves texts")
        answers = {}
        for row in said.rows:
            there = row < len(table) and table.texts[row].strip()
            if not there or table.keys[row] in unseen:
                raise RefusedError(404, "no-row", row=str(row + 1))
            answers[table.keys[row]] = Answer(
                text_sha256=table.keys[row],
                id=table.mended.dataset.ids[row],
                verdict="label",
                labels=(said.to or "",),
                who=tab.who,
                when=now(),
                shown=Shown("queue"),
                saw=Saw(given=True, proposed=True),
            )
        return list(answers.values())


def _cards_path(table: Path, run: RunRecord, book: EditBook) -> Path | None:
    """Return the labels file of a run; None where it isn't there, or isn't what it was."""
    own = OutputPaths.beside(table).labels
    try:
        found = given_labels(table, run) or own
    except InputError:
        # The page may have changed it itself since.
        told = run.input.labels_file
        found = own if told is None else table.parent / told.path
        return found if book.wrote(found) else None
    return found if found.is_file() else None


def is_packaged(path: Path) -> bool:
    """Whether a file is one of labelmend's own."""
    return Path(__file__).resolve().parents[2] in path.resolve().parents


def _plain(edit: LabelEdit) -> dict[str, Any]:
    return {
        "edit": edit.edit,
        "what": edit.what,
        "label": edit.label,
        "to": edit.to,
        "description": edit.description,
        "texts": len(edit.answers),
        "who": edit.who,
        "when": edit.when,
    }
