"""A logistic regression a label, all trained at once and out of fold."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from labelmend.parallel import Executor
from labelmend.types import Doubles, Floats, Ints

STRENGTH = 30.0
"""C of scikit-learn, of the out-of-fold classifier's last rounds."""

_FREE = 1e-3
"""Penalty of the intercepts, as a share of that of the weights: enough for a label that all rows
have or none."""


class FoldedLogits:
    """The logits of each text by models that were trained on the other folds.

    The models of a fold start each round from those of the round before.
    """

    def __init__(self, features: Floats, fold_of: Ints, executor: Executor) -> None:
        """Prepare to train.

        Args:
            features: float32 [n, d], of the texts.
            fold_of: int64 [n].
            executor: trains folds side by side.
        """
        ones = np.ones((len(features), 1), dtype=np.float32)
        self._features = np.hstack([features, ones]).astype(np.float32)
        self._fold_of = fold_of
        self._executor = executor
        self._weights: Sequence[Floats | None] = [None] * (int(fold_of.max()) + 1)

    def fit(self, beliefs: Floats, iterations: int) -> Doubles:
        """Train on beliefs, and return float64 [n, L], the logits of what each label's model says.

        Args:
            beliefs: float32 [n, L], from 0 to 1: whether a label holds.
            iterations: of the solver at most.
        """
        logits = np.empty(beliefs.shape)

        def train(fold: int) -> Floats:
            rows = self._fold_of != fold
            start = self._weights[fold]
            return trained(self._features[rows], beliefs[rows], iterations, start)

        folds = range(len(self._weights))
        self._weights = list(self._executor.map_blocks(train, folds, one_core=True))
        for fold, weights in enumerate(self._weights):
            rows = self._fold_of == fold
            logits[rows] = self._features[rows] @ weights
        return logits


def trained(
    features: Floats, beliefs: Floats, iterations: int, start: Floats | None = None
) -> Floats:
    """Return float32 [d, L], weights of logistic regressions by L-BFGS (Liu and Nocedal 1989).

    Args:
        features: float32 [n, d]; the last one is 1.
        beliefs: float32 [n, L], soft targets.
        iterations: at most.
        start: weights to begin with; zeros if None.
    """
    shape = features.shape[1], beliefs.shape[1]
    penalty = np.full((shape[0], 1), 1 / STRENGTH, dtype=np.float32)
    penalty[-1] *= _FREE

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        weights = flat.reshape(shape).astype(np.float32)
        logits = features @ weights
        slopes = features.T @ (expit(logits) - beliefs) + penalty * weights
        fit = np.log1p(np.exp(-np.abs(logits))) + np.maximum(logits, 0) - beliefs * logits
        total = fit.sum(dtype=np.float64) + (penalty * weights**2).sum(dtype=np.float64) / 2
        return float(total), slopes.astype(np.float64).ravel()

    first = np.zeros(shape) if start is None else start.astype(np.float64)
    found = minimize(
        loss, first.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": iterations}
    )
    return found.x.reshape(shape).astype(np.float32)
