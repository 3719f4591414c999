"""Files to tables: CSV, TSV, JSONL and Parquet, every value as text, and the raw records kept."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from labelmend.data.decode import DecodedText, decode
from labelmend.errors import InputError, nearest

Format = Literal["csv", "tsv", "jsonl", "parquet"]

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""Format by a file name's suffix, in lower case."""

_DELIMITERS = ",;\t|"
_SNIFFED_RECORDS = 200
_FIELD_LIMIT = 2**31 - 1  # the largest that a C long holds everywhere


@dataclass(frozen=True, eq=False)
class SourceTable:
    """A file as it was read, and what gives its bytes back.

    Attributes:
        path: where it was read.
        format: what it is.
        encoding: a codec that writes no byte order mark; utf-8 for Parquet.
        bom: the byte order mark the file began with, or no bytes.
        delimiter: of CSV and TSV; empty otherwise.
        columns: names, in order.
        frame: [n, columns] of text exactly as read; "" where a value is missing or null.
        header: the raw header record of CSV and TSV with its line end; empty otherwise.
        records: one raw record a row, with its line end and the blank lines before it; none for
            Parquet.
        tail: the blank lines after the last record.
        arrow: the pyarrow.Table of a Parquet file, or None.
    """

    path: Path
    format: Format
    encoding: str
    bom: bytes
    delimiter: str
    columns: tuple[str, ...]
    frame: pd.DataFrame
    header: str
    records: tuple[str, ...]
    tail: str
    arrow: pa.Table | None

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def row_numbers(self) -> range:
        """What a message calls the rows: the first one after the header is 1."""
        return range(1, len(self.frame) + 1)

    def values(self, column: str) -> list[str]:
        """Return a column's values, one text a row."""
        values: list[str] = self.frame[column].tolist()
        return values


def read_table(path: str | Path, encoding: str | None = None) -> SourceTable:
    """Read a file by its suffix, or by its content where the suffix says nothing.

    Args:
        path: of a CSV, TSV, JSONL or Parquet file.
        encoding: a codec's name; None finds it out.

    Raises:
        InputError: it is missing, unreadable, empty, without rows, binary, malformed or ragged.
    """
    path = Path(path)
    raw = _read_bytes(path)
    if not raw.strip():
        raise InputError(f"{path}: the file is empty; give a table with a header and rows")
    kind = FORMATS.get(path.suffix.lower())
    if kind == "parquet" or (kind is None and raw.startswith(b"PAR1")):
        return _read_parquet(raw, path)
    source = decode(raw, path, encoding)
    if not source.text.strip():
        raise InputError(f"{path}: the file is empty; give a table with a header and rows")
    if kind is None and source.text.lstrip().startswith("{"):
        kind = "jsonl"
    if kind == "jsonl":
        return _read_jsonl(source, path)
    return _read_delimited(source, path, kind)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; give one file in it")
        return path.read_bytes()
    except FileNotFoundError:
        folder = path.parent
        if not folder.is_dir():
            raise InputError(f"{path}: no such file: the folder {folder} is missing") from None
        hint = nearest(path.name, _file_names(folder))
        raise InputError(f"{path}: no such file{hint}; check the path") from None
    except PermissionError:
        raise InputError(f"{path}: permission denied; make it readable (chmod +r)") from None
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from None


def _file_names(folder: Path) -> list[str]:
    try:
        return sorted(p.name for p in folder.iterdir() if p.is_file())
    except OSError:
        return []


def _read_delimited(source: DecodedText, path: Path, kind: Format | None) -> SourceTable:
    lines = list(io.StringIO(source.text, newline=""))
    with _wide_fields():
        delimiter = "\t" if kind == "tsv" else _sniff(lines)
        if kind is None and delimiter is None:
            raise InputError(
                f"{path}: can't tell the format from the suffix {path.suffix!r} or the content; "
                f"use a name that ends in one of {', '.join(FORMATS)}"
            )
        delimiter = delimiter or ","
        header, raw, rows, tail = _records(lines, delimiter, path)
    return SourceTable(
        path=path,
        format=kind or ("tsv" if delimiter == "\t" else "csv"),
        encoding=source.encoding,
        bom=source.bom,
        delimiter=delimiter,
        columns=tuple(header),
        frame=_frame(header, rows),
        header=raw[0],
        records=tuple(raw[1:]),
        tail=tail,
        arrow=None,
    )


