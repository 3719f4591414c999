"""A challenger: trained on what is known, in a space that no held-out text has a say in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.data import TrainingSet
from labelmend.classify.folder import locate_encoders
from labelmend.classify.heads.base import Fitted, TrainingTask
from labelmend.classify.heads.registry import find_head
from labelmend.classify.model_folder import load_model
from labelmend.classify.space import EncodersUsed, ProfileSpace
from labelmend.configs.schema import Config
from labelmend.evaluation.baseline import TestSet, TrainingRun, Vectors, tested_run
from labelmend.protocols import Progress
from labelmend.retrain.known import Known
from labelmend.retrieval.space import open_space
from labelmend.types import Floats

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

    @property
    def known(self) -> "KnownSpace":
        """The space for whoever trains in it, as far as texts are placed by now."""
        return KnownSpace(self.space, self.vectors)

    def place(self, texts: Sequence[str]) -> Vectors:
        """Place further texts, and return the vectors of all so far."""
        new = sorted(set(texts) - self._known)
        if new:
            self._embeddings = np.vstack([self._embeddings, self.space.queries(new)])
            self._texts += new
            self._known.update(new)
            self.vectors = Vectors(self._texts, self._embeddings)
        return self.vectors


class KnownSpace(ProfileSpace):
    """A profile's space in which the texts of a step lie already.

    They are looked up; what else a kind of classifier asks for is embedded where they were.
    """

    def __init__(self, space: ProfileSpace, vectors: Vectors) -> None:
        """Remember both.

        Args:
            space: that has placed the texts.
            vectors: of all of them.
        """
        super().__init__(())
        self._whole, self._vectors = space, vectors
        self._placed = frozenset(vectors.texts)

    def fit(self, texts: Sequence[str], progress: Progress) -> Floats:
        """Return float32 [u, d], texts of the step: the space stays as it is."""
        return self._vectors.fit(texts, progress)

    def queries(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], looked up if all of them are texts of the step."""
        if self._placed.issuperset(texts):
            return self._vectors.queries(texts)
        return self._whole.queries(texts)

    def words(self) -> tuple[str, ...]:
        """Return the words of the encoders' vocabularies."""
        return self._whole.words()

    def encoders(self, texts: Sequence[str]) -> EncodersUsed:
        """Return the encoders, with notes on them."""
        return self._whole.encoders(texts)


def train_challenger(
    data: TrainingSet,
    space: KnownSpace,
    config: Config,
    kind: str,
    point: OperatingPoint,
    work: Path,
    progress: Progress,
) -> Fitted:
    """Train a classifier.

    Args:
        data: what it learns from.
        space: in which all texts of it lie.
        config: the settings.
        kind: of the classifier.
        point: the operating point of out-of-scope detection.
        work: folder for what a training leaves behind, of its own; the caller removes it.
        progress: hears how far the work is.

    Raises:
        ConfigError: the operating point can't be had.
    """
    task = TrainingTask(data, space, config.classify, point, config.seed, work)
    return find_head(kind).fit(task, progress)


def test_challenger(fitted: Fitted, data: TrainingSet, test: TestSet, seed: int) -> TrainingRun:
    """Hold a challenger to the test rows, in the space that it reads: a student's is its own."""
    found = fitted.predict(test.texts)
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
