"""Excel workbooks: .xlsx, by openpyxl.

The first sheet that holds anything is the table, its first row the names. What is written is the
user's workbook with our columns behind the last one of that sheet: values, number types, formulas,
widths and formats stay, and so do the other sheets. The bytes can't: openpyxl writes the file anew,
and drops what it doesn't know, such as charts, pictures and macros.
"""

import datetime as dt
import io
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from labelmend.data.formats.base import (
    MOST_CELLS,
    Format,
    changed_frame,
    looks_headless,
    numbered,
    refuse_repeated,
    without_rows,
)
from labelmend.data.formats.records import plain
from labelmend.data.table import Content, NewColumn, SourceTable, Value, frame_of
from labelmend.errors import InputError
from labelmend.voice.speak import note

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

_MAGIC = b"PK\x03\x04"
_BOOK = "xl/workbook.xml"

_MOST_BYTES = 1 << 29
"""Bytes that the parts of a workbook may unpack to, 512 MiB; a full sheet of Excel's has less."""

_MOST_RATIO = 200
"""Unpacked bytes to packed ones above which a part is no sheet: they reach 30."""

_FREE_BYTES = 1 << 26
"""Up to here, 64 MiB, the ratio is not looked at: it does no harm."""

_WIDEST = 1000
"""Columns that are read; Excel's own limit is 16,384, and a table of texts has a few."""

_TALLEST = 1_048_576
"""Rows of a sheet, as Excel has it; openpyxl makes an empty row of each that is left out."""

_MOST_MERGED = 1_000_000
"""Cells that merged ones may cover, 300 MB of objects in openpyxl; people merge a few titles."""

_LONGEST = 32_767
"""Characters of a cell in Excel."""


@dataclass(frozen=True)
class _Origin:
    """A workbook.

    Attributes:
        raw: its bytes.
        sheet: place of the one that is the table among the worksheets, from 0.
        header: its row with the names, the first is 1; None where there is none.
        rows: of the sheet, those of the table.
        places: columns of the sheet, those of the table.
        kinds: of columns whose cells are all numbers or all booleans.
    """

    raw: bytes
    sheet: int
    header: int | None
    rows: tuple[int, ...]
    places: tuple[int, ...]
    kinds: Mapping[str, type]


class Excel(Format):
    """A workbook with one table."""

    name = "excel"
    suffixes = (".xlsx",)
    headed = True

    def recognises(self, content: Content) -> float:
        """Say whether it is a zip archive with a workbook in it."""
        return float(content.raw.startswith(_MAGIC) and _BOOK.encode() in content.raw)

    def read(self, content: Content) -> SourceTable:
        """Read the first sheet that holds anything."""
        _refuse_bomb(content)
        try:
            with _quietly():
                book = _opened(content.raw, read_only=True)
                for place, sheet in enumerate(book.worksheets):
                    found = _filled(sheet, content)
                    if found:
                        others = _others(book, place)
                        return self._table(content, place, sheet.title, found, others)
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 - openpyxl raises what it comes across
            raise _unreadable(content.path, error) from None
        raise without_rows(content.path)

    def check(self, table: SourceTable) -> None:
        """Open the workbook whole: other sheets and styles were not looked at to read the table."""
        if isinstance(table.origin, _Origin):
            _refuse_merges(table.origin.raw, table.path)
            try:
                _sheet_of(_opened(table.origin.raw, read_only=False), table.origin)
            except Exception as error:  # noqa: BLE001 - openpyxl raises what it comes across
                raise _unreadable(table.path, error) from None

    def write(self, table: SourceTable, columns: Sequence[NewColumn]) -> bytes:
        """Put our columns behind the user's; texts stay texts, whatever they begin with."""
        origin = table.origin if table.format == self.name else None
        if not isinstance(origin, _Origin):
            return _anew(table, columns)
        book = _opened(origin.raw, read_only=False)
        _put(_sheet_of(book, origin), origin, table, columns)
        return _saved(book)

    def with_values(self, table: SourceTable, column: str, values: Sequence[str]) -> SourceTable:
        """Write those cells anew whose value is another one."""
        changed = replace(table, frame=changed_frame(table, column, values))
        origin = table.origin
        if not isinstance(origin, _Origin):
            return changed
        book = _opened(origin.raw, read_only=False)
        place = origin.places[table.columns.index(column)]
        for row, old, new in zip(origin.rows, table.values(column), values, strict=True):
            if old != new:
                value = _typed(new, origin.kinds.get(column))
                _set(_sheet_of(book, origin), row, place, value)
        return replace(changed, origin=replace(origin, raw=_saved(book)))

    def line_of(self, table: SourceTable, row: int) -> int | None:
        """Return the row of the sheet."""
        origin = table.origin
        if not isinstance(origin, _Origin) or not 0 < row <= len(origin.rows):
            return None
        return origin.rows[row - 1]

    def _table(
        self,
        content: Content,
        sheet: int,
        title: str,
        found: list[tuple[int, list[Any]]],
        others: list[str],
    ) -> SourceTable:
        filled = {place for _, row in found for place, v in enumerate(row) if v is not None}
        places = sorted(filled)
        cells = [
            (number, [row[place] if place < len(row) else None for place in places])
            for number, row in found
        ]
        header = cells.pop(0) if content.header else (None, numbered(len(places)))
        names = [_text(value) for value in header[1]]
        refuse_repeated(names, content.path)
        if not cells:
            raise without_rows(content.path)
        texts = [[_text(value) for value in row] for _, row in cells]
        kinds = {
            name: kind
            for place, name in enumerate(names)
            if (kind := _kind([row[place] for _, row in cells])) is not None
        }
        told = note(
            "read from the sheet {title!r}; others are not looked at: {others}",
            title=title,
            others=", ".join(others),
        )
        return SourceTable(
            path=content.path,
            format=self.name,
            columns=tuple(names),
            frame=frame_of(names, texts),
            origin=_Origin(
                raw=content.raw,
                sheet=sheet,
                header=header[0],
                rows=tuple(number for number, _ in cells),
                places=tuple(place + 1 for place in places),
                kinds=kinds,
            ),
            headless=content.header and looks_headless(names, texts),
            notes=(told,) if others else (),
        )


