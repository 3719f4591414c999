"""Linear classifiers, one a label, all on the same embeddings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit

from labelmend.arrays import principal_axes
from labelmend.classify.heads.linear_svm import train_machines
from labelmend.configs.schema import ClassifyConfig, LinearConfig
from labelmend.errors import ConfigError
from labelmend.parallel import blocks_of
from labelmend.types import Bools, Doubles, Floats
from labelmend.weights.array_file import read_arrays

LINEAR = "linear.npz"

_LABELS_AT_A_TIME = 256
"""Labels that are trained at a time: what is held of each text and label stays small."""

_FREE = 1e-3
"""Penalty of the intercepts, as a share of that of the weights: enough for a label that all texts
have or none."""


@dataclass(frozen=True)
class LinearScorer:
    """A line a label.

    Attributes:
        weights: float32 [d, L].
        bias: float32 [L].
    """

    weights: Floats
    bias: Floats

    def scores(self, embeddings: Floats) -> Doubles:
        """Return float64 [b, L], higher where a label is likelier, of embeddings [b, d]."""
        return np.asarray(embeddings @ self.weights + self.bias, dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write the numbers."""
        np.savez(folder / LINEAR, allow_pickle=False, weights=self.weights, bias=self.bias)

    @classmethod
    def load(cls, folder: Path) -> "LinearScorer":
        """Read them.

        Raises:
            ValueError: the file holds something else.
            LookupError: an array is missing.
            OSError: it can't be read.
        """
        held = read_arrays(folder / LINEAR, {"weights": 2, "bias": 1})
        return cls(held["weights"], held["bias"])


def learn_lines(
    embeddings: Floats, carried: Bools, weights: Doubles, kind: str, config: ClassifyConfig
) -> LinearScorer:
    """Train one classifier a label, on principal components, folded back onto the embeddings.

    Args:
        embeddings: float32 [p, d], unit rows.
        carried: bool [p, L]; a label that all texts have, or none, is learned as such.
        weights: float64 [p], with a mean of about 1.
        kind: one of `KINDS`.
        config: of the classifiers.
    """
    mean, axes = principal_axes(embeddings, config.components)
    features: Floats = ((embeddings - mean) @ axes).astype(np.float32)
    lines = np.empty((embeddings.shape[1], carried.shape[1]), dtype=np.float32)
    bias = np.empty(carried.shape[1], dtype=np.float32)
    for part in blocks_of(carried.shape[1], _LABELS_AT_A_TIME):
        found, free = _LEARNERS[kind](features, carried[:, part], weights, config)
        whole = axes.astype(np.float64) @ found
        lines[:, part], bias[part] = whole, free - mean @ whole
    return LinearScorer(lines, bias)


def require_kind(kind: str) -> None:
    """Make sure that a kind of classifier can learn several labels a text from embeddings.

    Raises:
        ConfigError: it can't.
    """
    if kind not in KINDS:
        only = "goes with several labels a text only in train-classifier"
        why = only if kind == FINETUNE else "can't learn several labels a text yet"
        raise ConfigError(f"--kind {kind} {why}: give {' or '.join(KINDS)}")


def train_regressions(
    features: Floats, carried: Bools, weights: Doubles, config: LinearConfig
) -> tuple[Doubles, Doubles]:
    """Train a logistic regression a label by L-BFGS (Liu and Nocedal 1989), all at once.

    Args:
        features: float32 [p, f].
        carried: bool [p, L].
        weights: float64 [p].
        config: regularization and iterations.

    Returns:
        weights float64 [f, L] and bias float64 [L].
    """
    from scipy.optimize import minimize

    inputs = np.hstack([features, np.ones((len(features), 1), dtype=np.float32)])
    shape = inputs.shape[1], carried.shape[1]
    penalty = np.full((shape[0], 1), 1 / config.C)
    penalty[-1] *= _FREE
    cost = weights.astype(np.float32)[:, None]

    def objective(flat: Doubles) -> tuple[float, Doubles]:
        trial = flat.reshape(shape)
        logits = inputs @ trial.astype(np.float32)
        loss = cost * (np.logaddexp(0, logits) - carried * logits)
        slope = inputs.T @ (cost * (expit(logits) - carried))
        total = loss.sum(dtype=np.float64) + (penalty * trial**2).sum() / 2
        return float(total), (slope + penalty * trial).ravel()

    found = minimize(
        objective,
        np.zeros(shape[0] * shape[1]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": config.max_iter},
    )
    solution = np.asarray(found.x, dtype=np.float64).reshape(shape)
    return solution[:-1], solution[-1]


def _logreg(
    features: Floats, carried: Bools, weights: Doubles, config: ClassifyConfig
) -> tuple[Doubles, Doubles]:
    return train_regressions(features, carried, weights, config.logreg)


def _linear_svm(
    features: Floats, carried: Bools, weights: Doubles, config: ClassifyConfig
) -> tuple[Doubles, Doubles]:
    signs = np.where(carried, 1, -1).astype(np.float32)
    return train_machines(features, signs, weights, config.linear_svm)


_Learner = Callable[[Floats, Bools, Doubles, ClassifyConfig], tuple[Doubles, Doubles]]
_LEARNERS: Mapping[str, _Learner] = {"logreg": _logreg, "linear-svm": _linear_svm}

KINDS = tuple(_LEARNERS)
"""Kinds of classifiers that learn several labels a text from embeddings as they are."""

FINETUNE = "finetune"
"""The kind that tunes an encoder."""
