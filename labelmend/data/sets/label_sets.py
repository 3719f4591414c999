"""Tables in which a row may have several labels: read into a matrix, written in their own shape."""

import fnmatch
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from labelmend.data.cells.lists import listed_labels
from labelmend.data.cells.read import LabelCells, counted_note, cut_note, read_labels
from labelmend.data.cells.spellings import whole_number
from labelmend.data.dataset import ColumnChoice, blank_rows, choose_columns, row_ids
from labelmend.data.read import read_table
from labelmend.data.shards.open import open_table
from labelmend.data.table import NewColumn, SourceTable
from labelmend.errors import ColumnError, InputError, nearest
from labelmend.types import Bools, Ints
from labelmend.voice.speak import meant

if TYPE_CHECKING:
    from labelmend.configs.schema import DataConfig
    from labelmend.data.request import TableRequest

JOINED_BY = ";"
"""Between labels where a table's own cells show no sign."""

_YES, _NO = {"1", "true"}, {"0", "false"}
"""What a column of one label may hold; 1.0 and 0.0 as well."""

_INTEGER = re.compile(r"-?[1-9][0-9]{0,15}|0")

_FEW_ROWS = 3
"""Labels of fewer rows are told of; nothing else depends on it."""

_SHOWN_CHARS, _SHOWN_LABELS = 60, 5
"""Characters of a cell, and labels, in a message."""


