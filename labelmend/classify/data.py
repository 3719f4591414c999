"""Tables to training and test sets: distinct texts, their labels, how much each counts, hashes."""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from labelmend.configs.schema import DataConfig
from labelmend.data.cells.read import AS_IT_LOOKS, LabelRules
from labelmend.data.dataset import (
    ColumnChoice,
    blank_rows,
    check_column,
    choose_columns,
    to_dataset,
)
from labelmend.data.descendants import NOT_MADE, descending, read_descent, texts_made_from
from labelmend.data.duplicates import text_key, unique_texts
from labelmend.data.table import SourceTable
from labelmend.errors import InputError, row_list
from labelmend.types import NO_LABEL, Bools, Dataset, Doubles, Ints
from labelmend.voice.speak import meant, note

MENDED = "mended_label"
CONFIDENCE = "confidence"

LEAST_TEXTS = 2
"""Distinct texts a label: one to learn from and one to be measured on."""

LEAST_LABELS = 2
"""Fewer labels leave nothing to tell apart."""

_SHOWN_LABELS = 5
"""Labels that a message names; of more it says how many."""


RareLabels = Literal["drop", "keep", "error"]
"""What is done with labels that one distinct text carries."""


@dataclass(frozen=True)
class TrainingSet:
    """Distinct texts and the labels that they carry, in the order of the texts' keys.

    Rows of one text and label are one pair, whose weight is the sum of theirs, so the order of rows
    can't matter.

    Attributes:
        texts: distinct texts, [u].
        labels: the label set, sorted; each is carried by a pair.
        oos: index of the out-of-scope label in `labels`, or None.
        text_of: int64 [p], the text of each pair, ascending.
        label_of: int64 [p], its label, ascending within a text.
        weights: float64 [p], > 0, how much a pair counts: its rows, or the sum of their confidence.
        digest: sha256 of texts, labels and weights: two tables that say the same share it.
        made_from: by text, of those that `labelmend augment` wrote: the texts that they were made
            from. They are trained on, and nothing is measured on them.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    oos: int | None
    text_of: Ints
    label_of: Ints
    weights: Doubles
    digest: str
    made_from: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.text_of)

    def real(self) -> Bools:
        """Return bool [u], the texts that nobody made from others."""
        found = np.ones(len(self.texts), dtype=bool)
        found[list(self.made_from)] = False
        return found

    def descends_from(self, texts: Bools) -> Bools:
        """Return bool [u], the texts that were made from any of some texts, bool [u]."""
        return descending(self.made_from, texts)

    def main_labels(self) -> Ints:
        """Return int64 [u], each text's heaviest label; of equally heavy ones the first."""
        order = np.lexsort((self.label_of, -self.weights, self.text_of))
        first = np.unique(self.text_of[order], return_index=True)[1]
        return self.label_of[order][first]


@dataclass(frozen=True)
class LabelledTable:
    """A checked table.

    Attributes:
        table: as it was read.
        columns: which of its columns is what.
        dataset: its rows; the labels are those to train on.
        confidence: float64 [n], 0 to 1; 1 where none is asked for.
        notes: what the user should know, one line each.
        held_out: int64 [n], the labels of rows that `augment --split` keeps for testing, which the
            dataset has without labels; NO_LABEL for all others. None where it keeps none.
    """

    table: SourceTable
    columns: ColumnChoice
    dataset: Dataset
    confidence: Doubles
    notes: tuple[str, ...]
    held_out: Ints | None = None


