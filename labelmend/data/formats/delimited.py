"""CSV and TSV."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

from labelmend.data.formats.base import (
    Format,
    looks_headless,
    numbered,
    refuse_repeated,
    without_rows,
)
from labelmend.data.formats.records import (
    Records,
    by_row,
    encoded,
    line_end,
    line_of,
    plain,
    records_of,
    with_records,
    with_values,
)
from labelmend.data.table import Content, NewColumn, SourceTable, Value, frame_of
from labelmend.errors import InputError

_COMMA, _TAB = ",", "\t"
_DELIMITERS = (_COMMA, ";", _TAB, "|")

_SNIFFED_RECORDS = 200
"""Enough to see how wide most records are, and read in no time."""

_FIELD_LIMIT = 2**31 - 1  # the largest that a C long holds everywhere
_LONGEST_HEADER = 1 << 20
"""Characters in which the header is looked for."""

_SURE = 0.5
"""That a file of unknown name is a table with delimiters: what begins as JSON says so louder."""


class Delimited(Format):
    """A table of text with a header and one record a row, fields quoted where they need it.

    A file that has no header gets one when our columns go behind the user's.
    """

    headed = True

    def __init__(self, name: str, suffixes: tuple[str, ...], delimiter: str) -> None:
        self.name = name
        self.suffixes = suffixes
        self._delimiter = delimiter

    def recognises(self, content: Content) -> float:
        """Say whether most of the first records are as wide as the header."""
        delimiter = _sniff(_lines(content.text.text))
        if delimiter is None:
            return 0.0
        return _SURE if (delimiter == _TAB) == (self._delimiter == _TAB) else 0.0

    def read(self, content: Content) -> SourceTable:
        """Read the records; what is called CSV may be delimited otherwise."""
        lines = _lines(content.text.text)
        delimiter = self._delimiter
        if delimiter != _TAB:
            delimiter = _sniff(lines) or delimiter
        with _wide_fields():
            header, raw, rows, tail = _records(lines, delimiter, content)
        return SourceTable(
            path=content.path,
            format=self.name,
            columns=tuple(header),
            frame=frame_of(header, rows),
            encoding=content.text.encoding,
            origin=Records(content.text.bom, raw[0], tuple(raw[1:]), tail, delimiter),
            headless=content.header and looks_headless(header, rows),
        )

    def write(self, table: SourceTable, columns: Sequence[NewColumn]) -> bytes:
        """Put our fields before each record's line end."""
        source = records_of(table) if table.format == self.name else None
        if source is None:
            table = replace(table, encoding="utf-8")
            source = self._anew(table)
        text = "".join((*_extended(source, table, columns), source.tail))
        return source.bom + encoded(text, table, columns)

    def with_values(self, table: SourceTable, column: str, values: Sequence[str]) -> SourceTable:
        """Write those records anew whose value is another one."""
        source = records_of(table)
        delimiter = self._delimiter if source is None else source.delimiter
        return with_values(
            table, column, values, lambda old, row: _joined(row, delimiter) + line_end(old)
        )

    def with_rows(self, table: SourceTable, rows: Sequence[Sequence[str]]) -> SourceTable:
        """Put a record a row behind the others."""
        source = records_of(table)
        if source is None:
            return super().with_rows(table, rows)
        return with_records(table, rows, [_joined(row, source.delimiter) for row in rows])

    def line_of(self, table: SourceTable, row: int) -> int | None:
        """Count the lines before the row's record."""
        return line_of(table, row)

    def _anew(self, table: SourceTable) -> Records:
        header, *records = (
            _joined(row, self._delimiter) + "\n" for row in (table.columns, *table.rows())
        )
        return Records(b"", header, tuple(records), "", self._delimiter)


def _lines(text: str) -> list[str]:
    return list(io.StringIO(text, newline=""))


@contextmanager
def _wide_fields() -> Iterator[None]:
    before = csv.field_size_limit(_FIELD_LIMIT)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def header_names(content: Content, delimiters: str = _COMMA) -> set[str]:
    """Return the names in the first line of a file, by any of some delimiters; none if it has none.

    Raises:
        InputError: the bytes are no text.
    """
    lines = content.text.text[:_LONGEST_HEADER].lstrip().splitlines()[:1]
    try:
        with _wide_fields():
            return {
                name
                for delimiter in delimiters
                for line in csv.reader(lines, delimiter=delimiter)
                for name in line
            }
    except csv.Error:
        return set()