@dataclass(frozen=True)
class LabelSets:
    """A table in which each row has any number of labels.

    Attributes:
        ids: one unique name a row.
        texts: one a row, cut to what the models read.
        given: bool [n, L], the labels that each row carries; a row without any is right.
        labels: the label set, sorted; some may be carried by no row.
        former_names: other names of labels of the set, by which answers may call them.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    given: Bools
    labels: tuple[str, ...]
    former_names: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class SetShape:
    """How a table writes the labels of a row, so that others can be written likewise.

    Attributes:
        column: with all labels of a row; None where each label has a column.
        joined_by: the sign between labels; None where cells hold lists.
        columns: by label, its column of 0 and 1.
        is_numbers: labels in lists are whole numbers.
    """

    column: str | None
    joined_by: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    is_numbers: bool = False

    def new_columns(
        self, table: SourceTable, name: str, rows: Sequence[Collection[str] | None]
    ) -> tuple[NewColumn, ...]:
        """Return columns with the labels of each row, in the shape of the table's own.

        Args:
            table: the user's.
            name: of the column; where each label has one, the beginning of their names.
            rows: the labels of each row in their order; None where it has the table's own.
        """
        if self.column is None:
            return tuple(
                NewColumn(f"{name}_{column}", self._switches(table, label, rows), like=column)
                for label, column in self.columns.items()
            )
        cells = table.values(self.column)
        values = (c if r is None else self.cell(r, c) for c, r in zip(cells, rows, strict=True))
        return (NewColumn(name, tuple(values), like=self.column),)

    def cell(self, labels: Collection[str], old: str = "") -> str:
        """Return a cell with these labels: a list where the old one is, else joined by the sign."""
        is_list = self.joined_by is None if not old.strip() else listed_labels(old) is not None
        if is_list:
            values = [int(k) for k in labels] if self.is_numbers else list(labels)
            return json.dumps(values, ensure_ascii=False)
        return (self.joined_by or JOINED_BY).join(labels)

    def _switches(
        self, table: SourceTable, label: str, rows: Sequence[Collection[str] | None]
    ) -> tuple[str, ...]:
        cells = table.values(self.columns[label])
        signs = {cell.strip().casefold(): cell.strip() for cell in cells if cell.strip()}
        yes = next((signs[k] for k in sorted(signs) if _switch(k) is True), None)
        no = next((signs[k] for k in sorted(signs) if _switch(k) is False), None)
        yes = yes or {"false": "true", "False": "True", "FALSE": "TRUE"}.get(no or "", "1")
        no = no or {"true": "false", "True": "False", "TRUE": "FALSE"}.get(yes, "0")
        return tuple(
            cell if row is None else (yes if label in row else no)
            for cell, row in zip(cells, rows, strict=True)
        )


@dataclass(frozen=True)
class LoadedSets:
    """A checked table of label sets.

    Attributes:
        table: as it was read.
        columns: which of its columns is what.
        sets: its rows that have a text.
        rows: int64 [n], where they stand in the table, from 0.
        ids: of all rows of the table.
        shape: how it writes labels.
        notes: what the user should know, one line each.
    """

    table: SourceTable
    columns: ColumnChoice
    sets: LabelSets
    rows: Ints
    ids: tuple[str, ...]
    shape: SetShape
    notes: tuple[str, ...]


def aligned(values: Bools, labels: Sequence[str], wanted: Sequence[str]) -> Bools:
    """Return the columns of the labels that are wanted, bool [n, W]; False where there is none.

    Args:
        values: bool [n, L].
        labels: [L], what its columns are of.
        wanted: [W].
    """
    place = {label: k for k, label in enumerate(labels)}
    found = np.zeros((len(values), len(wanted)), dtype=np.bool_)
    for k, label in enumerate(wanted):
        if label in place:
            found[:, k] = values[:, place[label]]
    return found


def has_several(request: "TableRequest", described: Collection[str] = ()) -> bool:
    """Tell whether a table's rows may have several labels.

    Args:
        request: the table and its columns.
        described: labels of a labels file, which are labels whatever signs they hold.

    Raises:
        InputError: the table can't be read.
        ColumnError: its columns can't be found.
    """
    if request.label_columns:
        return True
    table = open_table(request.path, request.encoding, header=request.header)
    columns = choose_columns(
        table,
        request.text_column,
        request.label_column,
        request.id_column,
        label_needed=not described,
    )
    if columns.label is None:
        return False
    cells = read_labels(table.values(columns.label), request.rules, described=described)
    return any(len(labels) > 1 for labels in cells.sets)


def load_sets(
    request: "TableRequest", config: "DataConfig", described: Collection[str] = ()
) -> LoadedSets:
    """Read and check a table in which a row may have several labels.

    Args:
        request: the table and its columns.
        config: how rows are read.
        described: labels of a labels file, which rows may carry or not.

    Raises:
        InputError: the table can't be used.
        ColumnError: its columns can't be found, or are named in two ways.
    """
    table = read_table(request.path, request.encoding, header=request.header)
    switches = _named_columns(table, request)
    columns = choose_columns(
        table,
        request.text_column,
        request.label_column,
        request.id_column,
        label_needed=not switches,
    )
    if switches:
        row_name = None if columns.id in switches and not request.id_column else columns.id
        columns = ColumnChoice(columns.text, None, row_name, columns.more_text)
        both = [name for name in switches if name in {*columns.texts, row_name}]
        if both:
            raise ColumnError(
                f"{table.path}: --label-columns names {both[0]!r}, which holds texts or ids; give "
                "patterns that name labels only"
            )
    whole = columns.text_values(table)
    blank = blank_rows(table, columns, whole, strict=request.strict)
    ids = row_ids(table, columns.id, blank)
    if switches:
        carried, shape, notes = _from_switches(table, switches, set(blank.tolist()))
    else:
        carried, shape, notes = _from_cells(table, columns, request, described)
    rows = np.setdiff1d(np.arange(len(whole)), blank)
    labels = tuple(sorted({*described, *switches}.union(*(carried[row] for row in rows))))
    if not labels:
        raise InputError(
            f"{table.path}: column {columns.label!r}: no row has a label; name another column with "
            "--label-column, or give the labels with --labels"
        )
    place = {label: i for i, label in enumerate(labels)}
    given = np.zeros((len(rows), len(labels)), dtype=np.bool_)
    for i, row in enumerate(rows.tolist()):
        given[i, [place[label] for label in carried[row]]] = True
    limit = config.max_text_chars
    sets = LabelSets(
        tuple(ids[row] for row in rows),
        tuple(whole[row][:limit] for row in rows),
        given,
        labels,
        _bare_names(labels),
    )
    notes = (*table.notes, *notes, *_set_notes(sets), *cut_note(whole, limit))
    return LoadedSets(table, columns, sets, rows, ids, shape, notes)


def _named_columns(table: SourceTable, request: "TableRequest") -> tuple[str, ...]:
    """Return the columns that the user's patterns name, in the order of the table.

    Raises:
        ColumnError: a pattern names none, or labels are named in two ways.
    """
    if request.label_columns and request.label_column is not None:
        raise ColumnError(
            f"{table.path}: --label-column and --label-columns both name labels; give one of them"
        )
    named: set[str] = set()
    for pattern in request.label_columns:
        exact = [pattern] if pattern in table.columns else []
        found = exact or [c for c in table.columns if fnmatch.fnmatchcase(c, pattern)]
        if not found:
            raise ColumnError(
                f"{table.path}: --label-columns {pattern}: no column is called so"
                f"{nearest(pattern, table.columns)}; there are "
                f"{', '.join(map(repr, table.columns))}"
            )
        named.update(found)
    return tuple(column for column in table.columns if column in named)


def _from_cells(
    table: SourceTable,
    columns: ColumnChoice,
    request: "TableRequest",
    described: Collection[str],
) -> tuple[Sequence[Sequence[str]], SetShape, tuple[str, ...]]:
    assert columns.label is not None
    cells = table.values(columns.label)
    read: LabelCells = read_labels(cells, request.rules, described=described)
    if read.joined_by is not None:
        held = sorted({k for labels in read.sets for k in labels if read.joined_by in k})
        if held:
            raise InputError(
                f"{table.path}: column {columns.label!r}: {held[0][:_SHOWN_CHARS]!r} looks like "
                f"one label and holds {read.joined_by!r}, which joins labels in other cells; name "
                "the sign between labels with --label-separator, or write cells as lists"
            )
    labels = {k for labels in read.sets for k in labels}
    is_numbers = all(_INTEGER.fullmatch(k) for k in labels) and not any('"' in c for c in cells)
    shape = SetShape(columns.label, read.joined_by, is_numbers=is_numbers)
    return read.sets, shape, read.notes


def _from_switches(
    table: SourceTable, switches: Sequence[str], blank: Collection[int]
) -> tuple[Sequence[Sequence[str]], SetShape, tuple[str, ...]]:
    """Read columns of 0 and 1, each of which is a label.

    Raises:
        InputError: a cell is neither.
    """
    carried: list[list[str]] = [[] for _ in range(len(table))]
    for column in switches:
        for row, cell in enumerate(table.values(column)):
            if row in blank:
                continue
            found = _switch(cell)
            if found is None:
                raise InputError(
                    f"{table.path}: row {row + 1}, column {column!r}: "
                    f"{cell[:_SHOWN_CHARS]!r} is neither 0 nor 1; each column that "
                    "--label-columns names says whether a row has that label"
                )
            if found:
                carried[row].append(column)
    return carried, SetShape(None, None, {column: column for column in switches}), ()


def _switch(cell: str) -> bool | None:
    """Return what a cell of a label's own column says; None where it says neither."""
    value = cell.strip().casefold()
    value = whole_number(value) or value
    return True if value in _YES else False if value in _NO else None


def _bare_names(labels: Sequence[str]) -> dict[str, str]:
    """Return labels by their names without the white space around them, which cells can't say."""
    bare: dict[str, str] = {}
    for label in labels:
        if label.strip() not in labels:
            bare.setdefault(label.strip(), label)
    return bare


def _set_notes(sets: LabelSets) -> list[str]:
    """Return what a user should know of the labels."""
    rows = sets.given.sum(axis=0)
    count = Counter(sets.given.sum(axis=1).tolist())
    everywhere = [sets.labels[i] for i in np.flatnonzero(rows == len(sets))]
    return [
        *counted_note(
            count[0],
            meant("{count} {count:one=row has|other=rows have} no label, which may be right"),
        ),
        *counted_note(
            int((rows < _FEW_ROWS).sum()),
            meant("{count} {count:one=label has|other=labels have} fewer than {least} rows"),
            least=_FEW_ROWS,
        ),
        *counted_note(
            len(everywhere),
            meant("{count} {count:one=label stands|other=labels stand} in all rows: {names:name}"),
            names=", ".join(everywhere[:_SHOWN_LABELS]),
        ),
    ]
