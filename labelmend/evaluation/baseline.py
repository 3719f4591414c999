"""The same classifiers on several versions of the labels, tested on the same rows."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from labelmend.classify.calibrate import OperatingPoint, TradeOff, trade_off
from labelmend.classify.classifier import Predictions
from labelmend.classify.data import (
    LEAST_LABELS,
    LEAST_TEXTS,
    TrainingSet,
    few_texts,
    training_set,
    without_labels,
)
from labelmend.classify.heads.base import TrainingTask
from labelmend.classify.heads.logreg import LogisticRegressionHead
from labelmend.classify.heads.registry import find_head
from labelmend.classify.train import Training, stratified_folds, train
from labelmend.configs.schema import ClassifyConfig
from labelmend.data.dataset import label_indices
from labelmend.data.descendants import descending
from labelmend.data.duplicates import text_key
from labelmend.errors import InputError
from labelmend.evaluation.compare import Answers, TestRows
from labelmend.evaluation.evaluate import Metrics, called_labels, evaluate
from labelmend.evaluation.peer import cleanlab_labels
from labelmend.protocols import NoProgress, Progress
from labelmend.types import Dataset, Doubles, Floats, Ints

_CURVE_POINTS = 101
"""Thresholds of a trade-off curve: one a per cent."""


@dataclass(frozen=True)
class Condition:
    """One version of the labels: as given, mended, gold, or a peer's.

    Attributes:
        name: what tables call it.
        dataset: its rows.
        confidence: float64 [n], how much each row counts.
        keeps_rare: whether labels of a single text are trained on.
    """

    name: str
    dataset: Dataset
    confidence: Doubles
    keeps_rare: bool = False

    def training_set(self) -> TrainingSet:
        """Return what is trained on: labels of a single text are left out unless they are kept."""
        return self._training_set

    @cached_property
    def _training_set(self) -> TrainingSet:
        data = training_set(self.dataset, self.confidence)
        few = [data.labels[k] for k in few_texts(data)]
        if not few or self.keeps_rare:
            return data
        return training_set(without_labels(self.dataset, few), self.confidence)


@dataclass(frozen=True)
class TestSet:
    """Rows whose labels are held for true.

    Attributes:
        texts: one a row.
        labels: their labels.
        oos: the label that means out-of-scope, or None.
    """

    __test__ = False  # no test of pytest's

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    oos: str | None


@dataclass(frozen=True)
class TrainingRun:
    """One training and its test: one kind of classifier in one condition with one seed.

    Attributes:
        kind: of the classifier.
        condition: name of the version of the labels.
        seed: of the training.
        metrics: on the test rows.
        curve: what other bars for out-of-scope would do to the test rows.
        called: the labels, one a test row.
        flagged: whether the row is called out of scope.
    """

    kind: str
    condition: str
    seed: int
    metrics: Metrics
    curve: TradeOff
    called: tuple[str, ...]
    flagged: tuple[bool, ...]


class Vectors:
    """The embeddings of all texts that may be trained or tested on."""

    def __init__(self, texts: Sequence[str], embeddings: Floats) -> None:
        """Remember where each text is.

        Args:
            texts: distinct.
            embeddings: float32 [len(texts), d], unit rows.
        """
        self.texts = tuple(texts)
        self._place = {text: i for i, text in enumerate(texts)}
        self._embeddings = embeddings

    def of(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d]; for an unknown spelling, the text's first known one."""
        return self._embeddings[[self._find(text) for text in texts]]

    def fit(self, texts: Sequence[str], progress: Progress) -> Floats:  # noqa: ARG002
        """Return the embeddings of texts that are trained on: they are there."""
        return self.of(texts)

    def queries(self, texts: Sequence[str]) -> Floats:
        """Return the embeddings of texts that are tested."""
        return self.of(texts)

    def _find(self, text: str) -> int:
        # Which spelling stands for a text depends on the rows that are trained on, and so on the
        # labels that a fold or cleanlab leaves out.
        place = self._place.get(text)
        return self._place_of_key[text_key(text)] if place is None else place

    @cached_property
    def _place_of_key(self) -> dict[str, int]:
        backwards = reversed(list(enumerate(self.texts)))
        return {text_key(text): i for i, text in backwards}


