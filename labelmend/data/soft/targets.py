"""Tables with soft targets, such as means of crowd workers: read, checked and grouped.

A row has one text, or a pair of texts that are read as a pair (a question and its answer). Rows of
one group, such as all answers to a question, must never be on both sides of a fold.
"""

import fnmatch
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelmend.data.cells.read import counted_note, cut_note
from labelmend.data.dataset import ColumnChoice, blank_rows, check_column, choose_columns
from labelmend.data.duplicates import text_groups
from labelmend.data.read import read_table
from labelmend.data.table import SourceTable
from labelmend.errors import ColumnError, InputError, nearest, shown
from labelmend.types import Doubles, Ints
from labelmend.voice.speak import meant, tell

if TYPE_CHECKING:
    from labelmend.configs.schema import DataConfig

_SHOWN_NAMES = 5
"""Columns that a message names; of more it says how many."""

_LEAST_GROUPS = 2
"""One to learn from and one to be measured on."""


@dataclass(frozen=True)
class SoftRequest:
    """Which table, and which of its columns.

    Attributes:
        path: of the table.
        targets: names of columns with soft targets, or patterns such as `q_*`.
        text_column: None to find it by name; several are joined.
        pair: two columns of text that are read as a pair, in their order; None for one text.
        group_column: says which rows go together; None where the text does, of a pair the first.
        encoding: of the file; None to detect it.
        strict: refuse a table with rows without text.
        header: whether the file's first row names the columns.
    """

    path: Path
    targets: tuple[str, ...]
    text_column: Sequence[str] | None = None
    pair: tuple[str, str] | None = None
    group_column: str | None = None
    encoding: str | None = None
    strict: bool = False
    header: bool = True


