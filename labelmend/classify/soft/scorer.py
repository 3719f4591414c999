"""A trained model of soft targets: embeddings in, a share from 0 to 1 a target out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from labelmend.classify.soft.features import features
from labelmend.types import Doubles, Floats


@dataclass(frozen=True)
class SoftScorer:
    """The log-odds of each target, linear in the features.

    Attributes:
        weights: float32 [D, T]; D as `features` has them.
        bias: float64 [T].
    """

    weights: Floats
    bias: Doubles

    def predict(self, parts: Sequence[Floats]) -> Doubles:
        """Return float64 [b, T], from 0 to 1, of embeddings [b, d], one, or of pairs two."""
        return np.asarray(expit(self.logits(parts)), dtype=np.float64)

    def logits(self, parts: Sequence[Floats]) -> Doubles:
        """Return float64 [b, T], the log-odds of what `predict` says."""
        return np.asarray(features(parts) @ self.weights + self.bias, dtype=np.float64)
