import numpy as np
import pytest

from labelmend.relabel.escalation.label_bias import label_bias, without_label_bias

# Three labels; label 2 is liked by 3 nats in every text.
LABELS = np.array([[0, 1, 2], [2, 0, 1], [1, 2, 0]])
SCORES = np.array([[4, 1, 4], [2, 1, 1], [-3, 0, np.nan]], dtype=np.float32)
NOBODY_KNOWS = np.zeros((3, 3))


def test_bias_is_the_shrunken_mean_above_each_texts_own_mean():
    counts = np.array([1.0, 1.0, 0.0])
    # Row means are 3 and 4/3; label 2 stands 1 and 2/3 above them, label 0 1 and -1/3. Two texts
    # speak of each label, ten without a bias stand beside them.
    expected = [(1 - 1 / 3) / 12, (-2 - 1 / 3) / 12, (1 + 2 / 3) / 12]
    assert label_bias(SCORES, LABELS, NOBODY_KNOWS, counts, 3, 10.0) == pytest.approx(expected)
    # With one text that has no bias in place of ten, two and one stand in for twelve.
    eager = label_bias(SCORES, LABELS, NOBODY_KNOWS, counts, 3, 1.0)
    assert eager == pytest.approx([12 / 3 * bias for bias in expected])
    taken = without_label_bias(SCORES, LABELS, NOBODY_KNOWS, counts, 3, 10.0)
    assert taken.dtype == np.float32
    assert taken[0] == pytest.approx(SCORES[0] - expected, abs=1e-6)
    assert taken[2, :2] == pytest.approx(SCORES[2, :2] - np.array(expected)[[1, 2]], abs=1e-6)
    assert np.isnan(taken[2, 2])


def test_what_a_text_seems_to_carry_counts_for_nothing():
    counts = np.array([1.0, 1.0, 0.0])
    believed = np.array([[1.0, 0, 0], [0, 0.5, 0], [0, 0, 0]])
    # Of the first text labels 1 and 2 are left, 1 and 4: 1.5 below and above their mean. In the
    # second label 0 counts by half: the mean is (2 + 0.5 + 1) / 2.5 = 1.4.
    expected = [0.5 * -0.4 / 10.5, (-1.5 - 0.4) / 12, (1.5 + 0.6) / 12]
    assert label_bias(SCORES, LABELS, believed, counts, 3, 10.0) == pytest.approx(expected)
    certain = np.array([[1.0, 1, 1], [1, 1, 1], [1, 1, 1]])
    assert label_bias(SCORES, LABELS, certain, counts, 3, 10.0).tolist() == [0, 0, 0]


def test_a_text_that_counts_twice_is_as_good_as_two_texts():
    twice = label_bias(SCORES, LABELS, NOBODY_KNOWS, np.array([2.0, 1.0, 1.0]), 3, 10.0)
    rows = [0, 0, 1, 2]
    expected = label_bias(SCORES[rows], LABELS[rows], NOBODY_KNOWS[[0] * 4], np.ones(4), 3, 10.0)
    assert twice == pytest.approx(expected)


def test_silent_scores_count_for_nothing():
    counts = np.array([0.0, 0.0, 1.0])
    # The row's mean is that of what was said: -1.5.
    assert label_bias(SCORES, LABELS, NOBODY_KNOWS, counts, 4, 10.0) == pytest.approx(
        [0, -1.5 / 11, 1.5 / 11, 0]
    )


def test_nothing_to_learn_from_changes_nothing():
    nobody = np.zeros(3)
    same = without_label_bias(SCORES, LABELS, NOBODY_KNOWS, nobody, 3, 10.0)
    assert np.array_equal(same, SCORES, equal_nan=True)
    silent = np.full_like(SCORES, np.nan)
    assert not label_bias(silent, LABELS, NOBODY_KNOWS, nobody + 1, 3, 10.0).any()


def voted(truth, liking, seed=0):
    """Four of five labels a text, the true one among them and 3 nats above what it is liked by."""
    generator = np.random.default_rng(seed)
    keys = generator.random((len(truth), 5))
    keys[np.arange(len(truth)), truth] = -1.0
    labels = np.argsort(keys, axis=1)[:, :4]
    labels = np.take_along_axis(labels, np.argsort(generator.random(labels.shape), axis=1), axis=1)
    right = labels == truth[:, None]
    scores = generator.normal(size=labels.shape) + liking[labels] + 3.0 * right
    return scores.astype(np.float32), labels, right.astype(np.float64)


def test_much_data_take_the_whole_bias_out_and_the_order_of_texts_is_nothing():
    liking = np.array([2.0, 0.0, -1.0, 0.0, 0.5])
    truth = np.random.default_rng(1).integers(0, 5, 4000)
    scores, labels, believed = voted(truth, liking)
    everyone = np.ones(4000)
    bias = label_bias(scores, labels, believed, everyone, 5, 10.0)
    # Above the mean of a row's three wrong ones, itself among them, the other two of the other
    # four labels: it shows by 2/3 * 5/4 of what it stands above the mean of all.
    assert bias == pytest.approx((liking - liking.mean()) * 5 / 6, abs=0.1)
    turned = label_bias(scores[::-1], labels[::-1], believed[::-1], everyone, 5, 10.0)
    assert turned == pytest.approx(bias, abs=1e-9)


def test_a_frequent_label_is_not_taken_for_a_liked_one():
    truth = np.where(np.arange(4000) % 10 < 7, 0, np.arange(4000) % 5)
    scores, labels, believed = voted(truth, np.zeros(5))
    everyone = np.ones(4000)
    assert np.abs(label_bias(scores, labels, believed, everyone, 5, 10.0)).max() < 0.12
    # Were it not asked what the texts carry, it would lose more than a nat.
    assert label_bias(scores, labels, np.zeros_like(believed), everyone, 5, 10.0)[0] > 1.0
