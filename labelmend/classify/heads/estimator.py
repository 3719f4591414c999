"""scikit-learn's classifiers as heads."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.classify.heads.embedding import EmbeddingHead
from labelmend.classify.heads.skops_file import read_skops, write_skops
from labelmend.classify.scorer import Examples, OnnxGraph
from labelmend.configs.schema import ClassifyConfig
from labelmend.errors import ModelError
from labelmend.types import Doubles, Floats

MODEL = "model.skops"

_LEAST_PROBABILITY = 1e-6
"""A model that gives a label no probability at all is not believed to the letter."""

_TWO = 2
"""Axes of coefficients: classes and features."""


@dataclass(frozen=True)
class EstimatorScorer:
    """A fitted scikit-learn classifier.

    Attributes:
        model: its classes are 0 to K - 1.
    """

    model: Any

    def scores(self, embeddings: Floats) -> Doubles:
        """Return float64 [b, K], its decision function, or the logarithm of its probabilities."""
        count = len(self.model.classes_)
        if hasattr(self.model, "decision_function"):
            found = np.asarray(self.model.decision_function(embeddings), dtype=np.float64)
            if found.ndim == 1:  # of two labels, scikit-learn keeps the second one's log-odds alone
                return np.column_stack([-found / 2, found / 2])
            if found.shape[1] == count:  # else one column a pair of labels
                return found
        likely = np.asarray(self.model.predict_proba(embeddings), dtype=np.float64)
        logs: Doubles = np.log(np.maximum(likely, _LEAST_PROBABILITY))
        return logs

    def save(self, folder: Path) -> None:
        """Write the classifier."""
        write_skops(self.model, folder / MODEL)

    def to_onnx(self, graph: OnnxGraph, texts: str) -> str:
        """Draw a linear classifier; that it is one, the export's parity check sees.

        Raises:
            ModelError: it is of another shape.
        """
        coefficients: Any = getattr(self.model, "coef_", None)
        if np.ndim(coefficients) != _TWO or len(coefficients) not in (1, len(self.model.classes_)):
            raise ModelError(
                f"a {type(self.model).__name__} can't be exported as ONNX; train a linear "
                "classifier or lightgbm"
            )
        weights, bias = coefficients.T, self.model.intercept_
        if weights.shape[1] == 1:
            weights, bias = np.hstack([-weights / 2, weights / 2]), np.hstack([-bias, bias]) / 2
        return graph.cast(graph.linear(texts, weights, bias), np.float64)


def read_estimator(folder: Path, of: Collection[str] = ()) -> EstimatorScorer:
    """Read what `EstimatorScorer.save` wrote.

    Args:
        folder: of the head.
        of: names of the only classes of scikit-learn's that may be in it; none for any.

    Raises:
        ModelError: it is no such classifier.
    """
    path = folder / MODEL
    model = read_skops(path, of)
    count = len(getattr(model, "classes_", ()))
    if not count or not np.array_equal(model.classes_, np.arange(count)):
        raise ModelError(f"{path}: is no classifier of ours; train the model again")
    return EstimatorScorer(model)


def linear_scorer(model: Any, weights: Floats, bias: Floats) -> EstimatorScorer:
    """Return a linear classifier of scikit-learn's that was trained elsewhere.

    Args:
        model: a LogisticRegression or LinearSVC that is not fitted.
        weights: float32 [d, K], one column a label, of two labels too.
        bias: float32 [K].
    """
    model.coef_, model.intercept_ = np.ascontiguousarray(weights).T, bias
    model.classes_ = np.arange(len(bias))
    model.n_features_in_ = len(weights)
    return EstimatorScorer(model)


def folded_back(
    model: Any, mean: Floats, axes: Floats, weights: Doubles, bias: Doubles
) -> EstimatorScorer:
    """Turn a linear model of the principal components into one of the embeddings.

    Args:
        model: as in `linear_scorer`.
        mean: float32 [d], of the embeddings.
        axes: float32 [d, m], the components.
        weights: float64 [m, K].
        bias: float64 [K].
    """
    whole = axes.astype(np.float64) @ weights
    return linear_scorer(model, whole.astype(np.float32), (bias - mean @ whole).astype(np.float32))


class EstimatorHead(EmbeddingHead):
    """Any classifier of scikit-learn's, on the embeddings as they are."""

    libraries: tuple[str, ...] = ("scikit-learn",)

    def __init__(self, model: Any) -> None:
        """Take a classifier, which is copied for each training and stays as it is."""
        self.name = type(model).__name__
        self._model = model

    def learn(self, examples: Examples, config: ClassifyConfig) -> EstimatorScorer:  # noqa: ARG002
        """Train a copy.

        Rows that weigh something else than others go as `sample_weight` to a classifier that takes
        it; others learn each distinct text and label once.
        """
        from sklearn.base import clone

        model = clone(self._model)
        seeds = {
            name: examples.seed
            for name, value in model.get_params().items()
            if value is None and name.split("__")[-1] == "random_state"
        }
        model.set_params(**seeds)
        weight = weight_parameter(model)
        weights = {} if weight is None else {weight: examples.weights}
        model.fit(examples.embeddings, examples.labels, **weights)
        return EstimatorScorer(model)


def weight_parameter(model: Any) -> str | None:
    """Return what a classifier's `fit` calls the weights of rows; None if it takes none."""
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import has_fit_parameter

    if isinstance(model, Pipeline):
        name, last = model.steps[-1]
        return f"{name}__sample_weight" if has_fit_parameter(last, "sample_weight") else None
    return "sample_weight" if has_fit_parameter(model, "sample_weight") else None
