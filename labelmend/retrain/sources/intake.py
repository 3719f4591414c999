"""New rows from where they arrive: each is taken once, whatever is killed between.

What was taken is known from the rows that all versions keep, refused ones too, so that a row and
the model that it led to are committed by one rename. How far a source was read (`Cursors`) saves
work, and nothing depends on it but queries with `:cursor`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labelmend.data.dataset import choose_columns
from labelmend.data.read import read_table
from labelmend.data.table import SourceTable
from labelmend.errors import ColumnError, InputError, LabelmendError, nearest
from labelmend.retrain.project import Opened, RowSource
from labelmend.retrain.rows import MendedRow, NewRow
from labelmend.retrain.sources.cells import OneLabel, RowCells
from labelmend.retrain.sources.database import read_database, read_sqlite
from labelmend.voice.speak import meant, note

Cursors = Mapping[str, Any]
"""How far each source was read, by its name; plain JSON values."""

JournalReader = Callable[[Path, Path | None], Iterable[NewRow]]
"""Reads what people said of a served model's answers, as rows of no source yet, given its log and
the file of reviewers' answers."""


@dataclass(frozen=True)
class Intake:
    """What the sources have that no step has taken.

    Attributes:
        rows: to be mended, in the order of the sources.
        passed_over: of senders that sent more than a step takes of one.
        cursors: how far each source is read now.
        notes: what the user should know.
    """

    rows: tuple[NewRow, ...]
    passed_over: tuple[NewRow, ...]
    cursors: Cursors
    notes: tuple[str, ...]


def take(
    opened: Opened,
    taken: Iterable[MendedRow],
    cursors: Cursors,
    known: Collection[str],
    journal: JournalReader | None = None,
    cells: RowCells | None = None,
) -> Intake:
    """Read all sources. One that can't be read is told of, and does not keep the others waiting.

    Args:
        opened: the project.
        taken: all rows that steps before have taken.
        cursors: how far they read each source.
        known: the labels, whose spelling stays.
        journal: reads the log of a served model.
        cells: how rows say their labels; one label each if None.

    Raises:
        LabelmendError: no source can be read.
    """
    counts: dict[str, Counter[str]] = {}
    for row in taken:
        counts.setdefault(row.source, Counter())[row.key] += 1
    rows: list[NewRow] = []
    passed: list[NewRow] = []
    notes: list[str] = []
    reached: dict[str, Any] = dict(cursors)
    failures: list[LabelmendError] = []
    for source in opened.project.sources:
        reader = _Reader(opened, source, known, journal, cells or OneLabel())
        try:
            found = list(reader.read(cursors.get(source.name)))
        except LabelmendError as error:
            failures.append(error)
            notes.append(note(_NOT_READ, name=source.name, said=str(error)))
            continue
        # A cursor leaves behind what was taken, so that equal rows before it say nothing.
        before = counts.get(source.name) if source.cursor is None else None
        fresh = _not_taken(found, before or Counter())
        mine, over = _limited(fresh, source)
        rows += mine
        passed += over
        reached[source.name] = reader.cursor
        notes += reader.notes
        if over:
            notes.append(note(_OF_ONE_SENDER, name=source.name, count=len(over)))
    if failures and len(failures) == len(opened.project.sources):
        raise failures[0]
    return Intake(tuple(rows), tuple(passed), reached, tuple(notes))


_NOT_READ = meant("source {name:name} was passed over this time: {said:name}")
_OF_ONE_SENDER = meant(
    "source {name:name}: {count} {count:one=row is|other=rows are} passed over, of senders that "
    "sent more than most_per_sender"
)
_INCOMPLETE = meant(
    "source {name:name}: {count} {count:one=row has|other=rows have} no text or no label and "
    "{count:one=is|other=are} left out"
)


def _not_taken(rows: Iterable[NewRow], taken: Counter[str]) -> list[NewRow]:
    """Return the rows beyond those that were taken; equal ones are counted."""
    left = Counter(taken)
    fresh = []
    for row in rows:
        if left[row.key] > 0:
            left[row.key] -= 1
        else:
            fresh.append(row)
    return fresh


def _limited(rows: Iterable[NewRow], source: RowSource) -> tuple[list[NewRow], list[NewRow]]:
    """Part the rows into those that are taken and those of senders who sent too many."""
    sent: Counter[str] = Counter()
    mine: list[NewRow] = []
    over: list[NewRow] = []
    for row in rows:
        sent[row.sender] += 1
        limited = row.sender and sent[row.sender] > source.most_per_sender
        (over if limited else mine).append(row)
    return mine, over


