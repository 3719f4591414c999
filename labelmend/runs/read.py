"""What `labelmend relabel` left beside the mended table: the run's record and the evidence."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TypeVar

from labelmend.errors import InputError
from labelmend.relabel.diagnostics.explanation import Explanation
from labelmend.runs.companions import two_runs
from labelmend.runs.layout import OutputPaths
from labelmend.runs.record import RunRecord
from labelmend.runs.sets.record import SetRunRecord
from labelmend.runs.shards.joined import lines_of_evidence
from labelmend.voice.speak import meant, note

_Run = TypeVar("_Run", RunRecord, SetRunRecord)

_NOT_THERE = meant(
    "there is no {name} beside the mended table; run labelmend relabel again to have it in the "
    "report"
)


def read_run(table: Path, rows: int) -> tuple[RunRecord | None, str | None]:
    """Read the record of the run that wrote a table.

    Args:
        table: the mended one.
        rows: that it has.

    Returns:
        the record, and what is amiss with it; one of them is None.
    """
    return _run(table, rows, RunRecord.read)


def read_set_run(table: Path, rows: int) -> tuple[SetRunRecord | None, str | None]:
    """Read the record of the run that wrote a table with several labels a row, as `read_run`."""
    return _run(table, rows, SetRunRecord.read)


def _run(table: Path, rows: int, read: Callable[[Path], _Run]) -> tuple[_Run | None, str | None]:
    path = OutputPaths.beside(table).record
    try:
        run = read(path)
    except FileNotFoundError:
        return None, note(_NOT_THERE, name=path.name)
    except InputError as error:
        return None, str(error)
    mixed = two_runs(table)
    if mixed is not None:
        return None, mixed
    if run.input.rows != rows:
        return None, note(
            "{path} is of a run on {run:,} rows, and the mended table has {rows:,}; run labelmend "
            "relabel again to have it in the report",
            path=path,
            run=run.input.rows,
            rows=rows,
        )
    return run, None


def read_explanations(
    table: Path, rows: Collection[int], texts: Mapping[int, str]
) -> tuple[dict[int, Explanation], str | None]:
    """Read the evidence of some rows of a table.

    Args:
        table: the mended one.
        rows: their indices, from 0.
        texts: of these rows, by index; evidence of another text is not that row's.

    Returns:
        the explanations by index, and what is amiss, or None.
    """
    path = OutputPaths.beside(table).evidence
    found: dict[int, Explanation] = {}
    wanted = set(rows)
    mixed = two_runs(table)
    if mixed is not None:
        return {}, mixed
    try:
        for row, line in enumerate(lines_of_evidence(path)):
            if row not in wanted:
                continue
            explanation = Explanation.from_line(line.decode())
            if explanation.text != texts[row]:
                return {}, note(
                    "{path} is of another table: row {row} has another text; run labelmend relabel "
                    "again to have it in the report",
                    path=path,
                    row=row + 1,
                )
            found[row] = explanation
    except FileNotFoundError:
        return {}, note(_NOT_THERE, name=path.name)
    except OSError as error:
        return {}, note("{path} can't be read: {problem}", path=path, problem=error.strerror)
    except ValueError:
        return {}, note(
            "{path} is damaged, or of another version of labelmend; run labelmend relabel again to "
            "have it in the report",
            path=path,
        )
    if len(found) < len(wanted):
        return {}, note(
            "{path} ends before the mended table does; run labelmend relabel again to have it in "
            "the report",
            path=path,
        )
    return found, None
