"""What a user reads of each row: our columns of the mended table, and the lines of evidence."""

from collections.abc import Iterator, Mapping

import numpy as np

from labelmend.data.table import NewColumn
from labelmend.relabel.diagnostics.explain import RowReader
from labelmend.relabel.result import Relabelling
from labelmend.types import NO_LABEL

COLUMNS = (
    *("mended_label", "decision", "label_quality", "confidence"),
    *("candidates", "votes", "reason"),
)


def columns_of(result: Relabelling) -> tuple[NewColumn, ...]:
    """Return our columns, in the order of the rows."""
    decisions, labels = result.decisions, result.dataset.labels
    rows = range(len(result.dataset))
    reader = RowReader(result)
    values: dict[str, tuple[str | float | None, ...]] = {
        "mended_label": tuple(labels[k] if k != NO_LABEL else None for k in decisions.mended),
        "decision": decisions.actions,
        "label_quality": tuple(float(q) for q in decisions.quality),
        "confidence": tuple(float(c) for c in decisions.confidence),
        "candidates": tuple(reader.candidates(row) for row in rows),
        "votes": tuple(_votes(reader.votes(row)) for row in rows),
        "reason": tuple(reader.reason(row) for row in rows),
    }
    return tuple(NewColumn(name, values[name]) for name in COLUMNS)


def _votes(votes: Mapping[str, str]) -> str | None:
    return " | ".join(f"{voter}: {label}" for voter, label in votes.items()) or None


def evidence_lines(result: Relabelling) -> Iterator[str]:
    """Yield one JSON line a row: its explanation."""
    for explanation in RowReader(result).explanations(np.arange(len(result.dataset))):
        yield explanation.to_line()