def labelled_table(
    table: SourceTable,
    config: DataConfig,
    *,
    text_column: str | Sequence[str] | None = None,
    label_column: str | None = None,
    oos_label: str | None = None,
    weigh: bool = False,
    mended: bool = True,
    rules: LabelRules = AS_IT_LOOKS,
    known: Collection[str] = (),
    strict: bool = False,
) -> LabelledTable:
    """Read the labels to train on.

    Args:
        table: the user's table.
        config: how rows are read.
        text_column: None to find it by name; several are joined.
        label_column: None for `mended_label` where there is one, else found by name.
        oos_label: None to find it by name.
        weigh: read the confidence column.
        mended: False passes over `mended_label`.
        rules: how labels are read; `mended_label` has one a cell.
        known: labels of another table, whose spelling stays.
        strict: refuse a table with rows without text.

    Raises:
        InputError: the table can't be learned from.
    """
    if mended and label_column is None and MENDED in table.columns:
        label_column = MENDED
    columns = choose_columns(table, text_column, label_column)
    if weigh and MENDED in table.columns and columns.label != MENDED:
        raise InputError(
            f"{table.path}: column {CONFIDENCE!r} is the probability that {MENDED!r} is right, not "
            f"{columns.label!r}: leave --weight-by-confidence out, or train on {MENDED!r}"
        )
    loaded = to_dataset(
        table,
        columns,
        config,
        oos_label,
        rules=rules.as_they_stand if columns.label == MENDED else rules,
        known=known,
        strict=strict,
    )
    dataset, blank = loaded.dataset, loaded.blank
    unlabelled = int((dataset.given == NO_LABEL).sum()) - len(blank)
    notes = left_out_notes(len(dataset), len(blank), unlabelled)
    dataset, held_out, kin = _with_descent(table, dataset)
    notes += kin
    confidence = np.ones(len(dataset))
    if weigh:
        confidence = read_confidence(table, np.setdiff1d(np.arange(len(dataset)), blank))
    notes = [*table.notes, *notes, *loaded.cut, *loaded.hints]
    return LabelledTable(table, columns, dataset, confidence, tuple(notes), held_out)


def left_out_notes(rows: int, blank: int, unlabelled: int) -> list[str]:
    """Return notes on rows that are left out, as they have no text or no label."""
    left_out = {
        meant("{count} of {rows} rows have no text and are left out"): blank,
        meant("{count} of {rows} rows have no label and are left out"): unlabelled,
    }
    return [note(said, count=count, rows=rows) for said, count in left_out.items() if count]


def _with_descent(
    table: SourceTable, dataset: Dataset
) -> tuple[Dataset, Ints | None, tuple[str, ...]]:
    """Tell a dataset which of its rows are new, and take labels from those not to be trained on.

    Returns:
        the dataset, the labels of rows that are held out, and notes.

    Raises:
        InputError: what the table says of it can't be read.
    """
    descent = read_descent(table)
    if descent is None:
        return dataset, None, ()
    given, tested = dataset.given.copy(), descent.held_out
    given[tested] = NO_LABEL
    given[descent.orphans] = NO_LABEL
    given[descending(descent.made_from, tested)] = NO_LABEL
    new = int((given[list(descent.made_from)] != NO_LABEL).sum())
    told = {
        meant(
            "{count} of {rows} rows are new texts of labelmend augment: they are trained on, and "
            "nothing is measured on them"
        ): new,
        meant(
            "{count} of {rows} rows are new texts of rows that are not in the table, and are left "
            "out"
        ): len(descent.orphans),
        meant(
            "{count} of {rows} rows are kept for testing by labelmend augment --split, and are "
            "left out"
        ): int(tested.sum()),
    }
    rows = len(dataset)
    notes = tuple(note(said, count=n, rows=rows) for said, n in told.items() if n)
    held_out = np.where(tested, dataset.given, NO_LABEL) if tested.any() else None
    return replace(dataset, given=given, made_from=descent.made_from), held_out, notes


