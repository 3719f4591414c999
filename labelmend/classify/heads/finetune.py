"""The kind `finetune`: an encoder that learns with its classifier; held-out texts calibrate it."""

import importlib.metadata
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import log_softmax

from labelmend.classify.calibrate import (
    LEAST_OOS_TEXTS,
    OosSource,
    choose_threshold,
    fit_detector,
    fit_inverse_temperature,
    oos_signs,
    trade_off,
)
from labelmend.classify.classifier import Classifier, Nearness, assemble
from labelmend.classify.data import TrainingSet
from labelmend.classify.finetune.tuning import LIBRARIES, check_tunable, tune
from labelmend.classify.heads.base import Fitted, TrainingTask
from labelmend.classify.heads.estimator import EstimatorScorer, read_estimator
from labelmend.classify.heads.logreg import LogisticRegressionHead
from labelmend.classify.space import EncodersUsed
from labelmend.classify.train import CURVE_POINTS, Training, reference_texts, stratified_folds
from labelmend.configs.schema import ClassifyConfig, EncoderConfig, FinetuneConfig
from labelmend.protocols import Progress
from labelmend.retrieval.encoders.windows import Windows
from labelmend.retrieval.space import open_space
from labelmend.retrieval.tuned import notes_on_tuned
from labelmend.types import Bools, Floats
from labelmend.weights.locate import LocatedModel, locate

_LEAST_HELD_OUT_OOS = 10
"""Held-out out-of-scope texts from which their signs can be learned."""


