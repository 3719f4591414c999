"""Linear models of soft targets whose penalty held-out groups choose: ridge and logistic.

Both work in the eigenbasis of the covariance of what is learned from, where a ridge of any penalty
is a division, and where one Newton step of the logistic regression is the same division: it starts
there, and L-BFGS in coordinates that are scaled by it needs a dozen steps.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from labelmend.parallel import blocks_of
from labelmend.types import Doubles, Floats, Ints

Kind = Literal["logreg", "ridge"]

PENALTIES = tuple(10.0 ** (k / 2) for k in range(-10, 1))
"""Of which held-out groups choose, times the number of rows; half decades around what ridges on
sentence embeddings take. The features' variance is 1 in all, of pairs 4."""

_ITERATIONS = 30
"""Of L-BFGS at most; a dozen are taken as a rule."""

_TOLERANCE = 1e-7
"""Relative, of the loss, which sums numbers of single precision."""

_TARGETS_AT_ONCE = 64
"""Targets that are trained together: memory depends on it."""

_LEAST = 1e-6
"""A target's mean is kept so far from 0 and 1, so that its log-odds are finite."""


@dataclass(frozen=True)
class Linear:
    """A linear model a target.

    Attributes:
        weights: float64 [m, T].
        bias: float64 [T].
        held_out: float64 [n, T], scores of rows by models that have not seen their group, each
            with the penalty that was chosen.
        penalties: float64 [T], chosen of `PENALTIES`.
    """

    weights: Doubles
    bias: Doubles
    held_out: Doubles
    penalties: Doubles


def fit_linear(kind: Kind, features: Floats, values: Doubles, fold_of: Ints) -> Linear:
    """Train linear models, each with the penalty that loses least on the folds held out.

    A ridge's loss is the squared error, the logistic regression's the cross-entropy with soft
    targets, whose penalty is scaled by the target's variance p (1 - p), so that both read it alike:
    the logistic regression tries that which the ridge likes best, and its neighbours.

    Args:
        kind: of the models.
        features: float32 [n, m].
        values: float64 [n, T], from 0 to 1; no target is constant.
        fold_of: int64 [n], from 0; two folds at least.
    """
    folds = _Folds(features, fold_of)
    whole = _Basis.of(features)
    everything = whole.turned(features)
    count = values.shape[1]
    weights, bias = np.zeros((features.shape[1], count)), np.zeros(count)
    chosen, held_out = np.zeros(count), np.zeros(values.shape)
    for some in blocks_of(count, _TARGETS_AT_ONCE):
        part = values[:, some]
        tried = np.tile(np.arange(len(PENALTIES))[:, None], part.shape[1])
        best, scores = folds.choose("ridge", part, tried)
        if kind == "logreg":
            tried = np.clip(best + np.array([[-1], [0], [1]]), 0, len(PENALTIES) - 1)
            best, scores = folds.choose(kind, part, tried)
        held_out[:, some], chosen[some] = scores, np.array(PENALTIES)[best]
        turned, free = whole.fit(kind, everything, part, chosen[some])
        weights[:, some] = whole.vectors @ turned
        bias[some] = free - whole.mean @ weights[:, some]
    return Linear(weights, bias, held_out, chosen)


@dataclass(frozen=True)
class _Basis:
    """The eigenbasis of some rows' covariance.

    Attributes:
        mean: float64 [m], of the features.
        vectors: float64 [m, m], a column each.
        spread: float64 [m], the eigenvalues: the sum of squares along each.
    """

    mean: Doubles
    vectors: Doubles
    spread: Doubles

    @classmethod
    def of(cls, features: Floats) -> "_Basis":
        mean = features.mean(axis=0, dtype=np.float64)
        centred = features - mean.astype(np.float32)
        # In single precision, which halves the time: the least penalty is far above its rounding.
        spread, vectors = np.linalg.eigh(centred.T @ centred)
        return cls(mean, vectors.astype(np.float64), np.maximum(spread.astype(np.float64), 0))

    def turned(self, features: Floats) -> Floats:
        """Return float32 [b, m], rows in this basis."""
        centred = features - self.mean.astype(np.float32)
        return centred @ self.vectors.astype(np.float32)

    def fit(
        self, kind: Kind, rows: Floats, values: Doubles, penalties: Doubles
    ) -> tuple[Doubles, Doubles]:
        """Return weights, float64 [m, T], of turned rows, and the bias, float64 [T].

        Args:
            kind: of the models.
            rows: float32 [b, m], turned, those that the basis is of.
            values: float64 [b, T].
            penalties: float64 [T], of `PENALTIES`.
        """
        stiffness = self.spread[:, None] + penalties * len(rows)
        mean = values.mean(axis=0)
        slopes = (rows.T @ (values - mean).astype(np.float32)).astype(np.float64)
        ridge = slopes / stiffness
        if kind == "ridge":
            return ridge, mean
        return _logistic(rows, values, penalties * len(rows), stiffness, ridge)