@contextmanager
def _wide_fields() -> Iterator[None]:
    before = csv.field_size_limit(_FIELD_LIMIT)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _sniff(lines: Sequence[str]) -> str | None:
    """Return the delimiter by which most of the first records are as wide as the header."""
    best: tuple[float, int] = (0.0, 0)
    found = None
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
    lines: list[str], delimiter: str, path: Path
) -> tuple[list[str], list[str], list[list[str]], str]:
    """Return the header's names, the raw records (header first), the rows' fields, the tail."""
    header: list[str] = []
    raw: list[str] = []
    rows: list[list[str]] = []
    ragged: list[tuple[int, int, int]] = []
    before = start = 0  # the first line not yet in a record, and the one this record begins on
    reader = csv.reader(lines, delimiter=delimiter)
    for fields in reader:
        end = reader.line_num
        where = f"row {len(rows) + 1} (line {start + 1})" if header else "the header"
        if _is_open(lines[start:end], delimiter, end == len(lines)):
            raise InputError(
                f'{path}: {where}: a quote (") is opened and not closed before the next field; '
                "close it, or double it if it belongs to the text"
            )
        blank = not fields or (len(fields) == 1 != len(header) and not fields[0].strip())
        start = end
        if blank:
            continue
        raw.append("".join(lines[before:end]))
        before = end
        if not header:
            header = fields
            _refuse_repeated(header, path)
            continue
        rows.append(fields)
        if len(fields) != len(header):
            ragged.append((len(rows), end, len(fields)))
    if ragged:
        row, line, width = ragged[0]
        more = f" (and {len(ragged) - 1} more such)" if len(ragged) > 1 else ""
        raise InputError(
            f"{path}: row {row} (ends on line {line}) has {width} field{'s' * (width != 1)}, "
            f"the header has {len(header)}{more}; quote texts that hold {delimiter!r}, or mend it"
        )
    if not rows:
        raise InputError(f"{path}: has a header and no rows; give at least two rows")
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


def _refuse_repeated(columns: Sequence[str], path: Path) -> None:
    repeated = [repr(name) for name, times in Counter(columns).items() if times > 1]
    if repeated:
        raise InputError(
            f"{path}: more than one column is named {', '.join(repeated)}; rename all but one"
        )


def _frame(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns), dtype=str)


def _read_jsonl(source: DecodedText, path: Path) -> SourceTable:
    raw: list[str] = []
    objects: list[dict[str, str]] = []
    pending = ""
    for number, line in enumerate(io.StringIO(source.text, newline="\n"), start=1):
        pending += line
        if line.strip():
            objects.append(_json_object(line, f"{path}: line {number}"))
            raw.append(pending)
            pending = ""
    columns = tuple(dict.fromkeys(name for row in objects for name in row))
    return SourceTable(
        path=path,
        format="jsonl",
        encoding=source.encoding,
        bom=source.bom,
        delimiter="",
        columns=columns,
        frame=_frame(columns, [[row.get(name, "") for name in columns] for row in objects]),
        header="",
        records=tuple(raw),
        tail=pending,
        arrow=None,
    )


def _json_object(line: str, where: str) -> dict[str, str]:
    try:
        found = json.loads(line, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "can't be parsed"
        raise InputError(
            f"{where}: not valid JSON ({reason}); each line has to be one JSON object"
        ) from None
    if not isinstance(found, dict):
        names = {list: "an array", str: "a single value", bool: "a single value"}
        kind = names.get(type(found), "null")
        raise InputError(f"{where}: holds {kind}; each line has to be one JSON object")
    if any(isinstance(value, dict | list) for value in found.values()):
        numbers = json.loads(line)  # a nested value is shown as JSON, with its numbers bare
        found = {k: numbers[k] if isinstance(v, dict | list) else v for k, v in found.items()}
    texts = {name: _json_text(value) for name, value in found.items()}
    try:
        "".join((*texts, *texts.values())).encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{where}: holds half of a character (an unpaired \\ud800-\\udfff); mend that escape"
        ) from None
    return texts


def _json_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _read_parquet(raw: bytes, path: Path) -> SourceTable:
    try:
        arrow = pq.ParquetFile(pa.BufferReader(raw)).read()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(
            f"{path}: can't be read as Parquet ({reason}); write the file again"
        ) from None
    columns = tuple(arrow.column_names)
    _refuse_repeated(columns, path)
    if not arrow.num_rows:
        raise InputError(f"{path}: has a header and no rows; give at least two rows")
    return SourceTable(
        path=path,
        format="parquet",
        encoding="utf-8",
        bom=b"",
        delimiter="",
        columns=columns,
        frame=pd.DataFrame({c: _arrow_texts(arrow[c]) for c in columns}, dtype=str),
        header="",
        records=(),
        tail="",
        arrow=arrow,
    )


def _arrow_texts(column: pa.ChunkedArray) -> list[str]:
    try:
        values = pc.cast(column, pa.string()).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # nested, or bytes that are not UTF-8
        values = [None if value is None else str(value) for value in column.to_pylist()]
    return ["" if value is None else value for value in values]
