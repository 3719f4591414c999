"""Tables in, a comparison out: what the command `compare-baseline` measures."""

import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.data import (
    CONFIDENCE,
    MENDED,
    LabelledTable,
    check_trainable,
    labelled_table,
    overlapping_rows,
    read_confidence,
    row_texts,
    training_set,
)
from labelmend.classify.heads.base import Head
from labelmend.classify.heads.registry import find_head
from labelmend.configs.load import config_to_dict
from labelmend.configs.schema import Config
from labelmend.data.dataset import check_column, choose_columns
from labelmend.data.read import read_table
from labelmend.data.table import SourceTable
from labelmend.data.task import require_task
from labelmend.errors import ColumnError, InputError
from labelmend.evaluation.baseline import (
    Condition,
    TestSet,
    TrainingRun,
    Vectors,
    check_folds,
    cleanlab_conditions,
    run_all,
)
from labelmend.evaluation.compare import Outcome
from labelmend.evaluation.comparison import (
    AFTER,
    BEFORE,
    GOLD,
    SCHEMA_VERSION,
    ComparedTables,
    Comparison,
    ComparisonRequest,
    compare_runs,
    outcome_record,
    overall,
    training_run_record,
)
from labelmend.evaluation.peer import Peer, check_peer
from labelmend.evaluation.unfinished import RunLog
from labelmend.protocols import Progress
from labelmend.retrieval.space import open_space
from labelmend.retrieval.tuned import notes_on_tuned
from labelmend.types import NO_LABEL
from labelmend.version import __version__
from labelmend.weights.locate import LocatedModel, locate

SURE = 0.95
"""Rows of at least this confidence are tested on where there is no test set."""

_SHOWN_LABELS = 5
"""Labels that a message names; of more it says how many."""

_LIBRARIES = (
    *("numpy", "scipy", "scikit-learn", "lightgbm"),
    *("sentence-transformers", "torch", "onnxruntime"),
)

FLATTERS = (
    "no test set was given, so this is cross-validation on the rows whose mended label labelmend "
    "is sure of; it flatters: their labels come from labelmend itself, so an error of its own "
    "counts as right, and sure rows are the easy ones. Give --test with labels that a person "
    "checked"
)


@dataclass(frozen=True)
class _Tables:
    """The checked input."""

    trained: ComparedTables
    conditions: tuple[Condition, ...]
    test: TestSet
    notes: tuple[str, ...]
    sources: dict[str, dict[str, Any]]


def compare_tables(
    request: ComparisonRequest,
    config: Config,
    kinds: Sequence[str],
    seeds: Sequence[int],
    point: OperatingPoint,
    progress: Progress,
    *,
    peer: Peer | None = None,
    unfinished: Path | None = None,
) -> Comparison:
    """Train the same classifiers on the labels as given and as mended, and say what is better.

    Args:
        request: the tables.
        config: the encoders and the classifiers' settings.
        kinds: of classifiers.
        seeds: of the trainings, which draw their folds; at least one.
        point: the operating point of out-of-scope detection.
        progress: hears how far the work is.
        peer: compare with what it makes of the labels, too.
        unfinished: file of what is trained, from which a run that was interrupted goes on; it is
            left to the caller to delete it. None to go without.

    Raises:
        LabelmendError: the input can't be used, or that file can't be written.
    """
    if peer is not None:
        check_peer()
    heads = [find_head(kind) for kind in kinds]
    begun = tuple(model for head in heads for model in head.check(config.classify))
    tables = _read(request, config)
    cross_validate = request.test is None
    if cross_validate:
        check_folds(tables.conditions, tables.test, config.classify.folds, seeds)
    models = tuple(locate(encoder.model) for encoder in config.encoders)
    vectors, seen = _vectors(tables, config, models, progress)
    models = (*models, *begun)
    seen = (*seen, *notes_on_tuned(begun, vectors.texts))
    conditions = list(tables.conditions)
    if peer is not None:
        peers = cleanlab_conditions(conditions[0], vectors, config.classify, point, config.seed)
        if cross_validate:
            check_folds(peers, tables.test, config.classify.folds, seeds)
        conditions += peers
    setting = _Setting(cross_validate, tuple(seeds), point, models, _versions(heads))
    runs = run_all(
        conditions,
        kinds,
        seeds,
        tables.test,
        vectors,
        config.classify,
        point,
        progress,
        cross_validate=cross_validate,
        known=None if unfinished is None else _log(unfinished, tables, vectors, config, setting),
    )
    outcomes = compare_runs(runs, kinds, tables.test, BEFORE, AFTER, config.seed)
    notes = (*tables.notes, *([FLATTERS] if cross_validate else []), *seen)
    sizes = {
        condition.name: int((condition.dataset.given != NO_LABEL).sum()) for condition in conditions
    }
    return Comparison(
        tables=tables.trained,
        runs=runs,
        outcomes=outcomes,
        conditions=sizes,
        test_rows=len(tables.test.texts),
        cross_validated=cross_validate,
        notes=notes,
        record={
            **_asked_record(request, config, tables, setting),
            **_found_record(sizes, outcomes, runs),
            "models": _model_records(models),
            "notes": list(notes),
            "versions": setting.versions,
        },
    )


