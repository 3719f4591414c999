import numpy as np
import pytest

from labelmend.arrays import unit_rows
from labelmend.retrieval import cells as module
from labelmend.retrieval.cells import Cells


def at_degrees(*angles):
    radians = np.radians(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


@pytest.fixture
def small_cells(monkeypatch):
    monkeypatch.setattr(module, "_TEXTS_PER_CELL", 2)


def test_cells_by_hand(small_cells):
    # Three pairs, far from each other: the texts of a cell stand by their keys.
    cells = Cells.of(at_degrees(0, 120, 240, 2, 122, 242), searched=3)
    assert cells.count == 3
    assert sorted(cells.members(cell).tolist() for cell in range(3)) == [[0, 3], [1, 4], [2, 5]]
    assert (cells.nearest[:, 0] == np.arange(3)).all()


def test_a_text_is_compared_with_as_many_as_asked_for(small_cells):
    cells = Cells.of(at_degrees(0, 2, 90, 92, 200, 202), searched=3)
    first = next(cell for cell in range(3) if 0 in cells.members(cell))
    found, cosines = cells.nearest_to(first, 5)
    # Its own cell holds two texts, so one more cell is looked into: 90 is nearer to 0 than 200 is.
    assert found.tolist() == [[1, 2, 3], [0, 2, 3]]
    degrees = [[2, 90, 92], [2, 88, 90]]
    np.testing.assert_allclose(cosines, np.cos(np.radians(degrees)), atol=1e-6)


def test_cosines_are_those_of_whole_vectors(monkeypatch):
    monkeypatch.setattr(module, "_LEADING_AXES", 2)
    generator = np.random.default_rng(0)
    embeddings = unit_rows(generator.standard_normal((300, 8)).astype(np.float32))
    cells = Cells.of(embeddings, searched=300)
    assert cells.leading.shape == (300, 3)
    found, cosines = cells.nearest_to(0, 10)
    texts = cells.members(0)
    assert len(texts) == 300
    np.testing.assert_allclose(
        cosines, np.einsum("bd,bcd->bc", embeddings[texts], embeddings[found]), atol=1e-6
    )
    assert (np.diff(cosines, axis=1) <= 0).all()
    # Two of eight axes, and four looked at for each one wanted: more than chance finds, not all.
    exact = embeddings[texts] @ embeddings.T
    exact[np.arange(300), texts] = -np.inf
    best = np.argsort(-exact, axis=1)[:, :10]
    share = (best[:, :, None] == found[:, None, :]).any(axis=2).mean()
    assert 40 / 300 < share < 1