class _Reader:
    """Reads one source.

    Attributes:
        cursor: how far it was read.
        notes: what the user should know.
    """

    def __init__(
        self,
        opened: Opened,
        source: RowSource,
        known: Collection[str],
        journal: JournalReader | None,
        cells: RowCells,
    ) -> None:
        self.cursor: Any = None
        self.notes: list[str] = []
        self._opened = opened
        self._source = source
        self._known = known
        self._journal = journal
        self._cells = cells
        self._limit = opened.config.data.max_text_chars

    def read(self, cursor: Any) -> Iterator[NewRow]:
        """Yield all rows that may be new.

        Raises:
            LabelmendError: they can't be read.
        """
        source = self._source
        if source.folder is not None:
            yield from self._of_folder(self._opened.find(source.folder), cursor)
        elif source.table is not None:
            path = self._opened.find(source.table)
            # A file that nobody has written to yet has no new rows.
            if path.exists():
                yield from self._of_file(path, "")
        elif source.journal is not None:
            yield from self._of_journal(self._opened.find(source.journal), source.answers)
        else:
            yield from self._of_query(cursor)

    def _of_folder(self, folder: Path, cursor: Any) -> Iterator[NewRow]:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; create it, or mend the project")
        before = cursor if isinstance(cursor, dict) else {}
        self.cursor = {}
        for path in sorted(folder.glob(self._source.files)):
            # Hidden files are those that a program is still writing, as ours are.
            if path.name.startswith(".") or not path.is_file():
                continue
            status = path.stat()
            seen = [status.st_size, status.st_mtime_ns]
            try:
                if before.get(path.name) != seen:
                    yield from list(self._of_file(path, path.name))
            except InputError as error:
                self.notes.append(note(_NOT_READ, name=self._source.name, said=str(error)))
                continue
            self.cursor[path.name] = seen

    def _of_file(self, path: Path, part: str) -> Iterator[NewRow]:
        source = self._source
        table = read_table(path)
        columns = choose_columns(table, self._text, self._label, source.id_column)
        assert columns.label is not None
        labels = self._cells.of_table(table, columns.label, self._known)
        rows = zip(
            columns.text_values(table),
            labels,
            self._values(table, source.id_column),
            self._values(table, source.sender_column),
            strict=True,
        )
        yield from self._complete(
            NewRow(source.name, name, text, label, source.rows, sender, part)
            for text, label, name, sender in rows
        )

    def _values(self, table: SourceTable, column: str | None) -> list[str]:
        if column is None:
            return [""] * len(table)
        if column not in table.columns:
            raise ColumnError(
                f"{table.path}: no column {column!r}{nearest(column, table.columns)}; mend the "
                f"source {self._source.name!r} of the project"
            )
        return table.values(column)

    def _of_journal(self, path: Path, answers: str | None) -> Iterator[NewRow]:
        if self._journal is None:
            raise InputError(f"{path}: logs of a served model can't be read here")
        # A log that nobody has begun yet has no rows.
        if path.exists():
            said = None if answers is None else self._opened.find(answers)
            rows = self._journal(path, said if said is not None and said.exists() else None)
            yield from self._complete(replace(row, source=self._source.name) for row in rows)

    def _of_query(self, cursor: Any) -> Iterator[NewRow]:
        source = self._source
        if source.sqlite is not None:
            found = read_sqlite(source, self._opened.find(source.sqlite), cursor)
        else:
            found = read_database(source, cursor)
        rows, self.cursor = list(found.rows(self._text, self._label)), found.cursor
        labels = self._cells.of_values([row.label for row in rows], self._known)
        yield from self._complete(
            replace(row, label=label) for row, label in zip(rows, labels, strict=True)
        )

    @property
    def _text(self) -> str | None:
        return self._source.text_column or self._opened.project.text_column

    @property
    def _label(self) -> str | None:
        return self._source.label_column or self._opened.project.label_column

    def _complete(self, rows: Iterable[NewRow]) -> Iterator[NewRow]:
        """Yield the rows that have a text, cut to what models read, and a label."""
        lacking = 0
        for row in rows:
            if row.text.strip() and row.label.strip():
                yield replace(row, text=row.text[: self._limit])
            else:
                lacking += 1
        if lacking:
            self.notes.append(note(_INCOMPLETE, name=self._source.name, count=lacking))
