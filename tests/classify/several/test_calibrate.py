import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import f1_score

from labelmend.classify.several import calibrate
from labelmend.classify.several.calibrate import NEVER, choose_thresholds, fit_lines


def test_scores_become_probabilities_that_mean_what_they_say():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20_000, 2))
    carried = rng.random(scores.shape) < expit(np.array([3.0, 1.5]) * scores + (-1.0, 0.5))
    lines = fit_lines(scores, carried, np.ones(len(scores)))
    assert lines.slopes == pytest.approx([3.0, 1.5], rel=0.06)
    assert lines.offsets == pytest.approx([-1.0, 0.5], abs=0.06)


def test_a_label_of_few_texts_has_about_the_common_line():
    """Four texts say the opposite of what thousands of the other labels say."""
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(4000, 3))
    carried = rng.random(scores.shape) < expit(2 * scores - 1)
    scores[:, 2], carried[:, 2] = -4.0, False
    scores[:4, 2], carried[:4, 2] = (-1.0, -1.0, 1.0, 1.0), (True, True, False, False)
    lines = fit_lines(scores, carried, np.ones(len(scores)))
    assert lines.slopes[:2] == pytest.approx(2, rel=0.15)
    assert 0.1 < lines.slopes[2] < 2


def test_labels_of_all_texts_and_of_none_have_lines():
    scores = np.column_stack([np.full(50, 3.0), np.full(50, -3.0), np.linspace(-2, 2, 50)])
    carried = np.column_stack([np.ones(50), np.zeros(50), np.linspace(-2, 2, 50) > 0]) > 0
    lines = fit_lines(scores, carried, np.ones(50))
    found = lines.probabilities(scores)
    assert np.isfinite(found).all()
    assert (found[:, 0] > 0.95).all()
    assert (found[:, 1] < 0.05).all()
    bars = choose_thresholds(found, carried, np.ones(50))
    assert (found[:, 0] >= bars[0]).all()
    assert not (found[:, 1] >= bars[1]).any()


def test_thresholds_of_many_texts_are_the_best_for_f1(monkeypatch):
    monkeypatch.setattr(calibrate, "_TEXTS", 1e-9)
    rng = np.random.default_rng(2)
    likely = rng.random((1000, 2))
    carried = rng.random(likely.shape) < likely ** (1, 3)
    bars = choose_thresholds(likely, carried, np.ones(1000))
    for k in (0, 1):
        scores = [f1_score(carried[:, k], likely[:, k] >= step / 200) for step in range(20, 160)]
        assert bars[k] == (np.argmax(scores) + 20) / 200


def test_a_rare_label_has_the_threshold_of_all():
    """Its three texts alone would set it at 0.9."""
    rng = np.random.default_rng(3)
    likely = rng.random((5000, 2))
    carried = rng.random(likely.shape) < likely
    likely[:, 1], carried[:, 1] = 0.01, False
    likely[:3, 1], carried[:3, 1] = (0.9, 0.95, 0.5), (True, True, False)
    common, rare = choose_thresholds(likely, carried, np.ones(5000))
    assert abs(rare - common) < 0.05


def test_a_wished_precision_is_kept_and_no_more_is_given_up():
    rng = np.random.default_rng(4)
    likely = rng.random((20_000, 1))
    carried = rng.random(likely.shape) < likely
    (bar,) = choose_thresholds(likely, carried, np.ones(20_000), wish=0.9)
    assert carried[likely >= bar].mean() == pytest.approx(0.9, abs=0.005)


def test_a_precision_out_of_reach_calls_nothing():
    likely = np.full((100, 1), 0.5)
    carried = np.arange(100)[:, None] % 2 == 0
    assert choose_thresholds(likely, carried, np.ones(100), wish=0.9).tolist() == [NEVER]


def test_weights_count_as_copies_do():
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(60, 3))
    carried = rng.random(scores.shape) < expit(scores)
    times = rng.integers(1, 4, 60)
    copied = np.repeat(np.arange(60), times)
    one = fit_lines(scores, carried, times.astype(float))
    two = fit_lines(scores[copied], carried[copied], np.ones(len(copied)))
    assert one.slopes == pytest.approx(two.slopes, rel=1e-3)
    likely = one.probabilities(scores)
    assert choose_thresholds(likely, carried, times.astype(float)).tolist() == pytest.approx(
        choose_thresholds(likely[copied], carried[copied], np.ones(len(copied))).tolist()
    )


def test_blocks_of_labels_change_nothing(monkeypatch):
    rng = np.random.default_rng(6)
    scores = rng.normal(size=(50, 7))
    carried = rng.random(scores.shape) < expit(scores)
    whole = fit_lines(scores, carried, np.ones(50))
    bars = choose_thresholds(whole.probabilities(scores), carried, np.ones(50))
    monkeypatch.setattr(calibrate, "_PAIRS", 100)
    parts = fit_lines(scores, carried, np.ones(50))
    assert parts.slopes == pytest.approx(whole.slopes)
    again = choose_thresholds(whole.probabilities(scores), carried, np.ones(50))
    assert again.tolist() == bars.tolist()
