import numpy as np
import pytest
from scipy.special import log_softmax

from labelmend.classify.calibrate import (
    OperatingPoint,
    choose_threshold,
    fit_detector,
    fit_inverse_temperature,
    oos_signs,
    trade_off,
)
from labelmend.errors import ConfigError

ONES = np.ones(10)
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
#                  oos  in   oos  in*  in   in   oos  in   in   in      (* wrong anyway)
IS_OOS = np.array([1, 0, 1, 0, 0, 0, 1, 0, 0, 0], dtype=bool)
IS_RIGHT = np.array([0, 1, 0, 0, 1, 1, 0, 1, 1, 1], dtype=bool)


def bar(goal, value, weights=ONES):
    return choose_threshold(SCORES, IS_OOS, IS_RIGHT, weights, OperatingPoint(goal, value))


def flagged(threshold):
    return int((threshold < SCORES).sum())


def test_the_sharpness_is_the_true_one():
    rng = np.random.default_rng(0)
    true = rng.normal(size=(20_000, 4)) * 2
    drawn = (rng.random((20_000, 1)) > np.exp(log_softmax(true, axis=1)).cumsum(axis=1)).sum(axis=1)
    # What the scorer says is half as sharp as the world.
    assert fit_inverse_temperature(true / 2, drawn, np.ones(20_000)) == pytest.approx(2, rel=0.03)


def test_the_sharpness_is_bounded_where_no_text_is_wrong():
    scores = np.array([[1.0, 0.0], [0.0, 1.0]] * 4)
    # One text of ten is counted as wrong: p = 0.9, the log-odds log 9, by scores one apart.
    assert fit_inverse_temperature(scores, np.array([0, 1] * 4), np.ones(8)) == pytest.approx(
        np.log(9), rel=1e-3
    )


def test_a_bar_by_in_scope_loss():
    # Six of seven in-scope texts are right. A sixth of them may be lost: the one at 0.8. The
    # next right one, at 0.5, keeps its label, so the bar stands there.
    assert bar("in-scope-loss", 1 / 6) == 0.5
    assert flagged(0.5) == 4
    assert bar("in-scope-loss", 0.0) == 0.8
    assert bar("in-scope-loss", 1.0) == -np.inf


def test_a_bar_by_in_scope_accuracy():
    # Five of seven right: one of the six is lost.
    assert bar("in-scope-accuracy", 5 / 7) == 0.5
    assert bar("in-scope-accuracy", 6 / 7) == 0.8
    with pytest.raises(ConfigError, match=r"--in-scope-accuracy 0.9: .* is 0.8571 even"):
        bar("in-scope-accuracy", 0.9)


def test_a_bar_by_oos_recall():
    assert flagged(bar("oos-recall", 1 / 3)) == 1
    assert flagged(bar("oos-recall", 0.6)) == 3  # 0.9, 0.8, 0.7
    assert flagged(bar("oos-recall", 1.0)) == 7
    with pytest.raises(ConfigError, match="--oos-recall needs rows of an out-of-scope label"):
        choose_threshold(SCORES, IS_OOS & False, IS_RIGHT, ONES, OperatingPoint("oos-recall", 0.5))


def test_bars_count_weights():
    # The right text at 0.8 weighs as much as all others: a sixth is not enough to lose it.
    weights = ONES.copy()
    weights[1] = 6.0
    assert bar("in-scope-loss", 1 / 6, weights) == 0.8


def test_the_trade_off_runs_from_nothing_flagged_to_all_but_one():
    curve = trade_off(SCORES, IS_OOS, IS_RIGHT, ONES, 10)
    np.testing.assert_allclose(curve.thresholds, SCORES)
    np.testing.assert_allclose(curve.oos_recall, np.array([0, 1, 1, 2, 2, 2, 2, 3, 3, 3]) / 3)
    kept = np.array([6, 6, 5, 5, 5, 4, 3, 3, 2, 1]) / 7
    np.testing.assert_allclose(curve.in_scope_accuracy, kept)


def test_signs_by_hand():
    logs = np.log(np.array([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]]))
    signs = oos_signs(logs, 2, np.array([0.9, 0.3]))
    expected = [
        [-np.log(0.7 / 0.3), -0.9, np.log(0.1 / 0.9)],
        [-np.log(0.25 / 0.75), -0.3, np.log(0.5 / 0.5)],
    ]
    np.testing.assert_allclose(signs, expected, atol=1e-12)
    without = oos_signs(logs, None, np.array([0.9, 0.3]))
    assert without.shape == (2, 2)
    np.testing.assert_allclose(without[1], [0.0, -0.3], atol=1e-12)


def world(count=4000, share=0.05):
    rng = np.random.default_rng(0)
    is_oos = rng.random(count) < share
    signs = rng.normal(size=(count, 3)) * [1, 5, 1] + is_oos[:, None] * [2.0, 10.0, 0.0] + 7
    return signs, is_oos


def test_few_out_of_scope_texts_hardly_move_the_weights_from_equal_ones():
    shares = []
    for count in (400, 4000, 40_000):
        signs, is_oos = world(count)
        found = fit_detector(signs, is_oos, np.ones(count), "oos texts")
        hefts = found.weights * signs.std(axis=0)
        shares.append(hefts[2] / hefts.sum())
    # The third sign says nothing: of twenty, two hundred and two thousand texts.
    assert 1 / 3 > shares[0] > shares[1] > shares[2]
    assert shares[0] > 0.15
    assert shares[2] < 0.05


def test_the_detector_learns_which_signs_tell_and_how_rare_oos_is():
    signs, is_oos = world(40_000)
    found = fit_detector(signs, is_oos, np.ones(len(signs)), "oos texts")
    scores = found.scores(signs)
    # Both telling signs are two standard deviations apart; the first has a fifth of the spread.
    assert found.weights[0] / found.weights[1] == pytest.approx(5, rel=0.2)
    assert found.weights[2] * 10 < found.weights[0]
    probabilities = found.probabilities(scores)
    assert probabilities.mean() == pytest.approx(is_oos.mean(), abs=1e-3)
    for low, high in ((0.1, 0.3), (0.3, 0.7), (0.7, 0.9)):
        some = (probabilities > low) & (probabilities < high)
        assert is_oos[some].mean() == pytest.approx(probabilities[some].mean(), abs=0.15)


def test_stand_ins_teach_weights_and_no_probability():
    signs, is_oos = world()
    found = fit_detector(signs, is_oos, np.ones(len(signs)), "left-out labels")
    assert found.probabilities(found.scores(signs)) is None
    assert found.weights[0] > 0


def test_a_sign_that_counts_against_is_left_out():
    signs, is_oos = world()
    signs[:, 0] *= -1
    found = fit_detector(signs, is_oos, np.ones(len(signs)), "oos texts")
    assert found.weights[0] == 0
    assert found.weights[1] > 0


def test_equal_weights_count_each_sign_by_its_spread():
    signs = np.array([[0.0, 0.0], [2.0, 20.0]])
    found = fit_detector(signs, np.zeros(2, dtype=bool), np.ones(2), "equal weights")
    assert found.scores(signs).tolist() == [-2.0, 2.0]
