import numpy as np

from labelmend.arrays import unit_rows
from labelmend.classify.classifier import Nearness
from labelmend.classify.static.nearness import QuickNearness


def test_it_says_what_a_search_says():
    rng = np.random.default_rng(0)
    references = unit_rows(rng.normal(size=(50, 8)).astype(np.float32)).astype(np.float16)
    texts = unit_rows(rng.normal(size=(1100, 8)).astype(np.float32))
    for count in (1, 3, 80):  # more than there are
        expected, quick = Nearness(references, count), QuickNearness(references, count)
        np.testing.assert_allclose(quick.of(texts), expected.of(texts), atol=1e-6)
    own = np.arange(-1, 4)
    assert np.array_equal(quick.of(texts[:5], own), expected.of(texts[:5], own))
    assert quick.of(texts[:0]).shape == (0,)
    two = QuickNearness(np.eye(2, dtype=np.float16), 2)
    np.testing.assert_allclose(two.of(np.array([[0.6, 0.8]], dtype=np.float32)), [0.7], atol=1e-6)
