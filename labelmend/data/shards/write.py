"""Shards out: the user's columns, row groups and compression, and our columns behind them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from labelmend.data.formats.columnar import with_columns
from labelmend.data.shards.table import Shard, opened, parts_of
from labelmend.data.table import NewColumn, Value

if TYPE_CHECKING:
    import pyarrow.parquet as pq


def write_shard(shard: Shard, columns: Sequence[NewColumn], path: Path) -> None:
    """Write a shard with our columns, a row group at a time, each as long as it was.

    The file is written in place: call this inside `atomic_files`.

    Args:
        shard: the user's.
        columns: ours, a value a row of the shard. With `others`, they have one type in all shards.
        path: of the new file.

    Raises:
        InputError: the shard can't be read, or was changed since it was opened.
        OSError: as writing goes; `atomic_files` makes it an OutputError.
    """
    import pyarrow.parquet as pq

    with opened(shard.path) as parquet:
        packed = _packing(parquet, [column.name for column in columns])
    writer: pq.ParquetWriter | None = None
    start = 0
    try:
        for group in parts_of(shard):
            if not group.num_rows:
                continue
            end = start + group.num_rows
            ours = [replace(column, values=column.values[start:end]) for column in columns]
            arrow = with_columns(group, ours)
            if writer is None:
                writer = pq.ParquetWriter(path, arrow.schema, compression=packed)
            writer.write_table(arrow, row_group_size=group.num_rows)
            start = end
    finally:
        if writer is not None:
            writer.close()


def of_one_type(
    columns: Sequence[NewColumn], held: Mapping[str, Sequence[Value]]
) -> list[NewColumn]:
    """Return columns of a shard that have the type that they would have in a table of all rows.

    Args:
        columns: of the shard.
        held: by column, values of all shards that tell its type.
    """
    return [replace(column, others=tuple(held.get(column.name, ()))) for column in columns]


def telling(column: NewColumn) -> tuple[Value, ...]:
    """Return what tells the type of a column: one of its values, or all of the user's own.

    A column that is like one of the user's has the type of that one if all its values fit it.
    """
    if column.like is not None:
        return tuple(sorted({value for value in column.values if isinstance(value, str)}))
    values = (value for value in column.values if value is not None and not _is_odd(value))
    return tuple(islice(values, 1))


def _is_odd(value: Value) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _packing(parquet: "pq.ParquetFile", ours: Sequence[str]) -> str | dict[str, str]:
    """Return how a file's columns are packed: one word for all, or one a column."""
    import pyarrow as pa

    group = parquet.metadata.row_group(0)
    found = {}
    for place in range(group.num_columns):
        column = group.column(place)
        codec = "none" if column.compression == "UNCOMPRESSED" else column.compression.lower()
        known = codec == "none" or pa.Codec.is_available(codec)
        found[column.path_in_schema] = codec if known else "snappy"
    words = list(found.values())
    if len(set(words)) == 1:
        return words[0]
    return found | dict.fromkeys(ours, max(sorted(set(words)), key=words.count))
