"""A table in shards: checked by the files' footers, and read a column at a time."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from labelmend.data.formats.base import refuse_repeated
from labelmend.data.formats.columnar import (
    class_names,
    refuse_many,
    shown,
    shown_values,
    unreadable,
)
from labelmend.data.formats.parquet import PARQUET
from labelmend.data.table import SourceTable
from labelmend.errors import InputError
from labelmend.regular_file import open_regular

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


@dataclass(frozen=True)
class Shard:
    """One file of a table.

    Attributes:
        path: of the file.
        rows: that it has.
        start: rows of the shards before it.
        state: size and time of change, by which one that was changed meanwhile is known.
    """

    path: Path
    rows: int
    start: int
    state: tuple[int, int]

    @property
    def part(self) -> range:
        """Where its rows stand in the table, from 0."""
        return range(self.start, self.start + self.rows)


@dataclass(frozen=True, eq=False)
class ShardedTable(SourceTable):
    """A table of which only the shards' names and sizes are held; columns are read when asked for.

    Its frame has a length and nothing else.
    """

    shards: tuple[Shard, ...] = ()

    def values(self, column: str) -> list[str]:
        """Return a column's values, one text a row, as a Parquet file of all rows has them.

        Raises:
            InputError: a shard can't be read, or was changed since it was opened.
        """
        found: list[str] = []
        for shard in self.shards:
            for arrow in parts_of(shard, [column]):
                found += shown_values(arrow, column)
        return found

    def in_memory(self) -> SourceTable:
        """Return the table with all columns of all rows, as one of a Parquet file.

        Raises:
            InputError: as `values`, or there are too many of them to be held.
        """
        import pyarrow as pa

        refuse_many(self.path, len(self), len(self.columns))
        groups = [group for shard in self.shards for group in parts_of(shard)]
        # What pandas or Arrow say of a shard may differ; the first one's holds for all.
        whole = pa.concat_tables([group.cast(groups[0].schema) for group in groups])
        return shown(self.path, self.format, whole)

    def rows(self) -> list[list[str]]:
        """Return the values of each row: all of them, so of small tables only."""
        columns = [self.values(column) for column in self.columns]
        return [list(row) for row in zip(*columns, strict=True)]


def open_shards(path: Path, files: Sequence[Path], *, header: bool = True) -> ShardedTable:
    """Check the shards of a table by their footers; no row is read.

    Args:
        path: the folder or pattern, as messages call it.
        files: of `shards_of`, at least one.
        header: what the user says of a first row with names, which Parquet files have no need of.

    Raises:
        InputError: one can't be read, has no rows, or has other columns than the first.
    """
    if not header:
        raise InputError(f"{path}: --no-header: {PARQUET.name} files have none; leave it out")
    shards: list[Shard] = []
    first: pa.Schema | None = None
    for file in files:
        with opened(file) as parquet:
            schema, rows = parquet.schema_arrow, parquet.metadata.num_rows
        if first is None:
            refuse_repeated(schema.names, file)
            first = schema
        _refuse_other(file, schema, files[0], first)
        if not rows:
            raise InputError(f"{file}: has no rows; take it out of {path}")
        start = shards[-1].part.stop if shards else 0
        shards.append(Shard(file, rows, start, _state(file)))
    assert first is not None
    total = shards[-1].part.stop
    return ShardedTable(
        path=path,
        format=PARQUET.name,
        columns=tuple(first.names),
        frame=cast(Any, range(total)),
        shards=tuple(shards),
    )


@contextmanager
def opened(path: Path) -> "Iterator[pq.ParquetFile]":
    """Open a Parquet file; whatever Arrow says of it is one line.

    Raises:
        InputError: it can't be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open_regular(path) as file:
            parquet = pq.ParquetFile(file)
            # What is said inside is of the file, too.
            yield parquet
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, "Parquet", error) from None


def parts_of(shard: Shard, columns: Sequence[str] | None = None) -> "Iterator[pa.Table]":
    """Yield a shard's row groups, with some columns or all.

    Raises:
        InputError: it can't be read, or was changed since it was opened.
    """
    changed = InputError(f"{shard.path}: was changed while the run was at work; run it again")
    if _state(shard.path) != shard.state:
        raise changed
    with opened(shard.path) as parquet:
        if parquet.metadata.num_rows != shard.rows:
            raise changed
        for group in range(parquet.num_row_groups):
            arrow = parquet.read_row_group(group, columns=None if columns is None else [*columns])
            # A damaged file may hold texts that are no Unicode.
            arrow.validate(full=True)
            yield arrow


def sha256_of(path: Path) -> str:
    """Return the sha256 of a shard's bytes.

    Raises:
        InputError: it can't be read.
    """
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from None


def digest_of_all(digests: Sequence[str]) -> str:
    """Return what tells a table in shards from others, by the sha256 of each in their order."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (-1, -1)  # whoever reads it says why
    return found.st_size, found.st_mtime_ns


def _refuse_other(path: Path, schema: "pa.Schema", first: Path, expected: "pa.Schema") -> None:
    """Make sure that a shard has the columns of the first one.

    Raises:
        InputError: it has others.
    """
    if schema.remove_metadata().equals(expected.remove_metadata()):
        if class_names(schema) != class_names(expected):
            raise InputError(
                f"{path}: its label codes stand for other names than those of {first}; write the "
                "shards from one table"
            )
        return
    advice = "write all shards with the same columns"
    for name in expected.names:
        if name not in schema.names:
            raise InputError(f"{path}: has no column {name!r}, as {first} has; {advice}")
    for name in schema.names:
        if name not in expected.names:
            raise InputError(f"{path}: has a column {name!r}, which {first} lacks; {advice}")
    for name in expected.names:
        if schema.names.count(name) > 1:
            raise InputError(f"{path}: more than one column is named {name!r}; rename all but one")
        one, other = schema.field(name), expected.field(name)
        if one.type != other.type:
            raise InputError(
                f"{path}: column {name!r} is of type {one.type}, and of type {other.type} in "
                f"{first}; {advice}"
            )
        if one.nullable != other.nullable:
            raise InputError(
                f"{path}: column {name!r} may {'' if one.nullable else 'not '}be empty, otherwise "
                f"than in {first}; {advice}"
            )
    raise InputError(f"{path}: its columns stand in another order than those of {first}; {advice}")
