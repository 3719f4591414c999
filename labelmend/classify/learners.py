"""The kinds of classifiers: each learns scores of labels from embeddings.

All of them read the embeddings' principal components, and what they learn is folded back onto the
embeddings themselves, so that a trained scorer needs nothing else.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import numpy as np

from labelmend.arrays import principal_axes, unit_rows
from labelmend.configs.schema import ClassifyConfig, LinearConfig
from labelmend.types import Doubles, Floats, Ints

SpaceKind = Literal["logreg", "linear-svm", "lightgbm"]
"""Kinds that read embeddings as they are."""

SPACE_KINDS: tuple[SpaceKind, ...] = get_args(SpaceKind)

Kind = Literal["logreg", "linear-svm", "lightgbm", "finetune"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_SHRINKAGE = 0.1
"""Of the covariance within labels, towards a multiple of the identity."""

_UNKNOWN = 1.0
"""A label that a fold did not train on scores this much below the text's worst one."""


class Scorer(Protocol):
    """A trained classifier."""

    def scores(self, embeddings: Floats) -> Doubles:
        """Return float64 [b, K], unnormalised log-scores; higher is more likely."""
        ...


@dataclass(frozen=True)
class LinearScorer:
    """Scores that are linear in the embeddings.

    Attributes:
        weights: float32 [d, K].
        bias: float32 [K].
    """

    weights: Floats
    bias: Floats

    def scores(self, embeddings: Floats) -> Doubles:
        """Return float64 [b, K]."""
        return np.asarray(embeddings @ self.weights + self.bias, dtype=np.float64)


@dataclass(frozen=True)
class TreeScorer:
    """LightGBM's trees on discriminant axes.

    Attributes:
        booster: a lightgbm.Booster with K outputs.
        axes: float32 [d, m].
        offset: float32 [m].
    """

    booster: Any
    axes: Floats
    offset: Floats

    def scores(self, embeddings: Floats) -> Doubles:
        """Return float64 [b, K]."""
        found = self.booster.predict(self.features(embeddings), raw_score=True, num_threads=1)
        return np.asarray(found, dtype=np.float64)

    def features(self, embeddings: Floats) -> Floats:
        """Return float32 [b, m], what the trees split on."""
        return unit_rows(embeddings @ self.axes + self.offset)

    def leaves(self, features: Floats) -> Ints:
        """Return int64 [b, t], the leaf of each tree that each text reaches."""
        found = self.booster.predict(features, pred_leaf=True, num_threads=1)
        return np.asarray(found, dtype=np.int64).reshape(len(features), -1)


@dataclass(frozen=True)
class Examples:
    """What a learner is trained on.

    Attributes:
        embeddings: float32 [p, d].
        labels: int64 [p], indices below `label_count`, each carried by some row.
        weights: float64 [p], with a mean of about 1.
        label_count: K, at least 2.
        seed: of whatever the learner draws.
    """

    embeddings: Floats
    labels: Ints
    weights: Doubles
    label_count: int
    seed: int


def learn(kind: SpaceKind, examples: Examples, config: ClassifyConfig) -> Scorer:
    """Train one classifier, on one thread.

    Args:
        kind: of the classifier.
        examples: to learn from.
        config: its settings.
    """
    return _LEARNERS[kind](examples, config)


def _logreg(examples: Examples, config: ClassifyConfig) -> Scorer:
    """Multinomial logistic regression."""
    from sklearn.linear_model import LogisticRegression

    settings = config.logreg
    mean, axes = principal_axes(examples.embeddings, config.components)
    # Stopped early, as a rule, which regularizes too: the tolerance is out of reach.
    model = LogisticRegression(C=settings.C, max_iter=settings.max_iter, tol=1e-9)
    model.fit((examples.embeddings - mean) @ axes, examples.labels, sample_weight=examples.weights)
    weights, bias = model.coef_.T, model.intercept_
    if examples.label_count == _TWO:  # scikit-learn keeps the second label's log-odds alone
        weights, bias = np.hstack([-weights / 2, weights / 2]), np.array([-bias[0], bias[0]]) / 2
    return _folded_back(mean, axes, weights, bias)


_TWO = 2


def _linear_svm(examples: Examples, config: ClassifyConfig) -> Scorer:
    """One linear support vector machine a label against the rest, squared hinge loss."""
    mean, axes = principal_axes(examples.embeddings, config.components)
    features: Floats = ((examples.embeddings - mean) @ axes).astype(np.float32)
    weights, bias = train_linear_svm(
        features,
        examples.labels,
        examples.weights,
        examples.label_count,
        config.linear_svm,
    )
    return _folded_back(mean, axes, weights, bias)


