import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from labelmend.relabel.evidence.softmax_regression import train_softmax


def texts(count=200, labels=4, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, labels, count)
    features = np.eye(labels + 2)[truth] + 0.5 * rng.normal(size=(count, labels + 2))
    return features.astype(np.float32), truth


def shares_of(truth, labels=4):
    return csr_array(np.eye(labels, dtype=np.float32)[truth])


def test_one_step_from_nothing_goes_along_the_gradient():
    # Two texts, two labels, at 0 all probabilities are a half: the gradient is (p - y)'x, for the
    # first label -0.5 * 1 + 0.5 * -1 = -1 along the one axis, and 0 for the bias.
    features = np.array([[1.0], [-1.0]], dtype=np.float32)
    found = train_softmax(features, csr_array(np.eye(2, dtype=np.float32)), 1.0, 1)
    assert found.weights[0, 0] == pytest.approx(-found.weights[1, 0])
    assert found.weights[0, 0] > 0
    assert found.biases == pytest.approx([0, 0], abs=1e-12)


def test_the_optimum_is_that_of_scikit_learn():
    features, truth = texts()
    found = train_softmax(features, shares_of(truth), 3.0, 500)
    model = LogisticRegression(C=3.0, max_iter=1000, tol=1e-8).fit(features, truth)
    np.testing.assert_allclose(found.weights, model.coef_, atol=2e-3)
    np.testing.assert_allclose(
        found.log_probabilities(features), model.predict_log_proba(features), atol=5e-3
    )


def test_so_many_steps_are_those_of_scikit_learn():
    features, truth = texts(seed=1)
    found = train_softmax(features, shares_of(truth), 3.0, 4)
    with pytest.warns(match="failed to converge"):
        model = LogisticRegression(C=3.0, max_iter=4, tol=1e-9).fit(features, truth)
    np.testing.assert_allclose(found.weights, model.coef_, atol=1e-3)


def test_a_text_of_two_labels_is_two_examples():
    features, truth = texts(seed=2)
    shares = shares_of(truth).toarray()
    shares[:50] *= 0.7
    shares[np.arange(50), (truth[:50] + 1) % 4] = 0.3
    found = train_softmax(features, csr_array(shares), 3.0, 500)
    row, label = np.nonzero(shares)
    model = LogisticRegression(C=3.0, max_iter=1000, tol=1e-8)
    model.fit(features[row], label, sample_weight=shares[row, label])
    np.testing.assert_allclose(found.weights, model.coef_, atol=2e-3)


def test_labels_without_an_example_are_left_out():
    features, truth = texts(seed=3)
    shares = csr_array(np.eye(9, dtype=np.float32)[np.array([0, 2, 5, 8])[truth]])
    found = train_softmax(features, shares, 3.0, 100)
    assert found.labels.tolist() == [0, 2, 5, 8]
    alone = train_softmax(features, shares_of(truth), 3.0, 100)
    assert np.array_equal(found.weights, alone.weights)


def test_it_goes_on_from_where_it_was():
    features, truth = texts(seed=4)
    shares = shares_of(truth)
    before = train_softmax(features, shares, 3.0, 3)
    after = train_softmax(features, shares, 3.0, 3, before)
    settled = train_softmax(features, shares, 3.0, 500)

    def off(found):
        return np.abs(found.log_probabilities(features) - settled.log_probabilities(features)).max()

    assert off(after) < off(before)
    resting = train_softmax(features, shares, 3.0, 3, settled)
    np.testing.assert_allclose(resting.weights, settled.weights, atol=1e-3)


def test_blocks_change_nothing_but_rounding(monkeypatch):
    from labelmend.relabel.evidence import softmax_regression as module

    features, truth = texts(seed=5)
    whole = train_softmax(features, shares_of(truth), 3.0, 10)
    monkeypatch.setattr(module, "_CACHED_TEXTS", 7)
    parts = train_softmax(features, shares_of(truth), 3.0, 10)
    np.testing.assert_allclose(parts.weights, whole.weights, atol=1e-4)
