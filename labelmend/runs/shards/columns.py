"""Columns behind those of a table in shards, where nothing else is written of its rows."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from labelmend.data.outputs.claim import Given
from labelmend.data.shards.table import ShardedTable, sha256_of
from labelmend.data.shards.write import of_one_type, telling, write_shard
from labelmend.data.table import NewColumn
from labelmend.data.write import atomic_files
from labelmend.protocols import Progress
from labelmend.runs.companions import digest_of
from labelmend.runs.layout import OutputPaths
from labelmend.runs.shards.unfinished import Written, check_output, taken_up


def check_columns_output(
    table: ShardedTable, output: Path, inputs: Sequence[Given]
) -> Mapping[str, str]:
    """Find out before any work whether shards may be written to a folder.

    Args:
        table: that is read.
        output: the folder.
        inputs: what the user gave besides the table.

    Returns:
        the sha256 of the shards that are read, by name.

    Raises:
        InputError: a shard can't be read.
        OutputError: the folder can't be written to.
    """
    shards = tuple(Given(shard.path) for shard in table.shards)
    check_output(OutputPaths.inside(output), table, (*shards, *inputs))
    return {shard.path.name: sha256_of(shard.path) for shard in table.shards}


def write_columns(
    table: ShardedTable,
    columns: Sequence[NewColumn],
    output: Path,
    digests: Mapping[str, str],
    progress: Progress,
) -> None:
    """Write a table's shards with columns behind the user's; go on with those of a killed run.

    Args:
        table: that was read.
        columns: ours, a value a row of the table.
        output: the folder.
        digests: of `check_columns_output`.
        progress: hears how far the work is.

    Raises:
        InputError: a shard was changed since it was read.
        OutputError: the folder can't be written to.
    """
    outcome = hashlib.sha256()
    for column in columns:
        outcome.update(f"{column.name}\0".encode())
        for value in column.values:
            outcome.update(f"{value!r}\0".encode(errors="replace"))
    held = {column.name: telling(column) for column in columns}
    progress.start("write shards", len(table.shards))
    with taken_up(OutputPaths.inside(output), digests) as unfinished:
        for shard in table.shards:
            name, part = shard.path.name, slice(shard.part.start, shard.part.stop)
            if unfinished.kept(name, outcome.hexdigest()) is None:
                ours = [replace(column, values=column.values[part]) for column in columns]
                with atomic_files([output / name]) as (temporary,):
                    write_shard(shard, of_one_type(ours, held), temporary)
                    digest = digest_of(temporary)
                unfinished.add(Written(name, outcome.hexdigest(), digest, ""))
            progress.advance()
        unfinished.finish()