@dataclass(frozen=True)
class TextParts:
    """Which columns hold what is read.

    Attributes:
        parts: one tuple of columns, joined by line breaks; of a pair two, of a column each.
    """

    parts: tuple[tuple[str, ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All columns."""
        return tuple(name for part in self.parts for name in part)

    @property
    def is_pair(self) -> bool:
        """Whether two texts are read as a pair."""
        return len(self.parts) > 1

    @property
    def in_words(self) -> str:
        """What is read, for a summary."""
        names = ", ".join(map(repr, self.names))
        if self.is_pair:
            return tell("pairs of texts from {columns}", columns=names)
        return tell("text from {columns}", columns=names)


@dataclass(frozen=True)
class ReadTexts:
    """The rows of a table that have a text.

    Attributes:
        parts: one tuple of texts, [n], or of a pair two, cut to what the models read.
        rows: int64 [n], where they stand in the table, from 0.
        notes: what the user should know, one line each.
    """

    parts: tuple[tuple[str, ...], ...]
    rows: Ints
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SoftTable:
    """A checked table of soft targets.

    Attributes:
        table: as it was read.
        texts: which columns hold what is read.
        parts: one tuple of texts, [n], or of a pair two.
        targets: names of the targets, [T], in the order of the table.
        values: float64 [n, T], from 0 to 1.
        groups: int64 [n], from 0; rows of one group must be on one side of every fold.
        group_column: that says so; None where the text does.
        rows: int64 [n], where they stand in the table, from 0.
        notes: what the user should know, one line each.
    """

    table: SourceTable
    texts: TextParts
    parts: tuple[tuple[str, ...], ...]
    targets: tuple[str, ...]
    values: Doubles
    groups: Ints
    group_column: str | None
    rows: Ints
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)


def load_soft(request: SoftRequest, config: "DataConfig") -> SoftTable:
    """Read and check a table with soft targets.

    Args:
        request: the table and its columns.
        config: how rows are read.

    Raises:
        InputError: the table can't be used.
        ColumnError: its columns can't be found, or are named in two ways.
    """
    table = read_table(request.path, request.encoding, header=request.header)
    targets = _target_columns(table, request)
    columns = choose_texts(table, request.text_column, request.pair, targets)
    if request.group_column is not None:
        check_column(table, request.group_column, "--group-column")
    read = read_texts(table, columns, config.max_text_chars, strict=request.strict)
    values = read_targets(table, targets, read.rows)
    whole = ~np.isnan(values).any(axis=1)
    if not whole.any():
        raise InputError(
            f"{table.path}: no row has a value in all of {_names(targets)}; fill them in, or name "
            "fewer with --target-columns"
        )
    values, rows = values[whole], read.rows[whole]
    if not np.ptp(values, axis=0).any():
        raise InputError(
            f"{table.path}: each of {_names(targets)} has the same value in all rows, so there is "
            "nothing to learn; name others with --target-columns"
        )
    kept = np.flatnonzero(whole).tolist()
    parts = tuple(tuple(part[i] for i in kept) for part in read.parts)
    groups = row_groups(table, parts, rows, request.group_column)
    count = int(groups.max()) + 1
    if count < _LEAST_GROUPS:
        where = (
            f"column {request.group_column!r}"
            if request.group_column is not None
            else f"column {columns.names[0]!r}"
        )
        raise InputError(
            f"{table.path}: {where}: all rows are of one group, and a model is measured on groups "
            "that it has not seen; give rows of two groups or more, or name another --group-column"
        )
    notes = (*table.notes, *read.notes, *_target_notes(targets, values, int((~whole).sum())))
    return SoftTable(
        table, columns, parts, targets, values, groups, request.group_column, rows, notes
    )


def choose_texts(
    table: SourceTable,
    text_column: Sequence[str] | None,
    pair: tuple[str, str] | None,
    reserved: Collection[str] = (),
) -> TextParts:
    """Take the text columns that a user named, or find one by its name.

    Args:
        table: the user's table.
        text_column: names of columns that are joined; None to find one.
        pair: two columns that are read as a pair; None for one text.
        reserved: columns that are something else.

    Raises:
        ColumnError: a named column is missing, named twice or something else, or none can be found.
    """
    if pair is None:
        found = choose_columns(table, text_column, label_needed=False, reserved=reserved).texts
        parts: tuple[tuple[str, ...], ...] = (found,)
    else:
        if text_column:
            raise ColumnError(
                f"{table.path}: --text-column and --pair both name texts; give one of them"
            )
        for name in pair:
            check_column(table, name, "--pair")
        if pair[0] == pair[1]:
            raise ColumnError(f"{table.path}: --pair names {pair[0]!r} twice; name two columns")
        parts = ((pair[0],), (pair[1],))
    columns = TextParts(parts)
    both = [name for name in columns.names if name in reserved]
    if both:
        raise ColumnError(
            f"{table.path}: column {both[0]!r} is named as a text and as a target; name other "
            "columns with --target-columns"
        )
    return columns


def read_texts(
    table: SourceTable, columns: TextParts, limit: int, *, strict: bool = False
) -> ReadTexts:
    """Return the rows that have a text; of a pair, both.

    Args:
        table: the user's table.
        columns: that hold the texts.
        limit: longer texts are cut to so many characters.
        strict: refuse a table with rows without text.

    Raises:
        InputError: no row has a text, or one has none and `strict` says so.
    """
    whole = []
    blank: set[int] = set()
    for part in columns.parts:
        choice = ColumnChoice(part[0], None, None, part[1:])
        whole.append(choice.text_values(table))
        blank |= set(blank_rows(table, choice, whole[-1], strict=strict).tolist())
    rows = np.array([row for row in range(len(table)) if row not in blank], dtype=np.int64)
    if not len(rows):
        raise InputError(
            f"{table.path}: no row has a text in both of {_names(columns.names)}; name others with "
            "--pair"
        )
    parts = tuple(tuple(texts[row][:limit] for row in rows.tolist()) for texts in whole)
    notes = counted_note(
        len(blank),
        meant(
            "{count} {count:one=row has|other=rows have} no text and {count:one=is|other=are} left "
            "out"
        ),
    )
    return ReadTexts(parts, rows, (*notes, *cut_note([t for p in whole for t in p], limit)))


def read_targets(table: SourceTable, targets: Sequence[str], rows: Ints) -> Doubles:
    """Return float64 [n, T], from 0 to 1; NaN where a cell is blank.

    Args:
        table: the user's table.
        targets: its columns with soft targets.
        rows: int64 [n], those that are read.

    Raises:
        InputError: a cell holds something else.
    """
    found = np.empty((len(rows), len(targets)))
    for i, target in enumerate(targets):
        cells = table.values(target)
        found[:, i] = [_share(table, target, row, cells[row]) for row in rows.tolist()]
    return found


def row_groups(
    table: SourceTable, parts: Sequence[Sequence[str]], rows: Ints, column: str | None
) -> Ints:
    """Return int64 [n], the group of each row, numbered from 0 whatever the order of the rows.

    Without a column the text makes the group, of a pair the first one. With a column, rows of one
    value are a group, those where it is blank are groups by their text, and groups that share a
    text, of a pair both, are one: a copy would be on the other side.

    Args:
        table: the user's table.
        parts: the texts, [n], of each row; of a pair two.
        rows: int64 [n], where they stand in the table.
        column: with groups.
    """
    if column is None:
        return text_groups(parts[0])
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    texts = text_groups(["\0".join(row) for row in zip(*parts, strict=True)])
    cells = table.values(column)
    names = [cells[row].strip() for row in rows.tolist()]
    keys = [(0, name) if name else (1, f"{i:012d}") for i, name in zip(texts, names, strict=True)]
    place = {key: i for i, key in enumerate(sorted(set(keys)))}
    groups = np.array([place[key] for key in keys], dtype=np.int64)
    size = len(place) + int(texts.max()) + 1
    ones = np.ones(len(groups), dtype=np.int8)
    links = coo_array((ones, (groups, len(place) + texts)), shape=(size, size))
    joined = connected_components(links, directed=False)[1][groups]
    # Numbered by the first of their keys, which does not depend on the order of the rows.
    first = np.full(int(joined.max()) + 1, size, dtype=np.int64)
    np.minimum.at(first, joined, groups)
    return np.unique(first[joined], return_inverse=True)[1].astype(np.int64)


def _target_columns(table: SourceTable, request: SoftRequest) -> tuple[str, ...]:
    """Return the columns that the user's patterns name, in the order of the table.

    A pattern passes over columns that are named as something else.

    Raises:
        ColumnError: one names none.
    """
    others = {*(request.text_column or ()), *(request.pair or ()), request.group_column}
    named: set[str] = set()
    for pattern in request.targets:
        found = [pattern] if pattern in table.columns else []
        free = [column for column in table.columns if column not in others]
        found = found or [column for column in free if fnmatch.fnmatchcase(column, pattern)]
        if not found:
            raise ColumnError(
                f"{table.path}: --target-columns {pattern}: no column is called so"
                f"{nearest(pattern, table.columns)}; there are {_names(table.columns)}"
            )
        named.update(found)
    if request.group_column in named:
        raise ColumnError(
            f"{table.path}: column {request.group_column!r} is named as the group and as a target; "
            "name other columns with --target-columns"
        )
    return tuple(column for column in table.columns if column in named)


def _share(table: SourceTable, target: str, row: int, cell: str) -> float:
    """Return what a cell says; NaN where it is blank.

    Raises:
        InputError: it is no number from 0 to 1.
    """
    said = cell.strip()
    if not said:
        return math.nan
    try:
        # Python takes 0_1 for a number, too.
        value = math.nan if "_" in said else float(said)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise InputError(
            f"{table.path}: row {row + 1}, column {target!r}: {shown(cell)} is no number from 0 to "
            "1, as soft targets are; mend it, or name other columns with --target-columns"
        )
    return value


def _target_notes(targets: Sequence[str], values: Doubles, blank: int) -> list[str]:
    """Return what a user should know of the targets."""
    constant = [t for t, column in zip(targets, values.T, strict=True) if np.ptp(column) == 0]
    return [
        *counted_note(
            blank,
            meant(
                "{count} {count:one=row lacks|other=rows lack} a value of a target and "
                "{count:one=is|other=are} left out"
            ),
        ),
        *counted_note(
            len(constant),
            meant(
                "{count} {count:one=target has|other=targets have} the same value in all rows, so "
                "there is nothing to learn, and the value is predicted as it is: {names:name}"
            ),
            names=_names(constant),
        ),
    ]


def _names(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - _SHOWN_NAMES} more" if len(columns) > _SHOWN_NAMES else ""
    return ", ".join(map(repr, columns[:_SHOWN_NAMES])) + more