def _sniff(lines: Sequence[str]) -> str | None:
    """Return the delimiter by which most of the first records are as wide as the header."""
    best: tuple[float, int] = (0.0, 0)
    found = None
    with _wide_fields():
        for delimiter in _DELIMITERS:
            reader = csv.reader(lines, delimiter=delimiter)
            filled = (fields for fields in reader if "".join(fields).strip())
            widths = [len(fields) for fields in islice(filled, _SNIFFED_RECORDS)]
            if not widths or widths[0] == 1:
                continue
            score = (widths.count(widths[0]) / len(widths), widths[0])
            if score > best:
                best, found = score, delimiter
    return found


def _records(
    lines: list[str], delimiter: str, content: Content
) -> tuple[list[str], list[str], list[list[str]], str]:
    """Return the header's names, the raw records (header first), the rows' fields, the tail.

    Where there is no header, its record is empty and the names are numbered.
    """
    path = content.path
    header: list[str] = []
    raw: list[str] = []
    rows: list[list[str]] = []
    ragged: list[tuple[int, int, int]] = []
    before = start = 0  # the first line not yet in a record, and the one this record begins on
    reader = csv.reader(lines, delimiter=delimiter)
    for fields in reader:
        end = reader.line_num
        of_row = header or not content.header
        where = f"row {len(rows) + 1} (line {start + 1})" if of_row else "the header"
        if _is_open(lines[start:end], delimiter, end == len(lines)):
            raise InputError(
                f'{path}: {where}: a quote (") is opened and not closed before the next field; '
                "close it, or double it if it belongs to the text"
            )
        blank = not fields or (len(fields) == 1 != len(header) and not fields[0].strip())
        start = end
        if blank:
            continue
        if not header and not content.header:
            header = numbered(len(fields))
            raw.append("")
        raw.append("".join(lines[before:end]))
        before = end
        if not header:
            header = fields
            refuse_repeated(header, path)
            continue
        rows.append(fields)
        if len(fields) != len(header):
            ragged.append((len(rows), end, len(fields)))
    if ragged:
        row, line, width = ragged[0]
        more = f" (and {len(ragged) - 1} more such)" if len(ragged) > 1 else ""
        first = "header" if content.header else "first row"
        raise InputError(
            f"{path}: row {row} (ends on line {line}) has {width} field{'s' * (width != 1)}, "
            f"the {first} has {len(header)}{more}; quote texts that hold {delimiter!r}, or mend it"
        )
    if not rows:
        raise without_rows(path)
    return header, raw, rows, "".join(lines[before:])


def _is_open(lines: Sequence[str], delimiter: str, last: bool) -> bool:
    """Whether a quote runs on: over line ends into other text, or past the end of the file."""
    if last and sum(1 for _ in csv.reader([*lines, "x"], delimiter=delimiter)) == 1:
        return True
    if len(lines) == 1:
        return False
    try:
        list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return True
    return False


def _joined(row: Sequence[str], delimiter: str) -> str:
    return delimiter.join(_quoted(value, delimiter) for value in row)


def _quoted(text: str, delimiter: str) -> str:
    if any(c in text for c in (delimiter, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text


def _cell(value: Value, delimiter: str) -> str:
    value = plain(value)
    if value is None:
        return delimiter
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return delimiter + _quoted(text, delimiter)


def _extended(source: Records, table: SourceTable, columns: Sequence[NewColumn]) -> Iterator[str]:
    names: list[Value] = [column.name for column in columns]
    ours_by_row = [names, *by_row(table, columns)]
    header = source.header
    if columns and not header and source.records:
        header = _joined(table.columns, source.delimiter) + (line_end(source.records[0]) or "\n")
    for record, values in zip((header, *source.records), ours_by_row, strict=True):
        end = line_end(record)
        ours = "".join(_cell(value, source.delimiter) for value in values)
        yield record.removesuffix(end) + ours + end


CSV = Delimited("csv", (".csv",), _COMMA)
TSV = Delimited("tsv", (".tsv", ".tab"), _TAB)
