"""JSONL: one JSON object a line."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from labelmend.data.formats.base import Format
from labelmend.data.formats.records import (
    Records,
    by_row,
    encoded,
    line_end,
    line_of,
    plain,
    records_of,
    with_values,
)
from labelmend.data.table import Content, NewColumn, SourceTable, frame_of
from labelmend.errors import InputError

_SURE = 0.9
"""That a file of unknown name is JSONL: hardly any table with delimiters begins with a brace."""


class JsonLines(Format):
    """Objects, a line each; nested values are shown as JSON."""

    name = "jsonl"
    suffixes = (".jsonl", ".ndjson")

    def recognises(self, content: Content) -> float:
        """Say whether it begins with an object."""
        return _SURE if content.text.text.lstrip().startswith("{") else 0.0

    def read(self, content: Content) -> SourceTable:
        """Read the objects; a key that only some have is a column of all."""
        raw: list[str] = []
        objects: list[dict[str, str]] = []
        pending = ""
        for number, line in enumerate(io.StringIO(content.text.text, newline="\n"), start=1):
            pending += line
            if line.strip():
                objects.append(_object(line, f"{content.path}: line {number}"))
                raw.append(pending)
                pending = ""
        columns = tuple(dict.fromkeys(name for row in objects for name in row))
        return SourceTable(
            path=content.path,
            format=self.name,
            columns=columns,
            frame=frame_of(columns, [[row.get(name, "") for name in columns] for row in objects]),
            encoding=content.text.encoding,
            origin=Records(content.text.bom, "", tuple(raw), pending),
        )

    def write(self, table: SourceTable, columns: Sequence[NewColumn]) -> bytes:
        """Put our fields before each object's closing brace."""
        source = records_of(table) if table.format == self.name else None
        if source is None:
            table = replace(table, encoding="utf-8")
            objects = (dict(zip(table.columns, row, strict=True)) for row in table.rows())
            source = Records(b"", "", tuple(f"{_dumped(row)}\n" for row in objects), "")
        text = "".join((*_extended(source, table, columns), source.tail))
        return source.bom + encoded(text, table, columns)

    def with_values(self, table: SourceTable, column: str, values: Sequence[str]) -> SourceTable:
        """Write those objects anew whose value is another one."""
        place = table.columns.index(column)

        def anew(record: str, row: list[str]) -> str:
            return _dumped({**json.loads(record), column: row[place]}) + line_end(record)

        return with_values(table, column, values, anew)

    def line_of(self, table: SourceTable, row: int) -> int | None:
        """Count the lines before the row's object."""
        return line_of(table, row)


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _extended(source: Records, table: SourceTable, columns: Sequence[NewColumn]) -> Iterator[str]:
    names = [column.name for column in columns]
    for record, values in zip(source.records, by_row(table, columns), strict=True):
        brace = len(record.rstrip()) - 1
        ours = dict(zip(names, map(plain, values), strict=True))
        comma = "" if not ours or record[:brace].rstrip().endswith("{") else ", "
        yield record[:brace] + comma + _dumped(ours)[1:-1] + record[brace:]


def _object(line: str, where: str) -> dict[str, str]:
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
    texts = {name: _text(value) for name, value in found.items()}
    try:
        "".join((*texts, *texts.values())).encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{where}: holds half of a character (an unpaired \\ud800-\\udfff); mend that escape"
        ) from None
    return texts


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


JSONL = JsonLines()
