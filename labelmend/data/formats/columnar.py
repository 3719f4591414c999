"""What Parquet and Arrow files share: columns with types, and names for the codes in them.

Hugging Face's `datasets` writes the features of a table into the schema's metadata, under
`huggingface`. A ClassLabel column is shown by its names; -1 in it means that a label is missing.
"""

import json
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelmend.data.formats.base import (
    MOST_CELLS,
    Format,
    changed_frame,
    longer_frame,
    refuse_repeated,
    without_rows,
)
from labelmend.data.table import Content, NewColumn, SourceTable, Value
from labelmend.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_FEATURES = b"huggingface"
"""The key of the features in a schema's metadata."""


class Columnar(Format):
    """A file of typed columns; the pyarrow.Table is the table's origin."""

    @abstractmethod
    def load(self, content: Content) -> "pa.Table":
        """Return what the file holds.

        Raises:
            InputError: it can't be read as this format.
        """

    @abstractmethod
    def dump(self, arrow: "pa.Table") -> bytes:
        """Return a file that holds a table."""

    def read(self, content: Content) -> SourceTable:
        """Read the columns; nulls are blank."""
        return shown(content.path, self.name, self.load(content))

    def write(self, table: SourceTable, columns: Sequence[NewColumn]) -> bytes:
        """Put our columns behind the user's, which keep their types and metadata."""
        return self.dump(extended(table, columns))

    def with_values(self, table: SourceTable, column: str, values: Sequence[str]) -> SourceTable:
        """Keep the column's type where the values fit it, and its nulls where they are blank."""
        arrow: Any = table.origin
        old = arrow[column]
        was_null = old.is_null().to_pylist()
        texts = [None if n and not v else v for v, n in zip(values, was_null, strict=True)]
        names = class_names(arrow).get(column)
        new = _nested(texts, old.type) if names is None else None
        if new is None:
            new, _ = _typed(texts, old, names)
        place = table.columns.index(column)
        changed = arrow.set_column(place, arrow.field(place).with_type(new.type), new)
        return replace(table, frame=changed_frame(table, column, values), origin=changed)

    def with_rows(self, table: SourceTable, rows: Sequence[Sequence[str]]) -> SourceTable:
        """Keep all types where the new values fit them; else all columns are text."""
        import pyarrow as pa

        arrow: Any = table.origin
        names, parts = class_names(arrow), []
        features: dict[str, Any] = {}
        for place, column in enumerate(table.columns):
            texts, old = [row[place] or None for row in rows], arrow[column]
            new = None if column in names else _nested(texts, old.type)
            if new is None:
                new, feature = _typed(texts, old, names.get(column))
                features |= {column: feature} if column in names else {}
            if new.type != old.type:
                return super().with_rows(table, rows)
            parts.append(new)
        more = pa.Table.from_arrays(parts, schema=arrow.schema)
        longer = _with_features(pa.concat_tables([arrow, more]), features)
        return replace(table, frame=longer_frame(table, rows), origin=longer)


def shown(path: Path, name: str, arrow: "pa.Table", **more: Any) -> SourceTable:
    """Return the table of columns with types, every value as text.

    Args:
        path: what messages call the file.
        name: of the format.
        arrow: the columns.
        more: attributes of the table.

    Raises:
        InputError: two columns have one name, or there are no rows, or far too many.
    """
    import pandas as pd

    columns = tuple(arrow.column_names)
    refuse_repeated(columns, path)
    if not arrow.num_rows:
        raise without_rows(path)
    refuse_many(path, arrow.num_rows, len(columns))
    names = class_names(arrow)
    texts = {column: _texts(arrow[column], names.get(column)) for column in columns}
    return SourceTable(
        path=path,
        format=name,
        columns=columns,
        frame=pd.DataFrame(texts, dtype=str),
        origin=arrow,
        **more,
    )


def unreadable(path: Path, what: str, error: Exception) -> InputError:
    """Return the error for a file that is no `what`, with the first line of the reason."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return InputError(f"{path}: can't be read as {what} ({reason}); write the file again")


def refuse_many(path: Path, rows: int, columns: int) -> None:
    """Make sure that a table fits in memory: a few bytes can stand for millions of rows.

    Raises:
        InputError: it doesn't.
    """
    if rows * columns > MOST_CELLS:
        raise InputError(
            f"{path}: has {rows:,} rows of {columns:,} columns, more than {MOST_CELLS:,} values; "
            "give fewer of them"
        )


def extended(table: SourceTable, columns: Sequence[NewColumn]) -> "pa.Table":
    """Return a table's columns and ours behind them.

    A column of ours that is like one of the user's has its type: codes for names, booleans,
    numbers; of a list's elements where that one holds lists.
    """
    import pyarrow as pa

    arrow = table.origin
    if not isinstance(arrow, pa.Table):
        texts = [pa.array(table.values(name), pa.string()) for name in table.columns]
        arrow = pa.table(texts, names=list(table.columns))
        columns = [replace(column, like=None) for column in columns]
    return with_columns(arrow, columns)


def with_columns(arrow: "pa.Table", columns: Sequence[NewColumn]) -> "pa.Table":
    """Return columns and ours behind them, as `extended` does of a table's."""
    import pyarrow as pa

    names = class_names(arrow)
    features = {}
    for column in columns:
        every = (*column.values, *column.others)
        if column.like is None:
            values = pa.array([_finite(value) for value in every])
            values = values.cast(pa.string()) if pa.types.is_null(values.type) else values
            feature = _feature(values.type)
        else:
            texts = [None if value is None else str(value) for value in every]
            values, feature = _typed(texts, arrow[column.like], names.get(column.like))
        features[column.name] = feature
        arrow = arrow.append_column(column.name, values[: len(column.values)])
    return _with_features(arrow, features)


