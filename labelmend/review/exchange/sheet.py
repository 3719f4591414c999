"""A sheet for spreadsheets: `labelmend audit`'s columns, the evidence in words behind them.

`labelmend answers import` reads it again as it reads those of an audit. Of a blind row the label
and all behind it are empty.
"""

import csv
import io
from collections.abc import Callable

from labelmend.data.outputs.spreadsheet import guarded
from labelmend.review.exchange.marks import LABELS, NOTHING
from labelmend.review.exchange.tasks import Export, Task

COLUMNS = ("id", "text", "label", "answer", "design", "stratum", "inclusion")
"""As `labelmend audit` writes them."""

SHOWN, SAW, TEXT_SHA256 = "shown", "saw", "text_sha256"
"""Columns by which an answer is known again; the audit's sheet has none of them."""

_WORDS = ("candidates", "reason", "nats", "votes", "nearest")
"""The parts of a task's evidence in words that have columns of their own."""


def written(export: Export, *, excel_safe: bool) -> bytes:
    """Return the CSV that people fill in.

    Args:
        export: the rows.
        excel_safe: keep spreadsheets from running texts and labels.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    shown = guarded if excel_safe else str
    writer.writerow(
        [*COLUMNS, "proposed", *_WORDS, "model_version", SHOWN, SAW, TEXT_SHA256],
    )
    for task in export.tasks:
        writer.writerow(_record(task, export.version, shown))
    return text.getvalue().encode(errors="replace")


def _record(task: Task, version: str, shown: Callable[[str], str]) -> list[str]:
    mark, words = task.mark, task.in_words()
    why = mark.shown
    return [
        shown(mark.id),
        shown(task.text),
        shown(task.given or ""),
        "",
        why.design or "",
        mark.stratum,
        "" if why.inclusion is None else f"{why.inclusion:.6g}",
        shown(task.proposed or ""),
        *(shown(words.get(name, "")) for name in _WORDS),
        version if words else "",
        why.why,
        LABELS if mark.shows else NOTHING,
        mark.text_sha256,
    ]
