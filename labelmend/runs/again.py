"""A table that `labelmend relabel` wrote is read again as the run read it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from labelmend.data.cells.read import AS_IT_LOOKS, LabelRules
from labelmend.data.request import TableRequest
from labelmend.runs.record import RunRecord


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
