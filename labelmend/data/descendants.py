"""Which rows of a table `labelmend augment` wrote, and from which: they stay on one side.

A text that was made from another one tells a classifier of it. So it is trained on only where the
other one is not what is tested, and it is never tested itself.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from labelmend.data.dataset import ColumnChoice, choose_columns
from labelmend.data.table import SourceTable
from labelmend.errors import InputError, row_list
from labelmend.types import Bools, Ints

Source = Literal["row", "rewording", "card"]
"""Where a text comes from: the user's table, one of its rows in other words, a label's card."""

ROW: Source = "row"

Side = Literal["train", "test"]

NOT_MADE: Mapping[int, tuple[int, ...]] = MappingProxyType({})
"""All texts are real."""

_PREFIXES = ("", "augment_", *(f"augment_{number}_" for number in range(2, 10)))
"""Of our columns' names: the first one that meets none of the user's is taken."""


@dataclass(frozen=True)
class DescentColumns:
    """The names of our columns.

    Attributes:
        source: holds a `Source`.
        parent: the id of the row that a text was made from; of several, a JSON list.
        split: holds a `Side`; only where rows were held out.
    """

    source: str
    parent: str
    split: str


@dataclass(frozen=True)
class Descent:
    """What a table tells of where its rows come from.

    Attributes:
        made_from: by row, from 0, of those that are new, the rows that they were made from.
        orphans: int64, new rows that name a row which is not there.
        held_out: bool [n], rows that are to be tested on.
    """

    made_from: Mapping[int, tuple[int, ...]]
    orphans: Ints
    held_out: Bools


def free_columns(taken: Sequence[str]) -> DescentColumns:
    """Return names that none of the user's columns has, in any case.

    Raises:
        InputError: there are none.
    """
    known = {name.strip().casefold() for name in taken}
    for columns in _candidates():
        if not known & {columns.source, columns.parent, columns.split}:
            return columns
    raise InputError(
        "the table has columns of all the names that ours could have, such as 'augment_9_source'; "
        "rename some of them"
    )


def descent_columns(table: SourceTable) -> DescentColumns | None:
    """Return which columns of a table are ours; None where it is none of `labelmend augment`'s."""
    known = set(get_args(Source))
    for columns in reversed(list(_candidates())):
        if {columns.source, columns.parent} <= set(table.columns):
            said = table.values(columns.source)
            if set(said) <= known and ROW in said:
                return columns
    return None


def read_descent(table: SourceTable) -> Descent | None:
    """Return where a table's rows come from; None where it does not tell.

    Raises:
        InputError: what it tells can't be read.
    """
    columns = descent_columns(table)
    if columns is None:
        return None
    new = [row for row, said in enumerate(table.values(columns.source)) if said != ROW]
    cells = table.values(columns.parent)
    bad = [row + 1 for row in new if _named(cells[row]) is None]
    if bad:
        raise InputError(
            f"{table.path}: {row_list(bad)}: column {columns.parent!r} holds no id and no list of "
            "ids; give the table that labelmend augment wrote"
        )
    parents = {row: _named(cells[row]) or () for row in new}
    place = _places(table, set(parents), {name for names in parents.values() for name in names})
    known = {row: tuple(place[n] for n in names if n in place) for row, names in parents.items()}
    orphans = [row for row, names in parents.items() if len(known[row]) < len(names)]
    held_out = np.zeros(len(table), dtype=bool)
    if columns.split in table.columns:
        held_out = np.array([side == "test" for side in table.values(columns.split)], dtype=bool)
    return Descent(known, np.array(orphans, dtype=np.int64), held_out)


def parent_cell(ids: Sequence[str]) -> str:
    """Return how a cell names the rows that a text was made from."""
    return ids[0] if len(ids) == 1 and _named(ids[0]) == (ids[0],) else _listed(ids)


def descending(made_from: Mapping[int, tuple[int, ...]], old: Bools) -> Bools:
    """Return bool [n], what was made from any of some rows or texts.

    Args:
        made_from: by row or text, those that it was made from.
        old: bool [n], some of them.
    """
    found = np.zeros(len(old), dtype=bool)
    found[[new for new, parents in made_from.items() if old[list(parents)].any()]] = True
    return found


def texts_made_from(
    made_from: Mapping[int, tuple[int, ...]], kept: Ints, text_of: Ints
) -> Mapping[int, tuple[int, ...]]:
    """Return what rows tell of where they come from as told of distinct texts.

    A text that a real row has, too, is real.

    Args:
        made_from: by row, the rows that it was made from.
        kept: int64 [k], rows that are looked at.
        text_of: int64 [k], the text of each.
    """
    if not made_from:
        return NOT_MADE
    place = dict(zip(kept.tolist(), text_of.tolist(), strict=True))
    real = {text for row, text in place.items() if row not in made_from}
    found: dict[int, set[int]] = {}
    for row, text in place.items():
        if text not in real:
            parents = {place[parent] for parent in made_from[row] if parent in place}
            found.setdefault(text, set()).update(parents)
    return {text: tuple(sorted(parents)) for text, parents in sorted(found.items())}


def _candidates() -> Iterator[DescentColumns]:
    for prefix in _PREFIXES:
        yield DescentColumns(f"{prefix}source", f"{prefix}parent", f"{prefix}split")


def _listed(ids: Sequence[str]) -> str:
    return json.dumps(list(ids), ensure_ascii=False) if ids else ""


def _named(cell: str) -> tuple[str, ...] | None:
    """Return the ids that a cell names; None where it is a broken list."""
    if not cell.lstrip().startswith("["):
        return (cell,) if cell else ()
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    return tuple(map(str, found)) if isinstance(found, list) else None


def _places(table: SourceTable, new: set[int], named: set[str]) -> dict[str, int]:
    """Return the row of each id that is named, by the column whose values they are.

    That is the table's id column, else one whose values name them all, else the rows' numbers.
    """
    real = [row for row in range(len(table)) if row not in new]
    numbers = {str(row + 1): row for row in real}
    best: dict[str, int] = {}
    for column in _id_columns(table):
        values = table.values(column)
        found = {values[row]: row for row in real if values[row] in named}
        if len(found) > len(best) and len({values[row] for row in real}) == len(real):
            best = found
        if len(best) == len(named):
            return best
    by_number = {name: numbers[name] for name in named if name in numbers}
    return by_number if len(by_number) > len(best) else best


def _id_columns(table: SourceTable) -> list[str]:
    chosen: ColumnChoice = choose_columns(table, table.columns[0], None, label_needed=False)
    first = [] if chosen.id is None else [chosen.id]
    return [*first, *(name for name in table.columns if name not in first)]
