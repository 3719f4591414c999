import numpy as np
import pytest

from labelmend.classify.heads.lightgbm import LightgbmHead
from labelmend.classify.scorer import Examples


@pytest.mark.parametrize("copies", [1, 2])
def test_trees_need_no_spread_within_labels(settings, copies):
    labels = np.repeat(np.arange(3), copies)
    vectors = np.eye(3, 5, dtype=np.float32)[labels]
    rows = Examples(vectors, labels, np.ones(len(labels)), 3, 0)
    scorer = LightgbmHead().learn(rows, settings)
    scores = scorer.scores(vectors)
    assert scores.shape == (3 * copies, 3)
    assert np.isfinite(scores).all()
    assert copies == 1 or scores.argmax(axis=1).tolist() == labels.tolist()