def shown_values(arrow: "pa.Table", column: str) -> list[str]:
    """Return a column's values, each as text, as `shown` has them."""
    return _texts(arrow[column], class_names(arrow).get(column))


def class_names(arrow: "pa.Table | pa.Schema") -> dict[str, tuple[str, ...]]:
    """Return the names of columns that hold ClassLabels, or lists of them."""
    found = {}
    for column, feature in _features(arrow).items():
        inner = feature.get("feature", feature) if isinstance(feature, Mapping) else feature
        inner = inner[0] if isinstance(inner, list) and len(inner) == 1 else inner
        names = inner.get("names") if isinstance(inner, Mapping) else None
        if (
            isinstance(names, list)
            and len({*map(str, names)}) == len(names)
            and all(isinstance(name, str) for name in names)
        ):
            found[column] = tuple(names)
    return found


def _features(arrow: "pa.Table | pa.Schema") -> dict[str, Any]:
    """Return Hugging Face's features by column; none where there are none that can be read."""
    try:
        metadata = getattr(arrow, "schema", arrow).metadata or {}
        said = json.loads(metadata.get(_FEATURES, b"{}"))
        features = said["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _with_features(arrow: "pa.Table", ours: Mapping[str, Any]) -> "pa.Table":
    """Return the table with our features behind those of Hugging Face's, where it has some."""
    features = _features(arrow)
    if not features or not ours:
        return arrow
    metadata = dict(arrow.schema.metadata)
    said = json.loads(metadata[_FEATURES])
    said["info"]["features"] = {**features, **ours}
    metadata[_FEATURES] = json.dumps(said).encode()
    return arrow.replace_schema_metadata(metadata)


def _feature(kind: "pa.DataType") -> dict[str, Any]:
    names = {"double": "float64", "float": "float32", "halffloat": "float16"}
    return {"dtype": names.get(str(kind), str(kind)), "_type": "Value"}


def _texts(column: "pa.ChunkedArray", names: tuple[str, ...] | None) -> list[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if names is not None or pa.types.is_nested(column.type):
        found: list[object] = column.to_pylist()
        if names is not None:
            found = [named(value, names) for value in found]
        return [value if isinstance(value, str) else _json(value) for value in found]
    try:
        values = pc.cast(column, pa.string()).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # such as bytes that are not UTF-8
        values = [None if value is None else str(value) for value in column.to_pylist()]
    return ["" if value is None else value for value in values]


def _json(value: object) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def named(value: object, names: tuple[str, ...]) -> object:
    """Return the name of a code, or the names of a list of codes; None for -1."""
    if isinstance(value, list):
        return [named(item, names) for item in value]
    if not isinstance(value, int):
        return value
    if value < 0:
        return None
    return names[value] if value < len(names) else str(value)


def _typed(
    texts: Sequence[str | None], old: "pa.ChunkedArray", names: tuple[str, ...] | None
) -> tuple["pa.Array", dict[str, Any]]:
    """Return values as the type of a column, and its feature; as text where they don't fit it."""
    import pyarrow as pa

    kind = old.type
    while pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    if names is not None:
        # A label that the column lacks, from a labels file, gets the next code.
        more = sorted({text for text in texts if text} - {*names})
        codes: dict[str | None, int | None] = {
            name: code for code, name in enumerate((*names, *more))
        }
        coded = pa.array([codes.get(text) for text in texts], kind)
        return coded, {"names": [*names, *more], "_type": "ClassLabel"}
    if any(text is not None and text.startswith("[") for text in texts):
        listed = _nested(texts, old.type)
        if listed is not None:
            return listed, _feature(old.type)
    plain = pa.array(texts, pa.string())
    try:
        if pa.types.is_dictionary(kind):
            return _dictionary(texts, old, kind), _feature(pa.string())
        values = plain.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return plain, _feature(plain.type)
    return values, _feature(kind)


def _nested(texts: Sequence[str | None], kind: "pa.DataType") -> "pa.Array | None":
    """Return lists or structs that are written as JSON; None where not all are of the type."""
    import pyarrow as pa

    if not pa.types.is_nested(kind):
        return None
    try:
        return pa.array([json.loads(text) if text else None for text in texts], kind)
    except (ValueError, RecursionError, TypeError, pa.ArrowException):
        return None


def _dictionary(
    texts: Sequence[str | None], old: "pa.ChunkedArray", kind: "pa.DictionaryType"
) -> "pa.Array":
    """Return texts as codes of a column's own dictionary; what it lacks goes behind it."""
    import pyarrow as pa

    known: list[str] = []
    if pa.types.is_dictionary(old.type) and old.num_chunks:
        known = old.unify_dictionaries().chunk(0).dictionary.cast(pa.string()).to_pylist()
    words = list(dict.fromkeys([*known, *(text for text in texts if text is not None)]))
    codes: dict[str | None, int] = {word: code for code, word in enumerate(words)}
    return pa.DictionaryArray.from_arrays(
        pa.array([codes.get(text) for text in texts], kind.index_type),
        pa.array(words, pa.string()).cast(kind.value_type),
        ordered=kind.ordered,
    )


def _finite(value: Value) -> Value:
    return None if isinstance(value, float) and not math.isfinite(value) else value
