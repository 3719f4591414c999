"""What is known: the base table, and the rows that steps took since; who is held out, and who not.

Whether a text is held out is told by its hash alone, so that it is held out for good, on whatever
day it comes and by whichever door, and its copies with it.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labelmend.classify.data import (
    CONFIDENCE,
    MENDED,
    TrainingSet,
    labelled_table,
    read_confidence,
    trainable_set,
    training_set,
)
from labelmend.data.dataset import ColumnChoice, label_indices
from labelmend.data.descendants import descending
from labelmend.data.duplicates import text_key
from labelmend.data.read import read_table, table_digest
from labelmend.errors import InputError
from labelmend.evaluation.baseline import TestSet
from labelmend.retrain.project import HeldOutConfig, Opened
from labelmend.retrain.rows import MendedRow
from labelmend.types import NO_LABEL, Bools, Dataset, Doubles, Ints
from labelmend.voice.speak import meant, note

DECISION = "decision"
ANSWERED = "answered"
ROW = "labelmend_row"
"""The column of an exported table that has the names of rows that steps took."""

PASSED_OVER = "passed over"

_HASH_BYTES = 8
"""Of a text's hash that say where it falls between 0 and 1."""


def is_held_out(text: str, share: float) -> bool:
    """Tell whether a text is held out: copies are, or are not, together."""
    said = f"labelmend held out\0{text_key(text)}".encode("utf-8", "surrogatepass")
    place = int.from_bytes(hashlib.sha256(said).digest()[:_HASH_BYTES], "big")
    return place < share * (1 << 8 * _HASH_BYTES)


@dataclass(frozen=True)
class Known:
    """All rows that are known, n of them; the base's come first.

    Attributes:
        dataset: their texts, and the labels to use.
        given: int64 [n], the labels as they came, or `NO_LABEL`.
        confidence: float64 [n], that the label to use is right, 0 to 1; 0 for what is never tested
            on.
        answered: bool [n], people settled it.
        held_out: bool [n], no version learns from it.
        columns: of the base.
        base_rows: rows of the base.
        base_sha256: of its file.
        is_mended: whether the base is a table that labelmend mended.
        in_base: names of rows that steps took and that the base has since, as often as it has them.
        notes: what the user should know of it.
    """

    dataset: Dataset
    given: Ints
    confidence: Doubles
    answered: Bools
    held_out: Bools
    columns: ColumnChoice
    base_rows: int
    base_sha256: str
    is_mended: bool
    in_base: Counter[str]
    notes: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """All that there are."""
        return self.dataset.labels

    @property
    def learned_rows(self) -> int:
        """Rows that versions learn from."""
        return int((self.learned_from.given != NO_LABEL).sum())

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def learned_from(self) -> Dataset:
        """The rows without the labels of those that are held out, and of what was made of them."""
        left = self.held_out | descending(self.dataset.made_from, self.held_out)
        return replace(self.dataset, given=np.where(left, NO_LABEL, self.dataset.given))

    def training_set(self, where: str) -> tuple[TrainingSet, tuple[str, ...]]:
        """Return what a version learns from, with notes.

        Args:
            where: what a message calls it.

        Raises:
            InputError: there is too little of it.
        """
        return trainable_set(self.learned_from, np.ones(len(self.dataset)), where)

    def test_set(self, config: HeldOutConfig, rows: Bools | None = None) -> "HeldOut":
        """Return what versions are compared on, a row a text.

        Args:
            config: how sure a label has to be.
            rows: bool [n], those that may be tested on; None for all.
        """
        tested = self.held_out & (self.answered | (self.confidence >= config.sure))
        tested[list(self.dataset.made_from)] = False
        if rows is not None:
            tested &= rows
        # What people said goes before what was mended, of the same text.
        weight = np.where(self.answered, _PERSONS_WORTH, self.confidence)
        data = training_set(self.dataset, np.where(tested, weight, 0.0))
        said = {
            text_key(self.dataset.texts[row])
            for row in np.flatnonzero(tested & self.answered).tolist()
        }
        labels = tuple(data.labels[k] for k in data.main_labels())
        oos = None if self.dataset.oos is None else self.dataset.labels[self.dataset.oos]
        persons = sum(text_key(text) in said for text in data.texts)
        return HeldOut(TestSet(data.texts, labels, oos), persons)


_PERSONS_WORTH = 1000.0
"""Mended rows that say otherwise, and that one answer of a person outweighs."""


@dataclass(frozen=True)
class HeldOut:
    """What versions are compared on.

    Attributes:
        test: the rows.
        answered: of these, those whose label a person settled; the others' labels are labelmend's,
            or the table's.
    """

    test: TestSet
    answered: int

    @property
    def texts(self) -> Sequence[str]:
        """Of the rows."""
        return self.test.texts


