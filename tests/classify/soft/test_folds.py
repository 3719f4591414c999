import numpy as np

from labelmend.classify.soft.folds import group_folds


def test_a_group_is_in_one_fold_and_folds_are_even():
    groups = np.random.default_rng(0).integers(0, 40, 1000)
    fold_of = group_folds(groups, 5, 3)
    assert all(len(set(fold_of[groups == g])) == 1 for g in range(40))
    assert np.ptp(np.bincount(fold_of, minlength=5)) <= np.bincount(groups).max()
    assert set(fold_of) == {0, 1, 2, 3, 4}


def test_the_order_of_the_rows_does_not_matter_and_the_seed_does():
    groups = np.arange(30) // 2
    order = np.random.default_rng(1).permutation(30)
    assert np.array_equal(group_folds(groups[order], 3, 0), group_folds(groups, 3, 0)[order])
    assert not np.array_equal(group_folds(groups, 3, 0), group_folds(groups, 3, 1))


def test_a_large_group_is_a_fold_by_itself():
    groups = np.array([0] * 10 + [1, 2, 3, 4])
    fold_of = group_folds(groups, 2, 0)
    assert set(fold_of[:10]) != set(fold_of[10:])
    assert len(set(fold_of[10:])) == 1


def test_there_are_no_more_folds_than_groups():
    assert set(group_folds(np.array([0, 1, 1]), 5, 0)) == {0, 1}
