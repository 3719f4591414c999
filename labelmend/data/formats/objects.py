"""JSON objects as rows: what JSON lines, JSON arrays and the files of annotation tools share."""

import json
import re
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from labelmend.data.formats.base import MOST_CELLS, Format
from labelmend.data.formats.records import (
    Records,
    encoded,
    line_of,
    plain,
    records_of,
    with_values,
)
from labelmend.data.table import Content, NewColumn, SourceTable, Value, frame_of
from labelmend.errors import InputError

_DEEPEST = 8
"""Objects inside objects that get columns of their own, `a.b.c`; what lies deeper stays JSON. No
tool's export was found that goes deeper."""

_MOST_COLUMNS = 256
"""More fields of nested objects than this are no columns but keys that are data, such as ids."""

_CHOICES = "choices"
"""The one field of an object that holds labels, as Label Studio writes them."""

_SEPARATOR = "."
"""Between the names of a path, `body.text`."""


class Number(str):
    """A number as it is spelled, so that 1.10 stays 1.10."""

    __slots__ = ()


DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=Number)


@dataclass(frozen=True)
class ObjectRecords(Records):
    """Raw objects, and what types their values have.

    Attributes:
        kinds: of columns whose values are all numbers or all booleans: int, float or bool; dict
            where any is a list or an object.
        codes: of columns that are shown by names, what stands in the file for each name.
    """

    kinds: Mapping[str, type] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)


class ObjectFormat(Format):
    """A text file of JSON objects, one a row; ours go before the closing brace of each."""

    @abstractmethod
    def split(self, content: Content) -> tuple[ObjectRecords, list[dict[str, Any]]]:
        """Return the raw records and what they hold, numbers as `Number`.

        Raises:
            InputError: it can't be read as this format.
        """

    @abstractmethod
    def joined(self, objects: Sequence[str]) -> ObjectRecords:
        """Return the records of a new file with these objects."""

    def shown(
        self, content: Content, source: ObjectRecords, objects: list[dict[str, Any]]
    ) -> SourceTable:
        """Return the table: a field a column, those of nested objects by their paths."""
        return table_of(self.name, content, source, flattened(objects))

    def place(self, record: str) -> int:
        """Return the index of the closing brace of the object that ours go into."""
        return _last_brace(record)

    def put(self, found: MutableMapping[str, Any], column: str, value: Value) -> None:
        """Set a column's value in a row's object."""
        put(found, column, value)

    def read(self, content: Content) -> SourceTable:
        """Read the objects; a field that only some have is a column of all."""
        source, objects = self.split(content)
        return self.shown(content, source, objects)

    def write(self, table: SourceTable, columns: Sequence[NewColumn]) -> bytes:
        """Put our fields behind the user's."""
        source = records_of(table) if table.format == self.name else None
        if source is None:
            table = replace(table, encoding="utf-8")
            objects = (dict(zip(table.columns, row, strict=True)) for row in table.rows())
            source = self.joined([_dumped(found) for found in objects])
        place = self.place if table.origin is source else _last_brace
        text = "".join((source.header, *_extended(source, columns, place), source.tail))
        return source.bom + encoded(text, table, columns)

    def with_values(self, table: SourceTable, column: str, values: Sequence[str]) -> SourceTable:
        """Write those objects anew whose value is another one."""
        place = table.columns.index(column)
        source = table.origin

        def anew(record: str, row: list[str]) -> str:
            start, end = record.index("{"), record.rindex("}") + 1
            found = json.loads(record[start:end])
            self.put(found, column, _typed(row[place], column, source))
            return record[:start] + _dumped(found) + record[end:]

        return with_values(table, column, values, anew)

    def objects_of(self, table: SourceTable, rows: Sequence[Sequence[str]]) -> list[str]:
        """Return new rows as objects of the table's; blank values are left out."""
        objects = []
        for row in rows:
            found: dict[str, Any] = {}
            for column, value in zip(table.columns, row, strict=True):
                if value:
                    self.put(found, column, _typed(value, column, table.origin))
            objects.append(_dumped(found))
        return objects

    def line_of(self, table: SourceTable, row: int) -> int | None:
        """Count the lines before the row's object."""
        return line_of(table, row)


def parsed_object(found: object, where: str, needed: str) -> dict[str, Any]:
    """Return what was parsed if it is an object.

    Raises:
        InputError: it is none.
    """
    if isinstance(found, dict):
        return found
    kind = "null" if found is None else "an array" if isinstance(found, list) else "a single value"
    raise InputError(f"{where}: holds {kind}; {needed}")


