"""`TextClassifier` on indicator matrices, beside the training of `train-classifier`."""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB

from labelmend import TextClassifier
from labelmend.errors import ConfigError
from labelmend.estimators.indicators import gathered_sets, is_indicator


@pytest.fixture(scope="module")
def rows():
    """Two hundred embeddings: label k holds where one lies on its side; some rows have none."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 8)).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, (unit[:, :3] > (0.1, 0.2, 0.3)).astype(np.int64)


@pytest.mark.parametrize("kind", ["logreg", "linear-svm"])
def test_each_label_is_a_yes_or_no(rows, kind):
    vectors, given = rows
    model = TextClassifier(kind).fit(vectors, given)
    said = model.predict(vectors)
    assert (said.shape, said.dtype) == (given.shape, given.dtype)
    assert (said == given).mean() > 0.95
    assert model.classes_.tolist() == [0, 1, 2]
    likely = model.predict_proba(vectors)
    assert np.array_equal(said, likely >= model.label_thresholds_)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(vectors), likely)
    assert cross_val_score(TextClassifier(kind), vectors, given, cv=3).mean() > 0.5


def test_lists_and_sparse_matrices_are_the_same(rows):
    vectors, given = rows
    expected = TextClassifier().fit(vectors, given).predict_proba(vectors)
    for other in (given.tolist(), csr_array(given), given.astype(bool)):
        found = TextClassifier().fit(vectors, other).predict_proba(vectors)
        assert np.array_equal(found, expected)


def test_rows_count_as_their_copies_do_in_any_order(rows):
    vectors, given = rows
    times = np.random.default_rng(1).integers(0, 3, len(vectors))
    weighted = TextClassifier().fit(vectors, given, sample_weight=times)
    copied = np.random.default_rng(2).permutation(np.repeat(np.arange(len(vectors)), times))
    repeated = TextClassifier().fit(vectors[copied], given[copied])
    assert np.array_equal(weighted.predict_proba(vectors), repeated.predict_proba(vectors))


def test_a_wish_for_precision(rows):
    vectors, given = rows
    best = TextClassifier().fit(vectors, given)
    sure = TextClassifier(wish_precision=0.97).fit(vectors, given)
    assert sure.label_thresholds_.mean() > best.label_thresholds_.mean()


def test_what_does_not_go_together(rows):
    vectors, given = rows
    labels = given[:, 0]
    for model, y, said in (
        (TextClassifier(oos_label="x"), given, "go with one label a row"),
        (TextClassifier(wish_precision=2), given, "wish_precision is 2: give a number"),
        (TextClassifier(wish_precision=0.9), labels, "goes with an indicator matrix"),
        (TextClassifier(), given + 1, "holds other values than 0 and 1"),
        (TextClassifier(), given[:-1], "inconsistent numbers of samples"),
    ):
        with pytest.raises(ValueError, match=said):
            model.fit(vectors, y)
    for kind in (GaussianNB(), "lightgbm"):
        with pytest.raises(ConfigError, match="can't learn several labels a text yet"):
            TextClassifier(kind).fit(vectors, given)
    with pytest.raises(ValueError, match="has no out-of-scope"):
        TextClassifier().fit(vectors, given).is_out_of_scope(vectors)


def test_what_is_an_indicator_matrix():
    assert is_indicator(np.zeros((3, 2)))
    assert is_indicator([[0, 1], [1, 1]])
    assert not any(
        map(is_indicator, (np.zeros(3), np.zeros((3, 1)), ["ab", "cd"], [], None, [[1]]))
    )


def test_copies_are_one_point_with_the_labels_of_half_of_them():
    given = np.array([[1, 0], [0, 0], [1, 1]])
    data = gathered_sets(("p", "q"), np.array([0, 0, 1]), given, np.array([1.0, 1.0, 2.0]))
    assert data.carried.tolist() == [[True, False], [True, True]]
    assert data.weights.tolist() == [2.0, 2.0]
    with pytest.raises(ValueError, match="fewer than two distinct rows"):
        gathered_sets(("p", "q"), np.array([0, 0, 1]), given, np.array([1.0, 1.0, 0.0]))
