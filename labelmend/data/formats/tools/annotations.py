"""What files of several tools have in common: rows that several people labelled."""

from collections.abc import Collection, Mapping, MutableMapping, Sequence
from typing import Any

from labelmend.data.formats.objects import dumped, unwrapped
from labelmend.data.table import SourceTable

_MOST_ANNOTATIONS = 20
"""Labels of a row that get a column each; nobody has as many people label each row."""

_OURS = ("mended_label", "predicted_label", "true_label")
"""Where our columns begin in a file that labelmend wrote."""


def one_label(value: object) -> str:
    """Return one annotation's label: what is in a list of one, nothing of an empty one.

    Several labels stay a list, as JSON, for the reader of labels to see.
    """
    found = unwrapped(value)
    if isinstance(found, str):
        return str(found)
    return "" if found is None else dumped(found)


def objects_in(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list; none where it is none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def put_labels(row: MutableMapping[str, Any], column: str, labels: Sequence[str]) -> None:
    """Put a row's labels into columns: the first into the column, the others behind it.

    Args:
        row: names and values.
        column: of the first label; the others' are `column.2`, `column.3` and so on.
        labels: one a person, in the order of the file.
    """
    row[column] = labels[0] if labels else ""
    for place, label in enumerate(labels[1:_MOST_ANNOTATIONS], start=2):
        row[f"{column}.{place}"] = label


def several_note(rows: Sequence[Mapping[str, Any]], columns: Collection[str]) -> list[str]:
    """Return a note on rows with more than one label in one of the columns."""
    names = {
        name
        for row in rows
        for name in row
        if name.rpartition(".")[0] in columns and name.rpartition(".")[2].isdecimal()
    }
    if not names:
        return []
    count = sum(any(row.get(name) for name in names) for row in rows)
    shown = " ".join(f"--vote-column {name}" for name in sorted(names))
    return [
        f"{count} {'row was' if count == 1 else 'rows were'} labelled more than once: the first "
        f"label is the given one; to weigh the others as well, give {shown}"
    ]


def likely_labels(table: SourceTable, known: Collection[str]) -> list[str]:
    """Return the columns that may hold the labels: values that repeat, and more than one of them.

    Args:
        table: a tool's table, which says nowhere what its user called the labels.
        known: columns that the tool itself adds.
    """
    names = list(table.columns)
    ours = min((names.index(name) for name in _OURS if name in names), default=len(names))
    found = []
    for name in names[:ours]:
        values = [value for value in table.values(name) if value.strip()]
        if name not in known and 1 < len(set(values)) <= len(values) / 2:
            found.append(name)
    return found
