"""A row as the page shows it. What is hidden from a person never leaves the server."""

from dataclasses import dataclass
from typing import Any

from labelmend.relabel.diagnostics.explanation import Explanation
from labelmend.review.queues import Asked
from labelmend.review.table import ReviewTable

MOST_CANDIDATES = 9
"""As many as there are digits to pick them."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """A row to be answered.

    Attributes:
        row: its index, from 0.
        id: its name.
        queue: from which it comes.
        text: whole.
        copies: rows with this text.
        hidden: the labels are not shown; then what would tell them is None.
        decision: of the run.
        reason: in sentences.
        candidates: labels, each with its probability: by probability, or, where the labels are
            hidden, by name and without. None for a label that only near texts carry.
        undone: what had been said of it, where that was just withdrawn.
    """

    row: int
    id: str
    queue: str
    text: str
    copies: int
    hidden: bool
    decision: str | None
    reason: str | None
    candidates: tuple[tuple[str, float | None], ...]
    undone: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            **vars(self),
            "candidates": [{"label": label, "probability": p} for label, p in self.candidates],
            "undone": list(self.undone),
        }


@dataclass(frozen=True, kw_only=True)
class LabelItem(Item):
    """A row that has one label.

    Attributes:
        given: the label that it came with; None where it had none, or where labels are hidden.
        proposed: the most probable label; None likewise.
    """

    given: str | None
    proposed: str | None


def item_of(table: ReviewTable, asked: Asked, *, hidden: bool) -> LabelItem:
    """Return a row for the page.

    Args:
        table: that is reviewed.
        asked: the row.
        hidden: leave out what would tell the labels.
    """
    row = asked.row
    found = table.evidence.explanation(row, table.mended.dataset.texts[row])
    candidates = _candidates(table, row, found)
    if hidden:
        candidates = tuple((label, None) for label in sorted(label for label, _ in candidates))
    decision = table.evidence.decisions[row] if found is None else found.decision
    return LabelItem(
        row=row,
        id=table.mended.dataset.ids[row],
        queue=asked.queue,
        text=table.texts[row],
        copies=len(table.rows_of[table.keys[row]]),
        hidden=hidden,
        given=None if hidden else table.given(row),
        proposed=None if hidden else table.evidence.proposed[row],
        decision=None if hidden else decision,
        reason=None if hidden or found is None else found.reason,
        candidates=candidates,
    )


def _candidates(
    table: ReviewTable, row: int, found: Explanation | None
) -> tuple[tuple[str, float | None], ...]:
    labels: dict[str, float | None] = {}
    if found is not None:
        labels.update((c.label, c.posterior) for c in found.candidates)
        near = (label for text in found.neighbours for label in text.labels)
        labels.update(
            (label, None) for label in (*found.votes.values(), *near) if label not in labels
        )
    given = table.given(row)
    if given is not None:
        labels.setdefault(given, None)
    known = [(label, p) for label, p in labels.items() if label in table.label_set]
    # The given label has to be among those that a digit picks.
    while len(known) > MOST_CANDIDATES:
        known.remove(next(one for one in reversed(known) if one[0] != given))
    return tuple(known)
