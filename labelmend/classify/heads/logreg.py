"""The kind `logreg`: multinomial logistic regression."""

import numpy as np

from labelmend.arrays import principal_axes
from labelmend.classify.heads.embedding import EmbeddingHead
from labelmend.classify.heads.estimator import EstimatorScorer, folded_back
from labelmend.classify.scorer import Examples
from labelmend.configs.schema import ClassifyConfig

_TWO = 2
"""With as many labels there is one vector of coefficients, not one a label."""


class LogisticRegressionHead(EmbeddingHead):
    """Reads the embeddings' principal components, and is folded back onto the embeddings."""

    name = "logreg"
    libraries: tuple[str, ...] = ("scikit-learn",)
    estimators = ("LogisticRegression",)

    def learn(self, examples: Examples, config: ClassifyConfig) -> EstimatorScorer:
        """Train one classifier."""
        from sklearn.linear_model import LogisticRegression

        settings = config.logreg
        mean, axes = principal_axes(examples.embeddings, config.components)
        # Stopped early, as a rule, which regularizes too: the tolerance is out of reach.
        model = LogisticRegression(C=settings.C, max_iter=settings.max_iter, tol=1e-9)
        features = (examples.embeddings - mean) @ axes
        model.fit(features, examples.labels, sample_weight=examples.weights)
        weights, bias = model.coef_.T, model.intercept_
        if examples.label_count == _TWO:  # scikit-learn keeps the second label's log-odds alone
            weights, bias = (
                np.hstack([-weights / 2, weights / 2]),
                np.array([-bias[0], bias[0]]) / 2,
            )
        return folded_back(LogisticRegression(**model.get_params()), mean, axes, weights, bias)
