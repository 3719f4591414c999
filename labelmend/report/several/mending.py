"""What was changed where rows may have several labels, and whether it was right."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labelmend.arrays import share
from labelmend.audit.certificate import Certificate
from labelmend.data.duplicates import text_key
from labelmend.data.sets.label_sets import LoadedSets, aligned
from labelmend.evaluation.comparison import AFTER, BEFORE, GOLD
from labelmend.relabel.assignments.types import NoiseRange
from labelmend.report.certificate import read_certificate
from labelmend.runs.companions import changed_since
from labelmend.runs.read import read_set_run
from labelmend.runs.sets.columns import MENDED
from labelmend.runs.sets.record import NoiseBetween, SetRunRecord
from labelmend.types import Bools, Share
from labelmend.voice.speak import meant, note, tell

SHOWN_ROWS = 20
"""Of each decision."""

_OTHER_TEXTS = meant(
    "the tables don't hold the same texts in the same order, so which labels were changed can't be "
    "said"
)
_NOT_OURS = meant(
    "the mended labels were not written by labelmend, so what it knew of them isn't here"
)


@dataclass(frozen=True)
class LabelTurnover:
    """How many rows a label was added to and taken from."""

    label: str
    added: int
    removed: int


@dataclass(frozen=True)
class SetAccuracy:
    """How right labels and changes are, by true labels.

    Attributes:
        rows: that are held against them.
        rows_before: rows whose labels are all right and whole as given.
        rows_after: the same when mended.
        given: given labels that hold.
        mended: mended labels that hold.
        added: added labels that hold.
        removed: labels taken away that don't hold.
        broken: given labels that hold and were taken away.
        found: labels that hold and were not given, and are there now.
    """

    rows: int
    rows_before: Share
    rows_after: Share
    given: Share
    mended: Share
    added: Share
    removed: Share
    broken: Share
    found: Share


@dataclass(frozen=True)
class ShownSetRow:
    """A row that the report shows.

    Attributes:
        number: the first is 1.
        text: as the models read it.
        given: its labels.
        mended: those that it has now.
        reason: as the table has it; "" where it says nothing.
        truth: its true labels; None where they aren't known.
    """

    number: int
    text: str
    given: tuple[str, ...]
    mended: tuple[str, ...]
    reason: str
    truth: tuple[str, ...] | None


@dataclass(frozen=True)
class SetMending:
    """What mending did to a table.

    Attributes:
        rows: of the table that have a text.
        given: labels that they were given in all.
        changed: rows whose labels are others now.
        review: rows that labelmend put under review; None where that isn't known.
        labels: by label, those with most changes first.
        accuracy: of labels and changes, where the true ones are known.
        changed_rows: drawn from the changed ones, so that they stand for all of them.
        review_rows: the first ones for review.
        run: the record of the run, or None.
        missing: what can't be shown, and why; or why it may not fit the table.
        certificate: what an audit proves of the table; None where there is none of it.
    """

    rows: int
    given: int
    changed: int
    review: int | None
    labels: tuple[LabelTurnover, ...]
    accuracy: SetAccuracy | None
    changed_rows: tuple[ShownSetRow, ...]
    review_rows: tuple[ShownSetRow, ...]
    run: SetRunRecord | None
    missing: tuple[str, ...]
    certificate: Certificate | None = None

    @property
    def added(self) -> int:
        """Labels that were added, over all rows."""
        return sum(one.added for one in self.labels)

    @property
    def removed(self) -> int:
        """Labels that were taken away, over all rows."""
        return sum(one.removed for one in self.labels)

    def to_json(self) -> dict[str, Any]:
        """Return what `comparison.json` says of it."""
        right = self.accuracy
        return {
            "rows": self.rows,
            "given": self.given,
            "changed": self.changed,
            "review": self.review,
            "added": self.added,
            "removed": self.removed,
            "labels": [asdict(one) for one in self.labels],
            "accuracy": None if right is None else _accuracy_record(right),
            "changed_rows": [asdict(row) for row in self.changed_rows],
            "review_rows": [asdict(row) for row in self.review_rows],
            "missing": list(self.missing),
        }


def read_set_mending(tables: Mapping[str, LoadedSets], seed: int) -> SetMending | str:
    """Find out what was changed between two tables.

    Args:
        tables: as given and mended, and the true labels where they are known, by condition.
        seed: of the draw of the changed rows that are shown.

    Returns:
        what was changed; or why that can't be said.
    """
    before, after, gold = tables[BEFORE], tables[AFTER], tables.get(GOLD)
    texts = before.sets.texts
    if any(one is not None and one.sets.texts != texts for one in (after, gold)):
        return note(_OTHER_TEXTS)
    known = [one for one in (before, after, gold) if one is not None]
    labels = tuple(sorted({label for one in known for label in one.sets.labels}))
    given, mended = (aligned(one.sets.given, one.sets.labels, labels) for one in (before, after))
    truth = None if gold is None else aligned(gold.sets.given, gold.sets.labels, labels)
    path = after.table.path
    ours = "decision" in after.table.columns and after.shape.column in {MENDED, None}
    run, amiss = read_set_run(path, len(after.table)) if ours else (None, note(_NOT_OURS))
    edited = None if run is None else changed_since(path)
    certificate, problem = read_certificate(path) if ours else (None, None)
    changed = np.flatnonzero((given != mended).any(axis=1)).tolist()
    decisions = _column(after, "decision") if ours else []
    review = [row for row, said in enumerate(decisions) if said == "review"]
    reasons = _column(after, "reason") if ours else []

    def named(rows: Bools, row: int) -> tuple[str, ...]:
        return tuple(labels[k] for k in np.flatnonzero(rows[row]).tolist())

    def shown(row: int) -> ShownSetRow:
        return ShownSetRow(
            number=int(after.rows[row]) + 1,
            text=texts[row],
            given=named(given, row),
            mended=named(mended, row),
            reason=reasons[row] if reasons else "",
            truth=None if truth is None else named(truth, row),
        )

    return SetMending(
        rows=len(texts),
        given=int(given.sum()),
        changed=len(changed),
        review=len(review) if decisions else None,
        labels=_turnover(labels, given, mended),
        accuracy=None if truth is None else set_accuracy(given, mended, truth),
        changed_rows=tuple(map(shown, _drawn(texts, changed, seed))),
        review_rows=tuple(map(shown, _first(after.sets.ids, review, run))),
        run=run,
        missing=tuple(line for line in (amiss, edited, problem) if line is not None),
        certificate=certificate,
    )


def noise_in_words(noise: NoiseRange | NoiseBetween) -> str:
    """Return what a table can't tell of its noise."""
    return tell(
        "Between {least:.1%} and {most:.1%} of the given labels are wrong, and between "
        "{fewest:.1%} and {largest:.1%} of those that hold are missing, as far as the table itself "
        "can tell; errors that follow a rule can't be excluded.",
        least=noise.wrong[0],
        most=noise.wrong[1],
        fewest=noise.missing[0],
        largest=noise.missing[1],
    )


