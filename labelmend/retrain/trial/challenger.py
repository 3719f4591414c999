"""A challenger: trained on what is known, in a space that no held-out text has a say in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.data import TrainingSet
from labelmend.classify.heads.base import Fitted, TrainingTask
from labelmend.classify.heads.registry import find_head
from labelmend.classify.model_folder import load_model, locate_encoders
from labelmend.classify.space import ProfileSpace
from labelmend.configs.schema import Config
from labelmend.evaluation.baseline import TestSet, TrainingRun, Vectors, tested_run
from labelmend.protocols import Progress
from labelmend.retrain.known import Known
from labelmend.retrieval.space import open_space

CHAMPION, CHALLENGER = "champion", "challenger"


class ModelWriter(Protocol):
    """Writes a trained classifier's model folder."""

    def __call__(
        self, fitted: Fitted, space: ProfileSpace, data: TrainingSet, known: Known, folder: Path
    ) -> None:
        """Write it.

        Args:
            fitted: the classifier.
            space: that it reads.
            data: what it was trained on.
            known: where that comes from.
            folder: of the model.

        Raises:
            LabelmendError: it can't be written.
        """
        ...


class Placed:
    """All texts of a step as vectors, each embedded once.

    The space is that of the texts which the first version of this step's knowledge learns from;
    held-out and new texts are placed in it, and have no say in it.
    """

    def __init__(self, config: Config, texts: Sequence[str], progress: Progress) -> None:
        """Place the texts that are learned from.

        Args:
            config: the encoders.
            texts: distinct.
            progress: hears how far the work is.

        Raises:
            ModelError: an encoder is not on this machine, or can't load.
        """
        self.space = ProfileSpace(config.encoders)
        self._texts = list(texts)
        self._known = set(texts)
        self._embeddings = self.space.fit(self._texts, progress)
        self.vectors = Vectors(self._texts, self._embeddings)

    def place(self, texts: Sequence[str]) -> Vectors:
        """Place further texts, and return the vectors of all so far."""
        new = sorted(set(texts) - self._known)
        if new:
            self._embeddings = np.vstack([self._embeddings, self.space.queries(new)])
            self._texts += new
            self._known.update(new)
            self.vectors = Vectors(self._texts, self._embeddings)
        return self.vectors


def train_challenger(
    data: TrainingSet,
    vectors: Vectors,
    config: Config,
    kind: str,
    point: OperatingPoint,
    work: Path,
    progress: Progress,
) -> Fitted:
    """Train a classifier.

    Args:
        data: what it learns from.
        vectors: of all texts of it, and of the test rows.
        config: the settings.
        kind: of the classifier.
        point: the operating point of out-of-scope detection.
        work: folder for what a training leaves behind; the caller removes it.
        progress: hears how far the work is.

    Raises:
        ConfigError: the operating point can't be had.
    """
    task = TrainingTask(data, vectors, config.classify, point, config.seed, work)
    return find_head(kind).fit(task, progress)


def test_challenger(
    fitted: Fitted, vectors: Vectors, data: TrainingSet, test: TestSet, seed: int
) -> TrainingRun:
    """Hold a challenger to the test rows."""
    found = fitted.training.classifier.predict(vectors.queries(test.texts))
    return tested_run((_KIND, CHALLENGER, seed), test, (data.labels, data.oos), found)


def test_champion(folder: Path, test: TestSet, seed: int) -> TrainingRun:
    """Hold the model of a folder to the test rows, in its own space.

    Raises:
        ModelError: it can't be read, or an encoder of it is not on this machine.
    """
    model = load_model(folder)
    space = open_space(model.encoders, locate_encoders(model, folder), model.means)
    texts = [text[: model.max_text_chars] for text in test.texts]
    found = model.classifier.predict(space.queries(texts))
    known = (model.classifier.labels, model.classifier.oos)
    return tested_run((_KIND, CHAMPION, seed), test, known, found)


test_challenger.__test__ = False  # type: ignore[attr-defined]
test_champion.__test__ = False  # type: ignore[attr-defined]

_KIND = "model"
"""What both are called where kinds of classifiers are compared: they may be of two."""