class FinetuneHead:
    """An encoder and a linear classifier on its vectors; held-out texts calibrate them.

    Other kinds learn on all texts and are calibrated by models that have not seen them. Here that
    would take a fine-tuning a fold, so a share of the texts (`finetune.held_out`) is never trained
    on: it ends the training, calibrates the probabilities and sets the bar for out-of-scope. Where
    it holds too few out-of-scope texts to learn their signs from, these count the same.
    """

    name = "finetune"
    libraries: tuple[str, ...] = LIBRARIES
    tunes_encoder = True

    def check(self, config: ClassifyConfig) -> tuple[LocatedModel, ...]:
        """Return the encoder that it begins with.

        Raises:
            ExtraMissingError: a library is missing.
            ModelMissingError: the encoder is missing.
            ModelError: the encoder can't be fine-tuned.
        """
        base = locate(config.finetune.encoder)
        check_tunable(config.finetune, base)
        return (base,)

    def fit(self, task: TrainingTask, progress: Progress) -> Fitted:
        """Fine-tune an encoder with its classifier, and calibrate it on held-out texts.

        Raises:
            ConfigError: the operating point can't be had.
            ModelError: the encoder can't be fine-tuned.
            OutputError: the folder for checkpoints holds something else.
        """
        data, config = task.data, task.config
        (base,) = self.check(config)
        held_out = held_out_texts(data, config.finetune.held_out, task.seed)
        tuned = tune(data, held_out, config, base, task.seed, task.work, progress)
        encoder = tuned_encoder(config.finetune, str(tuned.folder))
        located = locate(encoder.model)
        means = (np.zeros(tuned.head.model.n_features_in_),)
        space = open_space((encoder,), (located,), means)
        progress.start("calibrate", len(data.texts))
        embeddings = space.queries(data.texts)
        progress.advance(len(data.texts))
        training = _calibrated(task, embeddings, tuned.head, held_out)
        notes = [
            f"the figures are of {len(training.tested):,} texts that were not trained on; they "
            "also ended the training and calibrated it",
            *notes_on_tuned([base], data.texts),
        ]
        windows = Windows(located.path, encoder)
        cut = sum(windows.is_cut(text, "") for text in data.texts)
        if cut:
            notes.append(
                f"{cut:,} of {len(data.texts):,} texts are longer than {windows.limit} tokens, and "
                "cut; classify.finetune.max_tokens sets where"
            )
        if tuned.resumed_at:
            notes.append(f"an interrupted training went on from step {tuned.resumed_at}")
        facts = {
            "held_out_texts": len(training.tested),
            "steps": tuned.steps,
            "best_step": tuned.best_step,
            "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        }
        encoders = EncodersUsed(
            (base,), (encoder,), (located.digest,), means, tuple(notes), tuned.folder
        )
        return Fitted(training, space, encoders, {"finetune": facts})

    def load(self, folder: Path) -> EstimatorScorer:
        """Read the linear classifier; its encoder lies beside it in the model folder.

        Raises:
            ModelError: it can't be read.
        """
        return read_estimator(folder, LogisticRegressionHead.estimators)


def held_out_texts(data: TrainingSet, share: float, seed: int) -> Bools:
    """Return bool [u], about that share of each label's real texts, one in-scope text at least.

    A label has two texts or more, and is never held out whole.
    """
    real = np.flatnonzero(data.real())
    main = data.main_labels()[real]
    fold_of = stratified_folds(main, max(2, round(1 / share)), seed)
    inside = main != (-1 if data.oos is None else data.oos)
    held = np.zeros(len(data.texts), dtype=bool)
    held[real] = fold_of == fold_of[inside].min()
    return held


def tuned_encoder(settings: FinetuneConfig, model: str) -> EncoderConfig:
    """Return the settings of an encoder that has learned, by its folder."""
    return EncoderConfig(
        backend="sentence-transformers",
        model=model,
        batch_size=settings.batch_size,
        max_tokens=settings.max_tokens,
        max_windows=1,  # as it learned
        query_prefix="",
        cache=False,
        cache_gib=0.0,
    )


def _calibrated(
    task: TrainingTask, embeddings: Floats, head: EstimatorScorer, held_out: Bools
) -> Training:
    data, config, point = task.data, task.config, task.point
    tested = np.flatnonzero(held_out)
    main = data.main_labels()
    scores = head.scores(embeddings)
    pairs = held_out[data.text_of]
    inverse_temperature = fit_inverse_temperature(
        scores[data.text_of[pairs]], data.label_of[pairs], data.weights[pairs]
    )
    inside = main != (-1 if data.oos is None else data.oos)
    references = reference_texts(
        inside & data.real(), config.reference_texts, np.random.default_rng(task.seed)
    )
    own = np.full(len(embeddings), -1, dtype=np.int64)
    own[references] = np.arange(len(references))
    nearness = Nearness(embeddings[references].astype(np.float16), config.neighbours)
    near = nearness.of(embeddings[tested], own[tested])
    logs = log_softmax(inverse_temperature * scores[tested], axis=1)
    signs = oos_signs(logs, data.oos, near)
    weights = np.bincount(data.text_of, weights=data.weights)[tested].astype(np.float64)
    is_oos = ~inside[tested]
    enough = int(is_oos.sum()) >= _LEAST_HELD_OUT_OOS and int((~inside).sum()) >= LEAST_OOS_TEXTS
    source: OosSource = "oos texts" if enough else "equal weights"
    detector = fit_detector(signs, is_oos, weights, source, config.oos_trust)
    bar = detector.scores(signs)
    within = (
        logs if data.oos is None else np.where(np.arange(logs.shape[1]) == data.oos, -np.inf, logs)
    )
    is_right = within.argmax(axis=1) == main[tested]
    threshold = choose_threshold(bar, is_oos, is_right, weights, point)
    detector = replace(detector, threshold=threshold)
    return Training(
        classifier=Classifier(
            "finetune", data.labels, data.oos, head, inverse_temperature, nearness, detector
        ),
        held_out=assemble(scores[tested], inverse_temperature, data.oos, near, detector),
        curve=trade_off(bar, is_oos, is_right, weights, CURVE_POINTS),
        point=point,
        tested=tested,
        references=references,
    )
