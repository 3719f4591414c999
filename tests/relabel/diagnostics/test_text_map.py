"""Places on the map, worked out by hand."""

import numpy as np
import pytest

from labelmend.relabel.diagnostics import text_map
from labelmend.relabel.diagnostics.text_map import two_dimensions


def floats(*rows):
    return np.array(rows, dtype=np.float32)


def test_the_first_dimension_is_the_one_that_varies_most():
    # Around (1, 1, 5): by 6 along the second column, by 2 along the first, by nothing in the third.
    found = two_dimensions(floats((3, 1, 5), (-1, 1, 5), (1, 7, 5), (1, -5, 5)), 0)
    np.testing.assert_allclose(found, [[0, 2], [0, -2], [6, 0], [-6, 0]], atol=1e-5)
    assert found.dtype == np.float32


def test_an_axis_points_the_way_of_what_it_is_made_of_most():
    # Along (-4, 3)/5: turned round, to (4, -3)/5.
    found = two_dimensions(floats((-4, 3), (4, -3)), 0)
    np.testing.assert_allclose(found, [[-5, 0], [5, 0]], atol=1e-5)


@pytest.mark.parametrize(
    "embeddings",
    [
        np.zeros((0, 3)),
        np.zeros((3, 0)),
        np.full((1, 3), 0.7),
        np.full((7, 3), 0.7),
        np.zeros((2, 2)),
    ],
)
def test_where_nothing_differs_all_lie_in_one_place(embeddings):
    found = two_dimensions(embeddings.astype(np.float32), 0)
    assert found.shape == (len(embeddings), 2)
    assert not found.any()


def test_two_texts_and_one_column():
    np.testing.assert_allclose(two_dimensions(floats((1, 0), (0, 0)), 0)[:, 1], [0, 0])
    np.testing.assert_allclose(two_dimensions(floats((1,), (5,)), 0), [[-2, 0], [2, 0]])


def test_the_axes_of_many_texts_are_those_of_some_and_the_seed_says_which(monkeypatch):
    rng = np.random.default_rng(3)
    cloud = (rng.standard_normal((4000, 5)) * [9, 4, 1, 1, 1]).astype(np.float32)
    whole = two_dimensions(cloud, 0)
    monkeypatch.setattr(text_map, "_AXES_FROM", 1000)
    some = two_dimensions(cloud, 0)
    assert some.tobytes() == two_dimensions(cloud, 0).tobytes()
    assert some.tobytes() != two_dimensions(cloud, 1).tobytes()
    assert np.abs(some - whole).max() < 0.1 * np.abs(whole).max()
