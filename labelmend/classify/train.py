"""Training: out-of-fold scores calibrate what is then trained on all texts."""

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy.special import log_softmax
from threadpoolctl import threadpool_limits

from labelmend.classify.calibrate import (
    LEAST_OOS_TEXTS,
    OosDetector,
    OperatingPoint,
    TradeOff,
    choose_threshold,
    fit_detector,
    fit_inverse_temperature,
    oos_signs,
    trade_off,
)
from labelmend.classify.classifier import Classifier, Nearness, Predictions, assemble
from labelmend.classify.data import LEAST_TEXTS, TrainingSet
from labelmend.classify.scorer import Examples, Scorer
from labelmend.configs.schema import ClassifyConfig
from labelmend.parallel import usable_cores
from labelmend.protocols import Progress
from labelmend.types import Bools, Doubles, Floats, Ints

_LEAST_LABELS_LEFT = 2
"""A model is trained without some labels only where so many are left."""

_SIDES = 2
"""What is in scope, and what stands in for what is not: a detector learns from both."""

_UNKNOWN = 1.0
"""A label that a fold did not train on scores this much below the text's worst one."""

CURVE_POINTS = 101
"""Points of a curve that is drawn: one a per cent."""


class Learner(Protocol):
    """What is trained, on some of the texts and on all."""

    name: str

    def learn(self, examples: Examples, config: ClassifyConfig) -> Scorer:
        """Train one classifier, on one thread."""
        ...


@dataclass(frozen=True)
class Training:
    """A trained classifier and what held-out texts say of it.

    Attributes:
        classifier: trained on all texts.
        held_out: predictions of `tested` by models that have not seen them. The few numbers that
            calibrate the classifier were learned on the same texts.
        curve: what other bars for out-of-scope would do.
        point: the operating point of the bar.
        tested: int64 [t], the texts of `held_out`: all real ones, but for `finetune`.
        references: int64 [r], the texts of `classifier.nearness`.
    """

    classifier: Classifier
    held_out: Predictions
    curve: TradeOff
    point: OperatingPoint
    tested: Ints
    references: Ints


def train(
    data: TrainingSet,
    embeddings: Floats,
    config: ClassifyConfig,
    learner: Learner,
    point: OperatingPoint,
    seed: int,
    progress: Progress,
    learned_from: Floats | None = None,
) -> Training:
    """Train and calibrate one classifier.

    Args:
        data: at least two labels, each of at least two texts (`data.trainable_set`).
        embeddings: float32 [u, d], unit rows, of the distinct texts.
        config: the classifier's settings.
        learner: what is trained.
        point: the operating point of out-of-scope detection.
        seed: of the folds, and of whatever the classifier draws.
        progress: advances one step a model.
        learned_from: float32 [u, d], what is learned from instead, where a text lies elsewhere in
            training than it would if it were new (`embeddings`).

    Raises:
        ConfigError: the operating point can't be had.
    """
    training = _TrainingPlan(data, embeddings, config, learner, seed)
    if learned_from is not None:
        training.learned_from = learned_from
    stands_in = not training.has_oos and training.can_leave_labels_out
    folds = range(config.folds)
    progress.start(f"train {learner.name}", config.folds * (2 if stands_in else 1) + 1)
    parts = [training.everything, *(training.outside(fold) for fold in folds)]
    if stands_in:
        parts += [training.outside(fold, unseen=True) for fold in folds]
    whole, *held_out = _side_by_side(training.fit, parts, progress)
    scores = training.held_out_scores(held_out[: config.folds])
    tested = training.tested
    measured = training.real[data.text_of]
    inverse_temperature = fit_inverse_temperature(
        scores[data.text_of[measured]], data.label_of[measured], data.weights[measured]
    )
    detector, bar = training.detector(scores, held_out[config.folds :], inverse_temperature)
    threshold = choose_threshold(bar.scores, bar.is_oos, bar.is_right, bar.weights, point)
    detector = replace(detector, threshold=threshold)
    nearness = training.nearness.of(embeddings[tested], training.own[tested])
    return Training(
        classifier=Classifier(
            learner.name,
            data.labels,
            data.oos,
            whole.scorer,
            inverse_temperature,
            training.nearness,
            detector,
        ),
        held_out=assemble(scores[tested], inverse_temperature, data.oos, nearness, detector),
        curve=trade_off(bar.scores, bar.is_oos, bar.is_right, bar.weights, CURVE_POINTS),
        point=point,
        tested=tested,
        references=training.references,
    )