_SHOWN_CHARS = 100
"""Of another package's error, so that ours stays a line."""


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:_SHOWN_CHARS] or type(error).__name__
    return InputError(
        f"{path}: can't be read as an Excel workbook ({reason}); save it again as .xlsx, or as CSV "
        "(UTF-8)"
    )


def _refuse_bomb(content: Content) -> None:
    """Refuse what isn't a workbook, or unpacks to far more than one would."""
    try:
        with zipfile.ZipFile(io.BytesIO(content.raw)) as archive:
            parts = archive.infolist()
            names = {part.filename for part in parts}
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise InputError(
            f"{content.path}: can't be read as an Excel workbook ({error}); save it again as .xlsx"
        ) from None
    if _BOOK not in names:
        raise InputError(
            f"{content.path}: is no Excel workbook; save the table again as .xlsx, or as CSV"
        )
    size = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if size > min(_MOST_BYTES, max(_FREE_BYTES, packed * _MOST_RATIO)):
        raise InputError(
            f"{content.path}: {packed:,} bytes unpack to {size:,}, which no table does that is "
            "meant well; save it as CSV if it is one"
        )


def _opened(raw: bytes, *, read_only: bool) -> Any:
    """Return a workbook: the values of its formulas to read, the formulas to write."""
    import openpyxl

    with _quietly():
        return openpyxl.load_workbook(
            io.BytesIO(raw), read_only=read_only, data_only=read_only, keep_links=False
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """Hear no warnings: what openpyxl drops is told in the documents, and they name the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _sheet_of(book: Any, origin: _Origin) -> Any:
    """Return the sheet that is the table; by its place, for names may be blank or repeat."""
    return book.worksheets[origin.sheet]


def _refuse_merges(raw: bytes, path: Path) -> None:
    """Refuse merged cells without end: openpyxl makes an object of each cell that is covered."""
    from openpyxl.worksheet.cell_range import CellRange

    covered = 0
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for part in archive.infolist():
            if not part.filename.endswith(".xml"):
                continue
            try:
                with archive.open(part) as file:
                    for _, found in ET.iterparse(file):  # noqa: S314 - as openpyxl does
                        if found.tag.rpartition("}")[2] == "mergeCell":
                            size = CellRange(found.get("ref") or "").size
                            covered += size["columns"] * size["rows"]
                        found.clear()
            except Exception:  # noqa: BLE001, S112 - damage of any kind is told when it is opened
                continue
    if covered > _MOST_MERGED:
        raise InputError(
            f"{path}: merged cells cover {covered:,} cells, more than {_MOST_MERGED:,}; undo the "
            "merging, or save it as CSV"
        )


def _filled(sheet: Any, content: Content) -> list[tuple[int, list[Any]]]:
    """Return the rows of a sheet that hold anything, each with its number."""
    # What the file says of its size may be wrong.
    sheet.reset_dimensions()
    found = []
    seen = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        if number > _TALLEST:
            raise InputError(
                f"{content.path}: the sheet {sheet.title!r} has rows beyond {_TALLEST:,}, which is "
                "where Excel ends; save the table as CSV"
            )
        seen += len(row) + 1
        if seen > MOST_CELLS:
            raise InputError(f"{content.path}: has more than {MOST_CELLS:,} cells; save it as CSV")
        values = [None if value == "" else value for value in row]
        if any(value is not None for value in values[_WIDEST:]):
            raise InputError(
                f"{content.path}: row {number} of the sheet {sheet.title!r} has more than "
                f"{_WIDEST:,} columns; save the table as CSV"
            )
        if any(value is not None for value in values):
            found.append((number, values[:_WIDEST]))
    return found


def _others(book: Any, place: int) -> list[str]:
    """Return the names of the other sheets that hold anything."""
    sheets = enumerate(book.worksheets)
    return [repr(sheet.title) for at, sheet in sheets if at != place and any(_some(sheet))]


def _some(sheet: Any) -> Iterator[bool]:
    sheet.reset_dimensions()
    for row in sheet.iter_rows(values_only=True, max_row=_LOOKED_AT):
        yield any(value is not None for value in row)


_LOOKED_AT = 20
"""Rows of another sheet, to see whether it is empty."""


def _text(value: object) -> str:
    """Return a cell's value as text, as Excel shows it by default."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    return str(value)


def _kind(values: Sequence[object]) -> type | None:
    """Return bool or float where all cells of a column are such, blanks apart."""
    found = {type(value) for value in values if value is not None}
    if found == {bool}:
        return bool
    return float if found and found <= {int, float} else None


def _typed(value: Value, kind: type | None) -> Value:
    """Return a label as its column's own type, or as it is where that can't be."""
    if not isinstance(value, str) or kind is None:
        return value
    if kind is bool:
        return {"true": True, "false": False}.get(value, value)
    try:
        number = float(value)
    except ValueError:
        return value
    return int(number) if number.is_integer() else number


def _put(
    sheet: "Worksheet", origin: _Origin, table: SourceTable, columns: Sequence[NewColumn]
) -> None:
    if not columns:
        return
    if origin.header is None:
        sheet.insert_rows(1)
        for place, name in zip(origin.places, table.columns, strict=True):
            _set(sheet, 1, place, name)
    shift = origin.header is None
    first, last = max(origin.places) + 1, max(origin.places) + len(columns)
    top, bottom = origin.header or 1, max(origin.rows) + shift
    for merged in list(sheet.merged_cells.ranges):
        # Covered cells hold nothing: a title over our columns stays in its first one.
        beside = merged.max_col < first or merged.min_col > last
        if not (beside or merged.max_row < top or merged.min_row > bottom):
            sheet.unmerge_cells(str(merged))
    for place, column in enumerate(columns, start=first):
        _set(sheet, origin.header or 1, place, column.name)
        kind = origin.kinds.get(column.like) if column.like is not None else None
        for row, value in zip(origin.rows, column.values, strict=True):
            shown = plain(value) if column.like is None else _typed(value, kind)
            _set(sheet, row + shift, place, shown)


def _anew(table: SourceTable, columns: Sequence[NewColumn]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for place, name in enumerate(table.columns, start=1):
        _set(sheet, 1, place, name)
        for row, value in enumerate(table.values(name), start=2):
            _set(sheet, row, place, value or None)
    rows = tuple(range(2, len(table) + 2))
    places = tuple(range(1, len(table.columns) + 1))
    _put(sheet, _Origin(b"", 0, 1, rows, places, {}), table, columns)
    return _saved(book)


def _set(sheet: "Worksheet", row: int, column: int, value: Value) -> None:
    """Set a cell; a text is never a formula, and loses what no cell can hold."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    cell: Any = sheet.cell(row, column)
    if isinstance(value, str):
        cell.value = ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)[:_LONGEST]
        cell.data_type = "s"
    else:
        cell.value = value


def _saved(book: Any) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


EXCEL = Excel()
