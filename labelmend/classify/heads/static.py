"""The kind `static`: static vectors that imitate the profile's encoders, and a linear head."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from labelmend.arrays import principal_axes, unit_rows
from labelmend.classify.data import TrainingSet
from labelmend.classify.heads.base import Fitted, TrainingTask
from labelmend.classify.heads.estimator import EstimatorScorer, read_estimator
from labelmend.classify.heads.logreg import LogisticRegressionHead
from labelmend.classify.scorer import Examples
from labelmend.classify.space import EncodersUsed, ProfileSpace, Space
from labelmend.classify.static.distil import (
    Features,
    SumFeatures,
    features_of,
    fit_vectors,
    targets_of,
    vectors_of,
)
from labelmend.classify.static.vocabulary import (
    LONGEST,
    WordSpace,
    save_tokenizer,
    student_tokenizer,
)
from labelmend.classify.train import stratified_folds, train
from labelmend.configs.schema import ClassifyConfig, EncoderConfig
from labelmend.extras import require
from labelmend.protocols import Progress
from labelmend.retrieval.space import open_space
from labelmend.types import Doubles, Floats, Ints
from labelmend.weights.locate import LocatedModel, locate

FOLDER = "student"

_MANY_TEXTS = 50_000
"""Above, a student is made of each half of the texts to calibrate by, not of all but a fold: that
is two more, and not five."""

_HALVES = 2
"""Folds of a table of so many texts."""

_BATCH = 256
"""Texts that the student reads at a time; no vector depends on it."""


class StaticHead:
    """Static vectors that are distilled from the profile's encoders, tuned on the table's labels.

    A text's place in training is nearer to the encoders' than that of a new text would be, so a
    student without the text's fold says where it would lie: held-out scores, the out-of-scope
    detector and the texts that it compares with are those.
    """

    name = "static"
    libraries: tuple[str, ...] = ("numpy", "scipy", "scikit-learn", "tokenizers", "onnxruntime")
    tunes_encoder = False
    makes_encoder = True

    def check(self, config: ClassifyConfig) -> tuple[LocatedModel, ...]:  # noqa: ARG002
        """Return no model: it begins with the profile's encoders alone.

        Raises:
            ExtraMissingError: what runs the student is missing.
        """
        require("onnx", "onnxruntime", "tokenizers", by="--kind static")
        return ()

    def learn(self, examples: Examples, config: ClassifyConfig) -> EstimatorScorer:
        """Train one linear classifier on the student's vectors."""
        return LogisticRegressionHead().learn(examples, config)

    def fit(self, task: TrainingTask, progress: Progress) -> Fitted:
        """Distil a student, and train and calibrate a classifier on its vectors.

        Raises:
            ConfigError: the operating point can't be had.
            ModelError: an encoder is not on this machine.
        """
        data, config = task.data, _fitting(task.config, len(task.data.texts))
        settings = config.static
        placed = task.space.fit(data.texts, progress)
        teacher = unit_rows(placed @ principal_axes(placed, settings.dimensions)[1])
        words = task.space if isinstance(task.space, WordSpace) else None
        progress.start("distil", config.folds + 2)
        tokenizer, tokens = student_tokenizer(data.texts, words.words() if words else (), settings)
        features = features_of(data.texts, tokenizer, tokens, words, settings)
        progress.advance()
        everything = np.arange(len(data.texts))
        weights, known = _student(features.texts, teacher, everything, data, config)
        progress.advance()
        unseen = known.copy()
        for fold, outside in _folds(data, config.folds, task.seed):
            part, _ = _student(features.texts, teacher, outside, data, config)
            unseen[fold] = unit_rows(features.texts[fold].times(part))
            progress.advance()
        training = train(
            *(data, unseen, config, self, task.point, task.seed, progress), learned_from=known
        )
        settings_of_student, located = _written(
            features, weights, known.mean(axis=0), tokenizer, task.work / FOLDER
        )
        means = (np.zeros(known.shape[1]),)
        space = open_space((settings_of_student,), (located,), means)
        return Fitted(
            training,
            space,
            _used(task.space, data.texts, settings_of_student, located, means),
            {"static": {"tokens": len(tokens), "pairs": len(features.pairs)}},
        )

    def load(self, folder: Path) -> EstimatorScorer:
        """Read the linear classifier; its encoder lies beside it in the model folder.

        Raises:
            ModelError: it can't be read.
        """
        return read_estimator(folder, LogisticRegressionHead.estimators)


def _fitting(config: ClassifyConfig, texts: int) -> ClassifyConfig:
    """Return the settings of a training on so many texts."""
    most = min(config.reference_texts, config.static.reference_texts)
    folds = config.folds if texts <= _MANY_TEXTS else _HALVES
    return replace(config, reference_texts=most, folds=folds)


def _folds(data: TrainingSet, folds: int, seed: int) -> list[tuple[Ints, Ints]]:
    """Return the texts of each fold, as `train` deals them, and those that it is scored without."""
    tested = np.flatnonzero(data.real())
    fold_of = np.full(len(data.texts), -1, dtype=np.int64)
    fold_of[tested] = stratified_folds(data.main_labels()[tested], folds, seed)
    found = []
    for fold in range(folds):
        inside = fold_of == fold
        if inside.any():
            outside = ~inside & ~data.descends_from(inside)
            found.append((np.flatnonzero(inside), np.flatnonzero(outside)))
    return found


def _student(
    rows: SumFeatures, teacher: Floats, texts: Ints, data: TrainingSet, config: ClassifyConfig
) -> tuple[Floats, Floats]:
    """Fit a student to some texts; return its weights, and float32 [b, d], where they lie."""
    labels, part = data.main_labels()[texts], rows[texts]
    targets = targets_of(teacher[texts], labels, data.oos, config.static.label_pull)
    weights = fit_vectors(part, targets, config.static)
    return weights, unit_rows(part.times(weights))


def _written(
    features: Features, weights: Floats, mean: Floats, tokenizer: object, folder: Path
) -> tuple[EncoderConfig, LocatedModel]:
    """Write the student, and return it as an encoder."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(tokenizer, folder)
    vectors_of(features, weights, mean).save(folder)
    config = EncoderConfig(
        backend="onnx",
        model=str(folder),
        batch_size=_BATCH,
        max_tokens=LONGEST,
        max_windows=1,  # it reads the whole of a text
        cache=False,
        cache_gib=0.0,
    )
    return config, locate(config.model)


def _used(
    space: Space,
    texts: Sequence[str],
    settings: EncoderConfig,
    located: LocatedModel,
    means: tuple[Doubles, ...],
) -> EncodersUsed:
    """Return the student as a model folder has it, with the encoders that it was made from."""
    models: tuple[LocatedModel, ...] = (located,)
    notes: tuple[str, ...] = ()
    if isinstance(space, ProfileSpace):
        teachers = space.encoders(texts)
        models, notes = teachers.models, teachers.notes
    return EncodersUsed(models, (settings,), (located.digest,), means, notes, located.path)