def read_base(opened: Opened) -> Known:
    """Read the table that a project begins with.

    Raises:
        InputError: it can't be used.
    """
    project, config, path = opened.project, opened.config.data, opened.base
    table = read_table(path)
    is_mended = MENDED in table.columns
    loaded = labelled_table(
        table,
        config,
        text_column=project.text_column,
        label_column=None if is_mended else project.label_column,
        oos_label=project.oos_label,
    )
    dataset = loaded.dataset
    given, confidence = dataset.given, np.ones(len(dataset))
    answered = np.zeros(len(dataset), dtype=bool)
    if is_mended:
        came = labelled_table(
            table,
            config,
            text_column=project.text_column,
            label_column=project.label_column,
            oos_label=project.oos_label,
            mended=False,
            known=dataset.labels,
        ).dataset
        dataset = _with_labels(dataset, came.labels)
        given = label_indices(dataset.labels, _names(came))
        if CONFIDENCE in table.columns:
            blank = [not text.strip() for text in dataset.texts]
            confidence = read_confidence(table, np.flatnonzero(~np.array(blank)))
        if DECISION in table.columns:
            answered = np.array([said == ANSWERED for said in table.values(DECISION)])
    return Known(
        dataset=dataset,
        given=given,
        confidence=confidence,
        answered=answered,
        held_out=held_out_texts(dataset.texts, project.held_out),
        columns=loaded.columns,
        base_rows=len(dataset),
        base_sha256=table_digest(path),
        is_mended=is_mended,
        in_base=Counter(filter(None, table.values(ROW) if ROW in table.columns else ())),
        notes=loaded.notes if is_mended else (*loaded.notes, note(NOT_MENDED)),
    )


NOT_MENDED = meant(
    "the base was not mended by labelmend, so nothing tells how wrong its labels are, and all of "
    "them count as right; mend it first with labelmend relabel if they may be wrong"
)


def with_rows(known: Known, rows: Iterable[MendedRow], config: HeldOutConfig) -> Known:
    """Return what is known with further rows behind; the last word of a row's id counts.

    Args:
        known: the base, or more.
        rows: in the order in which they were taken.
        config: which texts are held out.
    """
    kept = last_words(rows, known.in_base)
    if not kept:
        return known
    told = {row.mended for row in kept} | {row.label for row in kept}
    dataset = _with_labels(known.dataset, sorted(told))
    given = label_indices(dataset.labels, [*_names(known.dataset, known.given)])
    came = label_indices(dataset.labels, [row.label for row in kept])
    mended = label_indices(dataset.labels, [row.mended for row in kept])
    texts = [row.text for row in kept]
    return replace(
        known,
        dataset=replace(
            dataset,
            ids=(*dataset.ids, *(f"{row.source}:{row.id or row.key}" for row in kept)),
            texts=(*dataset.texts, *texts),
            given=np.concatenate([dataset.given, mended]),
        ),
        given=np.concatenate([given, came]),
        confidence=np.concatenate([known.confidence, [confidence_of(row) for row in kept]]),
        answered=np.concatenate([known.answered, [is_answer(row) for row in kept]]),
        held_out=np.concatenate([known.held_out, held_out_texts(texts, config)]),
    )


def last_words(rows: Iterable[MendedRow], in_base: Counter[str]) -> list[MendedRow]:
    """Return the rows that count: of each id the last, with a label, that the base has not since.

    Args:
        rows: in the order in which they were taken.
        in_base: names of rows that the base has since, as often as it has them.
    """
    last: dict[tuple[str, str], MendedRow] = {}
    for number, row in enumerate(not_in_base(rows, in_base)):
        last[(row.source, row.id) if row.id else ("", str(number))] = row
    return [row for row in last.values() if row.mended]


def confidence_of(row: MendedRow) -> float:
    """Return how sure a row's label is, 0 to 1; 0 of what is never tested on."""
    # What users correct is strange by choice: nothing is tested on it.
    return 0.0 if row.rows == "corrections" else row.confidence


def is_answer(row: MendedRow) -> bool:
    """Tell whether a reviewer settled it."""
    return row.decision == ANSWERED and row.rows == "answers"


def exported(known: Known, rows: Iterable[MendedRow]) -> list[tuple[str, str, str]]:
    """Return all that is known as it came, for a full mending: text, label, and the row's name.

    What people settled has the label that they settled.

    Args:
        known: the base.
        rows: that steps took, in their order; those that the base has are left out.
    """
    dataset, given = known.dataset, known.given
    said = np.where(known.answered, dataset.given, given)
    found = [
        (text, "" if k == NO_LABEL else dataset.labels[k], "")
        for text, k in zip(dataset.texts, said.tolist(), strict=True)
    ]
    return [*found, *((row.text, row.label, row.key) for row in not_in_base(rows, known.in_base))]


def not_in_base(rows: Iterable[MendedRow], in_base: Counter[str]) -> Iterator[MendedRow]:
    """Yield the rows that something is learned from and that the base has not since.

    Args:
        rows: in the order in which they were taken.
        in_base: names of rows that the base has since, as often as it has them.
    """
    there = Counter(in_base)
    for row in rows:
        there[row.key] -= 1
        if row.decision != PASSED_OVER and there[row.key] < 0:
            yield row


def require_share(now: float, before: float | None, where: str) -> None:
    """Make sure that nothing that a version has learned from becomes held out.

    Raises:
        InputError: it would.
    """
    if before is not None and now > before:
        raise InputError(
            f"{where}: held_out.share is {now:g}, and was {before:g} when this registry began, so "
            "versions have learned from texts that it would hold out; set it back, or begin a new "
            "registry"
        )


def held_out_texts(texts: Sequence[str], config: HeldOutConfig) -> Bools:
    """Tell which texts are held out, bool [n]."""
    return np.array([is_held_out(text, config.share) for text in texts], dtype=bool)


def _names(dataset: Dataset, given: Ints | None = None) -> list[str | None]:
    codes = dataset.given if given is None else given
    return [None if k == NO_LABEL else dataset.labels[k] for k in codes.tolist()]


def _with_labels(dataset: Dataset, labels: Sequence[str]) -> Dataset:
    """Return the dataset with a larger label set."""
    every = tuple(sorted({*dataset.labels, *labels}))
    oos = None if dataset.oos is None else every.index(dataset.labels[dataset.oos])
    return replace(dataset, labels=every, oos=oos, given=label_indices(every, _names(dataset)))
