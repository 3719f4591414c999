"""What is known where a text may have several labels: the base, and the rows of steps since."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labelmend.classify.data import CONFIDENCE, MENDED
from labelmend.classify.several.data import SetTraining, common_labels, set_training, trainable
from labelmend.data.cells.read import LabelRules
from labelmend.data.dataset import ColumnChoice
from labelmend.data.duplicates import smallest_spellings, text_groups, text_key
from labelmend.data.read import read_table, table_digest
from labelmend.data.request import TableRequest
from labelmend.data.sets.label_sets import LabelSets, LoadedSets, SetShape, has_several, load_sets
from labelmend.data.table import SourceTable
from labelmend.errors import InputError
from labelmend.journal.sets import labels_in, packed
from labelmend.retrain.known import (
    ANSWERED,
    DECISION,
    NOT_MENDED,
    ROW,
    confidence_of,
    held_out_texts,
    is_answer,
    last_words,
    not_in_base,
)
from labelmend.retrain.project import HeldOutConfig, Opened
from labelmend.retrain.rows import MendedRow
from labelmend.types import Bools, Doubles
from labelmend.voice.speak import note

MENDED_SETS = "mended_labels"
"""The column in which `labelmend relabel` has the labels of a row, where it may have several."""


@dataclass(frozen=True)
class KnownSets:
    """All rows that are known, n of them; the base's come first.

    Attributes:
        sets: their texts, and the labels to use.
        came: bool [n, L], the labels as they came.
        confidence: float64 [n], that all labels to use are right, 0 to 1; 0 for what is never
            tested on.
        answered: bool [n], people settled it.
        held_out: bool [n], no version learns from it.
        columns: of the base.
        shape: how the base writes labels.
        base_rows: rows of the base.
        base_sha256: of its file.
        in_base: names of rows that steps took and that the base has since, as often as it has them.
        notes: what the user should know of it.
    """

    sets: LabelSets
    came: Bools
    confidence: Doubles
    answered: Bools
    held_out: Bools
    columns: ColumnChoice
    shape: SetShape
    base_rows: int
    base_sha256: str
    in_base: Counter[str]
    notes: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """All that there are."""
        return self.sets.labels

    @property
    def learned_rows(self) -> int:
        """Rows that versions learn from."""
        return int((~self.held_out).sum())

    def __len__(self) -> int:
        return len(self.sets)

    @property
    def learned_from(self) -> LabelSets:
        """The rows that are not held out."""
        return _some(self.sets, ~self.held_out)

    def training_set(self, where: str) -> tuple[SetTraining, tuple[str, ...]]:
        """Return what a version learns from, with notes.

        Raises:
            InputError: no label has two texts.
        """
        return trainable(set_training(self.learned_from), where)

    def test_set(self, config: HeldOutConfig) -> "SetsHeldOut":
        """Return what versions are compared on, a row a text; people's word goes before others."""
        sure = self.answered | (self.confidence >= config.sure)
        rows = np.flatnonzero(self.held_out & sure)
        keys = [text_key(self.sets.texts[row]) for row in rows.tolist()]
        settled = {key for key, row in zip(keys, rows, strict=True) if self.answered[row]}
        counts = [self.answered[r] or k not in settled for k, r in zip(keys, rows, strict=True)]
        tested = np.zeros(len(self), dtype=np.bool_)
        tested[rows[np.array(counts, dtype=np.bool_)]] = True
        chosen = _some(self.sets, tested)
        of_row = text_groups(chosen.texts)
        texts = smallest_spellings(chosen.texts, of_row) if len(chosen) else ()
        truth = common_labels(chosen.given, of_row) if len(chosen) else chosen.given
        persons = sum(text_key(text) in settled for text in texts)
        return SetsHeldOut(tuple(texts), self.labels, truth, persons)


