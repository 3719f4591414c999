"""JSONL: one JSON object a line."""

import io
import json
from collections.abc import Sequence
from typing import Any

from labelmend.data.formats.objects import DECODER, ObjectFormat, ObjectRecords, parsed_object
from labelmend.data.formats.records import records_of, with_records
from labelmend.data.table import Content, SourceTable
from labelmend.errors import InputError

_SURE = 0.9
"""That a file of unknown name is JSONL: hardly any table with delimiters begins with a brace."""

_NEEDED = "each line has to be one JSON object"


class JsonLines(ObjectFormat):
    """Objects, a line each; objects inside them are columns by path, other nested values JSON."""

    name = "jsonl"
    suffixes: tuple[str, ...] = (".jsonl", ".ndjson")
    shares: tuple[str, ...] = (".json",)

    def recognises(self, content: Content) -> float:
        """Say whether it begins with an object."""
        return _SURE if content.text.text.lstrip().startswith("{") else 0.0

    def split(self, content: Content) -> tuple[ObjectRecords, list[dict[str, Any]]]:
        """Parse the lines; blank ones stay with the object after them."""
        raw: list[str] = []
        objects: list[dict[str, Any]] = []
        pending = ""
        for number, line in enumerate(io.StringIO(content.text.text, newline="\n"), start=1):
            pending += line
            if line.strip():
                objects.append(_object(line, f"{content.path}: line {number}"))
                raw.append(pending)
                pending = ""
        return ObjectRecords(content.text.bom, "", tuple(raw), pending), objects

    def joined(self, objects: Sequence[str]) -> ObjectRecords:
        """A line each."""
        return ObjectRecords(b"", "", tuple(f"{found}\n" for found in objects), "")

    def with_rows(self, table: SourceTable, rows: Sequence[Sequence[str]]) -> SourceTable:
        """Put a line a row behind the others."""
        if records_of(table) is None:
            return super().with_rows(table, rows)
        return with_records(table, rows, self.objects_of(table, rows))


def first_lines(content: Content, count: int) -> list[dict[str, Any]]:
    """Return the first objects of a file, as far as they can be read; for `recognises`."""
    objects: list[dict[str, Any]] = []
    if not content.text.text.lstrip().startswith("{"):
        return objects
    for line in io.StringIO(content.text.text, newline="\n"):
        if line.strip():
            try:
                objects.append(_object(line, ""))
            except InputError:
                break
        if len(objects) == count:
            break
    return objects


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        found = DECODER.decode(line)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "can't be parsed"
        raise InputError(f"{where}: not valid JSON ({reason}); {_NEEDED}") from None
    return parsed_object(found, where, _NEEDED)


JSONL = JsonLines()
