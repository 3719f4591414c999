import numpy as np
import pytest

from labelmend.arrays import principal_components, unit_rows


def clusters(generator, texts=48, labels=4, dimensions=6, spread=0.3):
    """Vectors near their label's own axis."""
    truth = generator.integers(0, labels, texts)
    vectors = np.eye(dimensions)[truth] + spread * generator.normal(size=(texts, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), truth


def distances(vectors):
    return np.linalg.norm(vectors[:, None] - vectors[None], axis=2)


@pytest.mark.parametrize("count", [6, 7, 100])
def test_all_components_keep_all_distances(count):
    vectors, _ = clusters(np.random.default_rng(15))
    assert principal_components(vectors, count) is vectors


def test_leading_components_keep_the_most_variance():
    rng = np.random.default_rng(16)
    scales = np.array([5.0, 3.0, 1.0, 0.0, 0.0])
    turned = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    vectors = (rng.normal(size=(200, 5)) * scales @ turned + 7).astype(np.float32)
    # The data have three dimensions: three components lose nothing.
    found = principal_components(vectors, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(distances(found), distances(vectors), atol=1e-3)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-3)
    # And two lose as little as any two can: what the third singular value holds.
    centred = vectors - vectors.mean(axis=0)
    singular = np.linalg.svd(centred.astype(np.float64), compute_uv=False)
    two = principal_components(vectors, 2).astype(np.float64)
    assert (two**2).sum() == pytest.approx((singular[:2] ** 2).sum(), rel=1e-4)
    assert (two[:, 0] ** 2).sum() == pytest.approx(singular[0] ** 2, rel=1e-4)


def test_unit_rows_leave_zeros():
    assert unit_rows(np.array([[3, 4], [0, 0]], dtype=np.float32)).tolist() == [
        [np.float32(0.6), np.float32(0.8)],
        [0, 0],
    ]