def training_set(dataset: Dataset, confidence: Doubles) -> TrainingSet:
    """Gather the labelled rows of a dataset into pairs of text and label.

    Labels that no row carries are left out of the label set, and so are rows that count nothing.

    Args:
        dataset: the rows; those without a label are left out.
        confidence: float64 [n], how much each row counts.
    """
    kept = np.flatnonzero((dataset.given != NO_LABEL) & (confidence > 0))
    present, place = np.unique(dataset.given[kept], return_inverse=True)
    labels = tuple(dataset.labels[k] for k in present)
    oos = dataset.labels[dataset.oos] if dataset.oos is not None else None
    rows = Dataset(
        ids=tuple(dataset.ids[row] for row in kept),
        texts=tuple(dataset.texts[row] for row in kept),
        given=place.astype(np.int64),
        labels=labels,
        oos=labels.index(oos) if oos in labels else None,
    )
    unique = unique_texts(rows)
    made = texts_made_from(dataset.made_from, kept, unique.of_row)
    counts = (unique.of_row, rows.given, confidence[kept])
    return gathered(unique.texts, labels, rows.oos, counts, made)


def gathered(
    texts: tuple[str, ...],
    labels: tuple[str, ...],
    oos: int | None,
    rows: tuple[Ints, Ints, Doubles],
    made_from: Mapping[int, tuple[int, ...]] = NOT_MADE,
) -> TrainingSet:
    """Gather rows into pairs of text and label.

    Args:
        texts: distinct texts, [u].
        labels: the label set.
        oos: index of the out-of-scope label, or None.
        rows: of each row, [n], its text, its label, and how much it counts, > 0.
        made_from: by text, those that it was made from; real texts are not in it.
    """
    text, label, counts = rows
    codes, pair = np.unique(text * len(labels) + label, return_inverse=True)
    # Sorted first: a sum of floats depends on its order, and rows come in any.
    order = np.lexsort((counts, pair))
    weights = np.zeros(len(codes))
    np.add.at(weights, pair[order], counts[order])
    text_of, label_of = codes // max(len(labels), 1), codes % max(len(labels), 1)
    return TrainingSet(
        texts=texts,
        labels=labels,
        oos=oos,
        text_of=text_of,
        label_of=label_of,
        weights=weights,
        digest=_digest(texts, labels, (text_of, label_of, weights), made_from),
        made_from=made_from,
    )


def trainable_set(
    dataset: Dataset, confidence: Doubles, where: str, rare: RareLabels = "drop"
) -> tuple[TrainingSet, tuple[str, ...]]:
    """Gather what is trained on, and say what became of labels with a single text.

    Args:
        dataset: the rows; those without a label are left out.
        confidence: float64 [n], how much each row counts.
        where: what the message calls the table and its column.
        rare: whether labels that one distinct text carries are left out, kept, which leaves
            nothing to measure them on, or an error.

    Raises:
        InputError: fewer than two labels have two texts, or a label has one and `rare` says so.
    """
    data = training_set(dataset, confidence)
    few = few_texts(data)
    if len(data.labels) < LEAST_LABELS:
        raise InputError(f"{where}: rows with at least two labels are needed to train on")
    names = ", ".join(repr(data.labels[k]) for k in few[:_SHOWN_LABELS])
    more = f" and {len(few) - _SHOWN_LABELS} more" if len(few) > _SHOWN_LABELS else ""
    has = "label has" if len(few) == 1 else "labels have"
    told = f"{len(few)} {has} only one distinct text"
    if few and rare == "error":
        raise InputError(
            f"{where}: {told}, too few to learn from and be measured on: {names}{more}; give each "
            "two texts or more, merge it, or leave such labels out with --rare-labels drop"
        )
    if len(data.labels) - len(few) < LEAST_LABELS:
        raise InputError(
            f"{where}: {told}, and fewer than two have more, one to learn from and one to be "
            f"measured on: {names}{more}; give more texts"
        )
    if not few:
        return data, ()
    if rare == "keep":
        kept = note(
            "{count} {count:one=label has|other=labels have} only one distinct text, so nothing "
            "measures how well they are learned: {labels}",
            count=len(few),
            labels=names + more,
        )
        return data, (kept,)
    left = training_set(without_labels(dataset, [data.labels[k] for k in few]), confidence)
    dropped = note(
        "{count} {count:one=label has|other=labels have} only one distinct text and "
        "{count:one=is|other=are} left out of training: {labels} (--rare-labels keep trains on "
        "them)",
        count=len(few),
        labels=names + more,
    )
    return left, (dropped,)


