"""Looking up a row's explanation in the evidence file of an earlier run."""

import hashlib
import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labelmend.data.formats.arrow import saved_files
from labelmend.data.formats.find import beside, format_by_name
from labelmend.data.outputs.journal import settle
from labelmend.data.read import read_table, refuse_standard_input, table_digest
from labelmend.errors import InputError, nearest
from labelmend.regular_file import open_regular, regular_lines
from labelmend.relabel.assignments.explanation import SetExplanation
from labelmend.relabel.diagnostics.explanation import Explanation
from labelmend.runs.columns import BLANK
from labelmend.runs.companions import changed_since, two_runs
from labelmend.runs.record import RunRecord
from labelmend.runs.shards.look_up import ShardedRun, find_sharded_run


@dataclass(frozen=True)
class LookedUp:
    """A row's explanation, out of the evidence file of an earlier run.

    Attributes:
        explanation: of the row.
        json_line: as it stands in the file.
        table_line: where the row begins in the table's file; None if that can't be said.
        channel: one sentence; None without a record of the run that can be read.
        notes: what a user should know, one line each.
    """

    explanation: Explanation | SetExplanation
    json_line: str
    table_line: int | None
    channel: str | None
    notes: tuple[str, ...]


def look_up(
    table: Path, evidence: Path | None = None, row: int | None = None, row_id: str | None = None
) -> LookedUp:
    """Find the explanation of a row that was mended before.

    Args:
        table: the mended table, or the one that was mended.
        evidence: its evidence file; None to find it.
        row: the row's number, the first is 1; or
        row_id: the row's name.

    Raises:
        InputError: there is no such row or no evidence of it.
    """
    if (row is None) == (row_id is None):
        raise InputError("which row? give its number by --row, or its name by --id")
    refuse_standard_input(table)
    settled = settle(table, evidence)
    sharded = find_sharded_run(table, evidence)
    if sharded is not None:
        return _in_shards(sharded, table, row, row_id, settled)
    digest = _digest(table)
    path = evidence or find_evidence(table, digest)
    number, line = _line_of_row(path, row) if row is not None else _line_of_id(path, row_id or "")
    explanation = _explanation(table, path, number, line)
    if isinstance(explanation, SetExplanation):
        place = None if digest is None or path == table else _table_line(table, number)
        raw = line.decode().rstrip("\n")
        return LookedUp(explanation, raw, place, None, tuple(settled))
    record, problem = _read_record(path)
    return LookedUp(
        explanation=explanation,
        json_line=line.decode().rstrip("\n"),
        table_line=None if digest is None or path == table else _table_line(table, number),
        channel=None if record is None else record.channel_in_words,
        notes=(*settled, *((problem,) if record is None else _notes(table, path, record))),
    )


def _in_shards(
    run: ShardedRun, table: Path, row: int | None, row_id: str | None, settled: tuple[str, ...]
) -> LookedUp:
    """Find the explanation of a row of a table in shards."""
    number = row if row is not None else run.row_of(row_id or "")
    if number is None:
        raise InputError(f"--id {row_id}: no such row in {run.paths.table}; check the name")
    path, line = run.line(number)
    return LookedUp(
        explanation=_explanation(table, path, number, line),
        json_line=line.decode().rstrip("\n"),
        table_line=None,
        channel=run.record.channel_in_words,
        notes=(*settled, *run.notes(number)),
    )


def _explanation(table: Path, path: Path, number: int, line: bytes) -> Explanation | SetExplanation:
    """Return what a line of evidence says.

    Raises:
        InputError: it is damaged, or of another row, or nothing was decided of its row.
    """
    explanation: Explanation | SetExplanation
    try:
        fields = json.loads(line)
        if fields.get("decision") == BLANK:
            raise InputError(f"{table}: row {number} has no text, so nothing was decided of it")
        if "mended" in fields:
            explanation = SetExplanation.from_line(line)
        else:
            explanation = Explanation.from_line(line.decode())
    except (ValueError, AttributeError, RecursionError):
        raise _damaged(path, number) from None
    if explanation.row != number:
        raise _damaged(path, number)
    return explanation


def find_evidence(table: Path, digest: str | None) -> Path:
    """Return the evidence file of a table.

    It stands beside the mended table and is named after it. Where the table is the one that was
    mended, the record of the run in the same folder tells, by the table's hash, which one it is.

    Raises:
        InputError: there is none.
    """
    if table.is_dir():
        return _evidence_of_folder(table, digest)
    if table.name.endswith(_EVIDENCE):
        if table.is_file():
            return table
        raise InputError(f"{table}: no such file{_similar(table)}; check the path")
    mended = table.with_name(f"{table.stem}.mended{_EVIDENCE}")
    likely = [table.with_suffix(_EVIDENCE), mended]
    for path in likely:
        if path.is_file():
            return path
    if digest is None:
        raise InputError(f"{table}: no such file{_similar(table)}; check the path")
    return _by_records(table, table.parent, digest)