def train_and_test(
    condition: Condition,
    kind: str,
    seed: int,
    test: TestSet,
    vectors: Vectors,
    config: ClassifyConfig,
    point: OperatingPoint,
) -> TrainingRun:
    """Train in one condition and test.

    Raises:
        ConfigError: the operating point can't be had.
    """
    data = condition.training_set()
    found, _ = _predicted(data, test.texts, kind, seed, vectors, config, point)
    return tested_run((kind, condition.name, seed), test, (data.labels, data.oos), found)


def cross_validated_run(
    condition: Condition,
    kind: str,
    seed: int,
    test: TestSet,
    vectors: Vectors,
    config: ClassifyConfig,
    point: OperatingPoint,
) -> TrainingRun:
    """Test each fold of the test rows on a classifier that was trained without its texts.

    Rows that are tested nowhere are trained on always, but for those that were made from a text of
    the fold. The seed draws the folds.

    Args:
        condition: one that passes `check_folds`.
        kind: of the classifier.
        seed: of the folds and the trainings.
        test: the test rows.
        vectors: of all texts.
        config: the classifiers' settings.
        point: the operating point of out-of-scope detection.

    Raises:
        ConfigError: the operating point can't be had.
    """
    fold_of = _fold_of_keys(test, config.folds, seed)
    test_folds = np.array([fold_of[text_key(text)] for text in test.texts])
    condition_folds = np.array(
        [fold_of.get(text_key(text), -1) for text in condition.dataset.texts]
    )
    whole = condition.training_set()
    parts: list[tuple[Ints, Predictions]] = []
    trainings: list[Training] = []
    for fold in np.unique(test_folds):
        rows = np.flatnonzero(test_folds == fold)
        held = condition_folds == fold
        held |= descending(condition.dataset.made_from, held)
        kept = np.where(held, 0.0, condition.confidence)
        data = replace(condition, confidence=kept).training_set()
        texts = [test.texts[i] for i in rows]
        found, done = _predicted(data, texts, kind, seed, vectors, config, point)
        parts.append((rows, _in_labels(found, data.labels, whole.labels)))
        trainings.append(done)
    rows = np.concatenate([rows for rows, _ in parts])
    back = np.argsort(rows)
    joined = Predictions(
        labels=np.concatenate([p.labels for _, p in parts])[back],
        is_oos=np.concatenate([p.is_oos for _, p in parts])[back],
        oos_scores=np.concatenate(on_one_scale([p.oos_scores for _, p in parts], trainings))[back],
        probabilities=np.concatenate([p.probabilities for _, p in parts])[back],
    )
    return tested_run((kind, condition.name, seed), test, (whole.labels, whole.oos), joined)


def on_one_scale(scores: Sequence[Doubles], trainings: Sequence[Training]) -> list[Doubles]:
    """Return the out-of-scope scores of several detectors so that they can be told apart as one's.

    They become the log-odds of out-of-scope where all detectors have learned these; else how far
    they are above the detector's own bar, in standard deviations of its held-out scores. Within a
    detector their order stays.

    Args:
        scores: float64 [b], by detector.
        trainings: of the detectors.
    """
    detectors = [done.classifier.detector for done in trainings]
    # A slope that is not positive would turn the order round.
    if all(d.slope is not None and d.offset is not None and d.slope > 0 for d in detectors):
        return [
            float(d.slope or 0) * part + float(d.offset or 0)
            for part, d in zip(scores, detectors, strict=True)
        ]
    held_out = [done.held_out.oos_scores for done in trainings]
    bars = [d.threshold for d in detectors]
    if not np.isfinite(bars).all():  # a bar that flags all or nothing is no place on the scale
        bars = [float(np.median(part)) for part in held_out]
    spreads = [float(part.std()) or 1.0 for part in held_out]
    return [(part - bar) / spread for part, bar, spread in zip(scores, bars, spreads, strict=True)]


