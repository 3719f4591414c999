"""What was changed: counts, the flow from given to mended labels, and whether it was right."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from labelmend.arrays import share
from labelmend.audit.certificate import Certificate
from labelmend.classify.data import MENDED, LabelledTable
from labelmend.data.duplicates import text_key
from labelmend.evaluation.comparison import ComparedTables
from labelmend.relabel.diagnostics.explanation import Explanation
from labelmend.report.certificate import read_certificate
from labelmend.report.pictured import read_index
from labelmend.runs.companions import changed_since
from labelmend.runs.read import read_explanations, read_run
from labelmend.runs.record import RunRecord
from labelmend.runs.row_index import RowIndex
from labelmend.types import NO_LABEL, Share
from labelmend.voice.speak import meant, note

SHOWN_ROWS = 20
"""Of each decision."""

_RECORDED_FLOWS = 1000
"""In the report's JSON, the largest first: a table of many labels has more than anybody reads."""


_OTHER_TEXTS = meant(
    "{before} and {after} don't hold the same texts in the same order, so which labels were "
    "changed can't be said"
)
_NOT_OURS = meant("column {label!r} was not written by labelmend")
_NO_DECISIONS = meant("{path} has no column 'decision': which rows are for review isn't known")


@dataclass(frozen=True)
class Flow:
    """How many rows went from one label to another."""

    given: str
    mended: str
    rows: int


@dataclass(frozen=True)
class ChangeAccuracy:
    """How right the changes were, by true labels; rows without one are left out.

    Attributes:
        rows: that have a true label and a given one.
        before: given labels that are right.
        after: mended labels that are right.
        precision: changed rows that carry the true label now.
        recall: wrong labels that were changed to the true one.
        found: wrong labels that were changed or put under review.
        broken: right labels that were changed.
        review: rows under review whose given label is wrong; None where none is known to be.
    """

    rows: int
    before: Share
    after: Share
    precision: Share
    recall: Share
    found: Share
    broken: Share
    review: Share | None


@dataclass(frozen=True)
class ShownRow:
    """A row that the report shows.

    Attributes:
        row: its number; the first is 1.
        text: as the models read it.
        given: its label; None if it had none.
        mended: the label that it has now.
        confidence: that it is right, as the table has it; "" where it says nothing.
        candidates: the most probable labels with their probabilities, as the table has them.
        reason: one sentence, as the table has it.
        truth: the true label; None where it isn't known.
        explanation: its evidence, or None.
    """

    row: int
    text: str
    given: str | None
    mended: str | None
    confidence: str
    candidates: str
    reason: str
    truth: str | None
    explanation: Explanation | None


