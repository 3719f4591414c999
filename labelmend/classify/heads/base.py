"""The seam for kinds of classifiers.

A kind is a class that an entry point of the group `labelmend.classifiers` names; it is made without
arguments. Most kinds read the embeddings as they are: they subclass `EmbeddingHead`
(`heads/embedding.py`) and say how to `learn` from `Examples`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.classifier import Predictions
from labelmend.classify.data import TrainingSet
from labelmend.classify.scorer import Scorer
from labelmend.classify.space import EncodersUsed, Space
from labelmend.classify.train import Training
from labelmend.configs.schema import ClassifyConfig
from labelmend.protocols import Progress
from labelmend.weights.locate import LocatedModel


@dataclass(frozen=True)
class TrainingTask:
    """What is to be trained.

    Attributes:
        data: at least two labels, each of at least two texts (`data.trainable_set`).
        space: the profile's; its encoders load when it is first asked.
        config: the classifiers' settings.
        point: the operating point of out-of-scope detection.
        seed: of all that is drawn.
        work: folder for checkpoints and an encoder that learns; the caller removes it.
    """

    data: TrainingSet
    space: Space
    config: ClassifyConfig
    point: OperatingPoint
    seed: int
    work: Path


@dataclass(frozen=True)
class Fitted:
    """A trained classifier, and the space that it reads.

    Attributes:
        training: the classifier, and what held-out texts say of it.
        space: places further texts for it.
        encoders: of that space, where it is not the task's.
        card: what a model card should say beside the usual; plain JSON values.
    """

    training: Training
    space: Space
    encoders: EncodersUsed | None = None
    card: Mapping[str, Any] = field(default_factory=dict)

    def predict(self, texts: Sequence[str]) -> Predictions:
        """Classify texts."""
        return self.training.classifier.predict(self.space.queries(texts))


@runtime_checkable
class Head(Protocol):
    """A kind of classifier."""

    name: str
    """What `--kind` and model cards call it; the entry point has the same."""

    libraries: tuple[str, ...]
    """Distributions whose versions change what it learns."""

    tunes_encoder: bool
    """Whether an encoder of its own learns with it; else it reads the profile's as they are."""

    # A kind may also have `makes_encoder = True`: see the function of that name.

    def check(self, config: ClassifyConfig) -> tuple[LocatedModel, ...]:
        """Find out before any work whether it can train here.

        Returns:
            models that it begins with, beside the profile's encoders.

        Raises:
            LabelmendError: something is missing.
        """
        ...

    def fit(self, task: TrainingTask, progress: Progress) -> Fitted:
        """Train and calibrate a classifier.

        Raises:
            ConfigError: the operating point can't be had.
            LabelmendError: it can't be trained.
        """
        ...

    def load(self, folder: Path) -> Scorer:
        """Read what a trained head of this kind wrote (`Scorer.save`), and run no code in it.

        Raises:
            ModelError: it can't be read.
        """
        ...


def makes_encoder(head: Head) -> bool:
    """Tell whether what a kind trains comes with an encoder of its own, in the model folder.

    So it is where an encoder is tuned, and where one is made that imitates the profile's.
    """
    return head.tunes_encoder or bool(getattr(head, "makes_encoder", False))
