"""Rows that can be answered together after one look at all of them."""

from collections.abc import Collection, Iterator

from labelmend.data.answers import text_sha256
from labelmend.data.duplicates import text_key
from labelmend.relabel.diagnostics.explanation import Explanation
from labelmend.review.table import ReviewTable

MOST_ROWS = 24
"""Of a batch: as many as one screen shows, so that one look can take them in."""

_NEAR_COPY = 0.95
"""Cosine from which a near text counts as a copy. By hand: the default encoders put two texts that
differ in a word or two above it, and two of one label that differ in wording below."""


def batch_of(
    table: ReviewTable, row: int, explanation: Explanation | None, skip: Collection[str]
) -> list[int]:
    """Return rows of other texts that may have the same answer as a row, likest first.

    Near-copies come first, then rows with the same given and the same proposed label, in the order
    of the review; of several rows of one text one is taken.

    Args:
        table: that is reviewed.
        row: that is shown, by index.
        explanation: of the row; None for no near-copies.
        skip: texts that are not to be shown, by hash.
    """
    seen = {table.keys[row], *skip}
    found: list[int] = []
    for other in (*_near_copies(table, explanation), *_alike(table, row)):
        if table.keys[other] not in seen:
            seen.add(table.keys[other])
            found.append(other)
        if len(found) == MOST_ROWS - 1:
            break
    return found


def _near_copies(table: ReviewTable, explanation: Explanation | None) -> Iterator[int]:
    near = () if explanation is None else explanation.neighbours
    found, cut = [], {}
    for one in near:
        if one.similarity >= _NEAR_COPY:
            rows = table.rows_of.get(text_sha256(one.text))
            if rows:
                found.append((-one.similarity, rows[0]))
            else:
                cut[text_key(one.text)] = one
    if cut:
        # The evidence cuts long neighbours, so rows are known by how their texts begin.
        longest = max(len(one.text) for one in cut.values())
        for row in table.order.tolist():
            text = table.mended.dataset.texts[row]
            known = cut.get(text_key(text[:longest])) if len(text) > longest else None
            if known is not None:
                found.append((-known.similarity, row))
    for _, row in sorted(found):
        yield row


def _alike(table: ReviewTable, row: int) -> Iterator[int]:
    proposed, given = table.evidence.proposed[row], table.mended.dataset.given
    if proposed is None or proposed == table.given(row):
        return
    for other in table.order[given[table.order] == given[row]].tolist():
        if table.evidence.proposed[other] == proposed:
            yield other
