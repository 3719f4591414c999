"""What a user reads of each row: our columns of the mended table, and the lines of evidence."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from labelmend.data.table import NewColumn, Value
from labelmend.types import NO_LABEL, Bools, Doubles, Ints

if TYPE_CHECKING:
    from labelmend.relabel.diagnostics.explain import RowReader
    from labelmend.relabel.result import Relabelling

BLANK = "blank"
"""What the evidence says in the place of a decision of a row without text, which was left out."""

COLUMNS = (
    *("mended_label", "decision", "label_quality", "confidence"),
    *("candidates", "votes", "reason"),
)


@dataclass(frozen=True)
class Places:
    """Where the rows of a relabelling stand in the user's table, which may have rows without text.

    Attributes:
        rows: int64 [n], their indices, from 0, ascending.
        ids: of all rows of the table.
        label: the user's column whose type the mended labels have; None without one.
    """

    rows: Ints
    ids: Sequence[str]
    label: str | None = None

    @classmethod
    def of(cls, result: "Relabelling") -> "Places":
        """Return those of a table all of whose rows have a text."""
        return cls(np.arange(len(result.dataset)), result.dataset.ids)

    def among(self, part: range | None) -> range:
        """Return which rows of the relabelling stand in a part of the table; all if None."""
        if part is None:
            return range(len(self.rows))
        start, end = np.searchsorted(self.rows, [part.start, part.stop]).tolist()
        return range(start, end)

    def cut(self, part: range | None) -> "Places":
        """Return where these rows stand in a part of the table, from its first."""
        if part is None:
            return self
        rows = self.among(part)
        there = self.rows[rows.start : rows.stop] - part.start
        return Places(there, self.ids[part.start : part.stop], self.label)


def columns_of(
    result: "Relabelling",
    places: Places | None = None,
    reader: "RowReader | None" = None,
    part: range | None = None,
) -> tuple[NewColumn, ...]:
    """Return our columns, in the order of the table's rows; a row that was left out is empty.

    Args:
        result: of the run.
        places: where its rows stand in the table; all of it if None.
        reader: of the result, one that what else is written of it reads, too.
        part: the rows of the table that are asked for, from 0; None for all.
    """
    places, reader = places or Places.of(result), reader or _reader(result)
    decisions, labels = result.decisions, result.dataset.labels
    rows = places.among(part)
    at = slice(rows.start, rows.stop)
    places = places.cut(part)
    values: dict[str, tuple[Value, ...]] = {
        "mended_label": tuple(labels[k] if k != NO_LABEL else None for k in decisions.mended[at]),
        "decision": decisions.actions[at],
        "label_quality": tuple(float(q) for q in decisions.quality[at]),
        "confidence": tuple(float(c) for c in decisions.confidence[at]),
        "candidates": tuple(reader.candidates(row) for row in rows),
        "votes": tuple(_votes(reader.votes(row)) for row in rows),
        "reason": tuple(reader.reasons(np.arange(rows.start, rows.stop))),
    }
    like = {"mended_label": places.label}
    return tuple(NewColumn(name, spread(values[name], places), like.get(name)) for name in COLUMNS)


def spread(values: Sequence[Value], places: Places) -> tuple[Value, ...]:
    """Return values, one a row that was worked on, as one a row of the table."""
    found: list[Value] = [None] * len(places.ids)
    for row, value in zip(places.rows.tolist(), values, strict=True):
        found[row] = value
    return tuple(found)


def doubt_after(
    given: Ints, mended: Ints, answered: Bools, quality: Doubles, confidence: Doubles
) -> Doubles:
    """Return float64 [n], 0 to 1, how probable it is that each label after mending is wrong.

    1 where a row never had one, 0 where a person gave it.

    Args:
        given: int64 [n].
        mended: int64 [n], `NO_LABEL` where a row has none.
        answered: bool [n], rows whose label is a person's answer.
        quality: float64 [n], the probability that the given label is right.
        confidence: float64 [n], the same of the proposed one.
    """
    sure = np.where(given == mended, quality, confidence)
    unlabelled = (given == NO_LABEL) & (mended == NO_LABEL)
    doubt = np.where(unlabelled, 1.0, 1 - np.nan_to_num(sure))
    return np.clip(np.where(answered, 0.0, doubt), 0, 1)


def _reader(result: "Relabelling") -> "RowReader":
    from labelmend.relabel.diagnostics.explain import RowReader  # half a second for the sources

    return RowReader(result)


def _votes(votes: Mapping[str, str]) -> str | None:
    return " | ".join(f"{voter}: {label}" for voter, label in votes.items()) or None


def evidence_lines(
    result: "Relabelling",
    places: Places | None = None,
    reader: "RowReader | None" = None,
    part: range | None = None,
) -> Iterator[str]:
    """Yield one JSON line a row of the table: its explanation, or that it was left out.

    Args:
        result: of the run.
        places: where its rows stand in the table; all of it if None.
        reader: as for `columns_of`.
        part: as for `columns_of`.
    """
    places, reader = places or Places.of(result), reader or _reader(result)
    part = part or range(len(places.ids))
    rows = places.among(part)
    explanations = reader.explanations(np.arange(rows.start, rows.stop))
    worked_on = set(places.rows[rows.start : rows.stop].tolist())
    for row in part:
        name = places.ids[row]
        if row in worked_on:
            found = next(explanations)
            yield (found if found.row == row + 1 else replace(found, row=row + 1)).to_line()
        else:
            blank = {"row": row + 1, "id": name, "text": "", "decision": BLANK}
            yield json.dumps(blank, ensure_ascii=False, separators=(",", ":"))
