"""Tables in, a comparison out: what the command `compare-baseline` measures."""

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.heads.base import Head
from labelmend.classify.heads.logreg import LogisticRegressionHead
from labelmend.classify.heads.registry import find_head
from labelmend.configs.load import config_to_dict
from labelmend.configs.schema import Config
from labelmend.evaluation.baseline import (
    Condition,
    TrainingRun,
    Vectors,
    check_folds,
    cleanlab_conditions,
    run_all,
)
from labelmend.evaluation.compare import Outcome
from labelmend.evaluation.comparison import (
    AFTER,
    AUGMENTED,
    BEFORE,
    SCHEMA_VERSION,
    Comparison,
    ComparisonRequest,
    compare_runs,
    outcome_record,
    overall,
    training_run_record,
)
from labelmend.evaluation.error_analysis.analysis import analyse_errors
from labelmend.evaluation.error_analysis.counts import ErrorCounts, count_errors
from labelmend.evaluation.peer import Peer
from labelmend.evaluation.unfinished import RunLog
from labelmend.evaluation.word_vectors import WordVectors
from labelmend.extras import installed_versions, require
from labelmend.protocols import Progress
from labelmend.retrieval.space import open_space
from labelmend.retrieval.tuned import notes_on_tuned
from labelmend.types import NO_LABEL
from labelmend.version import __version__
from labelmend.voice.speak import meant
from labelmend.weights.locate import LocatedModel, locate
from labelmend.weights.packages import require_encoders
from labelmend.workflows.compared import CheckedTables, read_tables, without_judge

_LIBRARIES = (
    *("numpy", "scipy", "scikit-learn", "lightgbm"),
    *("sentence-transformers", "torch", "onnxruntime"),
)

FLATTERS = meant(
    "no test set was given, so this is cross-validation on the rows whose mended label labelmend "
    "is sure of; it flatters: their labels come from labelmend itself, so an error of its own "
    "counts as right, and sure rows are the easy ones. Give --test with labels that a person "
    "checked"
)


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
        require(peer, by=f"--peer {peer}")
    config, told = without_judge(config, request.augmented)
    heads = [find_head(kind) for kind in kinds]
    begun = tuple(model for head in heads for model in head.check(config.classify))
    require_encoders(config.encoders, by=f"profile {config.profile}")
    tables = read_tables(request, config)
    if cross_validate := tables.cross_validated:
        check_folds(tables.conditions, tables.test, config.classify.folds, seeds)
    models = tuple(locate(encoder.model) for encoder in config.encoders)
    vectors, seen = _vectors(tables, config, models, progress)
    models, seen = (*models, *begun), (*seen, *notes_on_tuned(begun, vectors.texts))
    conditions = list(tables.conditions)
    if peer is not None:
        conditions += _peers(tables, vectors, config, seeds, point)
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
    augmented = [] if request.augmented is None else kinds
    augmentation = compare_runs(runs, augmented, tables.test, AFTER, AUGMENTED, config.seed)
    notes = (*told, *tables.notes, *([FLATTERS] if cross_validate else []), *seen)
    errors = _errors(conditions, vectors, config, progress)
    sizes = {one.name: int((one.dataset.given != NO_LABEL).sum()) for one in conditions}
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
            **_found_record(sizes, outcomes, runs, augmentation, errors),
            "models": model_records(models),
            "notes": list(notes),
            "versions": setting.versions,
        },
        augmentation=augmentation,
        errors=errors,
    )


def _peers(
    tables: CheckedTables,
    vectors: Vectors,
    config: Config,
    seeds: Sequence[int],
    point: OperatingPoint,
) -> tuple[Condition, ...]:
    """Return what cleanlab makes of the labels as given."""
    given = tables.conditions[0]
    peers = cleanlab_conditions(given, vectors, config.classify, point, config.seed)
    if tables.cross_validated:
        check_folds(peers, tables.test, config.classify.folds, seeds)
    return peers


def _errors(
    conditions: Sequence[Condition], vectors: Vectors, config: Config, progress: Progress
) -> ErrorCounts:
    """Say what stands behind the mended labels, on the embeddings that are there already."""
    mended = next(one for one in conditions if one.name == AFTER)
    data, head = mended.training_set(), LogisticRegressionHead()
    found = analyse_errors(
        data, vectors.of(data.texts), config.classify, head, config.seed, progress
    )
    pair_of = found.pair_of(mended.dataset)
    rows = np.flatnonzero(pair_of >= 0)
    return count_errors(found, rows, pair_of[rows], mended.dataset.texts)


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
        **installed_versions(libraries),
    }


def _log(
    path: Path, tables: CheckedTables, vectors: Vectors, config: Config, setting: _Setting
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
    request: ComparisonRequest, config: Config, tables: CheckedTables, setting: _Setting
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
    sizes: dict[str, int],
    outcomes: Sequence[Outcome],
    runs: Sequence[TrainingRun],
    augmentation: Sequence[Outcome],
    errors: ErrorCounts,
) -> dict[str, Any]:
    """Return as JSON what the comparison found."""
    helped = {
        "verdict": overall(augmentation),
        "outcomes": [outcome_record(outcome) for outcome in augmentation],
    }
    return {
        **({"augmentation": helped} if augmentation else {}),
        "conditions": sizes,
        "verdict": overall(outcomes),
        "outcomes": [outcome_record(outcome) for outcome in outcomes],
        "runs": [training_run_record(run) for run in runs],
        "errors": errors.to_json(),
    }


def _vectors(
    tables: CheckedTables, config: Config, models: Sequence[LocatedModel], progress: Progress
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
    vectors = WordVectors(every, embeddings, space, models)
    return vectors, (*space.notes, *notes_on_tuned(models, every))


def model_records(models: Sequence[LocatedModel]) -> list[dict[str, str]]:
    """Return what a record says of each model."""
    return [{"name": m.name, "sha256": m.digest, "source": m.source} for m in models]