def check_folds(
    conditions: Sequence[Condition], test: TestSet, folds: int, seeds: Sequence[int]
) -> None:
    """Make sure that cross-validation leaves each condition enough to train on.

    Raises:
        InputError: outside some fold, fewer than two labels have two texts.
    """
    dealt = [(seed, _fold_of_keys(test, folds, seed)) for seed in seeds]
    for condition in conditions:
        # Not `condition.training_set()`: each fold drops its own labels. A text is in a fold or not
        # as a whole, so its main label is the same everywhere.
        data = training_set(condition.dataset, condition.confidence)
        keys, main = [text_key(text) for text in data.texts], data.main_labels()
        for seed, fold_of in dealt:
            place = np.array([fold_of.get(key, -1) for key in keys])
            for fold in sorted(set(fold_of.values())):
                left = (place != fold) & ~data.descends_from(place == fold)
                if (np.bincount(main[left]) >= LEAST_TEXTS).sum() < LEAST_LABELS:
                    raise InputError(
                        f"{condition.name}: cross-validation with seed {seed} leaves fewer than "
                        "two labels of two texts each to train on; give --test"
                    )


def _fold_of_keys(test: TestSet, folds: int, seed: int) -> dict[str, int]:
    """Return the fold of each test text, by its `text_key`."""
    order = sorted(range(len(test.texts)), key=lambda i: text_key(test.texts[i]))
    labels = sorted(set(test.labels))
    dealt = stratified_folds(label_indices(labels, [test.labels[i] for i in order]), folds, seed)
    return dict(zip([text_key(test.texts[i]) for i in order], dealt.tolist(), strict=True))


def _predicted(
    data: TrainingSet,
    texts: Sequence[str],
    kind: str,
    seed: int,
    vectors: Vectors,
    config: ClassifyConfig,
    point: OperatingPoint,
) -> tuple[Predictions, Training]:
    """Train a classifier and let it predict texts."""
    # What a training leaves behind, such as an encoder that learned, goes with its folder.
    with tempfile.TemporaryDirectory(prefix="labelmend-") as work:
        task = TrainingTask(data, vectors, config, point, seed, Path(work))
        found = find_head(kind).fit(task, NoProgress())
        return found.predict(texts), found.training


def cleanlab_conditions(
    condition: Condition, vectors: Vectors, config: ClassifyConfig, point: OperatingPoint, seed: int
) -> tuple[Condition, Condition]:
    """Return what cleanlab makes of a condition: flagged rows taken out, and relabelled.

    It gets the calibrated out-of-fold probabilities of our logistic regression.

    Raises:
        ConfigError: the operating point can't be had.
        InputError: it leaves fewer than two labels of two texts each.
    """
    data = condition.training_set()
    learner = LogisticRegressionHead()
    done = train(data, vectors.of(data.texts), config, learner, point, seed, NoProgress())
    place = {text_key(data.texts[text]): i for i, text in enumerate(done.tested)}
    kept = np.array([place.get(text_key(text), -1) for text in condition.dataset.texts])
    given = label_indices(
        data.labels,
        [condition.dataset.labels[k] if k >= 0 else None for k in condition.dataset.given],
    )
    rows = np.flatnonzero((given >= 0) & (kept >= 0))
    versions = []
    for name, labels in zip(
        ("cleanlab pruned", "cleanlab relabelled"),
        cleanlab_labels(given[rows], done.held_out.probabilities[kept[rows]]),
        strict=True,
    ):
        mended = np.full(len(given), -1, dtype=np.int64)
        mended[rows] = labels
        dataset = replace(condition.dataset, given=mended, labels=data.labels, oos=data.oos)
        version = Condition(name, dataset, condition.confidence)
        if len(version.training_set().labels) < LEAST_LABELS:
            raise InputError(
                f"{name}: cleanlab leaves fewer than two labels of two texts each to train on; "
                "compare without --peer"
            )
        versions.append(version)
    return versions[0], versions[1]


