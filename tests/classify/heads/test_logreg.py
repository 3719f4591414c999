from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from labelmend.classify.heads.logreg import LogisticRegressionHead
from labelmend.configs.schema import LinearConfig


@pytest.mark.parametrize("labels", [2, 4])
def test_logistic_regression_is_that_of_scikit_learn(examples, settings, labels):
    some = examples(labels)
    # All components: nothing is lost by the rotation, which the penalty does not feel either.
    config = replace(settings, components=12, logreg=LinearConfig(3.0, max_iter=1000))
    scores = LogisticRegressionHead().learn(some, config).scores(some.embeddings)
    theirs = LogisticRegression(C=3.0, tol=1e-8, max_iter=1000).fit(some.embeddings, some.labels)
    expected = theirs.predict_proba(some.embeddings)
    np.testing.assert_allclose(softmax(scores, axis=1), expected, atol=2e-3)
