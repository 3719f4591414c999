"""Kinds that read embeddings as they are: what they share but for what learns."""

from abc import ABC, abstractmethod
from pathlib import Path

from labelmend.classify.heads.base import Fitted, TrainingTask
from labelmend.classify.scorer import Examples, Scorer
from labelmend.classify.train import train
from labelmend.configs.schema import ClassifyConfig
from labelmend.protocols import Progress
from labelmend.weights.locate import LocatedModel


class EmbeddingHead(ABC):
    """A kind that learns from the embeddings of texts; see `Head`."""

    name: str
    libraries: tuple[str, ...] = ()
    tunes_encoder = False
    estimators: tuple[str, ...] = ()
    """Names of the only classes of scikit-learn's that may be in its file; none for any."""

    @abstractmethod
    def learn(self, examples: Examples, config: ClassifyConfig) -> Scorer:
        """Train one classifier, on one thread: as many as there are cores are trained at a time."""

    def check(self, config: ClassifyConfig) -> tuple[LocatedModel, ...]:  # noqa: ARG002
        """Return no model: it begins with the profile's encoders alone."""
        return ()

    def fit(self, task: TrainingTask, progress: Progress) -> Fitted:
        """Train on all texts, calibrated by models that have not seen them."""
        embeddings = task.space.fit(task.data.texts, progress)
        training = train(task.data, embeddings, task.config, self, task.point, task.seed, progress)
        return Fitted(training, task.space)

    def load(self, folder: Path) -> Scorer:
        """Read a scikit-learn classifier (`EstimatorScorer`); other kinds read their own."""
        from labelmend.classify.heads.estimator import read_estimator

        return read_estimator(folder, self.estimators)
