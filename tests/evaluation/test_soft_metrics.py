import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import log_loss, mean_absolute_error

from labelmend.evaluation.soft_metrics import cross_entropies, evaluate_soft, spearmans

RNG = np.random.default_rng(5)
VALUES = np.round(RNG.random((60, 3)) * 3) / 3
PREDICTED = np.clip(VALUES * 0.5 + np.round(RNG.random((60, 3)), 1) * 0.5, 0, 1)
GROUPS = np.repeat(np.arange(20), 3)


def test_the_figures_are_scipys_and_scikit_learns():
    found = evaluate_soft(VALUES, PREDICTED, ("a", "b", "c"), GROUPS, 0, draws=0)
    ranks = [spearmanr(VALUES[:, t], PREDICTED[:, t])[0] for t in range(3)]
    errors = mean_absolute_error(VALUES, PREDICTED, multioutput="raw_values")
    # A soft value is a row of the class 1 that counts so much, and one of the class 0.
    entropies = [
        log_loss(
            np.repeat([1, 0], 60),
            np.tile(PREDICTED[:, t], 2),
            sample_weight=np.concatenate([VALUES[:, t], 1 - VALUES[:, t]]),
        )
        for t in range(3)
    ]
    for t, target in enumerate("abc"):
        one = found.targets[target]
        assert one.spearman.value == pytest.approx(ranks[t], abs=1e-12)
        assert one.cross_entropy.value == pytest.approx(entropies[t], abs=1e-12)
        assert one.absolute_error.value == pytest.approx(errors[t], abs=1e-12)
        assert (one.spearman.low, one.spearman.high) == (None, None)
    assert found.spearman.value == pytest.approx(np.mean(ranks), abs=1e-12)
    assert found.cross_entropy.value == pytest.approx(np.mean(entropies), abs=1e-12)
    assert found.absolute_error.value == pytest.approx(np.mean(errors), abs=1e-12)
    assert (found.rows, found.groups) == (60, 20)


def test_rows_that_count_twice_are_two_rows():
    counts = RNG.integers(0, 4, (5, 60)).astype(float)
    found = spearmans(VALUES[:, 0], PREDICTED[:, 0], counts)
    for drawn, one in zip(counts.astype(int), found, strict=True):
        rows = np.repeat(np.arange(60), drawn)
        assert one == pytest.approx(spearmanr(VALUES[rows, 0], PREDICTED[rows, 0])[0], abs=1e-12)


def test_four_rows_by_hand():
    values = np.array([[0.0], [0.5], [0.5], [1.0]])
    predicted = np.array([[0.1], [0.4], [0.2], [0.9]])
    found = evaluate_soft(values, predicted, ("t",), np.arange(4), 0, draws=0).targets["t"]
    # Ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4: 4.5 / sqrt(4.5 * 5).
    assert found.spearman.value == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert found.absolute_error.value == pytest.approx((0.1 + 0.1 + 0.3 + 0.1) / 4)
    lost = -np.log(0.9) - np.log(0.4 * 0.6) / 2 - np.log(0.2 * 0.8) / 2 - np.log(0.9)
    assert found.cross_entropy.value == pytest.approx(lost / 4)


def test_what_does_not_change_has_no_correlation_and_no_part_in_the_mean():
    values = np.column_stack([VALUES[:, 0], np.full(60, 0.5)])
    found = evaluate_soft(values, PREDICTED[:, :2], ("a", "b"), GROUPS, 0, draws=20)
    constant = found.targets["b"].spearman
    assert (constant.value, constant.low, constant.high) == (None, None, None)
    assert found.spearman == found.targets["a"].spearman
    assert found.targets["b"].absolute_error.value == pytest.approx(
        np.abs(0.5 - PREDICTED[:, 1]).mean()
    )
    alone = evaluate_soft(values[:, 1:], PREDICTED[:, 1:2], ("b",), GROUPS, 0, draws=20)
    assert alone.spearman.value is None


def test_certain_predictions_lose_no_more_than_scikit_learn_says():
    lost = cross_entropies(np.array([[1.0], [0.0]]), np.array([[0.0], [0.0]]))
    assert lost[0, 0] == pytest.approx(-np.log(np.finfo(float).eps))
    assert lost[1, 0] == pytest.approx(0, abs=1e-12)


def test_intervals_draw_groups_and_not_rows():
    # Ten copies of each of thirty rows say no more than the thirty.
    values, predicted = RNG.random((30, 1)), RNG.random((30, 1))
    once = evaluate_soft(values, predicted, ("t",), np.arange(30), 0)
    copies = (np.repeat(values, 10, axis=0), np.repeat(predicted, 10, axis=0), ("t",))
    together = evaluate_soft(*copies, np.repeat(np.arange(30), 10), 0)
    apart = evaluate_soft(*copies, np.arange(300), 0)

    def width(found):
        return found.spearman.high - found.spearman.low

    assert width(together) == pytest.approx(width(once), rel=0.02)
    assert width(apart) < width(once) / 2
    assert once.spearman.low < once.spearman.value < once.spearman.high


def test_intervals_cover_as_often_as_they_say():
    rng, covered = np.random.default_rng(0), 0
    for seed in range(100):
        predicted = rng.random((80, 1))
        values = np.clip(predicted + rng.normal(0, 0.2, (80, 1)), 0, 1)
        error = evaluate_soft(values, predicted, ("t",), np.arange(80), seed, draws=100)
        figure = error.absolute_error
        covered += figure.low <= 0.1396 <= figure.high
    # The mean absolute error of this world, by a million rows, is 0.1396.
    assert 85 <= covered <= 99
