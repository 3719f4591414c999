"""Whether the files beside a mended table are of one run: its record has the hash of each.

They appear together, and what a killed run left is put in place by the next command. So they are of
two runs only where that could not be done, or where somebody copied, restored or changed one.
"""

import hashlib
from pathlib import Path

from labelmend.data.outputs.claim import is_same
from labelmend.errors import InputError, OutputError
from labelmend.regular_file import open_regular
from labelmend.runs.layout import OutputPaths
from labelmend.runs.record import RunRecord
from labelmend.runs.sets.record import SetRunRecord, task_of
from labelmend.runs.shards.as_left import evidence_as_left, mended_as_left
from labelmend.voice.speak import note

TABLE, EVIDENCE, INDEX, LABELS = "table", "evidence", "index", "labels"
"""What the files are, in the record."""


def digest_of(path: Path) -> str:
    """Return the sha256 of a file.

    Raises:
        OSError: it can't be read.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def two_runs(table: Path) -> str | None:
    """Return one line where the evidence of a mended table and its record are of two runs."""
    paths = OutputPaths.beside(table)
    record = _record(paths)
    if record is None or not differs(record, EVIDENCE, paths):
        return None
    return of_two_runs(paths.evidence, paths.record)


def changed_since(table: Path) -> str | None:
    """Return one line where a mended table isn't as its run left it."""
    paths = OutputPaths.beside(table)
    record = _record(paths)
    if record is None or not differs(record, TABLE, paths):
        return None
    return not_as_left(table, paths.record)


def of_two_runs(evidence: Path, record: Path) -> str:
    """Return the line on evidence and a record that are of two runs."""
    return note(
        "{evidence} and {record} are of two runs; run labelmend relabel again, or bring back the "
        "files of one",
        evidence=evidence,
        record=record,
    )


def not_as_left(table: Path, record: Path) -> str:
    """Return the line on a mended table that is not as its run left it."""
    return note(
        "{table} is not as the run left it that {record} tells of: it was changed since, or is of "
        "another run",
        table=table,
        record=record.name,
    )


def check_labels(paths: OutputPaths) -> None:
    """Make sure that label cards that a run would replace are as a run wrote them.

    Raises:
        OutputError: somebody has worked on them, or gave them to the last run.
    """
    record = _record(paths)
    given = None if record is None else record.input.labels_file
    if given is not None and is_same(paths.record.parent / given.path, paths.labels):
        raise OutputError(
            f"{paths.labels}: was given to the last run with --labels, and would be written over; "
            "give it again, or move it away"
        )
    if record is not None and differs(record, LABELS, paths):
        raise OutputError(
            f"{paths.labels}: was changed since labelmend wrote it, and would be written over; "
            "give it with --labels, or move it away"
        )


def _record(paths: OutputPaths) -> RunRecord | SetRunRecord | None:
    try:
        if task_of(paths.record) == "several":
            return SetRunRecord.read(paths.record)
        return RunRecord.read(paths.record)
    except (FileNotFoundError, InputError):
        return None


def differs(record: RunRecord | SetRunRecord, what: str, paths: OutputPaths) -> bool:
    """Tell whether a file, or shards, are others than were written with the record.

    Args:
        record: of the run.
        what: `TABLE`, `EVIDENCE` or `LABELS`.
        paths: of the run.
    """
    if isinstance(record, RunRecord) and record.shards and what != LABELS:
        # Whoever reads shards that are not there says why that can't be.
        as_left = mended_as_left if what == TABLE else evidence_as_left
        return paths.evidence.is_dir() and not as_left(paths, record.shards)
    path = {TABLE: paths.table, EVIDENCE: paths.evidence, LABELS: paths.labels}[what]
    known = (record.files or {}).get(what)
    try:
        return known is not None and digest_of(path) != known
    except OSError:  # there is none, or whoever reads it says why that can't be
        return False
