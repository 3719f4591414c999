"""Whether a table's labels can be learned from, and which of them is out of scope."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from labelmend.data.table import SourceTable
from labelmend.errors import InputError

_LEAST_LABELS = 2
"""With one, there is nothing to mend."""

_TELLING_ROWS = 10
"""So many labelled rows, each with a label of its own, are no accident: it's the wrong column."""


def check_labels(
    table: SourceTable,
    column: str | None,
    carried: Sequence[str],
    labels: Sequence[str],
    *,
    described: bool,
) -> None:
    """Make sure that something can be learned from a table's labels.

    Args:
        table: the user's table.
        column: with the labels; None where no row has one.
        carried: the label of each row, "" where it has none.
        labels: all of the label set.
        described: a labels file says what they are.

    Raises:
        InputError: nothing can.
    """
    used = Counter(filter(None, carried))
    where = f"{table.path}: column {column!r}" if column is not None else str(table.path)
    if not labels:
        raise InputError(
            f"{where}: no row has a label; name another column with --label-column, "
            "or give the labels with --labels"
        )
    if len(labels) < _LEAST_LABELS:
        raise InputError(
            f"{where}: {labels[0]!r} is the only label; at least two are needed to tell apart: "
            "name another column with --label-column, or give more labels with --labels"
        )
    # Labels that a file describes need no rows to be learned from.
    if len(labels) > len(table) and not described:
        raise InputError(
            f"{where}: {len(labels)} labels for {len(table)} rows, more labels than rows; "
            "if it is the wrong column, name another with --label-column"
        )
    if used.total() == len(used) >= _TELLING_ROWS and not described:
        raise InputError(
            f"{where}: each of the {len(used)} labelled rows has a label of its own, so nothing "
            "can be learned; it is probably the wrong column: name another with --label-column"
        )


def oos_index(
    labels: Sequence[str],
    oos_label: str | None,
    known: Iterable[str],
    former: Mapping[str, str],
) -> int | None:
    """Return the place of the label that means "fits no label", None where there is none.

    Args:
        labels: the label set.
        oos_label: its name, from the user; None to find it.
        known: names that it may have, likely ones first.
        former: names that labels had before, by which it is found, too.
    """
    if oos_label:
        return labels.index(former.get(oos_label, oos_label))
    folded = {label.strip().casefold(): label for label in (*former, *reversed(labels))}
    name = next((folded[k.casefold()] for k in known if k.casefold() in folded), None)
    return None if name is None else labels.index(former.get(name, name))
