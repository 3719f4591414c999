"""Tables for commands that need no more of them than some columns."""

from pathlib import Path

from labelmend.data.read import read_table
from labelmend.data.shards.find import shards_of
from labelmend.data.shards.table import open_shards
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
