import numpy as np
import pytest

from labelmend.relabel.label_bias import label_bias, without_label_bias

# Three labels; label 2 is liked by 3 nats in every text.
LABELS = np.array([[0, 1, 2], [2, 0, 1], [1, 2, 0]])
SCORES = np.array([[4, 1, 4], [2, 1, 1], [-3, 0, np.nan]], dtype=np.float32)


def test_bias_is_the_shrunken_mean_above_each_texts_own_mean():
    sample = np.array([True, True, False])
    # Row means are 3 and 4/3; label 2 stands 1 and 2/3 above them, label 0 1 and -1/3.
    expected = [(1 - 1 / 3) / 22, (-2 - 1 / 3) / 22, (1 + 2 / 3) / 22]
    assert label_bias(SCORES, LABELS, sample, 3) == pytest.approx(expected)
    taken = without_label_bias(SCORES, LABELS, sample, 3)
    assert taken.dtype == np.float32
    assert taken[0] == pytest.approx(SCORES[0] - expected, abs=1e-6)
    assert taken[2, :2] == pytest.approx(SCORES[2, :2] - np.array(expected)[[1, 2]], abs=1e-6)
    assert np.isnan(taken[2, 2])


def test_silent_scores_count_for_nothing():
    sample = np.array([False, False, True])
    # The row's mean is that of what was said: -1.5.
    assert label_bias(SCORES, LABELS, sample, 4) == pytest.approx([0, -1.5 / 21, 1.5 / 21, 0])


def test_nothing_to_learn_from_changes_nothing():
    nobody = np.zeros(3, dtype=bool)
    assert np.array_equal(without_label_bias(SCORES, LABELS, nobody, 3), SCORES, equal_nan=True)
    silent = np.full_like(SCORES, np.nan)
    assert not label_bias(silent, LABELS, ~nobody, 3).any()


def test_much_data_take_the_whole_bias_out_and_the_order_of_texts_is_nothing():
    generator = np.random.default_rng(0)
    labels = np.argsort(generator.random((4000, 5)), axis=1)[:, :4]
    liking = np.array([2.0, 0.0, -1.0, 0.0, 0.5])
    scores = (generator.normal(size=labels.shape) + liking[labels]).astype(np.float32)
    everyone = np.ones(4000, dtype=bool)
    bias = label_bias(scores, labels, everyone, 5)
    # Above the mean of its rows: a row has 4 of the 5 labels, so a bias shows by 15/16 of it.
    expected = (liking - liking.mean()) * (1 - 1 / 4) * 5 / 4
    assert bias == pytest.approx(expected, abs=0.1)
    turned = label_bias(scores[::-1], labels[::-1], everyone, 5)
    assert turned == pytest.approx(bias, abs=1e-9)