def train_linear_svm(
    features: Floats, labels: Ints, weights: Doubles, label_count: int, config: LinearConfig
) -> tuple[Doubles, Doubles]:
    """Minimise what scikit-learn's `LinearSVC` does by default, for all labels at once.

    The objective is smooth, so it is minimised in the primal (Chapelle 2007, "Training a support
    vector machine in the primal"): one matrix product serves all labels, where LIBLINEAR takes
    them one by one, which for 150 labels and dense rows is far slower.

    Args:
        features: float32 [p, f].
        labels: int64 [p].
        weights: float64 [p].
        label_count: K.
        config: regularization, which takes in the bias as LIBLINEAR's does, and iterations.

    Returns:
        weights float64 [f, K] and bias float64 [K].
    """
    from scipy.optimize import minimize

    rows, width = features.shape
    inputs = np.hstack([features, np.ones((rows, 1), dtype=np.float32)])
    signs = np.full((rows, label_count), -1.0, dtype=np.float32)
    signs[np.arange(rows), labels] = 1.0
    cost = (config.C * weights).astype(np.float32)[:, None]

    def objective(flat: Doubles) -> tuple[float, Doubles]:
        trial = flat.reshape(width + 1, label_count).astype(np.float32)
        slack = np.maximum(1 - signs * (inputs @ trial), 0)
        loss = 0.5 * float(flat @ flat) + float(np.sum(cost * slack * slack, dtype=np.float64))
        slope = inputs.T @ (signs * slack * cost)
        return loss, flat - 2 * slope.astype(np.float64).ravel()

    start = np.zeros((width + 1) * label_count)
    found = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": config.max_iter},
    )
    solution = np.asarray(found.x, dtype=np.float64).reshape(width + 1, label_count)
    return solution[:-1], solution[-1]


def _lightgbm(examples: Examples, config: ClassifyConfig) -> Scorer:
    """Gradient-boosted trees on the axes that tell the labels apart."""
    import lightgbm

    settings = config.lightgbm
    axes, offset = _discriminant_axes(examples, config.components, settings.components)
    data = lightgbm.Dataset(
        unit_rows(examples.embeddings @ axes + offset),
        examples.labels,
        weight=examples.weights,
        params={"max_bin": _BINS, "verbose": -1},
    )
    parameters = {
        "objective": "multiclass",
        "num_class": examples.label_count,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.num_leaves,
        "feature_fraction": settings.feature_fraction,
        "min_data_in_leaf": min(
            settings.min_data_in_leaf, max(1, len(examples.labels) // _ROWS_A_LEAF)
        ),
        "lambda_l2": settings.lambda_l2,
        "bagging_fraction": settings.bagging_fraction,
        "bagging_freq": 1,
        "max_bin": _BINS,
        "seed": examples.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbose": -1,
    }
    return TreeScorer(lightgbm.train(parameters, data, settings.num_iterations), axes, offset)


_BINS = 63
_ROWS_A_LEAF = 20
"""A small table has leaves of a smaller share of its rows."""


def _discriminant_axes(examples: Examples, components: int, count: int) -> tuple[Floats, Floats]:
    """Return axes [d, m] and offset [m] that tell labels apart.

    Trees split along single axes, and the embeddings' own mean little one by one. Shrunk linear
    discriminant analysis (Fisher 1936) gives axes that mean something. Where no label has two rows
    that differ, there is no spread within labels to hold them against; the principal axes serve.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    mean, axes = principal_axes(examples.embeddings, components)
    most = min(count, examples.label_count - 1)
    turned: Floats = axes[:, :most]
    if len(examples.labels) > examples.label_count:
        analysis = LinearDiscriminantAnalysis(solver="eigen", shrinkage=_SHRINKAGE)
        with contextlib.suppress(np.linalg.LinAlgError):
            analysis.fit((examples.embeddings - mean) @ axes, examples.labels)
            turned = np.asarray(axes @ analysis.scalings_[:, :most], dtype=np.float32)
    return turned, np.asarray(-mean @ turned, dtype=np.float32)


def _folded_back(mean: Floats, axes: Floats, weights: Doubles, bias: Doubles) -> LinearScorer:
    """Turn a linear model of the principal components into one of the embeddings."""
    whole = axes.astype(np.float64) @ weights
    return LinearScorer(whole.astype(np.float32), (bias - mean @ whole).astype(np.float32))


_LEARNERS: Mapping[SpaceKind, Callable[[Examples, ClassifyConfig], Scorer]] = {
    "logreg": _logreg,
    "linear-svm": _linear_svm,
    "lightgbm": _lightgbm,
}


def spread_scores(scores: Doubles, present: Ints, label_count: int) -> Doubles:
    """Return scores [b, present] as [b, K]; labels that were not trained on score below all."""
    if len(present) == label_count:
        return scores
    spread = np.repeat(scores.min(axis=1, keepdims=True) - _UNKNOWN, label_count, axis=1)
    spread[:, present] = scores
    return spread
