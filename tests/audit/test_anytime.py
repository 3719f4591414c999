from itertools import product

import numpy as np
import pytest

from labelmend.audit.anytime import (
    likelihood_log,
    mixture_log,
    pair_limits,
    profile,
    total_interval,
)
from labelmend.intervals import Cells, exact_interval


def cells(*triples):
    return Cells(*(np.array(column, dtype=np.int64) for column in zip(*triples, strict=True)))


BELIEFS = np.array([0.1, 0.4])


def test_the_likelihood_is_hypergeometric():
    # Of 4 rows 2 are seen, one positive: M (4 - M) of 6 pairs, for M = 1, 2, 3.
    assert np.exp(likelihood_log(4, 2, 1)) == pytest.approx([3 / 6, 4 / 6, 3 / 6])


def test_the_martingale_starts_at_one_and_rules_nothing_out():
    nothing = cells((7, 0, 0), (4, 0, 0))
    assert mixture_log(nothing, BELIEFS) == pytest.approx(0)
    assert profile(nothing) == pytest.approx(np.zeros(12))
    assert total_interval(nothing, BELIEFS) == (0, 11)


def test_the_mixture_is_a_probability_of_what_can_be_seen():
    # So its expectation by the truth's likelihood is 1 at most, whatever the truth.
    total = sum(
        np.exp(mixture_log(cells((20, 3, x), (9, 2, y)), BELIEFS))
        for x, y in product(range(4), range(3))
    )
    assert total == pytest.approx(1)


def test_the_profile_is_the_least_of_all_ways_to_share_a_total():
    seen = cells((9, 4, 1), (6, 3, 2), (5, 5, 3))
    parts = [-likelihood_log(*map(int, cell)) for cell in ((9, 4, 1), (6, 3, 2), (5, 5, 3))]
    best = np.full(sum(len(part) - 1 for part in parts) + 1, np.inf)
    for places in product(*(range(len(part)) for part in parts)):
        cost = sum(part[place] for part, place in zip(parts, places, strict=True))
        best[sum(places)] = min(best[sum(places)], cost)
    assert profile(seen) == pytest.approx(best)


def test_the_pairs_are_those_that_are_held_together():
    first, second = cells((12, 6, 1)), cells((30, 8, 3))
    totals, least, most = pair_limits(first, second, (BELIEFS[:1], BELIEFS[1:]))
    bar = np.log(20) - mixture_log(cells((12, 6, 1), (30, 8, 3)), BELIEFS)
    one, other = -likelihood_log(12, 6, 1), -likelihood_log(30, 8, 3)
    expected = {}
    for i, j in product(range(len(one)), range(len(other))):
        if one[i] + other[j] <= bar:
            low, high = expected.get(1 + i, (3 + j, 3 + j))
            expected[1 + i] = min(low, 3 + j), max(high, 3 + j)
    found = zip(totals.tolist(), least.tolist(), most.tolist(), strict=True)
    assert {total: ends for total, *ends in found} == {t: list(e) for t, e in expected.items()}


def test_beliefs_that_are_right_make_it_narrower_and_wrong_ones_don_t_break_it():
    seen = cells((1000, 80, 1))
    low, high = total_interval(seen, np.array([0.01]))
    wrong = total_interval(seen, np.array([0.6]))
    assert wrong[0] <= low <= 12 <= high < wrong[1] < 200


def test_it_holds_at_every_look_where_the_fixed_one_does_not():
    rng = np.random.default_rng(0)
    rows, positive, audits = 200, 24, 80
    missed = fixed = 0
    for _ in range(audits):
        answers = rng.permutation(np.arange(rows) < positive)
        miss = fixed_miss = False
        for seen in range(10, 101, 10):
            found = int(answers[:seen].sum())
            low, high = total_interval(cells((rows, seen, found)), np.array([0.02]))
            miss |= not low <= positive <= high
            low, high = exact_interval(rows, seen, found)
            fixed_miss |= not low <= positive <= high
        missed += miss
        fixed += fixed_miss
    assert missed / audits <= 0.05
    assert fixed / audits > 0.05
