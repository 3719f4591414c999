import numpy as np
import pytest

from labelmend.drift.distance import _discrepancies, compare_embeddings


def test_a_discrepancy_is_what_its_definition_says():
    rng = np.random.default_rng(0)
    half = rng.random((5, 5))
    kernel = (half + half.T) / 2
    np.fill_diagonal(kernel, 0)
    side = np.array([[False, False, False, True, True]])
    within = np.mean([kernel[i, j] for i in range(3) for j in range(3) if i != j])
    other = kernel[3, 4]
    across = np.mean([kernel[i, j] for i in range(3) for j in (3, 4)])
    assert _discrepancies(kernel, side)[0] == pytest.approx(within + other - 2 * across)


@pytest.mark.parametrize("test", ["mmd", "classifier"])
def test_what_moved_is_found_and_what_did_not_is_not(test):
    rng = np.random.default_rng(0)
    before = rng.normal(size=(150, 6)).astype(np.float32)
    same = rng.normal(size=(120, 6)).astype(np.float32)
    moved = compare_embeddings(before, same + np.float32(0.6), test, seed=0)
    still = compare_embeddings(before, same, test, seed=0)
    assert moved.p_value < 0.01
    assert still.p_value > 0.1
    assert moved.value > still.value
    assert (moved.before, moved.now) == (150, 120)


def test_texts_that_are_all_the_same_are_no_drift():
    one = np.ones((20, 3), dtype=np.float32)
    found = compare_embeddings(one, one, "mmd", seed=0)
    assert found.p_value == 1.0


def test_the_least_p_is_one_of_all_permutations():
    before, now = np.zeros((30, 2), np.float32), np.ones((30, 2), np.float32)
    found = compare_embeddings(before, now, "mmd", seed=0, permutations=99)
    assert found.p_value == pytest.approx(1 / 100)
