import numpy as np

from labelmend.classify.soft.data import distinct_texts, placed, row_order


def test_the_order_of_rows_is_that_of_texts_and_values():
    parts = (("b", "a", "b", "a"), ("x", "y", "x", "x"))
    values = np.array([[0.5], [0], [0.25], [1]])
    assert row_order(parts, values).tolist() == [3, 1, 2, 0]


def test_texts_of_both_parts_are_embedded_once():
    parts = (("q", "q"), ("a", "q"))
    texts = distinct_texts(parts)
    assert texts == ("a", "q")
    vectors = np.array([[1, 0], [0, 1]], np.float32)
    first, second = placed(parts, texts, vectors)
    assert first.tolist() == [[0, 1], [0, 1]]
    assert second.tolist() == [[1, 0], [0, 1]]
