"""The kind `finetune`: an encoder that learns with its classifier; held-out texts calibrate it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import log_softmax

from labelmend.classify.calibrate import (
    LEAST_OOS_TEXTS,
    OperatingPoint,
    choose_threshold,
    fit_detector,
    fit_sharpness,
    oos_signs,
    trade_off,
)
from labelmend.classify.classifier import Classifier, Nearness, Predictions, assemble
from labelmend.classify.data import TrainingSet
from labelmend.classify.learners import LinearScorer
from labelmend.classify.train import CURVE_POINTS, Training, reference_texts, stratified_folds
from labelmend.classify.tuning import Tuned, check_tunable, tune
from labelmend.configs.schema import ClassifyConfig, EncoderConfig, FinetuneConfig
from labelmend.protocols import NoProgress, Progress
from labelmend.retrieval.space import TextSpace, open_space
from labelmend.types import Bools, Doubles, Floats
from labelmend.weights.locate import LocatedModel, locate

_LEAST_HELD_OUT_OOS = 10
"""Held-out out-of-scope texts from which their signs can be learned."""


@dataclass(frozen=True)
class Finetuned:
    """A fine-tuned classifier.

    Attributes:
        training: the classifier, and what held-out texts say of it.
        encoder: settings of its encoder, whose `model` is a path.
        located: the encoder.
        base: the encoder that it was before.
        means: nothing is taken away from its vectors; see `TextSpace.means`.
        tuned: how the training went.
    """

    training: Training
    encoder: EncoderConfig
    located: LocatedModel
    base: LocatedModel
    means: tuple[Doubles, ...]
    tuned: Tuned

    def space(self) -> TextSpace:
        """Return the space in which the classifier reads texts."""
        return open_space((self.encoder,), (self.located,), self.means)


def finetune(
    data: TrainingSet,
    config: ClassifyConfig,
    point: OperatingPoint,
    seed: int,
    work: Path,
    progress: Progress,
) -> Finetuned:
    """Fine-tune an encoder with its classifier, and calibrate it on held-out texts.

    Other kinds learn on all texts and are calibrated by models that have not seen them. Here that
    would take a fine-tuning a fold, so a share of the texts (`finetune.held_out`) is never trained
    on: it ends the training, calibrates the probabilities and sets the bar for out-of-scope. Where
    it holds too few out-of-scope texts to learn their signs from, these count the same.

    Args:
        data: at least two labels, each of at least two texts (`data.check_trainable`).
        config: the classifier's settings.
        point: the operating point of out-of-scope detection.
        seed: of all that is drawn.
        work: folder for checkpoints and the tuned encoder; the caller removes it.
        progress: hears how far the work is.

    Raises:
        ConfigError: the operating point can't be had.
        ModelError: the encoder can't be fine-tuned.
        OutputError: the folder holds something else.
    """
    settings = config.finetune
    base = locate(settings.encoder)
    check_tunable(settings, base)
    held_out = held_out_texts(data, settings.held_out, seed)
    tuned = tune(data, held_out, config, base, seed, work, progress)
    encoder = _encoder_config(settings, str(tuned.folder))
    located = locate(encoder.model)
    width = len(tuned.head.weights)
    means = (np.zeros(width),)
    space = open_space((encoder,), (located,), means)
    progress.start("calibrate", len(data.texts))
    embeddings = space.queries(data.texts)
    progress.advance(len(data.texts))
    training = _calibrated(data, embeddings, tuned.head, held_out, config, point, seed)
    return Finetuned(training, encoder, located, base, means, tuned)


def held_out_texts(data: TrainingSet, share: float, seed: int) -> Bools:
    """Return bool [u], about that share of each label's texts, one in-scope text at least.

    A label has two texts or more, and is never held out whole.
    """
    main = data.main_labels()
    fold_of = stratified_folds(main, max(2, round(1 / share)), seed)
    inside = main != (-1 if data.oos is None else data.oos)
    held: Bools = fold_of == fold_of[inside].min()
    return held


def finetuned_predictions(
    data: TrainingSet,
    texts: Sequence[str],
    config: ClassifyConfig,
    point: OperatingPoint,
    seed: int,
) -> tuple[Predictions, Training]:
    """Fine-tune, predict the labels of other texts, and keep no encoder.

    Raises:
        ConfigError: the operating point can't be had.
        ModelError: the encoder can't be fine-tuned.
    """
    with tempfile.TemporaryDirectory(prefix="labelmend-") as work:
        found = finetune(data, config, point, seed, Path(work), NoProgress())
        return found.training.classifier.predict(found.space().queries(texts)), found.training


def _encoder_config(settings: FinetuneConfig, model: str) -> EncoderConfig:
    return EncoderConfig(
        backend="sentence-transformers",
        model=model,
        batch_size=settings.batch_size,
        max_tokens=settings.max_tokens,
        query_prefix="",
        cache=False,
        cache_gib=0.0,
    )


def _calibrated(
    data: TrainingSet,
    embeddings: Floats,
    head: LinearScorer,
    held_out: Bools,
    config: ClassifyConfig,
    point: OperatingPoint,
    seed: int,
) -> Training:
    tested = np.flatnonzero(held_out)
    main = data.main_labels()
    scores = head.scores(embeddings)
    pairs = held_out[data.text_of]
    sharpness = fit_sharpness(
        scores[data.text_of[pairs]], data.label_of[pairs], data.weights[pairs]
    )
    inside = main != (-1 if data.oos is None else data.oos)
    references = reference_texts(inside, config.reference_texts, np.random.default_rng(seed))
    own = np.full(len(embeddings), -1, dtype=np.int64)
    own[references] = np.arange(len(references))
    nearness = Nearness(embeddings[references].astype(np.float16), config.neighbours)
    near = nearness.of(embeddings[tested], own[tested])
    logs = log_softmax(sharpness * scores[tested], axis=1)
    signs = oos_signs(logs, data.oos, near)
    weights = np.bincount(data.text_of, weights=data.weights)[tested].astype(np.float64)
    is_oos = ~inside[tested]
    enough = int(is_oos.sum()) >= _LEAST_HELD_OUT_OOS and int((~inside).sum()) >= LEAST_OOS_TEXTS
    detector = fit_detector(signs, is_oos, weights, "oos texts" if enough else "equal weights")
    bar = detector.scores(signs)
    within = (
        logs if data.oos is None else np.where(np.arange(logs.shape[1]) == data.oos, -np.inf, logs)
    )
    is_right = within.argmax(axis=1) == main[tested]
    threshold = choose_threshold(bar, is_oos, is_right, weights, point)
    detector = replace(detector, threshold=threshold)
    return Training(
        classifier=Classifier(
            "finetune", data.labels, data.oos, head, sharpness, nearness, detector
        ),
        held_out=assemble(scores[tested], sharpness, data.oos, near, detector),
        curve=trade_off(bar, is_oos, is_right, weights, CURVE_POINTS),
        point=point,
        tested=tested,
    )
