"""New texts as rows of the user's table, and the columns that tell where each row comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labelmend.augment.result import Accepted
from labelmend.data.cells.lists import in_shape_of
from labelmend.data.dataset import ColumnChoice
from labelmend.data.descendants import ROW, DescentColumns, Side, parent_cell
from labelmend.data.table import NewColumn, SourceTable

_MOST_DIGITS = 18
"""Of an id that is a number: more don't fit into 64 bits."""


@dataclass(frozen=True)
class NewRows:
    """What goes behind the user's rows, and beside all.

    Attributes:
        rows: a value a column of the user's, "" for none.
        columns: ours, over the user's rows and the new ones.
    """

    rows: tuple[tuple[str, ...], ...]
    columns: tuple[NewColumn, ...]


def new_rows(
    table: SourceTable,
    columns: ColumnChoice,
    names: DescentColumns,
    labels: Sequence[str],
    accepted: Sequence[Accepted],
    parents: Mapping[int, int],
    ids: Sequence[str],
    tested: Sequence[bool] | None,
    confidence: str | None,
) -> NewRows:
    """Return the rows of new texts.

    Args:
        table: the user's.
        columns: which of its columns is what; it has one of labels.
        names: of our columns.
        labels: the label set.
        accepted: the new texts.
        parents: by distinct text, the row of the table that stands for it.
        ids: of all rows of the table.
        tested: of all rows of the table, whether they are kept for testing; None for no split.
        confidence: the column of the user's that gets the judge's confidence, if there is one.
    """
    assert columns.label is not None
    cells = _cells_of(table, columns.label)
    fresh = _new_ids(table, columns.id, len(accepted))
    rows = []
    for number, text in enumerate(accepted):
        label = labels[text.draft.label]
        values = dict.fromkeys(table.columns, "")
        values[columns.text] = text.draft.text
        values[columns.label] = cells.get(label) or in_shape_of(_first(cells), label)
        if columns.id is not None:
            values[columns.id] = fresh[number]
        if confidence is not None:
            values[confidence] = f"{text.confidence:.6g}"
        rows.append(tuple(values[column] for column in table.columns))
    old = len(table)
    sources = [ROW] * old + [text.draft.source for text in accepted]
    from_ = [_ids_of(text, parents, ids) for text in accepted]
    ours = [
        NewColumn(names.source, tuple(sources)),
        NewColumn(names.parent, (*[None] * old, *(cell or None for cell in from_))),
    ]
    if tested is not None:
        sides: list[Side] = ["test" if kept else "train" for kept in tested]
        ours.append(NewColumn(names.split, (*sides, *["train"] * len(accepted))))
    return NewRows(tuple(rows), tuple(ours))


def _ids_of(text: Accepted, parents: Mapping[int, int], ids: Sequence[str]) -> str:
    return parent_cell([ids[parents[parent]] for parent in text.draft.parents])


def _cells_of(table: SourceTable, column: str) -> dict[str, str]:
    """Return how the user's cells are written, by what they say when they are read as they stand.

    A cell in a list or in choices is none of these: its label is put in the shape of another one.
    """
    return {cell: cell for cell in table.values(column) if cell.strip()}


def _first(cells: Mapping[str, str]) -> str:
    return min(cells.values(), default="")


def _new_ids(table: SourceTable, column: str | None, count: int) -> list[str]:
    """Return ids that no row has: numbers go on where all ids are numbers."""
    if column is None:
        return []
    known = {value.strip() for value in table.values(column)}
    if all(value.isdecimal() and len(value) <= _MOST_DIGITS for value in known):
        last = max(map(int, known))
        return [str(last + number) for number in range(1, count + 1)]
    found: list[str] = []
    number = 0
    while len(found) < count:
        number += 1
        if (name := f"new-{number}") not in known:
            found.append(name)
    return found
