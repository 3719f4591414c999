"""Whether the files of a run on shards are as it left them, without reading all of them.

Its record is the last file that a run writes. So a shard that is older than the record, and of the
size that the record tells, is taken for that of the run; any other is read and hashed.
"""

from collections.abc import Sequence
from pathlib import Path

from labelmend.data.shards.find import shards_of
from labelmend.data.shards.table import sha256_of
from labelmend.errors import InputError
from labelmend.runs.layout import OutputPaths
from labelmend.runs.shards.joined import evidence_files
from labelmend.runs.shards.record import ShardRecord


def mended_as_left(paths: OutputPaths, shards: Sequence[ShardRecord]) -> bool:
    """Tell whether the mended shards are those of a run.

    Args:
        paths: of the run.
        shards: as its record has them.
    """
    try:
        files = shards_of(paths.table)
    except InputError:  # something else was put among them
        return False
    known = [(one.name, one.mended_bytes, one.mended) for one in shards]
    return _as_left(files, known, paths.record)


def evidence_as_left(paths: OutputPaths, shards: Sequence[ShardRecord]) -> bool:
    """Tell whether the evidence is that of a run, as `mended_as_left` does of the shards."""
    try:
        files = evidence_files(paths.evidence)
    except OSError:
        return False
    known = [(paths.evidence_of(one.name).name, one.evidence_bytes, one.evidence) for one in shards]
    return _as_left(files, known, paths.record)


def _as_left(files: Sequence[Path], known: Sequence[tuple[str, int, str]], record: Path) -> bool:
    if [file.name for file in files] != [name for name, _, _ in known]:
        return False
    try:
        written = record.stat().st_mtime_ns
        for file, (_, size, digest) in zip(files, known, strict=True):
            found = file.stat()
            if found.st_size != size:
                return False
            if found.st_mtime_ns > written and sha256_of(file) != digest:
                return False
    except (OSError, InputError):
        return False
    return True
