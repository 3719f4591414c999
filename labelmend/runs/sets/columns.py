"""The columns that mending adds to a table with several labels a row."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from labelmend.data.sets.label_sets import LoadedSets
from labelmend.data.table import NewColumn, Value

if TYPE_CHECKING:  # whoever reads what was mended needs nothing of what did it
    from labelmend.relabel.assignments.types import MendedSets

BLANK = "blank"
"""The decision on a row without text."""

_FACTS = ("added", "removed", "decision", "label_quality", "confidence", "reason")
MENDED = "mended_labels"
"""The labels after mending, where one column holds them all."""

SWITCH = "mended"
"""Begins the names of such columns, where each label has one."""


def set_columns_of(loaded: LoadedSets) -> tuple[str, ...]:
    """Return the names of the columns that will be added."""
    switches = [f"{SWITCH}_{column}" for column in loaded.shape.columns.values()]
    return (*(switches or [MENDED]), *_FACTS)


def new_set_columns(result: "MendedSets", loaded: LoadedSets) -> tuple[NewColumn, ...]:
    """Return the columns: the labels in the table's own shape, and what was decided and why.

    Rows whose labels stay have their cells as they were.
    """
    from labelmend.relabel.assignments.explain import SetReader

    total, place = len(loaded.table), loaded.rows.tolist()
    reader, changes, sets = SetReader(result), result.changes, result.sets
    changed = changes.rows
    labels: list[tuple[str, ...] | None] = [None] * total
    for i, row in enumerate(place):
        if changed[i]:
            labels[row] = sets[i]
    name = SWITCH if loaded.shape.column is None else MENDED
    added, removed = result.names(changes.added), result.names(changes.removed)
    facts = {
        "added": [loaded.shape.cell(names) if names else None for names in added],
        "removed": [loaded.shape.cell(names) if names else None for names in removed],
        "decision": list(result.decisions),
        "label_quality": result.quality.tolist(),
        "confidence": result.confidence.tolist(),
        "reason": [reader.reason(i) for i in range(len(place))],
    }
    blank: dict[str, Value] = {"decision": BLANK}
    new = []
    for column in _FACTS:
        values: list[Value] = [blank.get(column)] * total
        for row, value in zip(place, facts[column], strict=True):
            values[row] = value
        is_list = column in {"added", "removed"} and loaded.shape.joined_by is None
        new.append(NewColumn(column, tuple(values), loaded.shape.column if is_list else None))
    return (*loaded.shape.new_columns(loaded.table, name, labels), *new)


def set_evidence_lines(result: "MendedSets", loaded: LoadedSets) -> Iterator[str]:
    """Yield one JSON line a row of the table: its evidence, or that it was left out."""
    from labelmend.relabel.assignments.explain import SetReader

    sets = loaded.sets
    found = SetReader(result).explanations(sets.ids, sets.texts, loaded.rows)
    worked_on = set(loaded.rows.tolist())
    for row, name in enumerate(loaded.ids):
        if row in worked_on:
            yield next(found).to_line()
        else:
            blank = {"row": row + 1, "id": name, "text": "", "decision": BLANK}
            yield json.dumps(blank, ensure_ascii=False, separators=(",", ":"))