@dataclass(frozen=True)
class _Bar:
    """What a bar for out-of-scope is set by; see `choose_threshold`."""

    scores: Doubles
    is_oos: Bools
    is_right: Bools
    weights: Doubles


@dataclass(frozen=True)
class _LabelScorer:
    """A scorer that was trained on some of the labels, as one of all."""

    scorer: Scorer
    present: Ints
    label_count: int

    def scores(self, embeddings: Floats) -> Doubles:
        """Return float64 [b, K]."""
        return spread_scores(self.scorer.scores(embeddings), self.present, self.label_count)


class _TrainingPlan:
    """One training: its folds, its references, its models."""

    def __init__(
        self,
        data: TrainingSet,
        embeddings: Floats,
        config: ClassifyConfig,
        learner: Learner,
        seed: int,
    ) -> None:
        self.data = data
        self.embeddings = self.learned_from = embeddings
        self.config = config
        self.learner = learner
        self.seed = seed
        self.main = data.main_labels()
        self.real = data.real()
        self.tested = np.flatnonzero(self.real)
        # New texts are in no fold: they are trained on beyond those that they are made from.
        self.fold_of = np.full(len(self.main), -1, dtype=np.int64)
        self.fold_of[self.tested] = stratified_folds(self.main[self.tested], config.folds, seed)
        self.text_weights: Doubles = np.bincount(data.text_of, weights=data.weights).astype(
            np.float64
        )
        self.inside = self.main != (-1 if data.oos is None else data.oos)
        rng = np.random.default_rng(seed)
        labels = rng.permutation([k for k in range(len(data.labels)) if k != data.oos])
        self.group_of = np.full(len(data.labels), -1, dtype=np.int64)
        self.group_of[labels] = np.arange(len(labels)) % config.folds
        references = reference_texts(self.inside & self.real, config.reference_texts, rng)
        self.references = references
        self.own = np.full(len(embeddings), -1, dtype=np.int64)
        self.own[references] = np.arange(len(references))
        self.nearness = Nearness(embeddings[references].astype(np.float16), config.neighbours)
        self.everything = np.ones(len(embeddings), dtype=bool)

    @property
    def has_oos(self) -> bool:
        """Whether there are enough out-of-scope texts to learn from."""
        return int((~self.inside & self.real).sum()) >= LEAST_OOS_TEXTS

    @property
    def can_leave_labels_out(self) -> bool:
        """Whether labels can be left out to stand in for what is out of scope."""
        labels = int((self.group_of >= 0).sum())
        group = -(-labels // self.config.folds)
        # A label of one text is not there outside its fold.
        there = np.bincount(self.main[self.inside], minlength=len(self.data.labels)) >= LEAST_TEXTS
        return int(there.sum()) - group >= _LEAST_LABELS_LEFT

    def outside(self, fold: int, *, unseen: bool = False) -> Bools:
        """Return bool [u], the texts beyond a fold; if `unseen`, without its group of labels."""
        texts: Bools = self.fold_of != fold
        if self.data.made_from:
            texts &= ~self.data.descends_from(~texts)
        return np.logical_and(texts, self.group_of[self.main] != fold) if unseen else texts

    def fit(self, texts: Bools) -> _LabelScorer:
        """Train on some of the texts."""
        data = self.data
        pairs = np.flatnonzero(texts[data.text_of])
        present, labels = np.unique(data.label_of[pairs], return_inverse=True)
        weights = data.weights[pairs]
        examples = Examples(
            embeddings=self.learned_from[data.text_of[pairs]],
            labels=labels.astype(np.int64),
            weights=weights / weights.mean(),
            label_count=len(present),
            seed=self.seed,
        )
        scorer = self.learner.learn(examples, self.config)
        return _LabelScorer(scorer, present, len(data.labels))

    def held_out_scores(self, scorers: Sequence[_LabelScorer]) -> Doubles:
        """Return float64 [u, K], each text's scores by the model that has not seen it.

        New texts have none.
        """
        scores = np.full((len(self.embeddings), len(self.data.labels)), np.nan)
        for fold, scorer in enumerate(scorers):
            texts = self.fold_of == fold
            if texts.any():
                scores[texts] = scorer.scores(self.embeddings[texts])
        return scores

    def detector(
        self, scores: Doubles, unseen: Sequence[_LabelScorer], inverse_temperature: float
    ) -> tuple[OosDetector, _Bar]:
        """Learn the detector, and gather what its bar is set by."""
        oos, tested = self.data.oos, self.tested
        weights, is_inside = self.text_weights[tested], self.inside[tested]
        logs = log_softmax(inverse_temperature * scores[tested], axis=1)
        near = self.nearness.of(self.embeddings[tested], self.own[tested])
        signs = oos_signs(logs, oos, near)
        inside = logs if oos is None else np.where(np.arange(logs.shape[1]) == oos, -np.inf, logs)
        is_right = inside.argmax(axis=1) == self.main[tested]
        if self.has_oos:
            detector = fit_detector(signs, ~is_inside, weights, "oos texts", self.config.oos_trust)
            return detector, _Bar(detector.scores(signs), ~is_inside, is_right, weights)
        left_out = self.group_of[self.main[tested]] == self.fold_of[tested]
        # In a small table, no text of a label may be in the fold that leaves the label out.
        if not unseen or len(np.unique(left_out[is_inside])) < _SIDES:
            detector = fit_detector(signs, ~is_inside, weights, "equal weights")
            return detector, _Bar(detector.scores(signs), ~is_inside, is_right, weights)
        blind_signs = self._blind_signs(unseen, inverse_temperature)
        detector = fit_detector(
            blind_signs[is_inside],
            left_out[is_inside],
            weights[is_inside],
            "left-out labels",
            self.config.oos_trust,
        )
        # What is in scope is measured on models that know all labels, as the final one does.
        known, stand_in = is_inside, is_inside & left_out
        return detector, _Bar(
            scores=np.concatenate(
                [detector.scores(signs[known]), detector.scores(blind_signs[stand_in])]
            ),
            is_oos=np.repeat([False, True], [known.sum(), stand_in.sum()]),
            is_right=np.concatenate([is_right[known], np.zeros(stand_in.sum(), dtype=bool)]),
            weights=np.concatenate([weights[known], weights[stand_in]]),
        )

    def _blind_signs(self, unseen: Sequence[_LabelScorer], inverse_temperature: float) -> Doubles:
        """Return float64 [t, s], signs where the group of labels of a text's fold is unknown."""
        scores = self.held_out_scores(unseen)[self.tested]
        logs = log_softmax(inverse_temperature * scores, axis=1)
        nearness = np.empty(len(self.embeddings))
        for fold in range(self.config.folds):
            texts = self.fold_of == fold
            if not texts.any():
                continue
            known = self.group_of[self.main[self.references]] != fold
            place = np.where(known, np.cumsum(known) - 1, -1)
            own = np.where(self.own >= 0, place[self.own], -1)
            part = replace(self.nearness, references=self.nearness.references[known])
            nearness[texts] = part.of(self.embeddings[texts], own[texts])
        return oos_signs(logs, self.data.oos, nearness[self.tested])


def spread_scores(scores: Doubles, present: Ints, label_count: int) -> Doubles:
    """Return scores [b, present] as [b, K]; labels that were not trained on score below all."""
    if len(present) == label_count:
        return scores
    spread = np.repeat(scores.min(axis=1, keepdims=True) - _UNKNOWN, label_count, axis=1)
    spread[:, present] = scores
    return spread


def reference_texts(inside: Bools, most: int, rng: np.random.Generator) -> Ints:
    """Return int64, ascending, in-scope texts that stand for what is in scope; drawn if many."""
    references = np.flatnonzero(inside)
    if len(references) > most:
        references = np.sort(rng.choice(references, most, replace=False))
    return references


def stratified_folds(labels: Ints, folds: int, seed: int) -> Ints:
    """Return int64 [u], a fold of each text: each label's texts are dealt out in turn.

    A label of two texts or more is in two folds or more.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold_of = np.empty(len(labels), dtype=np.int64)
    fold_of[order] = np.arange(len(labels)) % folds
    return fold_of


def _side_by_side(
    fit: Callable[[Bools], _LabelScorer], parts: Sequence[Bools], progress: Progress
) -> list[_LabelScorer]:
    """Train a model a core: most of a training runs on one, however many threads BLAS has."""
    from sklearn.exceptions import ConvergenceWarning

    found = []
    with (
        warnings.catch_warnings(),
        threadpool_limits(1),
        ThreadPoolExecutor(usable_cores()) as pool,
    ):
        # Set here, not where it is raised: warning filters are shared by all threads.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="Only one sample available")
        for scorer in pool.map(fit, parts):
            found.append(scorer)
            progress.advance()
    return found