@dataclass(frozen=True)
class _Setting:
    """How classifiers are compared."""

    cross_validate: bool
    seeds: tuple[int, ...]
    point: OperatingPoint
    models: tuple[LocatedModel, ...]
    versions: dict[str, str]


def _versions(heads: Sequence[Head]) -> dict[str, str]:
    libraries = (*_LIBRARIES, *(name for head in heads for name in head.libraries))
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in libraries},
    }


def _log(
    path: Path, tables: _Tables, vectors: Vectors, config: Config, setting: _Setting
) -> RunLog:
    """Return the log of the runs that are trained, under a digest of all that changes them."""
    asked = config_to_dict(config)
    facts = [
        *(__version__, setting.versions, vectors.texts, vars(tables.test), setting.cross_validate),
        *(asked["classify"], asdict(setting.point), [m.digest for m in setting.models]),
        asked["encoders"],
    ]
    plain = json.dumps(facts, sort_keys=True, default=list).encode()
    return RunLog(path, hashlib.sha256(plain).hexdigest())


def _asked_record(
    request: ComparisonRequest, config: Config, tables: _Tables, setting: _Setting
) -> dict[str, Any]:
    """Return as JSON what was compared, and how."""
    return {
        "schema_version": SCHEMA_VERSION,
        "labelmend": __version__,
        "input": tables.sources,
        "test_rows": len(tables.test.texts),
        "cross_validated": setting.cross_validate,
        "seeds": list(setting.seeds),
        "config": config_to_dict(config),
        "weighted_by_confidence": request.weigh,
        "operating_point": {"goal": setting.point.goal, "value": setting.point.value},
    }


def _found_record(
    sizes: dict[str, int], outcomes: Sequence[Outcome], runs: Sequence[TrainingRun]
) -> dict[str, Any]:
    """Return as JSON what the comparison found."""
    return {
        "conditions": sizes,
        "verdict": overall(outcomes),
        "outcomes": [outcome_record(outcome) for outcome in outcomes],
        "runs": [training_run_record(run) for run in runs],
    }


def _vectors(
    tables: _Tables, config: Config, models: Sequence[LocatedModel], progress: Progress
) -> tuple[Vectors, tuple[str, ...]]:
    """Embed all texts; with what the user should know of it.

    The space is that of the training texts: what is tested on has no say in it.
    """
    space = open_space(config.encoders, models)
    training = {text for condition in tables.conditions for text in condition.training_set().texts}
    texts = sorted(training)
    tested = sorted(set(tables.test.texts) - training)
    embeddings = space.fit(texts, progress)
    if tested:
        progress.start("embed test texts", len(tested))
        embeddings = np.vstack([embeddings, space.queries(tested)])
        progress.advance(len(tested))
    space.release()
    every = [*texts, *tested]
    return Vectors(every, embeddings), (*space.notes, *notes_on_tuned(models, every))


def _model_records(models: Sequence[LocatedModel]) -> list[dict[str, str]]:
    return [{"name": m.name, "sha256": m.digest, "source": m.source} for m in models]


