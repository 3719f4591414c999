"""JSON: an array of objects."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from labelmend.data.formats.base import longer_frame, without_rows
from labelmend.data.formats.objects import DECODER, ObjectFormat, ObjectRecords, parsed_object
from labelmend.data.formats.records import records_of
from labelmend.data.table import Content, SourceTable
from labelmend.errors import InputError

_SURE = 0.9
"""That a file of unknown name is such an array: as sure as JSONL is by its brace."""

_NEEDED = "the file has to be an array of JSON objects, [{...}, {...}], or one such object a line"

_BLANK = re.compile(r"[ \t\r\n]*")


class JsonArray(ObjectFormat):
    """An array of objects, as they stand; objects inside them are columns by path."""

    name = "json"
    suffixes: tuple[str, ...] = (".json",)

    def recognises(self, content: Content) -> float:
        """Say whether it begins as an array of objects."""
        return _SURE if begins_as_array(content) else 0.0

    def split(self, content: Content) -> tuple[ObjectRecords, list[dict[str, Any]]]:
        """Parse the objects; the comma and the white space before one are its record's."""
        text = content.text.text
        raw: list[str] = []
        objects: list[dict[str, Any]] = []
        start = before = _opened(content)
        for found, end in _elements(content, start):
            where = f"{content.path}: object {len(raw) + 1}"
            objects.append(parsed_object(found, where, _NEEDED))
            raw.append(text[before:end])
            before = end
        if not objects:
            raise without_rows(content.path)
        return ObjectRecords(content.text.bom, text[:start], tuple(raw), text[before:]), objects

    def joined(self, objects: Sequence[str]) -> ObjectRecords:
        """An object a line."""
        raw = [f"{',' * (number > 0)}\n{found}" for number, found in enumerate(objects)]
        return ObjectRecords(b"", "[", tuple(raw), "\n]\n")

    def with_rows(self, table: SourceTable, rows: Sequence[Sequence[str]]) -> SourceTable:
        """Put an object a row behind the others, set apart as these are."""
        source = records_of(table)
        if source is None:
            return super().with_rows(table, rows)
        second = source.records[1] if len(source.records) > 1 else ",\n{"
        apart = second[: second.index("{")]
        new = tuple(f"{apart}{found}" for found in self.objects_of(table, rows))
        longer = replace(source, records=source.records + new)
        return replace(table, frame=longer_frame(table, rows), origin=longer)

    def line_of(self, table: SourceTable, row: int) -> int | None:
        """Count the lines before the row's brace."""
        source = records_of(table)
        if source is None or not 0 < row <= len(source.records):
            return None
        before = "".join((source.header, *source.records[: row - 1]))
        record = source.records[row - 1]
        return 1 + before.count("\n") + record[: record.index("{")].count("\n")


def begins_as_array(content: Content) -> bool:
    """Tell whether a file begins with a bracket and a brace."""
    text = content.text.text
    start = _BLANK.match(text).end()  # type: ignore[union-attr]
    return text[start : start + 1] == "[" and text[_after_blank(text, start + 1) :][:1] == "{"


def first_objects(content: Content, count: int) -> list[dict[str, Any]]:
    """Return the first objects of an array, as far as they can be read; for `recognises`."""
    objects: list[dict[str, Any]] = []
    if not begins_as_array(content):
        return objects
    try:
        for found, _ in _elements(content, _opened(content)):
            if not isinstance(found, dict) or len(objects) == count:
                break
            objects.append(found)
    except InputError:
        pass
    return objects


def _after_blank(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return place if found is None else found.end()


def _opened(content: Content) -> int:
    """Return the index behind the array's bracket."""
    text = content.text.text
    start = _after_blank(text, 0)
    if text[start : start + 1] != "[":
        raise InputError(f"{content.path}: holds no array; {_NEEDED}")
    return start + 1


def _elements(content: Content, place: int) -> Iterator[tuple[object, int]]:
    """Yield what the array holds, each with the index behind it."""
    text, first = content.text.text, True
    while True:
        place = _after_blank(text, place)
        if text[place : place + 1] == "]":
            if _after_blank(text, place + 1) < len(text):
                raise _invalid(content, place + 1, "text behind the array")
            return
        if not first:
            if text[place : place + 1] != ",":
                raise _invalid(content, place, "no comma between objects")
            place = _after_blank(text, place + 1)
        first = False
        try:
            found, place = DECODER.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise _invalid(content, error.pos, error.msg) from None
        except (ValueError, RecursionError):
            raise _invalid(content, place, "can't be parsed") from None
        yield found, place


def _invalid(content: Content, place: int, reason: str) -> InputError:
    line = content.text.text.count("\n", 0, place) + 1
    return InputError(f"{content.path}: line {line}: not valid JSON ({reason}); {_NEEDED}")


JSON = JsonArray()
