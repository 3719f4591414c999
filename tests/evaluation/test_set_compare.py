import numpy as np
import pytest

from labelmend.evaluation.set_compare import SetTest, compare_sets


def called(truth, wrong):
    """One seed's labels, the first one of some rows turned around."""
    found = truth.copy()
    found[wrong, 0] = ~found[wrong, 0]
    return found[None]


@pytest.fixture
def test():
    truth = np.random.default_rng(0).random((200, 4)) < 0.4
    return SetTest(truth, np.arange(200))


def test_what_gets_better_and_by_how_much(test):
    before, after = called(test.truth, range(60)), called(test.truth, range(10))
    (found,) = compare_sets([("logreg", before, after)], test, 0)
    assert (found.kind, found.verdict) == ("logreg", "better")
    assert (found.test.only_before, found.test.only_after) == (0, 50)
    micro, macro, subset = found.differences
    assert [d.figure for d in found.differences] == ["micro-F1", "macro-F1", "subset accuracy"]
    assert (subset.before, subset.after) == (0.7, 0.95)
    hits = test.truth.sum() - test.truth[:60, 0].sum()
    said = before.sum() + test.truth.sum()
    assert micro.before == pytest.approx(2 * hits / said)
    assert 0 < micro.low < micro.change < micro.high
    assert macro.before < macro.after
    assert subset.low == pytest.approx(0.19, abs=0.02)  # 0.25 -+ 1.96 * 0.0306
    (turned,) = compare_sets([("logreg", after, before)], test, 0)
    assert turned.verdict == "worse"
    assert turned.differences[0].low == pytest.approx(-micro.high)


def test_what_is_the_same_is_no_difference(test):
    same = called(test.truth, range(30))
    (found,) = compare_sets([("logreg", same, same)], test, 0)
    assert (found.verdict, found.test.p_value) == ("no difference shown", 1.0)
    assert all(d.low == d.change == d.high == 0 for d in found.differences)


def test_the_interval_and_the_test_have_to_say_the_same(test):
    """Many labels of a few rows are mended, at the price of one label of many rows."""
    before, after = test.truth.copy(), test.truth.copy()
    before[:20] = ~before[:20]
    after[20:60, 0] = ~after[20:60, 0]
    (found,) = compare_sets([("logreg", before[None], after[None])], test, 0)
    assert found.differences[0].low > 0
    assert found.test.adjusted < 0.05
    assert found.test.only_before > found.test.only_after
    assert found.verdict == "no difference shown"


def test_p_values_are_corrected_over_the_kinds(test):
    before, after = called(test.truth, range(8)), called(test.truth, range(2))
    one, two = compare_sets([("a", before, after), ("b", before, after)], test, 0)
    assert one.test.p_value == pytest.approx(2 * 0.5**6)
    assert (one.test.adjusted, two.test.adjusted) == pytest.approx((0.0625, 0.0625))
    assert one.verdict == "no difference shown"


def test_copies_of_a_text_are_drawn_together(test):
    one = compare_sets(
        [("a", called(test.truth, range(60)), called(test.truth, range(10)))], test, 0
    )
    many = np.repeat(np.arange(200), 5)
    copied = SetTest(test.truth[many], many)
    two = compare_sets(
        [("a", called(test.truth, range(60))[:, many], called(test.truth, range(10))[:, many])],
        copied,
        0,
    )
    assert two[0].differences[0].low == pytest.approx(one[0].differences[0].low)
