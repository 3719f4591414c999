import math

import numpy as np
import pytest

from labelmend.drift.shares import jensen_shannon, label_change, share_change


def test_g_is_twice_the_log_of_the_likelihood_ratio():
    # Two tables of 10: (8, 2) and (5, 5); expected (6.5, 3.5) in both.
    found = label_change(["a"] * 8 + ["b"] * 2, ["a"] * 5 + ["b"] * 5, seed=0, draws=99)
    parts = [(8, 6.5), (2, 3.5), (5, 6.5), (5, 3.5)]
    assert found.statistic == pytest.approx(2 * sum(n * math.log(n / e) for n, e in parts))


def test_p_counts_the_tables_that_are_at_least_as_uneven():
    # All of three and all of three: 2 of the 20 ways to part six. Fisher's p is 2/20, too; twice
    # the less of both, and of the label's after Holm, 2 * 0.1.
    found = label_change(["a"] * 3, ["b"] * 3, seed=0, draws=1999)
    assert found.p_value == pytest.approx(0.2, abs=0.03)
    assert [one.p_value for one in found.labels] == pytest.approx([0.2, 0.2])
    assert found.distance == pytest.approx(1)


def test_the_same_shares_are_no_change():
    found = label_change(["a", "b"] * 10, ["b", "a"] * 5, seed=0)
    assert (found.statistic, found.p_value) == (pytest.approx(0), 1.0)
    assert found.distance == pytest.approx(0)
    assert [(one.name, one.p_value) for one in found.labels] == [("a", 1.0), ("b", 1.0)]


def test_labels_of_one_side_alone_count():
    found = label_change(["a"] * 50, ["a"] * 40 + ["new"] * 10, seed=0)
    new = next(one for one in found.labels if one.name == "new")
    assert (new.before, new.before_of, new.now, new.now_of) == (0, 50, 10, 50)
    # One-sided 50! / 40! * ... : the hypergeometric tail, doubled by Holm over two labels.
    tail = math.comb(50, 10) / math.comb(100, 10)
    assert new.p_value == pytest.approx(2 * 2 * tail)


def test_the_order_of_rows_is_nothing():
    before, now = list("aaabbbbccd"), list("abbbddddcc")
    one = label_change(before, now, seed=3)
    assert one == label_change(before[::-1], now[::-1], seed=3)


def test_distance_of_jensen_and_shannon():
    # P = (1, 0), Q = (1/2, 1/2), M = (3/4, 1/4).
    kl_p = math.log2(1 / 0.75)
    kl_q = 0.5 * math.log2(0.5 / 0.75) + 0.5 * math.log2(0.5 / 0.25)
    expected = math.sqrt((kl_p + kl_q) / 2)
    assert jensen_shannon(np.array([4, 0]), np.array([3, 3])) == pytest.approx(expected)


def test_a_share_before_and_now():
    one = share_change(1, 10, 9, 10)
    assert (one.share_before, one.share_now) == (0.1, 0.9)
    # 2 * (10 * 10 + 1) / C(20, 10): as uneven or more, on both sides.
    assert one.p_value == pytest.approx(2 * 101 / 184756)
