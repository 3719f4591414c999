"""A trained classifier: embeddings in, calibrated probabilities and an out-of-scope flag out."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from labelmend.arrays import largest_products
from labelmend.classify.calibrate import OosDetector, oos_signs
from labelmend.classify.scorer import Scorer
from labelmend.types import Bools, Doubles, Floats, Ints


@dataclass(frozen=True)
class Nearness:
    """How much a text resembles what is in scope.

    Attributes:
        references: float16 [r, d], in-scope texts of the training set.
        count: nearest ones whose mean cosine is taken.
    """

    references: npt.NDArray[np.float16]
    count: int

    def of(self, embeddings: Floats, own: Ints | None = None) -> Doubles:
        """Return float64 [b], the mean cosine of the nearest references, at most `count`.

        Args:
            embeddings: float32 [b, d], unit rows.
            own: int64 [b], the reference that is the text itself and so is passed over; -1 for
                none. None where no text is a reference.
        """
        whole = embeddings.astype(np.float32, copy=False)
        _, similar = largest_products(whole, self._whole, self.count, own)
        known = np.isfinite(similar)
        total = np.where(known, similar, 0.0).sum(axis=1, dtype=np.float64)
        mean: Doubles = total / np.maximum(known.sum(axis=1), 1)
        return mean

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("references", "count")}

    @cached_property
    def _whole(self) -> Floats:
        return self.references.astype(np.float32)


@dataclass(frozen=True)
class Predictions:
    """What a classifier says of a batch of texts.

    Attributes:
        labels: int64 [b], the label; where the text is flagged, the out-of-scope label if there
            is one.
        is_oos: bool [b], flagged as fitting no label.
        oos_scores: float64 [b], higher where out-of-scope is likelier.
        probabilities: float64 [b, K], calibrated; rows sum to 1.
    """

    labels: Ints
    is_oos: Bools
    oos_scores: Doubles
    probabilities: Doubles

    def top(self, count: int) -> Ints:
        """Return int64 [b, count], the most probable labels, best first; ties to the smaller."""
        most = min(count, self.probabilities.shape[1])
        return np.argsort(-self.probabilities, axis=1, kind="stable")[:, :most]


@dataclass(frozen=True)
class Classifier:
    """All that turns embeddings into predictions.

    Attributes:
        kind: of the scorer.
        labels: the label set, sorted.
        oos: index of the out-of-scope label, or None.
        scorer: gives log-scores.
        inverse_temperature: inverse temperature of the scores.
        nearness: to what is in scope.
        detector: of what is out of scope.
    """

    kind: str
    labels: tuple[str, ...]
    oos: int | None
    scorer: Scorer
    inverse_temperature: float
    nearness: Nearness
    detector: OosDetector

    def predict(self, embeddings: Floats) -> Predictions:
        """Classify texts.

        Args:
            embeddings: float32 [b, d], unit rows of the space that it was trained in.
        """
        return assemble(
            self.scorer.scores(embeddings),
            self.inverse_temperature,
            self.oos,
            self.nearness.of(embeddings),
            self.detector,
        )


def assemble(
    scores: Doubles,
    inverse_temperature: float,
    oos: int | None,
    nearness: Doubles,
    detector: OosDetector,
) -> Predictions:
    """Turn scores into predictions.

    The probability of out-of-scope is the detector's, and the in-scope labels share the rest as
    the calibrated scores say. Without an out-of-scope label the flag stands beside the
    probabilities and does not enter them.

    Args:
        scores: float64 [b, K].
        inverse_temperature: inverse temperature.
        oos: index of the out-of-scope label, or None.
        nearness: float64 [b].
        detector: of out-of-scope.
    """
    logs = log_softmax(inverse_temperature * scores, axis=1)
    oos_scores = detector.scores(oos_signs(logs, oos, nearness))
    flagged = oos_scores > detector.threshold
    probabilities = np.exp(logs)
    if oos is None:
        return Predictions(probabilities.argmax(axis=1), flagged, oos_scores, probabilities)
    outside = detector.probabilities(oos_scores)
    if outside is None:
        outside = probabilities[:, oos]
    inside = np.where(np.arange(logs.shape[1]) == oos, -np.inf, logs)
    probabilities = np.exp(log_softmax(inside, axis=1)) * (1 - outside)[:, None]
    best = probabilities.argmax(axis=1)
    probabilities[:, oos] = outside
    return Predictions(np.where(flagged, oos, best), flagged, oos_scores, probabilities)
