"""The matrix, counted by hand."""

import numpy as np
from scipy.sparse import csr_array

from labelmend.review.pictures.matrix import (
    Pair,
    confused_pairs,
    confused_together,
    count_pairs,
)


def of(rows):
    return csr_array(np.array(rows))


def test_texts_are_counted_by_given_and_proposed_label():
    given = np.array([0, 0, 0, 1, 2, -1, 2, 0])
    proposed = np.array([0, 1, 1, 0, 2, 1, -2, 2])
    counts = count_pairs(given, proposed, 4).toarray()
    assert counts.tolist() == [[1, 2, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert count_pairs(given[:0], proposed[:0], 2).toarray().tolist() == [[0, 0], [0, 0]]


def test_pairs_come_by_texts_and_then_by_label():
    counts = of([[9, 2, 1], [1, 9, 0], [0, 3, 9]])
    pairs = [Pair(2, 1, 3), Pair(0, 1, 2), Pair(0, 2, 1), Pair(1, 0, 1)]
    assert confused_pairs(counts) == pairs
    assert confused_pairs(counts, 0) == pairs[1:]
    assert confused_pairs(of([[1, 0], [0, 1]])) == []


def test_confused_labels_are_neighbours():
    # 0 and 3 are confused 9 times either way together, 3 and 1 5 times, 1 and 2 twice; 4 never.
    counts = np.zeros((6, 6), dtype=int)
    counts[0, 3], counts[3, 0], counts[1, 3], counts[2, 1], counts[4, 4] = 4, 5, 5, 2, 7
    assert confused_together(of(counts), 6) == [0, 3, 1, 2, 4]  # 5 has no text
    # A label between two others has no side free: 2 is joined to 0's other side.
    counts[2, 3], counts[0, 2] = 4, 3
    assert confused_together(of(counts), 6) == [1, 3, 0, 2, 4]
    # The three that are confused most: 3 (18), 0 (12) and 2 (9).
    assert confused_together(of(counts), 3) == [0, 3, 2]


def test_equal_labels_stay_in_their_order():
    assert confused_together(of(np.eye(4, dtype=int)), 3) == [0, 1, 2]
    assert confused_together(of(np.ones((3, 3), dtype=int)), 9) == [1, 0, 2]


def test_no_table_of_all_labels_is_made_of_many():
    counts = csr_array(([2], ([4000], [7])), shape=(50_000, 50_000))
    assert confused_together(counts, 24) == [7, 4000]
