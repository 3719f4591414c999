"""A row with several labels as the page shows it: what is hidden never leaves the server."""

from dataclasses import dataclass
from typing import Any

from labelmend.relabel.assignments.explanation import SetExplanation
from labelmend.review.items import MOST_CANDIDATES, Item
from labelmend.review.queues import Asked
from labelmend.review.sets.table import SetTable
from labelmend.voice.speak import retell


@dataclass(frozen=True, kw_only=True)
class SetItem(Item):
    """A row that may have several labels.

    Attributes:
        given: the labels that it came with; None where labels are hidden, or the run left no
            evidence of the row.
        mended: those that it has now; None likewise.
        near: the nearest texts, each with the labels that it has now; none where labels are hidden.
    """

    given: tuple[str, ...] | None
    mended: tuple[str, ...] | None
    near: tuple[tuple[str, tuple[str, ...]], ...]

    def plain(self) -> dict[str, Any]:
        """Return it as JSON, its reason in the language that is spoken."""
        return {
            **super().plain(),
            "given": None if self.given is None else list(self.given),
            "mended": None if self.mended is None else list(self.mended),
            "reason": None if self.reason is None else retell(self.reason),
            "near": [{"text": text, "labels": list(labels)} for text, labels in self.near],
        }


def set_item_of(table: SetTable, asked: Asked, *, hidden: bool) -> SetItem:
    """Return a row for the page.

    Args:
        table: that is reviewed.
        asked: the row.
        hidden: leave out what would tell the labels.
    """
    row = asked.row
    found = table.evidence.explanation(row, table.read[row])
    labels = _candidates(table, found)
    shown = None if hidden else found
    return SetItem(
        row=row,
        id=table.ids[row],
        queue=asked.queue,
        text=table.texts[row],
        copies=len(table.rows_of[table.keys[row]]),
        hidden=hidden,
        given=None if shown is None else tuple(shown.given),
        mended=None if shown is None else tuple(shown.mended),
        decision=None if shown is None else shown.decision,
        reason=None if shown is None else shown.reason,
        candidates=tuple((k, None) for k in sorted(labels)) if hidden else tuple(labels.items()),
        near=()
        if shown is None
        else tuple((one.text, tuple(one.labels)) for one in shown.neighbours),
    )


def _candidates(table: SetTable, found: SetExplanation | None) -> dict[str, float | None]:
    """Return labels with their probabilities, the likeliest first, and some of near texts without.

    All that are given, mended or likely are among them; those of near texts fill up what digits are
    left.
    """
    if found is None:
        return {}
    labels: dict[str, float | None] = {one.label: one.holds for one in found.labels}
    for label in (label for near in found.neighbours for label in near.labels):
        if len(labels) >= MOST_CANDIDATES:
            break
        labels.setdefault(label, None)
    return {label: share for label, share in labels.items() if label in table.label_set}
