import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import spearmanr

from labelmend.arrays import unit_rows
from labelmend.classify.soft.train import SoftExamples, linear_kind, train_soft
from labelmend.configs.load import load_config
from labelmend.errors import ConfigError
from labelmend.protocols import NoProgress

CONFIG = load_config("embedded").classify


def pairs(rows, questions, seed=0):
    """Rows whose targets say what question and answer say, and a third one that never changes."""
    rng = np.random.default_rng(seed)
    axes = np.random.default_rng(7).normal(size=(2, 10))
    of = rng.permutation(np.arange(rows) % questions)
    q = unit_rows(rng.normal(size=(questions, 10)).astype(np.float32))[of]
    a = unit_rows(rng.normal(size=(rows, 10)).astype(np.float32))
    logits = np.column_stack([(q + a) @ axes[0], 10 * (q * a) @ axes[1], np.zeros(rows)])
    values = expit(logits)
    values[:, 2] = 0.25
    return SoftExamples((q, a), values, of.astype(np.int64))


@pytest.mark.parametrize("kind", ["logreg", "ridge"])
def test_what_a_pair_says_together_is_learned(kind):
    training = train_soft(pairs(400, 100), kind, CONFIG, 0, NoProgress())
    fresh = pairs(300, 300, seed=1)
    predicted = training.scorer.predict(fresh.parts)
    for target in (0, 1):
        held_out = spearmanr(training.held_out[:, target], pairs(400, 100).values[:, target])[0]
        assert held_out > 0.95
        assert spearmanr(predicted[:, target], fresh.values[:, target])[0] > 0.95
        # Calibrated: the predictions are of the values' own size, and not only in their order.
        assert np.abs(predicted[:, target] - fresh.values[:, target]).mean() < 0.06
    assert np.allclose(predicted[:, 2], 0.25, atol=1e-6)
    assert np.isnan(training.penalties).tolist() == [False, False, True]
    assert training.folds == 5


def test_no_row_is_predicted_by_what_has_seen_its_group():
    """Values belong to questions, and nothing but the question tells them."""
    rng = np.random.default_rng(0)
    of = np.arange(600) % 60
    q = unit_rows(rng.normal(size=(60, 50)).astype(np.float32))[of]
    values = rng.random((60, 1))[of]
    data = SoftExamples((q,), values, of.astype(np.int64))
    by_group = train_soft(data, "ridge", CONFIG, 0, NoProgress())
    by_row = train_soft(
        SoftExamples(data.parts, values, np.arange(600)), "ridge", CONFIG, 0, NoProgress()
    )
    assert spearmanr(by_row.held_out[:, 0], values[:, 0])[0] > 0.8
    assert spearmanr(by_group.held_out[:, 0], values[:, 0])[0] < 0.2


def test_two_groups_are_two_folds():
    data = pairs(40, 2)
    training = train_soft(data, "logreg", CONFIG, 0, NoProgress())
    assert training.folds == 2
    assert np.isfinite(training.held_out).all()


def test_some_rows_have_groups_of_their_own_numbers():
    data = SoftExamples((np.eye(4, dtype=np.float32),), np.zeros((4, 1)), np.array([0, 3, 2, 3]))
    assert data.of(np.array([1, 2])).groups.tolist() == [1, 0]


def test_a_kind_that_learns_labels_only():
    assert linear_kind("ridge") == "ridge"
    with pytest.raises(ConfigError, match="--kind lightgbm can't learn soft targets; give --kind"):
        linear_kind("lightgbm")
