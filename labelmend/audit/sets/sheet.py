"""The sheet that people fill in where a row may have several labels."""

import csv
import io
import json
from collections.abc import Sequence

from labelmend.audit.draw import Design, DrawnRow
from labelmend.audit.sets.mended import MendedSetTable
from labelmend.data.cells.read import AS_IT_LOOKS, LabelRules
from labelmend.data.outputs.spreadsheet import guarded
from labelmend.data.table import SourceTable
from labelmend.runs.sets.columns import MENDED

JOINED_BY = "joined_by"
"""The column that says how labels are joined, in every row the same; no other sheet has it."""

SET_COLUMNS = (
    *("id", "text", "labels", MENDED, "answer"),
    *(JOINED_BY, "design", "stratum", "inclusion"),
)
"""Of the table that people fill in."""

_SIGNS = (";", "|", ",")
"""Between labels; the table's own is taken if it is one of these and no label holds it."""

LISTS = "list"
"""In the place of a sign: cells hold lists, since labels hold all signs."""


def joined_in(table: MendedSetTable) -> str:
    """Return the sign between the labels of a cell of the sheet, or `list`."""
    own = table.loaded.shape.joined_by
    signs = (own, *_SIGNS) if own in _SIGNS else _SIGNS
    free = (s for s in signs if s and not any(s in label for label in table.sets.labels))
    return next(free, LISTS)


def set_sheet(
    table: MendedSetTable, design: Design, drawn: Sequence[DrawnRow], *, excel_safe: bool
) -> str:
    """Return the CSV that people fill in.

    Args:
        table: the mended one.
        design: of its audit.
        drawn: the rows to look at.
        excel_safe: keep spreadsheets from running texts and labels.
    """
    loaded, text = table.loaded, io.StringIO(newline="")
    whole = loaded.columns.text_values(loaded.table)
    shown = guarded if excel_safe else str
    sign = joined_in(table)

    def cell(labels: Sequence[str]) -> str:
        joined = json.dumps(labels, ensure_ascii=False) if sign == LISTS else sign.join(labels)
        return shown(joined)

    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SET_COLUMNS)
    for one in drawn:
        writer.writerow(
            [
                shown(table.ids[one.row]),
                shown(whole[int(loaded.rows[one.row])]),
                cell(table.names(table.sets.given[one.row])),
                cell(table.names(table.mended[one.row])),
                *("", sign, design.design, one.stratum, f"{one.inclusion:.6g}"),
            ]
        )
    return text.getvalue().encode(errors="replace").decode()


def sheet_rules(table: SourceTable) -> LabelRules | None:
    """Return how the labels of a sheet of ours are read; None where a table is none."""
    if JOINED_BY not in table.columns or "design" not in table.columns:
        return None
    signs = {sign.strip() for sign in table.values(JOINED_BY)} - {""}
    sign = next(iter(signs), LISTS)
    return AS_IT_LOOKS if sign == LISTS or len(signs) > 1 else LabelRules(sign)
