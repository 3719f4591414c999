import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression, Ridge

from labelmend.classify.soft import linear
from labelmend.classify.soft.linear import PENALTIES, calibrated, fit_linear

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(200, 8)).astype(np.float32) / np.sqrt(8)
TRUTH = expit(FEATURES @ RNG.normal(size=(8, 3)) * 4 + np.array([0.0, -2, 1]))
VALUES = np.round(np.clip(TRUTH + RNG.normal(0, 0.1, (200, 3)), 0, 1), 1)
FOLDS = np.arange(200) % 4


def of_sklearn(kind, rows, target, penalty):
    features, values = FEATURES[rows].astype(float), VALUES[rows, target]
    if kind == "ridge":
        model = Ridge(alpha=penalty * len(values)).fit(features, values)
        return model.coef_, model.intercept_
    # A soft value is a row of the class 1 that counts so much, and one of the class 0.
    strength = 1 / (penalty * len(values) * values.mean() * (1 - values.mean()))
    model = LogisticRegression(C=strength, tol=1e-10, max_iter=1000)
    model.fit(
        np.vstack([features, features]),
        np.repeat([1, 0], len(values)),
        sample_weight=np.concatenate([values, 1 - values]),
    )
    return model.coef_[0], model.intercept_[0]


@pytest.mark.parametrize("kind", ["ridge", "logreg"])
def test_models_and_held_out_scores_are_scikit_learns(kind):
    found = fit_linear(kind, FEATURES, VALUES, FOLDS)
    everything = np.ones(200, dtype=bool)
    for target, penalty in enumerate(found.penalties):
        weights, bias = of_sklearn(kind, everything, target, penalty)
        assert np.allclose(found.weights[:, target], weights, atol=0.01 * np.abs(weights).max())
        assert found.bias[target] == pytest.approx(bias, abs=0.01)
        for fold in range(4):
            weights, bias = of_sklearn(kind, fold != FOLDS, target, penalty)
            rows = fold == FOLDS
            expected = FEATURES[rows] @ weights + bias
            assert np.allclose(found.held_out[rows, target], expected, atol=0.02)


def test_the_penalty_is_that_which_loses_least_on_held_out_rows():
    found = fit_linear("ridge", FEATURES, VALUES, FOLDS)
    for target in range(3):
        lost = []
        for penalty in PENALTIES:
            squares = []
            for fold in range(4):
                weights, bias = of_sklearn("ridge", fold != FOLDS, target, penalty)
                rows = fold == FOLDS
                squares += (FEATURES[rows] @ weights + bias - VALUES[rows, target]).tolist()
            lost.append(np.mean(np.square(squares)))
        assert found.penalties[target] == PENALTIES[int(np.argmin(lost))]


def test_noise_is_held_down_as_much_as_can_be():
    noise = RNG.random((200, 1))
    assert fit_linear("ridge", FEATURES, noise, FOLDS).penalties[0] >= 0.1


def test_targets_that_are_trained_apart_are_the_same(monkeypatch):
    together = fit_linear("logreg", FEATURES, VALUES, FOLDS)
    monkeypatch.setattr(linear, "_TARGETS_AT_ONCE", 1)
    apart = fit_linear("logreg", FEATURES, VALUES, FOLDS)
    assert np.array_equal(apart.penalties, together.penalties)
    assert np.allclose(apart.held_out, together.held_out, atol=0.02)


def test_more_features_than_rows_and_a_target_that_is_nearly_always_zero():
    wide = RNG.normal(size=(20, 60)).astype(np.float32)
    values = np.zeros((20, 2))
    values[3, 0], values[:, 1] = 0.2, RNG.random(20)
    found = fit_linear("logreg", wide, values, np.arange(20) % 5)
    assert np.isfinite(found.weights).all()
    assert np.isfinite(found.held_out).all()


def test_calibration_keeps_ranks_and_finds_the_line():
    scores = RNG.normal(size=(4000, 3)) * np.array([1.0, 0.1, 5])
    values = expit(2 * scores - 1)
    values[:, 1] = expit(-30 * scores[:, 1])
    slopes, offsets = calibrated(scores, values)
    assert slopes[[0, 2]] == pytest.approx([2, 2], rel=1e-2)
    assert offsets[[0, 2]] == pytest.approx([-1, -1], abs=2e-2)
    # Scores that are the wrong way round are not believed, nor turned.
    assert 0 < slopes[1] < 0.02
    assert expit(offsets[1]) == pytest.approx(values[:, 1].mean(), abs=1e-2)


def test_scores_without_spread_say_the_mean():
    slopes, offsets = calibrated(np.full((10, 1), 3.0), np.full((10, 1), 0.25))
    assert expit(slopes * 3 + offsets)[0] == pytest.approx(0.25, abs=1e-3)
