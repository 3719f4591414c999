"""Logistic regressions, all labels at once."""

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from labelmend.parallel import LOCAL
from labelmend.relabel.assignments.classifier import STRENGTH, FoldedLogits, trained


def made(rows=300, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, 4)).astype(np.float32)
    labels = features @ rng.normal(size=(4, 3)) + rng.normal(size=(rows, 3)) > [0, 1, -1]
    return features, labels.astype(np.float32)


def test_each_label_has_the_model_that_scikit_learn_trains():
    features, labels = made()
    ones = np.ones((len(features), 1), dtype=np.float32)
    weights = trained(np.hstack([features, ones]), labels, 500)
    for label in range(3):
        theirs = LogisticRegression(C=STRENGTH, tol=1e-8).fit(features, labels[:, label])
        np.testing.assert_allclose(weights[:-1, label], theirs.coef_[0], atol=2e-3)
        np.testing.assert_allclose(weights[-1, label], theirs.intercept_[0], atol=2e-3)


def test_soft_targets_are_learned_and_a_label_of_all_rows_stays_finite():
    features = np.ones((50, 1), dtype=np.float32)
    beliefs = np.array([[0.25, 1.0]] * 50, dtype=np.float32)
    weights = trained(features, beliefs, 200)
    assert abs(expit(weights[0, 0]) - 0.25) < 1e-3
    assert 3 < weights[0, 1] < 50


def test_a_texts_own_label_does_not_move_its_logits():
    features, labels = made()
    folds = np.arange(300) % 5
    before = FoldedLogits(features, folds, LOCAL).fit(labels, 100)
    changed = labels.copy()
    changed[7] = 1 - changed[7]
    after = FoldedLogits(features, folds, LOCAL).fit(changed, 100)
    same = folds == folds[7]
    np.testing.assert_array_equal(before[same], after[same])
    assert (before[~same] != after[~same]).any()