class _Folds:
    """Rows that are held out in turn, and the bases of those beyond."""

    def __init__(self, features: Floats, fold_of: Ints) -> None:
        self._features = features
        self._beyond = [fold_of != fold for fold in range(int(fold_of.max()) + 1)]
        self._bases = [_Basis.of(features[beyond]) for beyond in self._beyond]

    def choose(self, kind: Kind, values: Doubles, tried: Ints) -> tuple[Ints, Doubles]:
        """Return each target's best penalty, and float64 [n, T], the held-out scores with it.

        Args:
            kind: of the models.
            values: float64 [n, T].
            tried: int64 [c, T], places in `PENALTIES`, ascending; of equal ones the last is taken.

        Returns:
            int64 [T], and the scores.
        """
        scores = np.empty((len(tried), *values.shape), dtype=np.float32)
        for beyond, basis in zip(self._beyond, self._bases, strict=True):
            inside = basis.turned(self._features[beyond])
            outside = basis.turned(self._features[~beyond])
            for i, places in enumerate(tried):
                penalties = np.array(PENALTIES)[places]
                turned, free = basis.fit(kind, inside, values[beyond], penalties)
                scores[i][~beyond] = outside @ turned + free
        lost = np.array([_losses(kind, part, values) for part in scores])
        best = len(tried) - 1 - lost[::-1].argmin(axis=0)
        targets = np.arange(values.shape[1])
        return tried[best, targets], scores[best, :, targets].T.astype(np.float64)


def _losses(kind: Kind, scores: Floats, values: Doubles) -> Doubles:
    """Return float64 [T], the mean loss of scores [n, T]."""
    lost = np.square(scores - values)
    if kind == "logreg":
        lost = np.logaddexp(0, scores) - values * scores
    return np.asarray(lost.mean(axis=0, dtype=np.float64))


def _logistic(
    rows: Floats, values: Doubles, penalties: Doubles, stiffness: Doubles, ridge: Doubles
) -> tuple[Doubles, Doubles]:
    """Train logistic regressions, from one Newton step that leaves from the targets' means.

    Args:
        rows: float32 [b, m], in their eigenbasis.
        values: float64 [b, T].
        penalties: float64 [T], before they are scaled by the targets' variances.
        stiffness: float64 [m, T], the second derivative at that start, before it is.
        ridge: float64 [m, T], the weights of ridges with these penalties.
    """
    mean = np.clip(values.mean(axis=0), _LEAST, 1 - _LEAST)
    variance = mean * (1 - mean)
    scale = 1 / np.sqrt(stiffness * variance)
    scale_of_bias = 1 / np.sqrt(len(values) * variance)
    soft = values.astype(np.float32)
    shape = len(ridge) + 1, len(mean)

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        given = flat.reshape(shape)
        weights, bias = given[:-1] * scale, given[-1] * scale_of_bias
        logits = rows @ weights.astype(np.float32) + bias.astype(np.float32)
        wrong = expit(logits) - soft
        held = penalties * variance * weights
        slopes = rows.T @ wrong + held
        total = (np.logaddexp(0, logits) - soft * logits).sum(dtype=np.float64)
        total += (held * weights).sum() / 2
        of_bias = wrong.sum(axis=0, dtype=np.float64) * scale_of_bias
        return float(total), np.vstack([slopes * scale, of_bias]).ravel()

    resting = np.vstack([np.zeros(ridge.shape), logit(mean) / scale_of_bias])
    stepped = np.vstack([ridge / variance / scale, resting[-1]])
    # Of a target that is nearly always the same, that step may lead far out.
    start = min(resting.ravel(), stepped.ravel(), key=lambda flat: loss(flat)[0])
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _ITERATIONS, "ftol": _TOLERANCE},
    )
    best = found.x.reshape(shape)
    return best[:-1] * scale, best[-1] * scale_of_bias


def calibrated(scores: Doubles, values: Doubles) -> tuple[Doubles, Doubles]:
    """Return slopes and offsets, float64 [T], that turn scores into log-odds of the targets.

    They minimise the cross-entropy, as Platt's (1999) do for classes. A slope is above 0, so that
    no rank changes; scores that say nothing get one that is nearly 0.

    Args:
        scores: float64 [n, T].
        values: float64 [n, T], from 0 to 1.
    """
    mean = np.clip(values.mean(axis=0), _LEAST, 1 - _LEAST)
    middle = scores.mean(axis=0)
    spread = scores.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    slopes, offsets = np.full(len(mean), np.nan), np.full(len(mean), np.nan)
    for i in range(len(mean)):
        slopes[i], offsets[i] = _line((scores[:, i] - middle[i]) / spread[i], values[:, i], mean[i])
    return slopes / spread, offsets - slopes / spread * middle


def _line(scores: Doubles, values: Doubles, mean: float) -> tuple[float, float]:
    """Return slope and offset of one target, whose scores are of mean 0 and deviation 1."""

    def loss(line: Doubles) -> tuple[float, Doubles]:
        logits = line[0] * scores + line[1]
        wrong = expit(logits) - values
        fit = (np.logaddexp(0, logits) - values * logits).mean()
        return float(fit), np.array([(wrong * scores).mean(), wrong.mean()])

    bounds = [(_LEAST_SLOPE, None), (None, None)]
    start = np.array([1.0, float(logit(mean))])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return float(found.x[0]), float(found.x[1])


_LEAST_SLOPE = 1e-3
"""Log-odds a deviation of the scores: predictions differ in the fourth digit, and keep their
ranks."""