def answers_of(runs: Sequence[TrainingRun], labels: Sequence[str]) -> Answers:
    """Return what the runs of one kind and condition say, one seed each, as indices of `labels`."""
    return Answers(
        called=np.stack([label_indices(labels, run.called) for run in runs]),
        flagged=np.array([run.flagged for run in runs], dtype=bool),
    )


def test_rows(test: TestSet, labels: Sequence[str]) -> TestRows:
    """Return the test rows as indices of `labels`, which hold all that is true or called."""
    truth = label_indices(labels, test.labels)
    return TestRows(truth, np.array([label == test.oos for label in test.labels]), len(labels))


test_rows.__test__ = False  # type: ignore[attr-defined]


class KnownRuns(Protocol):
    """Remembers runs, so that an interrupted comparison need not train them again."""

    def find(self, condition: Condition, kind: str, seed: int) -> TrainingRun | None:
        """Return a run that is known."""
        ...

    def add(self, condition: Condition, run: TrainingRun) -> None:
        """Remember a run."""
        ...


def run_all(
    conditions: Sequence[Condition],
    kinds: Sequence[str],
    seeds: Sequence[int],
    test: TestSet,
    vectors: Vectors,
    config: ClassifyConfig,
    point: OperatingPoint,
    progress: Progress,
    *,
    cross_validate: bool,
    known: KnownRuns | None = None,
) -> tuple[TrainingRun, ...]:
    """Train and test every kind in every condition with every seed.

    Args:
        conditions: the versions of the labels.
        kinds: of classifiers.
        seeds: of the trainings.
        test: the test rows.
        vectors: of all texts.
        config: the classifiers' settings.
        point: the operating point of out-of-scope detection.
        progress: advances one step a run.
        cross_validate: the test rows are rows of the training set too.
        known: runs that need not be trained, and where those that are trained go.
    """
    once = cross_validated_run if cross_validate else train_and_test
    progress.start("train and test", len(conditions) * len(kinds) * len(seeds))
    runs = []
    for kind in kinds:
        for seed in seeds:
            for condition in conditions:
                run = known.find(condition, kind, seed) if known else None
                if run is None:
                    run = once(condition, kind, seed, test, vectors, config, point)
                    if known:
                        known.add(condition, run)
                runs.append(run)
                progress.advance()
    return tuple(runs)


def by_condition(runs: Sequence[TrainingRun], kind: str) -> Mapping[str, list[TrainingRun]]:
    """Return the runs of one kind, by condition, in the order of the seeds."""
    found: dict[str, list[TrainingRun]] = {}
    for run in runs:
        if run.kind == kind:
            found.setdefault(run.condition, []).append(run)
    return found


def tested_run(
    called: tuple[str, str, int],
    test: TestSet,
    known: tuple[tuple[str, ...], int | None],
    found: Predictions,
) -> TrainingRun:
    """Hold what a classifier of `known` labels and out-of-scope index says to the truth."""
    labels = (*known[0], *sorted(set(test.labels) - set(known[0])))
    oos = labels.index(test.oos) if test.oos in labels else None
    truth = label_indices(labels, test.labels)
    inside = found.probabilities.copy()
    if known[1] is not None:
        inside[:, known[1]] = -1.0
    is_oos = truth == (-1 if oos is None else oos)
    right, weights = inside.argmax(axis=1) == truth, np.ones(len(truth))
    return TrainingRun(
        *called,
        evaluate(truth, found, labels, oos),
        trade_off(found.oos_scores, is_oos, right, weights, _CURVE_POINTS),
        tuple(labels[k] for k in called_labels(found, oos)),
        tuple(found.is_oos.tolist()),
    )


def _in_labels(found: Predictions, known: Sequence[str], labels: Sequence[str]) -> Predictions:
    """Return predictions over some labels as ones over all."""
    place = label_indices(labels, known)
    probabilities = np.zeros((len(found.labels), len(labels)))
    probabilities[:, place] = found.probabilities
    return replace(found, labels=place[found.labels], probabilities=probabilities)
