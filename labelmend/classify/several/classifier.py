"""A trained classifier of label sets: embeddings in, a probability a label and a yes or no out."""

from dataclasses import dataclass

import numpy as np

from labelmend.classify.several.calibrate import Lines
from labelmend.classify.several.linear import LinearScorer
from labelmend.types import Bools, Doubles, Floats, Ints


@dataclass(frozen=True)
class SetPredictions:
    """What a classifier says of a batch of texts.

    Attributes:
        probabilities: float64 [b, L], calibrated, each label by itself.
        called: bool [b, L], the labels whose probability reaches their threshold.
    """

    probabilities: Doubles
    called: Bools

    def order(self) -> Ints:
        """Return int64 [b, L], the labels of each text, the most probable first; ties as sorted."""
        return np.argsort(-self.probabilities, axis=1, kind="stable")


@dataclass(frozen=True)
class SetClassifier:
    """All that turns embeddings into predictions.

    Attributes:
        kind: of the scorer.
        labels: the label set, sorted, [L].
        scorer: a score a label.
        lines: make log-odds of the scores.
        thresholds: float64 [L], 0 to 1; 1 where a label is never called.
    """

    kind: str
    labels: tuple[str, ...]
    scorer: LinearScorer
    lines: Lines
    thresholds: Doubles

    def predict(self, embeddings: Floats) -> SetPredictions:
        """Classify texts.

        Args:
            embeddings: float32 [b, d], unit rows of the space that it was trained in.
        """
        return self.called(self.scorer.scores(embeddings))

    def called(self, scores: Doubles) -> SetPredictions:
        """Return predictions of scores, float64 [b, L]."""
        probabilities = self.lines.probabilities(scores)
        return SetPredictions(probabilities, probabilities >= self.thresholds)
