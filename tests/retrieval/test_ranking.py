import numpy as np
import pytest

from labelmend.retrieval.ranking import rank_labels
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
