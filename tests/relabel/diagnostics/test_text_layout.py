"""What is left of the embeddings: a map and the leading axes."""

import numpy as np
import pytest

from labelmend.relabel.diagnostics.text_layout import AXES, layout_of


def spread(*lengths):
    """Points at both ends of axes of such lengths, their mean at (5, 5, ...)."""
    axes = np.diag(np.array(lengths, dtype=np.float32))
    return np.concatenate([axes, -axes]) + np.float32(5)


def test_axes_come_by_their_variance_and_lengths_stay():
    leading = layout_of(spread(1, 3, 2), 0).leading
    assert leading.shape == (6, 3)
    assert np.abs(leading[:3]).tolist() == [[0, 0, 1], [3, 0, 0], [0, 2, 0]]
    assert np.array_equal(leading[3:], -leading[:3])


def test_the_map_has_the_first_two():
    points = layout_of(spread(1, 3, 2), 0).points
    assert points.shape == (6, 2)
    assert np.abs(points[:3]) == pytest.approx(np.array([[0, 0], [3, 0], [0, 2]]), abs=1e-6)


def test_no_more_axes_than_are_kept():
    drawn = np.random.default_rng(0).normal(size=(200, AXES + 8)).astype(np.float32)
    layout = layout_of(drawn, 0)
    assert layout.leading.shape == (200, AXES)
    assert layout.leading.dtype == np.float16
    kept = np.linalg.norm(layout.leading.astype(np.float32), axis=1)
    assert (kept <= np.linalg.norm(drawn - drawn.mean(axis=0), axis=1) + 0.01).all()


def test_texts_that_are_all_the_same_and_none():
    same = layout_of(np.full((4, 3), 0.5, dtype=np.float32), 0)
    assert not same.points.any()
    assert not same.leading.any()
    assert layout_of(np.empty((0, 3), dtype=np.float32), 0).leading.shape == (0, 3)


def test_many_texts_are_laid_out_by_axes_of_some(monkeypatch):
    monkeypatch.setattr("labelmend.relabel.diagnostics.text_layout._LEARNED_FROM", 50)
    texts = np.tile(spread(1, 3, 2), (40, 1))
    one, again = (layout_of(texts, 7) for _ in range(2))
    assert np.array_equal(one.leading, again.leading)
    # The mean of the drawn ones is not quite that of all.
    assert np.abs(one.leading[:3]).max(axis=1) == pytest.approx([1, 3, 2], abs=0.6)
