"""What computes predictions: the ONNX export of a model, or the model as `predict` runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from labelmend.classify.classifier import Classifier
from labelmend.onnx.onnx_folder import OnnxClassifier, OnnxEncoders
from labelmend.retrieval.space import TextSpace
from labelmend.types import Bools, Doubles, Floats, Ints

Vectors = Mapping[str, Floats]
"""Float32 [b, d_i] of each encoder, by a name that the engine gives it."""

_PLACED = "placed"


@dataclass(frozen=True)
class Scored:
    """What a model says of a batch.

    Attributes:
        labels: int64 [b], the label of each text.
        is_oos: bool [b], flagged as fitting no label.
        probabilities: float64 [b, K], calibrated.
    """

    labels: Ints
    is_oos: Bools
    probabilities: Doubles

    def top(self, count: int) -> Ints:
        """Return int64 [b, count], the most probable labels, best first; ties to the smaller."""
        most = min(count, self.probabilities.shape[1])
        return np.argsort(-self.probabilities, axis=1, kind="stable")[:, :most]


class Engine(Protocol):
    """Computes predictions; called by one thread at a time.

    Attributes:
        name: `onnx` or `plain`.
        space: engines of the same one embed texts alike, so that it need be done only once.
    """

    name: str
    space: str

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts, which depend on no other text."""
        ...

    def classify(self, vectors: Vectors) -> Scored:
        """Return what the model says of texts, by their vectors."""
        ...

    def placed(self, vectors: Vectors) -> Floats:
        """Return float32 [b, d], unit rows: the texts in the space that the model reads."""
        ...


class OnnxEngine:
    """The export of a model."""

    name = "onnx"

    def __init__(
        self,
        encoders: OnnxEncoders,
        space: str,
        classifier: OnnxClassifier,
        labels: Sequence[str],
        means: Sequence[Doubles],
    ) -> None:
        """Take an export that is open.

        Args:
            encoders: of the export.
            space: tells them from others.
            classifier: the graph behind them.
            labels: in the order of its probabilities.
            means: float64 [d_i], what the model takes away from each encoder's vectors.
        """
        self.space = space
        self._encoders, self._classifier = encoders, classifier
        self._place = {label: k for k, label in enumerate(labels)}
        self._means = tuple(means)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of each encoder."""
        return self._encoders.vectors(texts)

    def classify(self, vectors: Vectors) -> Scored:
        """Run the graph."""
        found = self._classifier.predict(vectors)
        labels = np.array([self._place[label] for label in found.labels], dtype=np.int64)
        return Scored(labels, found.is_oos, found.probabilities)

    def placed(self, vectors: Vectors) -> Floats:
        """Centre, scale and join the vectors, as `TextSpace` does."""
        return TextSpace((), self._means).placed(list(vectors.values()))


class PlainEngine:
    """A model as `labelmend predict` runs it."""

    name = "plain"

    def __init__(self, space: TextSpace, name: str, classifier: Classifier) -> None:
        """Take a model.

        Args:
            space: that it reads texts in.
            name: tells it from others.
            classifier: of the model.
        """
        self.space = name
        self._space, self._classifier = space, classifier

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Place the texts."""
        return {_PLACED: self._space.queries(texts)}

    def classify(self, vectors: Vectors) -> Scored:
        """Ask the classifier."""
        found = self._classifier.predict(vectors[_PLACED])
        return Scored(found.labels, found.is_oos, found.probabilities)

    def placed(self, vectors: Vectors) -> Floats:
        """Return the vectors as they are."""
        return vectors[_PLACED]