@dataclass(frozen=True)
class Mending:
    """What mending did to a table.

    Attributes:
        rows: of the table.
        changed: rows whose label is another one now.
        review: rows that labelmend put under review, and whose label stayed; None where that isn't
            known.
        filled: rows that had no label and have one.
        kept: all other rows.
        estimated_noise: expected share of wrong labels among the given ones; None if not known.
        flows: from given to mended labels, the most frequent first.
        accuracy: of the changes, by true labels where they are known.
        changed_rows: drawn from the changed ones, so that they stand for all of them.
        review_rows: the first ones for review.
        run: the record of the run, or None.
        missing: what can't be shown, and why; or why it may not fit the table.
        certificate: what an audit proves of the table; None where there is none of it.
        index: of all rows, from which pictures are drawn; None where the run left none.
    """

    rows: int
    changed: int
    review: int | None
    filled: int
    kept: int
    estimated_noise: float | None
    flows: tuple[Flow, ...]
    accuracy: ChangeAccuracy | None
    changed_rows: tuple[ShownRow, ...]
    review_rows: tuple[ShownRow, ...]
    run: RunRecord | None
    missing: tuple[str, ...]
    certificate: Certificate | None = None
    index: RowIndex | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what `comparison.json` says of it."""
        return {
            "rows": self.rows,
            "changed": self.changed,
            "review": self.review,
            "labelled_from_scratch": self.filled,
            "kept": self.kept,
            "estimated_noise": self.estimated_noise,
            "flows": [asdict(flow) for flow in self.flows[:_RECORDED_FLOWS]],
            "confused_pairs": None
            if self.run is None
            else [asdict(pair) for pair in self.run.noise.confused_pairs],
            "accuracy": _accuracy_record(self.accuracy),
            "changed_rows": [_row_record(row) for row in self.changed_rows],
            "review_rows": [_row_record(row) for row in self.review_rows],
            "missing": list(self.missing),
        }


def read_mending(tables: ComparedTables, seed: int) -> Mending | str:
    """Find out what was changed between the two tables.

    Args:
        tables: that were compared.
        seed: of the draw of the changed rows that are shown.

    Returns:
        what was changed; or why that can't be said.
    """
    before, after = tables.before, tables.after
    if before.dataset.texts != after.dataset.texts:
        return note(_OTHER_TEXTS, before=before.table.path, after=after.table.path)
    ours, path = after.columns.label == MENDED, after.table.path
    run, problem = read_run(path, len(after.dataset)) if ours else (None, None)
    given, mended = _present(_labels(before), run), _labels(after)
    truth: list[str | None] = [None] * len(given)
    if tables.gold is not None:
        truth = _present(_labels(tables.gold), run)
    decisions = _column(after, "decision") if ours else []
    changed = [i for i, (g, m) in enumerate(zip(given, mended, strict=True)) if g and m and g != m]
    filled = [i for i, (g, m) in enumerate(zip(given, mended, strict=True)) if not g and m]
    moved = {*changed, *filled}
    review = [i for i, d in enumerate(decisions) if d == "review" and i not in moved]
    missing = [] if ours else [note(_NOT_OURS, label=after.columns.label)]
    edited = None if run is None else changed_since(path)
    missing += [line for line in (problem, edited) if line is not None]
    if ours and not decisions:
        missing.append(note(_NO_DECISIONS, path=path))
    shown_changed = _draw(after.dataset.texts, given, changed, seed)
    shown_review = _first(after, review, run)
    explanations: dict[int, Explanation] = {}
    if ours:
        chosen = [*shown_changed, *shown_review]
        texts = {i: after.dataset.texts[i] for i in chosen}
        explanations, problem = read_explanations(path, chosen, texts)
        missing += [problem] if problem is not None else []
    certificate, amiss = read_certificate(path) if ours else (None, None)
    index, problem = (None, None) if run is None else read_index(path, run)
    missing += [line for line in (amiss, problem) if line is not None]
    columns = {
        name: _column(after, name) for name in ("confidence", "candidates", "reason") if ours
    }

    def shown(i: int) -> ShownRow:
        said = {name: values[i] if values else "" for name, values in columns.items()}
        return ShownRow(
            row=i + 1,
            text=after.dataset.texts[i],
            given=given[i],
            mended=mended[i],
            confidence=said.get("confidence", ""),
            candidates=said.get("candidates", ""),
            reason=said.get("reason", ""),
            truth=truth[i],
            explanation=explanations.get(i),
        )

    pairs = Counter((given[i], mended[i]) for i in changed)
    ranked = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    return Mending(
        rows=len(given),
        changed=len(changed),
        review=len(review) if decisions else None,
        filled=len(filled),
        kept=len(given) - len(changed) - len(filled) - len(review),
        estimated_noise=_noise(after, ours=ours) if run is None else run.noise.estimated_rate,
        flows=tuple(Flow(str(g), str(m), n) for (g, m), n in ranked),
        accuracy=change_accuracy(given, mended, truth, review if decisions else None),
        changed_rows=tuple(map(shown, shown_changed)),
        review_rows=tuple(map(shown, shown_review)),
        run=run,
        missing=tuple(missing),
        certificate=certificate,
        index=index,
    )


def change_accuracy(
    given: Sequence[str | None],
    mended: Sequence[str | None],
    truth: Sequence[str | None],
    review: Sequence[int] | None,
) -> ChangeAccuracy | None:
    """Hold changes against true labels, None where no row has all it takes.

    Args:
        given: label of each row, None where there is none.
        mended: the same.
        truth: the same.
        review: indices of the rows under review; None where that isn't known.
    """
    rows = [i for i, (g, t) in enumerate(zip(given, truth, strict=True)) if g and t]
    if not rows:
        return None
    wrong = [i for i in rows if given[i] != truth[i]]
    right = [i for i in rows if given[i] == truth[i]]
    changed = [i for i in rows if mended[i] and mended[i] != given[i]]
    under = set(review or ())
    moved = set(changed)
    looked_at = [i for i in rows if i in under]
    return ChangeAccuracy(
        rows=len(rows),
        before=share(len(right), len(rows)),
        after=share(sum(mended[i] == truth[i] for i in rows), len(rows)),
        precision=share(sum(mended[i] == truth[i] for i in changed), len(changed)),
        recall=share(sum(mended[i] == truth[i] for i in wrong), len(wrong)),
        found=share(sum(i in moved or i in under for i in wrong), len(wrong)),
        broken=share(sum(i in moved for i in right), len(right)),
        review=None
        if review is None
        else share(sum(given[i] != truth[i] for i in looked_at), len(looked_at)),
    )


def label_turnover(flows: Sequence[Flow]) -> dict[str, tuple[int, int]]:
    """Return for each label the rows that left it and those that came, most moved first."""
    left: Counter[str] = Counter()
    came: Counter[str] = Counter()
    for flow in flows:
        left[flow.given] += flow.rows
        came[flow.mended] += flow.rows
    ranked = sorted({*left, *came}, key=lambda label: (-left[label] - came[label], label))
    return {label: (left[label], came[label]) for label in ranked}


def _present(labels: Sequence[str | None], run: RunRecord | None) -> list[str | None]:
    """Return labels by the names that a run knew: one that was only renamed is no other one."""
    applied = None if run is None else run.input.label_edits
    names = {} if applied is None else applied.names
    return [label if label is None else names.get(label, label) for label in labels]


def _labels(table: LabelledTable) -> list[str | None]:
    data = table.dataset
    return [data.labels[k] if k != NO_LABEL else None for k in data.given.tolist()]


def _column(table: LabelledTable, name: str) -> list[str]:
    return table.table.values(name) if name in table.table.columns else []


def _noise(table: LabelledTable, *, ours: bool) -> float | None:
    """Return the expected share of wrong labels, from the table alone."""
    qualities = []
    for value in _column(table, "label_quality") if ours else []:
        try:
            quality = float(value)
        except ValueError:
            continue
        if 0 <= quality <= 1:
            qualities.append(quality)
    return 1 - sum(qualities) / len(qualities) if qualities else None


def _draw(
    texts: Sequence[str], given: Sequence[str | None], rows: Sequence[int], seed: int
) -> list[int]:
    """Return some of the rows, as by chance, whatever the order of the table."""

    def lot(row: int) -> tuple[str, int]:
        name = f"{seed}\0{text_key(texts[row])}\0{given[row]}"
        return hashlib.sha256(name.encode(errors="replace")).hexdigest(), row

    return sorted(rows, key=lot)[:SHOWN_ROWS]


def _first(table: LabelledTable, rows: Sequence[int], run: RunRecord | None) -> list[int]:
    """Return the first rows for review, best first where the run's record says which are."""
    if run is None:
        return list(rows[:SHOWN_ROWS])
    names = [str(i + 1) for i in range(len(table.dataset))]
    if run.input.columns.id is not None:
        names = _column(table, run.input.columns.id) or names
    rank = {name: place for place, name in enumerate(run.review_order)}
    last = len(rank)
    return sorted(rows, key=lambda row: (rank.get(names[row], last), row))[:SHOWN_ROWS]


def _accuracy_record(found: ChangeAccuracy | None) -> dict[str, Any] | None:
    if found is None:
        return None
    shares: Mapping[str, Share | None] = {
        name: getattr(found, name)
        for name in ("before", "after", "precision", "recall", "found", "broken", "review")
    }
    return {
        "rows": found.rows,
        **{
            name: None if s is None else {**asdict(s), "rate": s.rate if s.total else None}
            for name, s in shares.items()
        },
    }


def _row_record(row: ShownRow) -> dict[str, Any]:
    return asdict(replace(row, explanation=None)) | {
        "proposed": None if row.explanation is None else row.explanation.proposed
    }
