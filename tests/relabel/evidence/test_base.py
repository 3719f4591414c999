import numpy as np
import pytest

from labelmend.relabel.evidence.base import Corpus
from labelmend.relabel.evidence.guard import spoken
from labelmend.retrieval.neighbours import Neighbours

NAN = float("nan")


class Table:
    """Reads its scores from a table [u, K], and remembers how many texts it was asked about."""

    name = "table"

    def __init__(self, whole):
        self.rows = np.array([[1, 2, 3], [4, 5, 6], [7, 8, NAN]], dtype=np.float32)
        self.whole = whole
        self.asked = []

    def score(self, texts, candidates):
        self.asked.append(len(texts))
        return np.take_along_axis(self.rows[texts], candidates, axis=1)


@pytest.mark.parametrize(
    ("block", "whole", "asked"), [(1, False, [1, 1, 1]), (2, False, [2, 1]), (2, True, [3])]
)
def test_a_source_is_asked_block_by_block_or_at_once(block, whole, asked):
    near = Neighbours(np.full((3, 1), -1), np.zeros((3, 1), np.float32))
    vectors = np.zeros((3, 1), np.float32)
    corpus = Corpus(("x", "y", "z"), ("a", "b", "c"), vectors, near, None, block_rows=block)
    table = Table(whole)
    said = spoken(table, corpus, np.array([[0, 2], [1, 0], [2, 1]]))
    np.testing.assert_array_equal(said.scores, [[1, 3], [5, 4], [NAN, 8]])
    assert said.scores.dtype == np.float32
    assert said.source == "table"
    assert table.asked == asked
