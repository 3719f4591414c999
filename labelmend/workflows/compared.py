"""The tables that `compare-baseline` compares, read and checked."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.augment.result import record_beside
from labelmend.classify.data import (
    CONFIDENCE,
    MENDED,
    LabelledTable,
    labelled_table,
    overlapping_rows,
    read_confidence,
    row_texts,
    trainable_set,
)
from labelmend.configs.schema import Config
from labelmend.data.dataset import check_column, choose_columns, given_labels
from labelmend.data.descendants import descent_columns
from labelmend.data.read import read_table, refuse_second_input, table_digest
from labelmend.data.request import TableRequest
from labelmend.data.table import SourceTable
from labelmend.data.task import require_task
from labelmend.errors import ColumnError, InputError
from labelmend.evaluation.baseline import (
    Condition,
    TestSet,
)
from labelmend.evaluation.comparison import (
    AFTER,
    AUGMENTED,
    BEFORE,
    GOLD,
    ComparedTables,
    ComparisonRequest,
)
from labelmend.regular_file import parsed_json, read_regular, recorded
from labelmend.runs.again import as_the_run
from labelmend.runs.read import read_run
from labelmend.runs.record import RunRecord
from labelmend.types import NO_LABEL
from labelmend.voice.speak import meant, note

KEPT_LABELS = "their labels are those of the table, which no person may have checked"

SURE = 0.95
"""Rows of at least this confidence are tested on where there is no test set."""

_SHOWN_LABELS = 5
"""Labels that a message names; of more it says how many."""


@dataclass(frozen=True)
class CheckedTables:
    """The input of a comparison, checked.

    Attributes:
        trained: what is trained on.
        conditions: the versions of the labels: as given, mended, gold.
        test: the test rows.
        notes: what the user should know, one line each.
        sources: path and sha256 of each table, by what it is.
        cross_validated: whether the test rows are among those that are trained on.
    """

    trained: ComparedTables
    conditions: tuple[Condition, ...]
    test: TestSet
    notes: tuple[str, ...]
    sources: dict[str, dict[str, Any]]
    cross_validated: bool


_OF_CONDITION = meant("{condition:name}: {note:name}")


def read_tables(request: ComparisonRequest, config: Config) -> CheckedTables:
    """Read and check all tables of a comparison.

    Args:
        request: the tables.
        config: how rows are read.

    Raises:
        InputError: one can't be used.
    """
    refuse_second_input((request.before, request.after, request.test, request.augmented))
    before_table = read_table(request.before, request.encoding, header=request.header)
    sources = {BEFORE: _source(request.before)}
    after_table = before_table
    if request.after is not None:
        after_table = read_table(request.after, request.encoding)
        sources[AFTER] = _source(request.after)
    elif request.mended_column is None and MENDED not in before_table.columns:
        raise ColumnError(
            f"{request.before}: has no column {MENDED!r}; give the mended table as well, or name "
            "its column with --mended-column"
        )
    run, _ = read_run(after_table.path, len(after_table))
    said: list[str] = []

    def loaded(
        name: str,
        table: SourceTable,
        column: str | None,
        *,
        mended: bool = False,
        known: Collection[str] = (),
    ) -> LabelledTable:
        told = _told(request, table, run, column)
        found = labelled_table(
            table,
            config.data,
            text_column=told.text_column,
            label_column=column if mended else told.label_column,
            oos_label=told.oos_label,
            weigh=mended and request.weigh,
            mended=mended,
            rules=told.rules,
            known=known,
            strict=request.strict,
        )
        require_task(found.dataset, {"single"}, "compare-baseline")
        where = f"{table.path}: column {found.columns.label!r}"
        _, rare = trainable_set(found.dataset, found.confidence, where, request.rare_labels)
        said.extend(note(_OF_CONDITION, condition=name, note=n) for n in (*found.notes, *rare))
        conditions.append(
            Condition(name, found.dataset, found.confidence, request.rare_labels == "keep")
        )
        return found

    conditions: list[Condition] = []
    before = loaded(BEFORE, before_table, request.label_column)
    known = before.dataset.labels
    if request.mended_column is not None:
        check_column(after_table, request.mended_column, "--mended-column")
    after = loaded(AFTER, after_table, request.mended_column, mended=True, known=known)
    if request.after is None and before.columns.label == after.columns.label:
        raise ColumnError(
            f"{request.before}: column {before.columns.label!r} is to be both as given and mended; "
            "name two columns with --label-column and --mended-column"
        )
    gold = None
    if request.gold_column is not None:
        holder = before_table if request.gold_column in before_table.columns else after_table
        check_column(holder, request.gold_column, "--gold-column")
        gold = loaded(GOLD, holder, request.gold_column, known=known)
    if request.augmented is not None:
        table = augmented_table(request.augmented, request.encoding)
        loaded(AUGMENTED, table, request.mended_column, mended=True, known=known)
    further = {AUGMENTED: request.augmented, "test": request.test}
    sources |= {name: _source(path) for name, path in further.items() if path is not None}
    test, more = _tested(request, config, conditions, after, run)
    crosses = request.test is None and after.held_out is None
    trained = ComparedTables(before, after, gold)
    return CheckedTables(trained, tuple(conditions), test, (*said, *more), sources, crosses)


def _told(
    request: ComparisonRequest, table: SourceTable, run: RunRecord | None, column: str | None
) -> TableRequest:
    """Return how a table is read: as the user says, else as the run that mended it did."""
    asked = TableRequest(
        table.path,
        request.text_column,
        column,
        oos_label=request.oos_label,
        rules=request.rules,
    )
    return as_the_run(asked, table.columns, run)


def _tested(
    request: ComparisonRequest,
    config: Config,
    conditions: Sequence[Condition],
    after: LabelledTable,
    run: RunRecord | None,
) -> tuple[TestSet, list[str]]:
    """Return the test rows: of a table, else those kept for it, else those that are sure."""
    if request.test is not None:
        return _test_set(request, config, conditions, run)
    return _sure_rows(after) if after.held_out is None else _kept_rows(after, conditions)


def _test_set(
    request: ComparisonRequest,
    config: Config,
    conditions: Sequence[Condition],
    run: RunRecord | None,
) -> tuple[TestSet, list[str]]:
    """Read the test table, and take out what is trained on."""
    assert request.test is not None
    table = read_table(request.test, request.encoding, header=request.header)
    if request.test_label_column is not None:
        check_column(table, request.test_label_column, "--test-label-column")
    # What a training set has to have, such as several rows a label, a test set may go without.
    told = _told(request, table, run, None)
    columns = choose_columns(table, told.text_column, request.test_label_column)
    assert columns.label is not None
    texts, there = row_texts(table, columns, config.data.max_text_chars, strict=request.strict)
    trained = {label for condition in conditions for label in condition.training_set().labels}
    read, said = given_labels(table, columns.label, told.rules, trained)
    labels = [read[row] for row in there.tolist()]
    rows = np.flatnonzero([bool(label) for label in labels])
    left_out = {
        meant("test: {rows} rows have no text and are left out"): len(table) - len(texts),
        meant("test: {rows} rows have no label and are left out"): len(labels) - len(rows),
    }
    notes = [note("test: {note:name}", note=line) for line in said]
    notes += [note(sentence, rows=n) for sentence, n in left_out.items() if n]
    oos = request.oos_label or _oos_of(conditions, labels, config)
    strange = Counter(labels[row] for row in rows)
    strange -= Counter({label: strange[label] for label in {*trained, oos} if label in strange})
    if strange:
        told_of = (
            f"{len(strange)} {'label was' if len(strange) == 1 else 'labels were'} never trained "
            f"on: {_label_list(sorted(strange))}"
        )
        if strange.total() == len(rows):
            raise InputError(
                f"{request.test}: column {columns.label!r}: {told_of}; mend the test table, or "
                "name another column with --test-label-column"
            )
        line = note(
            "test: {count} {count:one=label was|other=labels were} never trained on: {labels}; "
            "{wrong} of {rows} rows count as wrong",
            count=len(strange),
            labels=_label_list(sorted(strange)),
            wrong=strange.total(),
            rows=len(rows),
        )
        notes.append(line)
    overlap = overlapping_rows(
        [texts[row] for row in rows], [condition.dataset.texts for condition in conditions]
    )
    if len(overlap):
        line = note(
            "{count} of {rows} test rows have a text that is trained on; they stay in, as told"
            if request.keep_overlap
            else "{count} of {rows} test rows have a text that is trained on; they are taken out "
            "of the test",
            count=len(overlap),
            rows=len(rows),
        )
        notes.append(line)
        if not request.keep_overlap:
            rows = np.delete(rows, overlap)
    if not len(rows):
        raise InputError(
            f"{request.test}: no labelled row is left whose text is not trained on; give other "
            "texts, or keep those with --keep-overlap"
        )
    return TestSet(
        tuple(texts[row] for row in rows), tuple(labels[row] for row in rows), oos
    ), notes


def _kept_rows(after: LabelledTable, conditions: Sequence[Condition]) -> tuple[TestSet, list[str]]:
    """Return the rows that `labelmend augment --split` kept for testing.

    Raises:
        InputError: all are trained on.
    """
    dataset, labels = after.dataset, after.held_out
    assert labels is not None
    rows = np.flatnonzero(labels != NO_LABEL)
    trained = [condition.training_set().texts for condition in conditions]
    rows = np.delete(rows, overlapping_rows([dataset.texts[row] for row in rows], trained))
    if not len(rows):
        raise InputError(
            f"{after.table.path}: no row that augment --split kept for testing is left: all are "
            "trained on; give --test"
        )
    oos = None if dataset.oos is None else dataset.labels[dataset.oos]
    test = TestSet(
        tuple(dataset.texts[row] for row in rows),
        tuple(dataset.labels[labels[row]] for row in rows),
        oos,
    )
    return test, [f"tested on the {len(rows)} rows that augment --split kept; {KEPT_LABELS}"]


def augmented_table(path: Path, encoding: str | None) -> SourceTable:
    """Read a table that `labelmend augment` wrote.

    Raises:
        InputError: it is another one.
    """
    table = read_table(path, encoding)
    if descent_columns(table) is None:
        raise InputError(
            f"{path}: does not tell which rows are new; give the table that labelmend augment wrote"
        )
    return table


def without_judge(config: Config, augmented: Path | None) -> tuple[Config, tuple[str, ...]]:
    """Take the encoder that judged new texts out of the classifiers' space, where others are left.

    It let in what it finds near; classifiers that read it would flatter what it let in.

    Args:
        config: the encoders.
        augmented: the table with new texts, or None.

    Returns:
        the configuration, and a note where something was taken out, or could not be.
    """
    judge = None if augmented is None else judge_of(augmented)
    left = tuple(encoder for encoder in config.encoders if encoder.model != judge)
    if judge is None or len(left) == len(config.encoders):
        return config, ()
    if not left:
        return config, (
            note(
                "{judge} judged the new texts, and the classifiers read it, too: this flatters "
                "them",
                judge=judge,
            ),
        )
    return replace(config, encoders=left), (
        note(
            "{judge} judged the new texts, so no classifier of this comparison reads it",
            judge=judge,
        ),
    )


def judge_of(augmented: Path) -> str | None:
    """Return the encoder that judged the new texts of a table; None where no record tells."""
    try:
        said = parsed_json(read_regular(record_beside(augmented)))
        return str(said["judge"]["encoder"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _label_list(labels: Sequence[str]) -> str:
    """Return labels for a message: the first ones, then how many more."""
    shown = ", ".join(map(repr, labels[:_SHOWN_LABELS]))
    more = len(labels) - _SHOWN_LABELS
    return f"{shown} and {more} more" if more > 0 else shown


def _sure_rows(after: LabelledTable) -> tuple[TestSet, list[str]]:
    """Return the rows whose mended label labelmend is sure of, one a text; with notes.

    Labels of fewer than two such texts are not tested.

    Raises:
        InputError: there are none, or no confidence says which.
    """
    table, dataset = after.table, after.dataset
    if CONFIDENCE not in table.columns:
        raise InputError(
            f"{table.path}: no test set, and no column {CONFIDENCE!r} that says which rows can "
            "stand for one; give --test, or a table that labelmend wrote"
        )
    confidence = read_confidence(table, np.flatnonzero([bool(t.strip()) for t in dataset.texts]))
    is_sure = confidence >= SURE
    is_sure[list(dataset.made_from)] = False
    if not (is_sure & (dataset.given != NO_LABEL)).any():
        raise InputError(
            f"{table.path}: no row has a confidence of at least {SURE}, so nothing can stand for a "
            "test set; give --test"
        )
    sure = Condition("sure", dataset, is_sure.astype(np.float64)).training_set()
    if not len(sure):
        raise InputError(
            f"{table.path}: no label has two texts with a confidence of at least {SURE}, so "
            "nothing can stand for a test set; give --test"
        )
    notes = []
    carried = {dataset.labels[k] for k in dataset.given if k != NO_LABEL}
    untested = sorted(carried - set(sure.labels))
    if untested:
        line = note(
            "{count} {count:one=label has|other=labels have} fewer than two sure texts and "
            "{count:one=is|other=are} not tested: {labels}",
            count=len(untested),
            labels=_label_list(untested),
        )
        notes.append(line)
    oos = None if dataset.oos is None else dataset.labels[dataset.oos]
    labels = tuple(sure.labels[k] for k in sure.main_labels())
    return TestSet(sure.texts, labels, oos), notes


def _oos_of(conditions: Sequence[Condition], labels: Sequence[str], config: Config) -> str | None:
    """Return the out-of-scope label: that of the training sets, else one of the test set."""
    trained = (
        condition.dataset.labels[condition.dataset.oos]
        for condition in conditions
        if condition.dataset.oos is not None
    )
    known = {name.casefold() for name in config.data.oos_labels}
    tested = (label for label in sorted(set(labels)) if label.strip().casefold() in known)
    return next(chain(trained, tested), None)


def _source(path: Path) -> dict[str, Any]:
    return {
        "path": recorded(path),
        "sha256": table_digest(path),
    }
