"""Files in, files out: what `labelmend audit` does."""

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labelmend.audit.draw import (
    Design,
    Drawable,
    DrawnRow,
    continued,
    new_design,
    read_design,
)
from labelmend.audit.mended import MendedTable, audit_paths
from labelmend.audit.outlook import SIZES, widths
from labelmend.audit.sets.certificate import countable, most_labels
from labelmend.audit.sets.mended import MendedSetTable, read_audited
from labelmend.audit.sets.outlook import set_widths
from labelmend.audit.sets.sheet import joined_in, set_sheet
from labelmend.audit.strata import allocate
from labelmend.data.dataset import ColumnChoice
from labelmend.data.formats.find import format_by_suffix
from labelmend.data.outputs.claim import Output, claim, given
from labelmend.data.outputs.journal import settle
from labelmend.data.outputs.spreadsheet import guarded
from labelmend.data.request import TableRequest
from labelmend.data.write import atomic_files
from labelmend.errors import InputError, OutputError
from labelmend.runs.layout import OutputPaths
from labelmend.types import NO_LABEL

_DIGITS = 16
"""Hex digits of the name of what stood in a design's place, as of a design's."""

COLUMNS = ("id", "text", "label", "answer", "design", "stratum", "inclusion")
"""Of the table that people fill in."""


@dataclass(frozen=True)
class AuditOutcome:
    """Rows that were drawn.

    Attributes:
        design: of the audit, with these rows.
        rows: that were drawn now.
        widths: of the intervals, by sampled rows and the figure's name.
        continued: an audit that had begun before went on.
        columns: that were read.
        output: the table that was written.
        path: of the design.
        notes: what the user should know.
        joined_by: the sign between the labels of an answer, or `list`; None where a row has one.
    """

    design: Design
    rows: tuple[DrawnRow, ...]
    widths: Mapping[int, Mapping[str, float]]
    continued: bool
    columns: ColumnChoice
    output: Path
    path: Path
    notes: tuple[str, ...]
    joined_by: str | None = None


def audit_file(
    request: TableRequest,
    rows: int,
    output: Path,
    *,
    seed: int | None = None,
    new: bool = False,
    dry_run: bool = False,
    excel_safe: bool = False,
) -> AuditOutcome:
    """Draw rows of a mended table for people to look at, and write them.

    The design is kept beside the mended table. Where there is one, it is continued; where no rows
    are asked for, all that were drawn so far are written again.

    Args:
        request: the mended table.
        rows: to be drawn now.
        output: a new CSV; one that is there may hold answers, and is left alone.
        seed: of the draw; None for 0, or for one more than that of the design that `new` replaces.
        new: begin anew, whatever was drawn before; the old design, or what stands in its place, is
            kept under a name of its own.
        dry_run: write nothing.
        excel_safe: keep spreadsheets from running texts and labels.

    Raises:
        LabelmendError: the input can't be used, or the output can't be written.
    """
    table = read_audited(request)
    path, _ = audit_paths(request.path)
    if not dry_run:
        settle(output)
        _check(request, output, path)
    unread = b""
    try:
        before = read_design(path, table)
    except InputError:
        if not new:
            raise
        before, unread = None, path.read_bytes()
    if before is not None and not new and seed not in {None, before.seed}:
        raise InputError(
            f"--seed {seed}: the audit in {path} was begun with {before.seed}; leave it out to go "
            "on, or start anew with --new"
        )
    if before is None or new:
        chosen = seed if seed is not None else 0 if before is None else before.seed + 1
        design = _begin(table, rows, chosen)
        drawn = design.rows_of()
    else:
        design = continued(before, rows) if rows else before
        drawn = design.rows_of(len(before.draws) if rows else None)
    if rows and not drawn:
        raise InputError(f"{request.path}: all rows that can be drawn are drawn already")
    if not dry_run:
        kept: dict[Path, bytes] = {}
        if before is not None and new:
            kept[path.with_suffix(f".{before.design}.json")] = before.to_json().encode()
        elif unread:
            digest = hashlib.sha256(unread).hexdigest()[:_DIGITS]
            kept[path.with_suffix(f".{digest}.json")] = unread
        with atomic_files([output, path, *kept]) as (sheet, design_file, *old):
            sheet.write_text(_sheet(table, design, drawn, excel_safe=excel_safe), "utf-8")
            design_file.write_text(design.to_json(), "utf-8")
            for file, content in zip(old, kept.values(), strict=True):
                file.write_bytes(content)
    # More rows than can be drawn tell no more than all of them.
    most = int(allocate(design.strata, design.rows).sum())
    sizes = sorted({min(size, most) for size in (*SIZES, int(design.drawn.sum()))})
    return AuditOutcome(
        design=design,
        rows=drawn,
        widths={size: _widths(table, design, size) for size in sizes},
        continued=before is not None and not new,
        columns=table.columns,
        output=output,
        path=path,
        notes=table.notes,
        joined_by=joined_in(table) if isinstance(table, MendedSetTable) else None,
    )


def _widths(table: MendedTable | MendedSetTable, design: Design, rows: int) -> Mapping[str, float]:
    """Return how wide the intervals will be after so many answers, by the figure's name."""
    if isinstance(table, MendedTable):
        return widths(design.strata, rows, design.seed)
    counts, most = countable(table), most_labels(table)
    return set_widths(design.strata, counts, most, rows, design.seed)


def _check(request: TableRequest, output: Path, design: Path) -> None:
    inputs = list(given(request.path))
    for path in OutputPaths.beside(request.path).read:
        inputs += given(path, f"read with {request.path}")
    claim(inputs, [Output(output, is_table=True), Output(design)])
    kind = format_by_suffix(output)
    if kind is None or output.suffix.lower() != ".csv":
        raise OutputError(f"{output}: rows to look at are written as CSV; end the name in .csv")
    if output.exists():
        raise OutputError(
            f"{output}: is there already and may hold answers; give another name, or move it away"
        )


def _begin(table: Drawable, rows: int, seed: int) -> Design:
    design = new_design(table, rows, seed)
    if not rows:
        raise InputError(f"{table.path}: nothing was drawn yet; say how many rows with --rows")
    if not design.drawn.sum():
        raise InputError(f"{table.path}: no row has a label that could be looked at")
    return design


def _sheet(
    table: MendedTable | MendedSetTable,
    design: Design,
    drawn: tuple[DrawnRow, ...],
    *,
    excel_safe: bool,
) -> str:
    """Return the CSV that people fill in."""
    if isinstance(table, MendedSetTable):
        return set_sheet(table, design, drawn, excel_safe=excel_safe)
    data, text = table.dataset, io.StringIO(newline="")
    whole = table.columns.text_values(table.table)
    shown = guarded if excel_safe else str
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in drawn:
        given = int(data.given[one.row])
        label = data.labels[given] if given != NO_LABEL else ""
        writer.writerow(
            [
                shown(data.ids[one.row]),
                shown(whole[one.row]),
                shown(label),
                "",
                design.design,
                one.stratum,
                f"{one.inclusion:.6g}",
            ]
        )
    return text.getvalue().encode(errors="replace").decode()
