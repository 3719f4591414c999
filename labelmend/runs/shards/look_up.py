"""Finding a row in the evidence of a table in shards: its shard is read, and no other one.

A row's number tells its shard by the numbers of rows that the record has; its name is sought in the
index, of which no more than the names is read.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from labelmend.data.shards.find import default_output, shards_of
from labelmend.data.shards.table import open_shards, sha256_of
from labelmend.errors import InputError, OutputError
from labelmend.regular_file import regular_lines
from labelmend.runs.companions import not_as_left, of_two_runs
from labelmend.runs.layout import HOME, OutputPaths
from labelmend.runs.record import RunRecord
from labelmend.runs.shards.record import ShardRecord


@dataclass(frozen=True)
class ShardedRun:
    """A run on a table in shards.

    Attributes:
        paths: where its files lie.
        record: of it.
    """

    paths: OutputPaths
    record: RunRecord

    @property
    def rows(self) -> int:
        """Of the table."""
        return self.record.input.rows

    def line(self, row: int) -> tuple[Path, bytes]:
        """Return a row's line of evidence, and the file in which it stands.

        Args:
            row: its number, the first is 1.

        Raises:
            InputError: there is no such row, or no evidence of it.
        """
        if not 1 <= row <= self.rows:
            raise InputError(
                f"--row {row}: {self.paths.table} has {self.rows:,} rows; give a number from 1 to "
                f"{self.rows}"
            )
        shard, start = self._shard_of(row)
        path = self.paths.evidence_of(shard.name)
        for number, line in enumerate(_lines(path), start=start + 1):
            if number == row:
                return path, line
        raise InputError(f"{path}: ends before row {row}; {_AGAIN}")

    def row_of(self, name: str) -> int | None:
        """Return the number of a row by its name; None where there is none.

        Raises:
            InputError: the index is missing or damaged, and the evidence can't be read.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        try:
            with pa.memory_map(str(self.paths.index)) as mapped:
                ids = pa.ipc.open_file(mapped).get_batch(0).column("id")
                place = pc.index(ids, name.encode(errors="replace").decode()).as_py()
        except (pa.ArrowException, OSError, KeyError, ValueError):
            return self._row_by_evidence(name)
        return None if place < 0 else int(place) + 1

    def notes(self, row: int) -> tuple[str, ...]:
        """Return what is amiss with the files of a row's shard, one line each.

        Args:
            row: its number, the first is 1.
        """
        shard, _ = self._shard_of(row)
        mended, evidence = self.paths.table / shard.name, self.paths.evidence_of(shard.name)
        if _is_other(evidence, shard.evidence):
            return (of_two_runs(evidence, self.paths.record),)
        if _is_other(mended, shard.mended):
            return (not_as_left(mended, self.paths.record),)
        return ()

    def _shard_of(self, row: int) -> tuple[ShardRecord, int]:
        """Return the shard of a row, and the rows before it."""
        ends = accumulate(shard.rows for shard in self.record.shards)
        for shard, end in zip(self.record.shards, ends, strict=True):
            if row <= end:
                return shard, end - shard.rows
        raise InputError(f"{self.paths.record}: is damaged; {_AGAIN}")

    def _row_by_evidence(self, name: str) -> int | None:
        sought = json.dumps(name, ensure_ascii=False).encode(errors="replace")
        row = 0
        for shard in self.record.shards:
            for line in _lines(self.paths.evidence_of(shard.name)):
                row += 1
                if sought in line and str(json.loads(line).get("id")) == name:
                    return row
        return None


def find_sharded_run(table: Path, evidence: Path | None) -> ShardedRun | None:
    """Return the run on a table in shards; None where the table is none.

    Args:
        table: the folder of mended shards, or the table that was mended.
        evidence: the folder of the evidence; None to find it.

    Raises:
        InputError: the table is in shards, and there is no run on it, or its record can't be read.
    """
    if evidence is not None:
        home = evidence.parent
        return _run(home.parent) if evidence.is_dir() and home.name == HOME else None
    if (table / HOME).is_dir():
        return _run(table)
    if (table.parent / HOME).is_dir() and table.is_file():
        raise InputError(
            f"{table}: is a shard of {table.parent}; give that folder, and the row's number in all "
            "of it"
        )
    shards = shards_of(table)
    if not shards:
        return None
    names = [(shard.path.name, shard.rows) for shard in open_shards(table, shards).shards]
    for folder in _likely(table, shards):
        try:
            run = _run(folder)
        except InputError:
            continue
        if [(shard.name, shard.rows) for shard in run.record.shards] == names:
            return run
    raise InputError(
        f"{table}: no evidence of it beside its folder; give the folder of the mended shards"
    )


_AGAIN = "run labelmend relabel again"


def _likely(table: Path, shards: tuple[Path, ...]) -> list[Path]:
    """Return folders in which a table's run may be, the likeliest first."""
    found = []
    with suppress(OutputError):  # a pattern
        found.append(default_output(table, "mended"))
    beside = shards[0].parent.resolve().parent.glob(f"*/{HOME}")
    written = [(home.stat().st_mtime, home.parent) for home in beside if home.is_dir()]
    return [*found, *(folder for _, folder in sorted(written, reverse=True))]


def _run(folder: Path) -> ShardedRun:
    paths = OutputPaths.inside(folder)
    try:
        record = RunRecord.read(paths.record)
    except FileNotFoundError:
        raise InputError(
            f"{folder}: holds an unfinished run; run the same labelmend relabel again"
        ) from None
    if sum(shard.rows for shard in record.shards) != record.input.rows:
        raise InputError(f"{paths.record}: is damaged; {_AGAIN}")
    return ShardedRun(paths, record)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        yield from regular_lines(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; {_AGAIN}") from None
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from None


def _is_other(path: Path, digest: str) -> bool:
    try:
        return sha256_of(path) != digest
    except InputError:  # there is none, or whoever reads it says why that can't be
        return False
