"""A table that `labelmend relabel` wrote is read again as the run read it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labelmend.data.cells.read import AS_IT_LOOKS, LabelRules
from labelmend.data.request import TableRequest
from labelmend.errors import InputError
from labelmend.runs.companions import digest_of
from labelmend.runs.layout import OutputPaths
from labelmend.runs.record import RunRecord
from labelmend.runs.sets.record import SetRunRecord


def as_the_run(
    request: TableRequest, columns: Sequence[str], run: RunRecord | None
) -> TableRequest:
    """Return the request with what the run was told, where the user says nothing.

    Args:
        request: of the mended table, or of the one that was mended.
        columns: of that table; others are not asked for.
        run: the record of the run; None leaves the request as it is.
    """
    if run is None:
        return request
    theirs = run.input.columns
    texts = (theirs.text, *theirs.more_text)
    found: dict[str, Any] = {
        "label_column": theirs.label if theirs.label in columns else None,
        "id_column": theirs.id if theirs.id in columns else None,
        "text_column": texts if set(texts) <= set(columns) else None,
        "oos_label": run.oos_label,
    }
    request = replace(
        request, **{name: value for name, value in found.items() if not getattr(request, name)}
    )
    if request.rules != AS_IT_LOOKS:
        return request
    reading = run.input.reading
    rules = LabelRules(reading.separator, reading.missing, reading.merge_spellings)
    return replace(request, rules=rules)


def given_labels(table: Path, run: RunRecord) -> Path | None:
    """Find the labels file that a run was given.

    Args:
        table: the mended one.
        run: the record of the run.

    Returns:
        the file; None where the run wrote its own.

    Raises:
        InputError: it is not there any more, or has changed, or the record is an older one, which
            doesn't tell of it.
    """
    if run.input.labels_file is None and not OutputPaths.beside(table).labels.is_file():
        raise InputError(
            "the run was given a labels file of its own; name it: labelmend review --labels"
        )
    return named_labels(table, run)


def named_labels(table: Path, run: RunRecord | SetRunRecord) -> Path | None:
    """Find the labels file that a run's record names; None where it names none.

    Raises:
        InputError: it is not there any more, or has changed.
    """
    given = run.input.labels_file
    if given is None:
        return None
    recorded = OutputPaths.beside(table).record.parent / given.path
    for path in (recorded, table.with_name(recorded.name)):
        try:
            if digest_of(path) == given.sha256:
                return path
        except OSError:
            continue
    raise InputError(
        f"{recorded}: the labels file that the run was given is not there any more, or has "
        "changed; name the one to use: labelmend review --labels"
    )


def label_cards(table: Path, run: RunRecord | None) -> Path | None:
    """Return the labels file that a run was given or wrote; None where it can't be found."""
    beside = OutputPaths.beside(table).labels
    try:
        given = None if run is None else given_labels(table, run)
    except InputError:
        return None
    return given or (beside if beside.is_file() else None)
