import numpy as np
import pytest

from labelmend.classify.soft import features as module
from labelmend.classify.soft.features import Axes, features

RNG = np.random.default_rng(0)
Q, A = (RNG.normal(size=(50, 6)).astype(np.float32) for _ in range(2))


def test_a_pair_by_hand():
    q, a = np.array([[1.0, 2.0]], np.float32), np.array([[3.0, -1.0]], np.float32)
    assert features([q, a]).tolist() == [[1, 2, 3, -1, 2, 3, 3, -2]]
    assert features([q]).tolist() == [[1, 2]]


@pytest.mark.parametrize("parts", [(Q,), (Q, A)])
def test_models_of_axes_are_models_of_features(parts):
    axes = Axes.of(parts, 12)
    read = axes.project(parts)
    weights, bias = RNG.normal(size=(read.shape[1], 3)), RNG.normal(size=3)
    whole, free = axes.folded_back(weights, bias)
    assert np.allclose(features(parts) @ whole + free, read @ weights + bias, atol=1e-4)


def test_every_block_varies_as_much(monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 7)
    read = Axes.of((Q, A), 24).project((Q, A))
    assert read.shape == (50, 24)
    variances = [block.var(axis=0).sum() for block in np.hsplit(read, 4)]
    assert variances == pytest.approx([1, 1, 1, 1], rel=1e-4)


def test_axes_are_shared_out_among_blocks_and_the_leading_ones_are_taken():
    wide = Q * np.array([9, 1, 1, 1, 1, 1], np.float32)
    assert Axes.of((wide,), 1).project((wide,)).shape == (50, 1)
    assert np.abs(Axes.of((wide,), 1).axes[0][:, 0]).argmax() == 0
    assert Axes.of((Q, A), 8).project((Q, A)).shape == (50, 8)


def test_a_block_without_variance_is_zero():
    same = np.ones((5, 3), np.float32)
    assert np.abs(Axes.of((same,), 3).project((same,))).max() == 0