def few_texts(data: TrainingSet) -> list[int]:
    """Return the labels, as indices, that fewer than two distinct texts carry."""
    counts = np.bincount(data.main_labels(), minlength=len(data.labels))
    return np.flatnonzero(counts < LEAST_TEXTS).tolist()


def without_labels(dataset: Dataset, labels: Sequence[str]) -> Dataset:
    """Return the dataset with the rows of these labels made unlabelled."""
    dropped = [dataset.labels.index(label) for label in labels]
    given = np.where(np.isin(dataset.given, dropped), NO_LABEL, dataset.given)
    return replace(dataset, given=given)


def overlapping_rows(texts: Sequence[str], training: Sequence[Sequence[str]]) -> Ints:
    """Return int64, the places of texts that stand in a training set too, but for case and space.

    Args:
        texts: of the test set.
        training: the texts of each training set.
    """
    keys = {text_key(text) for part in training for text in part}
    return np.array([i for i, text in enumerate(texts) if text_key(text) in keys], dtype=np.int64)


def row_texts(
    table: SourceTable, columns: ColumnChoice, limit: int, *, strict: bool = False
) -> tuple[list[str], Ints]:
    """Return the texts that are there, cut to what the models read, and int64 their rows, from 0.

    Raises:
        InputError: all are blank, or one is and `strict` says so.
    """
    whole = columns.text_values(table)
    blank = blank_rows(table, columns, whole, strict=strict)
    rows = np.setdiff1d(np.arange(len(whole)), blank)
    return [whole[row][:limit] for row in rows.tolist()], rows


def label_counts(data: TrainingSet) -> dict[str, float]:
    """Return the weight of each label."""
    totals: Counter[str] = Counter()
    for label, weight in zip(data.label_of.tolist(), data.weights.tolist(), strict=True):
        totals[data.labels[label]] += weight
    return {label: round(totals[label], 6) for label in data.labels}


def read_confidence(table: SourceTable, rows: Ints | None = None) -> Doubles:
    """Return float64 [n], 0 to 1, the confidence that labelmend gave each row.

    Args:
        table: the mended one.
        rows: that have a confidence, from 0; None for all. The others get 0.

    Raises:
        ColumnError: there is no such column.
        InputError: it holds something else.
    """
    check_column(table, CONFIDENCE, "--weight-by-confidence")
    values = table.values(CONFIDENCE)
    found = np.full(len(values), np.nan if rows is None else 0.0)
    for row in range(len(values)) if rows is None else rows.tolist():
        try:
            found[row] = float(values[row])
        except ValueError:
            found[row] = np.nan
    bad = [row + 1 for row in np.flatnonzero(~((found >= 0) & (found <= 1))).tolist()]
    if bad:
        raise InputError(
            f"{table.path}: {row_list(bad)}: column {CONFIDENCE!r} holds no number from 0 to 1; "
            "train without --weight-by-confidence, or give the table that labelmend wrote"
        )
    return found


def _digest(
    texts: Sequence[str],
    labels: Sequence[str],
    pairs: tuple[Ints, Ints, Doubles],
    made_from: Mapping[int, tuple[int, ...]],
) -> str:
    digest = hashlib.sha256()
    for text, label, weight in zip(*pairs, strict=True):
        digest.update(f"{texts[text]}\0{labels[label]}\0{float(weight)!r}\n".encode())
    for text, parents in made_from.items():
        digest.update(f"{text} from {parents}\n".encode())
    return digest.hexdigest()
