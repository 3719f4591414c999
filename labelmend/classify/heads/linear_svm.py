"""The kind `linear-svm`: one linear support vector machine a label against the rest."""

import numpy as np

from labelmend.arrays import principal_axes
from labelmend.classify.heads.embedding import EmbeddingHead
from labelmend.classify.heads.estimator import EstimatorScorer, folded_back
from labelmend.classify.scorer import Examples
from labelmend.configs.schema import ClassifyConfig, LinearConfig
from labelmend.types import Doubles, Floats, Ints


class LinearSvmHead(EmbeddingHead):
    """Squared hinge loss on principal components, folded back onto the embeddings."""

    name = "linear-svm"
    libraries: tuple[str, ...] = ("scikit-learn", "scipy")
    estimators = ("LinearSVC",)

    def learn(self, examples: Examples, config: ClassifyConfig) -> EstimatorScorer:
        """Train one classifier."""
        from sklearn.svm import LinearSVC

        mean, axes = principal_axes(examples.embeddings, config.components)
        features: Floats = ((examples.embeddings - mean) @ axes).astype(np.float32)
        weights, bias = train_linear_svm(
            features,
            examples.labels,
            examples.weights,
            examples.label_count,
            config.linear_svm,
        )
        model = LinearSVC(C=config.linear_svm.C, max_iter=config.linear_svm.max_iter)
        return folded_back(model, mean, axes, weights, bias)


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
    signs = np.full((len(labels), label_count), -1.0, dtype=np.float32)
    signs[np.arange(len(labels)), labels] = 1.0
    return train_machines(features, signs, weights, config)


def train_machines(
    features: Floats, signs: Floats, weights: Doubles, config: LinearConfig
) -> tuple[Doubles, Doubles]:
    """Train a machine a column of signs, whatever the other columns say; see above.

    Args:
        features: float32 [p, f].
        signs: float32 [p, K], 1 or -1.
        weights: float64 [p].
        config: as above.

    Returns:
        weights float64 [f, K] and bias float64 [K].
    """
    from scipy.optimize import minimize

    (rows, width), label_count = features.shape, signs.shape[1]
    inputs = np.hstack([features, np.ones((rows, 1), dtype=np.float32)])
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
