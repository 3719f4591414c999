"""Parquet: columns, types and metadata come back as they were."""

import io
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from labelmend.data.formats.base import Format, changed_frame, refuse_repeated, without_rows
from labelmend.data.table import Content, NewColumn, SourceTable, Value
from labelmend.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_MAGIC = b"PAR1"


class Parquet(Format):
    """A Parquet file; the pyarrow.Table is the table's origin."""

    name = "parquet"
    suffixes = (".parquet", ".pq")

    def recognises(self, content: Content) -> float:
        """Say whether it begins as all such files do."""
        return float(content.raw.startswith(_MAGIC))

    def read(self, content: Content) -> SourceTable:
        """Read the columns; nulls are blank."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = content.path
        try:
            arrow = pq.ParquetFile(pa.BufferReader(content.raw)).read()
        except (pa.ArrowException, OSError) as error:
            reason = str(error).strip().splitlines()[0].rstrip(".")
            raise InputError(
                f"{path}: can't be read as Parquet ({reason}); write the file again"
            ) from None
        columns = tuple(arrow.column_names)
        refuse_repeated(columns, path)
        if not arrow.num_rows:
            raise without_rows(path)
        return SourceTable(
            path=path,
            format=self.name,
            columns=columns,
            frame=pd.DataFrame({c: _texts(arrow[c]) for c in columns}, dtype=str),
            origin=arrow,
        )

    def write(self, table: SourceTable, columns: Sequence[NewColumn]) -> bytes:
        """Put our columns behind the user's."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrow: Any = table.origin if table.format == self.name else None
        if arrow is None:
            texts = [pa.array(table.values(name), pa.string()) for name in table.columns]
            arrow = pa.table(texts, names=list(table.columns))
        for column in columns:
            values = pa.array([_finite(value) for value in column.values])
            nothing = pa.types.is_null(values.type)
            arrow = arrow.append_column(
                column.name, values.cast(pa.string()) if nothing else values
            )
        file = io.BytesIO()
        pq.write_table(arrow, file)
        return file.getvalue()

    def with_values(self, table: SourceTable, column: str, values: Sequence[str]) -> SourceTable:
        """Keep the column's type where the values fit it, and its nulls where they are blank."""
        arrow: Any = table.origin
        changed = arrow.set_column(
            table.columns.index(column), column, _like(arrow[column], values)
        )
        return replace(table, frame=changed_frame(table, column, values), origin=changed)


def _texts(column: "pa.ChunkedArray") -> list[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        values = pc.cast(column, pa.string()).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # nested, or bytes that are not UTF-8
        values = [None if value is None else str(value) for value in column.to_pylist()]
    return ["" if value is None else value for value in values]


def _like(old: "pa.ChunkedArray", values: Sequence[str]) -> "pa.Array":
    import pyarrow as pa

    was_null = old.is_null().to_pylist()
    texts = [None if n and not v else v for v, n in zip(values, was_null, strict=True)]
    new = pa.array(texts, pa.string())
    try:
        return new.cast(old.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return new


def _finite(value: Value) -> Value:
    return None if isinstance(value, float) and not math.isfinite(value) else value


PARQUET = Parquet()
