import numpy as np
from sklearn.svm import LinearSVC

from labelmend.classify.heads.linear_svm import train_linear_svm
from labelmend.configs.schema import LinearConfig


def test_the_linear_svm_is_that_of_scikit_learn(examples):
    some = examples()
    weights = np.random.default_rng(0).uniform(0.2, 2, len(some.labels))
    ours, bias = train_linear_svm(
        some.embeddings, some.labels, weights, 3, LinearConfig(0.7, max_iter=2000)
    )
    theirs = LinearSVC(C=0.7, dual=False, tol=1e-10, max_iter=100_000)
    theirs.fit(some.embeddings.astype(np.float64), some.labels, sample_weight=weights)
    np.testing.assert_allclose(ours.T, theirs.coef_, atol=2e-3)
    np.testing.assert_allclose(bias, theirs.intercept_, atol=2e-3)
