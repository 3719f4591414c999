import numpy as np
import pytest

from labelmend.retrieval.ranking import rank_labels, top_columns
from labelmend.types import NO_LABEL

NAN, INF = np.nan, np.inf


def ranked(labels, scores, limit):
    ranking = rank_labels(np.array(labels), np.array(scores, dtype=np.float32), limit)
    assert (ranking.labels.dtype, ranking.scores.dtype) == (np.int64, np.float32)
    return ranking.labels.tolist(), ranking.scores.tolist()


def test_best_first_each_label_once_with_its_best_score():
    labels, scores = ranked([[2, 0, 2, 1], [3, 3, 3, 3]], [[0.25, 0.5, 0.75, -1], [1, 3, 2, 0]], 3)
    assert labels == [[2, 0, 1], [3, NO_LABEL, NO_LABEL]]
    assert scores == [[0.75, 0.5, -1], [3, -INF, -INF]]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
def test_ties_go_to_the_smaller_label_wherever_it_stands(order):
    labels, scores = np.array([[7, 5, 6, 4]]), np.array([[1, 1, 2, 0]])
    found = ranked(labels[:, order], scores[:, order], 4)
    assert found == ([[6, 5, 7, 4]], [[2, 1, 1, 0]])


def test_what_is_none_is_not_ranked():
    labels = [[NO_LABEL, 1, 2, 2], [0, 1, 0, NO_LABEL]]
    scores = [[9, NAN, NAN, -5], [NAN, -INF, NAN, NAN]]
    assert ranked(labels, scores, 4) == (
        [[2, NO_LABEL, NO_LABEL, NO_LABEL], [NO_LABEL] * 4],
        [[-5, -INF, -INF, -INF], [-INF] * 4],
    )


@pytest.mark.parametrize(("limit", "width"), [(1, 1), (2, 2), (9, 2)])
def test_no_more_than_the_limit_and_than_there_are(limit, width):
    assert ranked([[1, 0]], [[0, 1]], limit)[0] == [[0, 1][:width]]


def test_no_rows():
    labels, scores = np.empty((0, 3), np.int64), np.empty((0, 3), np.float32)
    assert rank_labels(labels, scores, 2).labels.shape == (0, 2)


@pytest.mark.parametrize(
    ("limit", "columns"),
    [(1, [1]), (2, [1, 4]), (3, [1, 4, 0]), (4, [1, 4, 0, 2]), (6, [1, 4, 0, 2, 3, 5]), (9, None)],
)
def test_top_columns_by_hand(limit, columns):
    # Two share the best score, and three the next; one is nothing at all.
    scores = np.float32([[1, 2, 1, 1, 2, -INF]])
    assert top_columns(scores, limit).tolist() == [columns or [1, 4, 0, 2, 3, 5]]


@pytest.mark.parametrize("limit", [1, 3, 10, 29, 30])
@pytest.mark.parametrize("values", [2, 5, 1000])
def test_top_columns_are_the_first_of_a_stable_sort(limit, values):
    scores = np.random.default_rng(0).integers(0, values, (50, 30)).astype(np.float32)
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :limit]
    assert np.array_equal(top_columns(scores, limit), expected)


def test_top_columns_of_no_rows():
    assert top_columns(np.empty((0, 5), np.float32), 2).shape == (0, 2)
