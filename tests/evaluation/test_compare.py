import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import f1_score

from labelmend.evaluation.compare import Answers, TestRows, compare, holm, macro_f1, mcnemar


def answers(*seeds, flagged=None):
    called = np.array(seeds)
    return Answers(called, np.zeros(called.shape, dtype=bool) if flagged is None else flagged)


def rows(truth, label_count=3, oos=None):
    truth = np.array(truth)
    return TestRows(truth, truth == (-1 if oos is None else oos), label_count)


def test_mcnemar_by_hand():
    before = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
    after = np.array([1, 1, 0, 1, 1, 1, 1, 1, 0, 0], dtype=bool)
    lost, won, p = mcnemar(before, after)
    assert (lost, won) == (1, 5)
    # Of six coins at most one on one side, twice.
    assert p == pytest.approx(2 * binom.cdf(1, 6, 0.5))
    assert p == pytest.approx(2 * 7 / 64)
    assert mcnemar(before, before) == (0, 0, 1.0)


def test_holm_by_hand():
    # In order 0.01, 0.02, 0.03, 0.04: 4 * 0.01, 3 * 0.02, 2 * 0.03, 1 * 0.04, never falling.
    assert holm([0.02, 0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.06, 0.04, 0.06])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_macro_f1_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth, called = rng.integers(4, size=80), rng.integers(5, size=80)
    theirs = f1_score(truth, called, labels=np.unique(truth), average="macro")
    assert macro_f1(truth, called, 6) == pytest.approx(theirs)


def test_a_clear_gain_is_called_better_and_the_reverse_worse():
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=400)
    poor = np.where(rng.random(400) < 0.3, (truth + 1) % 3, truth)
    good = np.where(rng.random(400) < 0.1, (truth + 1) % 3, truth)
    (up,) = compare([("logreg", answers(poor), answers(good))], rows(truth), 0)
    (down,) = compare([("logreg", answers(good), answers(poor))], rows(truth), 0)
    assert (up.verdict, down.verdict) == ("better", "worse")
    accuracy = up.differences[0]
    assert accuracy.figure == "accuracy"
    assert accuracy.change == pytest.approx((good == truth).mean() - (poor == truth).mean())
    # The normal interval of a paired difference.
    each = (good == truth).astype(float) - (poor == truth)
    half = 1.96 * each.std() / np.sqrt(400)
    assert accuracy.low == pytest.approx(accuracy.change - half, abs=0.01)
    assert accuracy.high == pytest.approx(accuracy.change + half, abs=0.01)
    assert down.differences[0].low == pytest.approx(-accuracy.high, abs=0.01)


def test_two_draws_of_the_same_quality_show_no_difference():
    verdicts = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        truth = rng.integers(3, size=200)
        sides = [answers(np.where(rng.random(200) < 0.2, (truth + 1) % 3, truth)) for _ in range(2)]
        verdicts += [o.verdict for o in compare([("logreg", *sides)], rows(truth), 0)]
    assert verdicts.count("no difference shown") >= 9  # of 10; one in 20 may err


def test_the_same_answers_are_no_difference():
    same = answers([0, 1, 2, 0])
    (outcome,) = compare([("logreg", same, same)], rows([0, 1, 2, 2]), 0)
    assert outcome.verdict == "no difference shown"
    assert all((d.low, d.change, d.high) == (0, 0, 0) for d in outcome.differences)


def test_p_values_are_corrected_over_the_kinds():
    truth = np.zeros(40, dtype=np.int64)
    wrong = np.ones(40, dtype=np.int64)
    # Seven rows won and none lost: p = 2 / 2 ** 7 = 0.0156 for each of four kinds.
    won = np.where(np.arange(40) < 7, 0, 1)
    kinds = ("a", "b", "c", "d")
    outcomes = compare([(k, answers(wrong), answers(won)) for k in kinds], rows(truth), 0)
    assert [o.test.p_value for o in outcomes] == [pytest.approx(2 / 2**7)] * 4
    assert [o.test.adjusted for o in outcomes] == [pytest.approx(4 * 2 / 2**7)] * 4
    assert {o.verdict for o in outcomes} == {"no difference shown"}
    (alone,) = compare([("a", answers(wrong), answers(won))], rows(truth), 0)
    assert alone.verdict == "better"


def test_seeds_are_averaged_and_most_of_them_decide_for_the_test():
    truth = np.zeros(4, dtype=np.int64)
    before = answers([1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1])
    after = answers([0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1])
    (outcome,) = compare([("logreg", before, after)], rows(truth), 0)
    assert outcome.differences[0].after == pytest.approx(5 / 12)
    assert (outcome.test.only_after, outcome.test.only_before) == (2, 0)


def test_scope_figures():
    truth = [0, 0, 1, 2, 2]
    flags = np.array([[False, True, False, True, False]])
    before = answers([0, 0, 0, 0, 0])
    after = answers([0, 2, 1, 2, 0], flagged=flags)
    (outcome,) = compare([("logreg", before, after)], rows(truth, oos=2), 0)
    found = {d.figure: (d.before, d.after) for d in outcome.differences}
    assert found["in-scope accuracy"] == pytest.approx((2 / 3, 2 / 3))
    assert found["oos recall"] == pytest.approx((0, 1 / 2))
    (plain,) = compare([("logreg", before, after)], rows(truth), 0)
    assert [d.figure for d in plain.differences] == ["accuracy", "macro-F1"]