def _evidence_of_folder(folder: Path, digest: str | None) -> Path:
    """Return the evidence of a folder of Hugging Face's `datasets`; it lies beside the folder.

    Raises:
        InputError: there is none, or the folder holds no table.
    """
    if digest is None:
        read_table(folder)  # says why
        raise InputError(f"{folder}: is a folder; give one file in it")
    mended = beside(folder, "mended")
    likely = mended.with_suffix(_EVIDENCE)
    return likely if likely.is_file() else _by_records(folder, mended.parent, digest)


def _by_records(table: Path, folder: Path, digest: str) -> Path:
    """Return the evidence in a folder whose run's record is of a table, the newest first.

    Raises:
        InputError: there is none.
    """
    records = [path for path in folder.glob(f"*{_RECORD}") if path.is_file()]
    for record in sorted(records, key=lambda path: path.stat().st_mtime, reverse=True):
        path = record.with_name(record.name.removesuffix(_RECORD) + _EVIDENCE)
        if path.is_file() and _is_of(record, digest):
            return path
    raise InputError(
        f"{table}: no evidence of it in its folder; run first: "
        f"labelmend relabel {shlex.quote(str(table))} (or give the mended table)"
    )


_EVIDENCE, _RECORD = ".evidence.jsonl", ".run.json"


def _line_of_row(path: Path, row: int) -> tuple[int, bytes]:
    rows = 0
    for rows, line in _lines(path):
        if rows == row:
            return rows, line
    if not rows:
        raise InputError(f"{path}: the file is empty; run labelmend relabel again")
    raise InputError(f"--row {row}: {path} has {rows:,} rows; give a number from 1 to {rows}")


def _line_of_id(path: Path, row_id: str) -> tuple[int, bytes]:
    sought = json.dumps(row_id, ensure_ascii=False).encode(errors="replace")
    for number, line in _lines(path):
        if sought in line and _id(path, number, line) == row_id:
            return number, line
    known = [_id(path, number, line) for number, line in _lines(path)]
    raise InputError(f"--id {row_id}: no such row in {path}{nearest(row_id, known)}")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of an evidence file with their numbers."""
    try:
        yield from enumerate(regular_lines(path), start=1)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file{_similar(path)}; check the path") from None
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from None


def _id(path: Path, number: int, line: bytes) -> str:
    try:
        return str(json.loads(line)["id"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise _damaged(path, number) from None


def _damaged(path: Path, number: int) -> InputError:
    return InputError(
        f"{path}, line {number}: damaged, or written by another version of labelmend; "
        "run labelmend relabel again"
    )


def _similar(path: Path) -> str:
    try:
        return nearest(path.name, [p.name for p in path.parent.iterdir() if p.is_file()])
    except OSError:
        return ""


def _digest(table: Path) -> str | None:
    """Return the sha256 of a table's files, or None where there is none that can be read."""
    try:
        if table.is_dir():
            return table_digest(table) if saved_files(table) else None
        with open_regular(table) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, InputError):
        return None


def _read_record(evidence: Path) -> tuple[RunRecord | None, str]:
    """Return the record of the run that wrote the evidence, and why there is none."""
    path = evidence.with_name(evidence.name.removesuffix(_EVIDENCE) + _RECORD)
    try:
        return RunRecord.read(path), ""
    except FileNotFoundError:
        return None, f"no record of the run beside {evidence}: the channel is not known"
    except InputError as error:
        return None, str(error)


def _is_of(record: Path, digest: str) -> bool:
    """Whether a record that can be read is of a table with that hash."""
    try:
        return RunRecord.read(record).input.sha256 == digest
    except (InputError, FileNotFoundError):
        return False


def _notes(table: Path, evidence: Path, record: RunRecord) -> tuple[str, ...]:
    """Return what is amiss with the files: they are of two runs, or a table changed since."""
    is_mended = table.with_suffix(_EVIDENCE) == evidence
    mixed = two_runs(evidence.with_name(f"{evidence.name.removesuffix(_EVIDENCE)}.csv"))
    edited = changed_since(table) if is_mended and mixed is None else None
    notes = tuple(note for note in (mixed, edited) if note is not None)
    sources = [table]
    if table == evidence or is_mended:
        # The record has the path as it was typed; files may have moved together since.
        path = Path(record.input.path)
        sources = [path, evidence.with_name(path.name)] if path.name else []
    found = {source: digest for source in sources if (digest := _digest(source)) is not None}
    if not found or record.input.sha256 in found.values():
        return notes
    changed = next(iter(found))
    words = f"{changed} has changed since this evidence was written; run labelmend relabel again"
    return (*notes, words)


def _table_line(table: Path, row: int) -> int | None:
    """Return the line of a text file on which a row begins."""
    try:
        source = read_table(table)
    except InputError:
        return None
    # Where the first row was no header, rows are one further on than they seem.
    return None if source.headless else format_by_name(source.format).line_of(source, row)
