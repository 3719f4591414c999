from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from labelmend.arrays import unit_rows
from labelmend.classify.learners import (
    SPACE_KINDS,
    Examples,
    learn,
    spread_scores,
    train_linear_svm,
)
from labelmend.configs.schema import LinearConfig


@pytest.fixture
def examples(world):
    def make(labels=3, per_label=20, spread=0.5):
        data, vectors = world(labels, per_label, spread=spread)
        return Examples(vectors[data.text_of], data.label_of, np.ones(len(data)), labels, seed=0)

    return make


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


@pytest.mark.parametrize("labels", [2, 4])
def test_logistic_regression_is_that_of_scikit_learn(examples, settings, labels):
    some = examples(labels)
    # All components: nothing is lost by the rotation, which the penalty does not feel either.
    config = replace(settings, components=12, logreg=LinearConfig(3.0, max_iter=1000))
    scores = learn("logreg", some, config).scores(some.embeddings)
    theirs = LogisticRegression(C=3.0, tol=1e-8, max_iter=1000).fit(some.embeddings, some.labels)
    expected = theirs.predict_proba(some.embeddings)
    np.testing.assert_allclose(softmax(scores, axis=1), expected, atol=2e-3)


@pytest.mark.parametrize("kind", SPACE_KINDS)
def test_each_kind_tells_clusters_apart(examples, world, settings, kind):
    some = examples(labels=5, per_label=30, spread=0.2)
    _, fresh = world(5, 30, spread=0.2, seed=1)
    scores = learn(kind, some, settings).scores(fresh)
    assert scores.shape == (150, 5)
    assert np.mean(scores.argmax(axis=1) == np.repeat(np.arange(5), 30)) > 0.97


@pytest.mark.parametrize("kind", SPACE_KINDS)
def test_rows_of_no_weight_teach_nothing(examples, settings, kind):
    some = examples(labels=3, per_label=40, spread=0.2)
    # Half of each label's rows are called the next label, and count next to nothing.
    wrong = np.arange(len(some.labels)) % 2 == 0
    labels = np.where(wrong, (some.labels + 1) % 3, some.labels)
    weights = np.where(wrong, 1e-6, 2.0)
    noisy = replace(some, labels=labels, weights=weights)
    found = learn(kind, noisy, settings).scores(some.embeddings).argmax(axis=1)
    assert np.mean(found == some.labels) > 0.97


@pytest.mark.parametrize("kind", SPACE_KINDS)
def test_a_seed_does_the_same_again(examples, settings, kind):
    some = examples()
    first, second = (learn(kind, some, settings).scores(some.embeddings) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("copies", [1, 2])
def test_trees_need_no_spread_within_labels(settings, copies):
    labels = np.repeat(np.arange(3), copies)
    vectors = np.eye(3, 5, dtype=np.float32)[labels]
    scorer = learn("lightgbm", Examples(vectors, labels, np.ones(len(labels)), 3, 0), settings)
    scores = scorer.scores(vectors)
    assert scores.shape == (3 * copies, 3)
    assert np.isfinite(scores).all()
    assert copies == 1 or scores.argmax(axis=1).tolist() == labels.tolist()


def test_labels_that_a_fold_lacks_score_below_all_others():
    scores = np.array([[3.0, -1.0]])
    assert spread_scores(scores, np.array([0, 2]), 3).tolist() == [[3.0, -2.0, -1.0]]
    assert spread_scores(scores, np.array([0, 1]), 2) is scores


def test_unit_rows_leave_zeros():
    assert unit_rows(np.array([[3, 4], [0, 0]], dtype=np.float32)).tolist() == [
        [np.float32(0.6), np.float32(0.8)],
        [0, 0],
    ]
