import numpy as np
import pytest

from labelmend.arrays import largest_products, principal_components, unit_rows


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


def test_largest_products_are_in_order_and_leave_one_out():
    left = np.array([[1, 0], [0, 1]], dtype=np.float32)
    right = np.array([[0.5, 0], [0.75, 0.25], [0.5, 1], [-1, 0.25]], dtype=np.float32)
    found, products = largest_products(left, right, 3)
    assert found.tolist() == [[1, 0, 2], [2, 1, 3]]
    assert products.tolist() == [[0.75, 0.5, 0.5], [1, 0.25, 0.25]]
    assert largest_products(left, right, 2)[0].tolist() == [[1, 0], [2, 1]]
    found, products = largest_products(left, right, 9, np.array([1, -1]))
    assert found.tolist() == [[0, 2, 3, 1], [2, 1, 3, 0]]
    assert products[0].tolist() == [0.5, 0.5, -1, -np.inf]


def test_largest_products_of_many_rows_are_those_of_each():
    rng = np.random.default_rng(0)
    left, right = (rng.normal(size=(n, 8)).astype(np.float32) for n in (1100, 50))
    found, products = largest_products(left, right, 7)
    everything = left @ right.T
    assert np.array_equal(found, np.argsort(-everything, axis=1)[:, :7])
    np.testing.assert_allclose(products, -np.sort(-everything, axis=1)[:, :7], rtol=1e-6)
    assert largest_products(left[:0], right, 7)[0].shape == (0, 7)
    assert largest_products(left, right[:0], 7)[1].shape == (1100, 0)


@pytest.mark.parametrize("total", [200, 1007])
def test_of_equal_products_the_smaller_rows_are_found(total):
    generator = np.random.default_rng(4)
    left = generator.integers(-2, 3, size=(40, 2)).astype(np.float32)
    right = generator.integers(-2, 3, size=(total, 2)).astype(np.float32)
    found, products = largest_products(left, right, 9)
    dots = left @ right.T
    expected = np.argsort(-dots, axis=1, kind="stable")[:, :9]
    assert np.array_equal(found, expected)
    assert np.array_equal(products, np.take_along_axis(dots, expected, axis=1))