@dataclass(frozen=True)
class SetsHeldOut:
    """What versions are compared on.

    Attributes:
        texts: distinct, [t].
        labels: that indices mean.
        truth: bool [t, L].
        answered: texts whose labels a person settled; those of others are labelmend's, or the
            table's.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    truth: Bools
    answered: int


def base_of_sets(opened: Opened) -> bool:
    """Tell whether the base is a table in which a row may have several labels.

    Raises:
        LabelmendError: it can't be read.
    """
    columns = read_table(opened.base).columns
    if MENDED_SETS in columns or opened.project.label_separator is not None:
        return True
    return MENDED not in columns and has_several(_request(opened))


def _request(opened: Opened) -> TableRequest:
    project = opened.project
    rules = LabelRules(project.label_separator)
    return TableRequest(opened.base, project.text_column, project.label_column, rules=rules)


def read_base_sets(opened: Opened) -> KnownSets:
    """Read the table that a project begins with.

    Raises:
        InputError: it can't be used.
        ColumnError: its columns can't be found.
    """
    project, config, path = opened.project, opened.config.data, opened.base
    table = read_table(path)
    is_mended = MENDED_SETS in table.columns
    request = _request(opened)
    first = load_sets(request, config)
    loaded = first
    if is_mended:
        # A column says less of its sign the fewer combinations it holds: these two are alike.
        rules = LabelRules(project.label_separator or first.shape.joined_by)
        loaded = load_sets(replace(request, label_column=MENDED_SETS, rules=rules), config)
    labels = tuple(sorted({*loaded.sets.labels, *first.sets.labels}))
    rows = loaded.rows.tolist()
    names = table.values(ROW) if ROW in table.columns else ()
    decisions = table.values(DECISION) if is_mended and DECISION in table.columns else None
    return KnownSets(
        sets=with_labels(loaded.sets, labels),
        came=with_labels(first.sets, labels).given,
        confidence=_confidence(table, loaded) if is_mended else np.ones(len(rows)),
        answered=np.array(
            [decisions is not None and decisions[row] == ANSWERED for row in rows], dtype=np.bool_
        ),
        held_out=held_out_texts(loaded.sets.texts, project.held_out),
        columns=first.columns,
        shape=first.shape,
        base_rows=len(rows),
        base_sha256=table_digest(path),
        in_base=Counter(filter(None, names)),
        notes=loaded.notes if is_mended else (*loaded.notes, note(NOT_MENDED)),
    )


def _confidence(table: SourceTable, loaded: LoadedSets) -> Doubles:
    """Return float64 [n], how sure each row's labels are; 1 where the table doesn't say.

    Raises:
        InputError: a cell is no number from 0 to 1.
    """
    rows = loaded.rows.tolist()
    if CONFIDENCE not in table.columns:
        return np.ones(len(rows))
    cells = table.values(CONFIDENCE)
    try:
        found = np.array([float(cells[row]) for row in rows], dtype=np.float64)
    except ValueError:
        found = np.full(len(rows), np.nan)
    if not ((found >= 0) & (found <= 1)).all():
        raise InputError(
            f"{table.path}: column {CONFIDENCE!r} has cells that are no numbers from 0 to 1; give "
            "the table as labelmend relabel wrote it"
        )
    return found


def sets_with_rows(known: KnownSets, rows: Iterable[MendedRow], config: HeldOutConfig) -> KnownSets:
    """Return what is known with further rows behind; the last word of a row's id counts.

    Args:
        known: the base, or more.
        rows: in the order in which they were taken.
        config: which texts are held out.
    """
    kept = last_words(rows, known.in_base)
    if not kept:
        return known
    told = {label for row in kept for said in (row.label, row.mended) for label in labels_in(said)}
    labels = tuple(sorted({*known.labels, *told}))
    before = with_labels(known.sets, labels)
    came = with_labels(replace(known.sets, given=known.came), labels).given
    texts = tuple(row.text for row in kept)
    return replace(
        known,
        sets=LabelSets(
            ids=(*before.ids, *(f"{row.source}:{row.id or row.key}" for row in kept)),
            texts=(*before.texts, *texts),
            given=np.vstack([before.given, matrix([row.mended for row in kept], labels)]),
            labels=labels,
        ),
        came=np.vstack([came, matrix([row.label for row in kept], labels)]),
        confidence=np.concatenate([known.confidence, [confidence_of(row) for row in kept]]),
        answered=np.concatenate([known.answered, [is_answer(row) for row in kept]]),
        held_out=np.concatenate([known.held_out, held_out_texts(texts, config)]),
    )


def exported_sets(known: KnownSets, rows: Iterable[MendedRow]) -> list[tuple[str, str, str]]:
    """Return all that is known as it came, for a full mending: text, labels, and the row's name.

    What people settled has the labels that they settled.

    Args:
        known: the base.
        rows: that steps took, in their order; those that the base has are left out.
    """
    said = np.where(known.answered[:, None], known.sets.given, known.came)
    found = [
        (text, packed(known.labels[k] for k in np.flatnonzero(row)), "")
        for text, row in zip(known.sets.texts, said, strict=True)
    ]
    return [*found, *((row.text, row.label, row.key) for row in not_in_base(rows, known.in_base))]


def matrix(sets: Sequence[str], labels: Sequence[str]) -> Bools:
    """Return bool [n, L] of sets as rows have them; labels beyond those are left out."""
    place = {label: k for k, label in enumerate(labels)}
    found = np.zeros((len(sets), len(labels)), dtype=np.bool_)
    for row, said in enumerate(sets):
        found[row, [place[label] for label in labels_in(said) if label in place]] = True
    return found


def with_labels(sets: LabelSets, labels: Sequence[str]) -> LabelSets:
    """Return the table with another label set; labels that it lacks are carried by no row."""
    place = {label: k for k, label in enumerate(sets.labels)}
    given = np.zeros((len(sets), len(labels)), dtype=np.bool_)
    for k, label in enumerate(labels):
        if label in place:
            given[:, k] = sets.given[:, place[label]]
    return replace(sets, given=given, labels=tuple(labels))


def _some(sets: LabelSets, rows: Bools) -> LabelSets:
    kept = np.flatnonzero(rows).tolist()
    return replace(
        sets,
        ids=tuple(sets.ids[row] for row in kept),
        texts=tuple(sets.texts[row] for row in kept),
        given=sets.given[kept],
    )
