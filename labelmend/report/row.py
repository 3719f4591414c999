"""A row as the report shows it: its labels, why, and the nearest texts."""

import re
from dataclasses import dataclass

from labelmend.relabel.diagnostics.explanation import Explanation
from labelmend.report.mending import ShownRow
from labelmend.voice.speak import meant, number, retell, tell

_NEIGHBOURS = 5
"""Shown of a row; more is nothing that a person reads."""

_NOTHING = 0.05
"""Nats that are next to nothing: they would be shown as 0.0 or 0.1."""

_CAUSES = {
    "out-of-scope bias": meant("leaning towards out-of-scope"),
    "channel": meant("the given label itself"),
}

_PROBABILITY = re.compile(r"(?<= )[01]\.\d{3}(?=$| \|)")
"""In a cell of candidates, each behind its label."""


@dataclass(frozen=True)
class Near:
    """A near text: its labels, most frequent first, and its cosine."""

    text: str
    labels: str
    similarity: str


@dataclass(frozen=True)
class RowInWords:
    """What the page says of a row: see `ShownRow`.

    Attributes:
        becomes: the label that it has now, or that is proposed.
        verdict: whether it was changed rightly, where the truth is known.
        speaks: what each source says for the best label against its rival.
    """

    number: str
    given: str
    becomes: str
    text: str
    truth: str | None
    verdict: str
    reason: str
    candidates: str
    speaks: str
    neighbours: tuple[Near, ...]


def row_in_words(row: ShownRow) -> RowInWords:
    """Return a row as the page shows it."""
    explanation = row.explanation
    changed = row.mended != row.given
    becomes = row.mended
    if not changed:
        becomes = explanation.proposed if explanation is not None else "?"
        if becomes == row.given and explanation is not None:
            becomes = next((c.label for c in explanation.candidates if c.label != row.given), "?")
    verdict = ""
    if row.truth is not None and changed:
        verdict = tell(" (changed rightly)" if row.truth == row.mended else " (changed wrongly)")
        if row.truth not in {row.given, row.mended}:
            verdict = tell(" (neither)")
    return RowInWords(
        number=number(row.row, ","),
        given=row.given or tell("(no label)"),
        becomes=becomes or tell("(no label)"),
        text=row.text,
        truth=row.truth,
        verdict=verdict,
        reason=retell(row.reason),
        candidates=_PROBABILITY.sub(lambda p: number(float(p[0]), ".3f"), row.candidates),
        speaks="" if explanation is None else _speaks(explanation),
        neighbours=()
        if explanation is None
        else tuple(
            Near(
                near.text,
                ", ".join(near.labels) or tell("(no label)"),
                number(near.similarity, ".2f"),
            )
            for near in explanation.neighbours[:_NEIGHBOURS]
        ),
    )


def _speaks(explanation: Explanation) -> str:
    """Return what each source says for the best label against its rival."""
    if not any(c.by_source for c in explanation.candidates):
        return ""
    winner, rival = explanation.duel
    nats = winner.against(rival)
    loud = sorted(
        ((source, value) for source, value in nats.items() if abs(value) >= _NOTHING),
        key=lambda pair: (-abs(pair[1]), pair[0]),
    )
    said = ", ".join(
        f"{retell(_CAUSES.get(source, source))} {number(value, '+.1f')}" for source, value in loud
    )
    return tell(
        "For {winner} against {rival}, in nats (+0.7 doubles the odds): {said}; in all {all:+.1f}.",
        winner=winner.label,
        rival=rival.label,
        said=said or tell("nothing"),
        all=winner.total - rival.total,
    )


def changed_in_words(changed: int | None, shown: int) -> str:
    """Return which of the changed rows are shown; None where it isn't known how many there are."""
    if not changed:
        return tell("None." if changed is not None else "Not known.")
    if changed == shown:
        return tell("All that there are.")
    return tell("Drawn by chance from all {rows:,}, so that they stand for them.", rows=changed)


def review_in_words(review: int | None, shown: int, *, ranked: bool) -> str:
    """Return which of the rows for review are shown, and whether they are ranked."""
    if review is None:
        return tell("Not known: see above for what is missing.")
    if not review:
        return tell("None.")
    if not ranked:
        return tell("The first of {rows:,}, in the table's order.", rows=review)
    if review == shown:
        return tell("All that there are; first those where a look gains most.")
    return tell("Of {rows:,}, those where a look gains most.", rows=review)
