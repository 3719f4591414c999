"""What formats of text share: the raw records are kept, and our fields go behind them."""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from labelmend.data.formats.base import changed_frame, longer_frame
from labelmend.data.table import NewColumn, SourceTable, Value
from labelmend.errors import OutputError

_SHOWN_CHARS = 60
"""Of a value, so that the error stays a line."""


@dataclass(frozen=True)
class Records:
    """A text file in pieces: header, records and tail put together are the whole text.

    Attributes:
        bom: the byte order mark the file began with, or no bytes.
        header: what stands before the first record, with its line end; empty in JSONL.
        records: one raw record a row, with its line end and the blank lines before it.
        tail: the blank lines after the last record.
        delimiter: of CSV and TSV; empty otherwise.
    """

    bom: bytes
    header: str
    records: tuple[str, ...]
    tail: str
    delimiter: str = ""


def records_of(table: SourceTable) -> Records | None:
    """Return the raw records of a table, None where it has none."""
    return table.origin if isinstance(table.origin, Records) else None


def with_values(
    table: SourceTable, column: str, values: Sequence[str], anew: Callable[[str, list[str]], str]
) -> SourceTable:
    """Return the table with other values in one column; the other records keep their bytes.

    Args:
        table: it may have no records.
        column: that changes.
        values: one a row.
        anew: makes a record of the one that stood there and its row's values.
    """
    changed = replace(table, frame=changed_frame(table, column, values))
    source = records_of(table)
    if source is None:
        return changed
    old, rows = table.values(column), changed.rows()
    records = tuple(
        record if values[i] == old[i] else anew(record, rows[i])
        for i, record in enumerate(source.records)
    )
    return replace(changed, origin=replace(source, records=records))


def with_records(
    table: SourceTable, rows: Sequence[Sequence[str]], texts: Sequence[str]
) -> SourceTable:
    """Return the table with more records, each a line, behind those that keep their bytes.

    Args:
        table: it has records.
        rows: the values of the new ones.
        texts: how they are written, without line ends.
    """
    source = records_of(table)
    assert source is not None
    last = line_end(source.records[-1])
    end = last or line_end(source.header) or line_end(source.records[0]) or "\n"
    # Behind a last line without an end, each new one begins with it.
    new = tuple(f"{text}{end}" if last else f"{end}{text}" for text in texts)
    return replace(
        table,
        frame=longer_frame(table, rows),
        origin=replace(source, records=source.records + new),
    )


def line_end(record: str) -> str:
    """Return what a record ends with."""
    return record[len(record.rstrip("\r\n")) :]


def line_of(table: SourceTable, row: int) -> int | None:
    """Return the line on which a row begins; the first is 1. None where there is none."""
    source = records_of(table)
    if source is None or not 0 < row <= len(source.records):
        return None
    before = "".join((source.header, *source.records[: row - 1]))
    blank = 0
    for line in io.StringIO(source.records[row - 1], newline=""):
        if line.strip():
            break
        blank += 1
    return sum(1 for _ in io.StringIO(before, newline="")) + blank + 1


def plain(value: Value) -> Value:
    """Return a value as text formats show it: six significant digits, none that isn't finite."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def by_row(table: SourceTable, columns: Sequence[NewColumn]) -> list[list[Value]]:
    """Return our values, row by row."""
    return [[column.values[i] for column in columns] for i in range(len(table))]


def encoded(text: str, table: SourceTable, columns: Sequence[NewColumn]) -> bytes:
    """Return the text in the table's encoding.

    Raises:
        OutputError: it lacks a character of ours.
    """
    try:
        return text.encode(table.encoding)
    except UnicodeEncodeError as error:
        lacking = error.object[error.start]
    found = (
        f"{value[:_SHOWN_CHARS]!r} in column {column.name!r}"
        for column in columns
        for value in (column.name, *map(str, column.values))
        if lacking in value
    )
    where = next(found, "a changed value")
    raise OutputError(
        f"{table.path}: its encoding {table.encoding} has no {lacking!r}, which is needed for "
        f"{where}; convert the file to UTF-8 and run again"
    )
