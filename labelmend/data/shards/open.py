"""Tables for commands that need no more of them than some columns."""

from dataclasses import replace
from pathlib import Path

from labelmend.data.read import read_table
from labelmend.data.shards.find import shards_of
from labelmend.data.shards.table import ShardedTable, open_shards
from labelmend.data.table import SourceTable


def open_table(
    path: str | Path, encoding: str | None = None, *, header: bool = True
) -> SourceTable:
    """Read a table as `read_table` does, but of one in shards no more than is asked for.

    Raises:
        InputError: as there.
    """
    shards = shards_of(Path(path))
    if shards:
        return open_shards(Path(path), shards, header=header)
    return read_table(path, encoding, header=header)


def in_memory(table: SourceTable) -> SourceTable:
    """Return a table with all its columns, for whoever writes other values or more rows to it."""
    if not isinstance(table, ShardedTable):
        return table
    whole = table.in_memory()
    return replace(whole, text_column=table.text_column, label_column=table.label_column)