def set_accuracy(given: Bools, mended: Bools, truth: Bools) -> SetAccuracy:
    """Hold labels and changes against what holds, all bool [n, L]."""
    added, removed = mended & ~given, given & ~mended
    missing = truth & ~given

    def of(hits: Bools, among: Bools) -> Share:
        return share(int((hits & among).sum()), int(among.sum()))

    total = len(truth)
    return SetAccuracy(
        rows=total,
        rows_before=share(int((given == truth).all(axis=1).sum()), total),
        rows_after=share(int((mended == truth).all(axis=1).sum()), total),
        given=of(truth, given),
        mended=of(truth, mended),
        added=of(truth, added),
        removed=of(~truth, removed),
        broken=of(removed, given & truth),
        found=of(mended, missing),
    )


def _column(loaded: LoadedSets, name: str) -> list[str]:
    """Return the cells of the rows that have a text; none where there is no such column."""
    if name not in loaded.table.columns:
        return []
    cells = loaded.table.values(name)
    return [cells[row] for row in loaded.rows.tolist()]


def _turnover(labels: Sequence[str], given: Bools, mended: Bools) -> tuple[LabelTurnover, ...]:
    added, removed = (mended & ~given).sum(axis=0), (given & ~mended).sum(axis=0)
    order = sorted(range(len(labels)), key=lambda k: (-int(added[k] + removed[k]), labels[k]))
    return tuple(LabelTurnover(labels[k], int(added[k]), int(removed[k])) for k in order)


def _drawn(texts: Sequence[str], rows: Sequence[int], seed: int) -> list[int]:
    """Return some of the rows, as by chance, whatever the order of the table."""

    def lot(row: int) -> tuple[str, int]:
        name = f"{seed}\0{text_key(texts[row])}"
        return hashlib.sha256(name.encode(errors="replace")).hexdigest(), row

    return sorted(rows, key=lot)[:SHOWN_ROWS]


def _first(ids: Sequence[str], rows: Sequence[int], run: SetRunRecord | None) -> list[int]:
    """Return the first rows for review, best first where the run's record says which are."""
    rank = {} if run is None else {name: place for place, name in enumerate(run.review_order)}
    return sorted(rows, key=lambda row: (rank.get(ids[row], len(rank)), row))[:SHOWN_ROWS]


def _accuracy_record(found: SetAccuracy) -> dict[str, Any]:
    shares = {name: value for name, value in vars(found).items() if isinstance(value, Share)}
    return {
        "rows": found.rows,
        **{
            name: {**asdict(one), "rate": one.rate if one.total else None}
            for name, one in shares.items()
        },
    }