def _read(request: ComparisonRequest, config: Config) -> _Tables:
    """Read and check all tables."""
    before_table = read_table(request.before, request.encoding)
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

    def loaded(
        table: SourceTable, column: str | None, *, mended: bool, weigh: bool = False
    ) -> LabelledTable:
        found = labelled_table(
            table,
            config.data,
            text_column=request.text_column,
            label_column=column,
            oos_label=request.oos_label,
            weigh=weigh,
            mended=mended,
        )
        require_task(found.dataset, {"single"}, "compare-baseline")
        data = training_set(found.dataset, found.confidence)
        check_trainable(data, f"{table.path}: column {found.columns.label!r}")
        return found

    before = loaded(before_table, request.label_column, mended=False)
    if request.mended_column is not None:
        check_column(after_table, request.mended_column, "--mended-column")
    after = loaded(after_table, request.mended_column, mended=True, weigh=request.weigh)
    if request.after is None and before.columns.label == after.columns.label:
        raise ColumnError(
            f"{request.before}: column {before.columns.label!r} is to be both as given and mended; "
            "name two columns with --label-column and --mended-column"
        )
    notes = [
        f"{name}: {note}" for name, t in ((BEFORE, before), (AFTER, after)) for note in t.notes
    ]
    conditions = [Condition(BEFORE, before.dataset, before.confidence)]
    conditions.append(Condition(AFTER, after.dataset, after.confidence))
    gold = None
    if request.gold_column is not None:
        holder = before_table if request.gold_column in before_table.columns else after_table
        check_column(holder, request.gold_column, "--gold-column")
        gold = loaded(holder, request.gold_column, mended=False)
        conditions.append(Condition(GOLD, gold.dataset, gold.confidence))
    trained = ComparedTables(before, after, gold)
    if request.test is None:
        test, more = _sure_rows(after)
        return _Tables(trained, tuple(conditions), test, (*notes, *more), sources)
    sources["test"] = _source(request.test)
    test, more = _test_set(request, config, conditions)
    return _Tables(trained, tuple(conditions), test, (*notes, *more), sources)


def _test_set(
    request: ComparisonRequest, config: Config, conditions: Sequence[Condition]
) -> tuple[TestSet, list[str]]:
    """Read the test table, and take out what is trained on."""
    assert request.test is not None
    table = read_table(request.test, request.encoding)
    if request.test_label_column is not None:
        check_column(table, request.test_label_column, "--test-label-column")
    # What a training set has to have, such as several rows a label, a test set may go without.
    columns = choose_columns(table, request.text_column, request.test_label_column)
    assert columns.label is not None
    texts = row_texts(table, columns.text, config.data.max_text_chars)
    labels = [label if label.strip() else "" for label in table.values(columns.label)]
    rows = np.flatnonzero([bool(label) for label in labels])
    notes = []
    if len(rows) < len(labels):
        notes.append(f"test: {len(labels) - len(rows)} rows have no label and are left out")
    oos = request.oos_label or _oos_of(conditions, labels, config)
    trained = {
        condition.dataset.labels[k]
        for condition in conditions
        for k in condition.dataset.given
        if k != NO_LABEL
    }
    unknown = sorted({labels[row] for row in rows} - trained - {oos})
    if unknown:
        raise InputError(
            f"{request.test}: column {columns.label!r}: {len(unknown)} "
            f"{'label was' if len(unknown) == 1 else 'labels were'} never trained on: "
            f"{_label_list(unknown)}; mend the test table, or name another column with "
            "--test-label-column"
        )
    overlap = overlapping_rows(
        [texts[row] for row in rows], [condition.dataset.texts for condition in conditions]
    )
    if len(overlap):
        kept = "they stay in, as told" if request.keep_overlap else "they are taken out of the test"
        notes.append(
            f"{len(overlap)} of {len(rows)} test rows have a text that is trained on; {kept}"
        )
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
    confidence = read_confidence(table)
    is_sure = confidence >= SURE
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
        have = "label has" if len(untested) == 1 else "labels have"
        are = "is" if len(untested) == 1 else "are"
        notes.append(
            f"{len(untested)} {have} fewer than two sure texts and {are} not tested: "
            f"{_label_list(untested)}"
        )
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
        "path": os.fsencode(path).decode(errors="replace"),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