def flattened(objects: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the fields of each object, those of objects inside it by their paths.

    A field that holds an object in some rows and another value in others is one column: its objects
    stay whole, as JSON. So do those of a field whose objects all hold choices, for they are labels.
    Where a field holds another object or nothing, there are the object's columns only. Where there
    are too many paths, all objects stay as they are.
    """
    rows: list[dict[str, Any]] = []
    paths: set[str] = set()
    opened: dict[str, bool] = {}
    for found in objects:
        row: dict[str, Any] = {}
        _flatten(found, "", row, 0, opened)
        rows.append(row)
        paths.update(name for name in row if name not in found)
        if len(paths) > _MOST_COLUMNS:
            return [dict(found) for found in objects]
    both = {name for row in rows for name in row if name in opened}
    whole = {name for name in both if any(_holds(row, name) for row in rows)}
    whole |= {name for name, chosen in opened.items() if chosen}
    if whole:
        rows = [{} for _ in objects]
        for found, row in zip(objects, rows, strict=True):
            _flatten(found, "", row, 0, {}, whole)
    empty = both - whole
    if not empty:
        return rows
    return [{name: row[name] for name in row if name not in empty} for row in rows]


def table_of(
    name: str,
    content: Content,
    source: ObjectRecords,
    rows: Sequence[Mapping[str, Any]],
    **more: Any,
) -> SourceTable:
    """Return the table of rows whose values came out of JSON.

    Args:
        name: of the format.
        content: the file.
        source: its raw records.
        rows: names and values; a name that only some have is a column of all.
        more: attributes of the table.

    Raises:
        InputError: a text holds half of a character, or the objects share too few fields.
    """
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    if len(columns) * len(rows) > MOST_CELLS:
        raise InputError(
            f"{content.path}: {len(rows):,} objects have {len(columns):,} different fields, too "
            "many for a table; give objects that share their fields"
        )
    try:
        texts = [{name: text_of(value) for name, value in row.items()} for row in rows]
    except RecursionError:
        raise InputError(f"{content.path}: is nested too deeply; give flatter objects") from None
    _refuse_halves(content.path, source, texts)
    kinds = {column: kind for column in columns if (kind := _kind(column, rows)) is not None}
    more["notes"] = (*more.get("notes", ()), *_mixed_notes(columns, rows))
    return SourceTable(
        path=content.path,
        format=name,
        columns=columns,
        frame=frame_of(columns, [[row.get(column, "") for column in columns] for row in texts]),
        encoding=content.text.encoding,
        origin=replace(source, kinds=kinds),
        **more,
    )


def text_of(value: object) -> str:
    """Return a value as text: nested ones as JSON, null as an empty text."""
    if isinstance(value, str):
        return str(value)
    return "" if value is None else dumped(value)


def dumped(value: object) -> str:
    """Return a value as JSON, numbers as they were spelled."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return f"{{{', '.join([f'{_dumped(k)}: {dumped(v)}' for k, v in value.items()])}}}"
    if isinstance(value, list):
        return f"[{', '.join([dumped(item) for item in value])}]"
    return _dumped(value)


def unwrapped(value: object) -> object:
    """Return the one value of a list of one, None of an empty one, and all else as it is."""
    if isinstance(value, list) and len(value) <= 1:
        return value[0] if value else None
    return value


def put(found: MutableMapping[str, Any], path: str, value: Value) -> None:
    """Set the value at a path; a field with dots in its own name comes first."""
    first, dot, rest = path.partition(_SEPARATOR)
    if path not in found and dot and isinstance(found.get(first), dict):
        put(found[first], rest, value)
    else:
        found[path] = value


def closing_brace(record: str, name: str) -> int:
    """Return the index of the brace that closes the last object of that name in a record's own."""
    place = record.index("{") + 1
    found = record.rindex("}")
    while True:
        place = _after(_BLANK, record, place)
        if record[place] == "}":
            return found
        key, place = DECODER.raw_decode(record, place)
        value, place = DECODER.raw_decode(record, _after(_COLON, record, place))
        if key == name and isinstance(value, dict):
            found = place - 1
        place = _after(_COMMA, record, place)


_BLANK, _COLON, _COMMA = map(re.compile, (r"\s*", r"\s*:\s*", r"\s*,?\s*"))


def _after(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return place if found is None else found.end()


def _flatten(
    found: Mapping[str, Any],
    prefix: str,
    row: dict[str, Any],
    depth: int,
    opened: dict[str, bool],
    whole: Collection[str] = (),
) -> None:
    """Put an object's fields into a row.

    Args:
        found: the object.
        prefix: of the paths of its fields.
        row: that gets them.
        depth: of the object in the row's.
        opened: gets the paths of the objects in it that were taken apart, and whether all that were
            there hold choices.
        whole: paths of objects that are not.
    """
    for name, value in found.items():
        path = prefix + name
        if isinstance(value, dict) and value and depth < _DEEPEST and path not in whole:
            opened[path] = opened.get(path, True) and _holds_choices(value)
            inside: dict[str, Any] = {}
            _flatten(value, f"{path}{_SEPARATOR}", inside, depth + 1, opened, whole)
            for place, leaf in inside.items():
                row.setdefault(place, leaf)
        else:
            row[path] = value


def _holds(row: Mapping[str, Any], name: str) -> bool:
    """Whether a row has a value there: neither null nor an object without fields."""
    return row.get(name) not in (None, {})


def _extended(
    source: Records, columns: Sequence[NewColumn], place: Callable[[str], int]
) -> Iterator[str]:
    names = [column.name for column in columns]
    values = [
        [plain(value) for value in column.values]
        if column.like is None
        else [_typed(value, column.like, source) for value in column.values]
        for column in columns
    ]
    for row, record in enumerate(source.records):
        brace = place(record)
        ours = {name: of_rows[row] for name, of_rows in zip(names, values, strict=True)}
        comma = "" if not ours or record[:brace].rstrip().endswith("{") else ", "
        yield record[:brace] + comma + _dumped(ours)[1:-1] + record[brace:]


def _last_brace(record: str) -> int:
    return record.rindex("}")


def _refuse_halves(path: Path, source: ObjectRecords, texts: Sequence[Mapping[str, str]]) -> None:
    """Refuse half of a character, which no encoding can write."""
    for number, row in enumerate(texts):
        try:
            "".join((*row, *row.values())).encode()
        except UnicodeEncodeError:
            before = (source.header, *source.records[: number + 1])
            line = 1 + sum(piece.count("\n") for piece in before)
            line -= source.records[number].endswith("\n")
            raise InputError(
                f"{path}: line {line}: holds half of a character (an unpaired \\ud800-\\udfff); "
                "mend that escape"
            ) from None


def _mixed_notes(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a note on each column that holds objects in some rows and other values in others.

    Label Studio's way to write a label, `{"choices": ["a"]}`, is read as the label is.
    """
    mixed = {name for row in rows for name, value in row.items() if _is_odd(value)}
    for column in (name for name in columns if name in mixed):
        values = [row[column] for row in rows if _holds(row, column)]
        odd = sum(map(_is_odd, values))
        if odd < len(values):
            yield (
                f"column {column!r} holds an object in {odd} {'row' if odd == 1 else 'rows'} and "
                f"other values in {len(values) - odd}: objects are read as their JSON"
            )


def _is_odd(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and not _holds_choices(value)


def _holds_choices(found: Mapping[str, Any]) -> bool:
    """Whether an object is how Label Studio writes a label, and no other thing with choices."""
    if set(found) != {_CHOICES}:
        return False
    value = found[_CHOICES]
    return not any(isinstance(c, dict) for c in (value if isinstance(value, list) else [value]))


def _kind(column: str, rows: Sequence[Mapping[str, Any]]) -> type | None:
    """Return int, float or bool where all values of a column are such, nulls apart.

    Where any is a list or an object, return dict.
    """
    found: set[type] = set()
    values = [row.get(column) for row in rows]
    if any(isinstance(value, (dict, list)) for value in values):
        return dict
    for value in values:
        if isinstance(value, bool):
            found.add(bool)
        elif isinstance(value, Number):
            found.add(int if value.lstrip("-").isdecimal() else float)
        elif value is not None:
            return None
    if found == {int, float}:
        return float
    return found.pop() if len(found) == 1 else None


def _typed(value: Value, column: str, source: object) -> Any:
    """Return a value of a column as its own type, or as it is where that can't be."""
    if not isinstance(source, ObjectRecords) or not isinstance(value, str):
        return value
    if column in source.codes:
        return source.codes[column].get(value, value)
    kind = source.kinds.get(column)
    if kind is bool:
        return {"true": True, "false": False}.get(value, value)
    if kind is None or (kind is dict and value[:1] not in {"[", "{"}):
        return value
    try:
        if kind is dict:
            return json.loads(value)
        return int(value) if value.lstrip("-").isdecimal() else float(value)
    except (ValueError, RecursionError):
        return value


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
