"""Texts that a spreadsheet would run: what begins with =, +, - or @ is a formula to it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from labelmend.data.formats.base import changed_frame
from labelmend.data.table import NewColumn, SourceTable

_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What begins a formula, or is skipped before one: OWASP's list of CSV injection."""

_GUARD = "'"
"""Spreadsheets take what stands behind it for text."""

_LABELS = ("mended_label", "predicted_label", "mended_labels", "predicted_labels")
"""Columns of ours that commands read again."""

_OPENED = (".csv", ".tsv", ".txt")
"""Files that spreadsheets read as text and guess the meaning of; a workbook says what is text."""


def guarded(text: str) -> str:
    """Return a text that no spreadsheet runs."""
    return f"{_GUARD}{text}" if text.lstrip(_GUARD).startswith(_STARTS) else text


def unguarded(text: str) -> str:
    """Return a text as it was before `guarded`."""
    is_guarded = text.startswith(_GUARD) and text.lstrip(_GUARD).startswith(_STARTS)
    return text[1:] if is_guarded else text


def are_guarded(texts: Iterable[str]) -> bool:
    """Tell whether none of some texts would be run."""
    return not any(text.startswith(_STARTS) for text in texts)


def as_it_was(table: SourceTable) -> SourceTable:
    """Return a table of ours whose labels are as they were before `guarded_columns`."""
    frame = table.frame
    for name in _LABELS:
        if name in table.columns:
            values = table.values(name)
            before = [unguarded(value) for value in values]
            if before != values and are_guarded(values):
                frame = changed_frame(replace(table, frame=frame), name, before)
    return table if frame is table.frame else replace(table, frame=frame)


def guarded_columns(columns: Sequence[NewColumn], path: Path) -> tuple[NewColumn, ...]:
    """Return columns of ours whose texts no spreadsheet runs, where it would open the file."""
    if path.suffix.lower() not in _OPENED:
        return tuple(columns)
    return tuple(
        replace(
            column,
            values=tuple(guarded(v) if isinstance(v, str) else v for v in column.values),
        )
        for column in columns
    )
