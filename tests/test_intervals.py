import numpy as np
import pytest

from labelmend.intervals import (
    Cells,
    exact_interval,
    fiducial_totals,
    join,
    quantiles,
    total_interval,
)


def cells(*triples):
    return Cells(*(np.array(column, dtype=np.int64) for column in zip(*triples, strict=True)))


def test_one_cell_is_exact():
    # Of 10 rows 4 are seen, none positive. With M positive ones that has the probability
    # C(10 - M, 4) / 210: 15 / 210 = 7 % at M = 4, and 5 / 210 = 2.4 % at M = 5.
    assert exact_interval(10, 4, 0) == (0, 4)
    assert exact_interval(10, 4, 4) == (6, 10)
    assert total_interval(cells((10, 4, 0)), seed=0) == (0, 4)
    # A cell of no rows says nothing.
    assert total_interval(cells((0, 0, 0), (10, 4, 0)), seed=0) == (0, 4)


def test_what_is_seen_whole_is_known_and_what_is_unseen_is_not():
    assert exact_interval(5, 5, 2) == (2, 2)
    assert exact_interval(5, 0, 0) == (0, 5)
    assert total_interval(cells((5, 5, 2), (7, 7, 1)), seed=0) == (3, 3)
    assert total_interval(cells((5, 5, 2), (4, 0, 0)), seed=0) == (2, 6)


def test_nothing_is_counted_where_there_are_no_rows():
    assert total_interval(cells((0, 0, 0)), seed=0) == (0, 0)


def test_the_estimate_goes_by_the_strata():
    # 10 of 40 rows, and half of 6 that nobody saw.
    assert cells((40, 8, 2), (6, 0, 0)).estimate == pytest.approx(10 + 3)
    both = join([cells((40, 8, 2)), cells((6, 3, 1))])
    assert both.negative.positive.tolist() == [6, 2]
    assert both.of(both.rows > 10).estimate == pytest.approx(10)


def test_the_draws_follow_the_half_mix():
    # Nothing positive of 9 seen: half the time the rate is 0, half the time Beta(1, 9).
    drawn = fiducial_totals(cells((1009, 9, 0)), np.random.default_rng(0), 40_000)
    assert (drawn == 0).mean() == pytest.approx(0.5 + 0.5 * 9 / 1009, abs=0.01)
    assert drawn.mean() == pytest.approx(0.5 * 1000 / 10, rel=0.03)


def test_the_same_seed_gives_the_same():
    one = cells((400, 30, 2), (80, 20, 9))
    assert total_interval(one, seed=3) == total_interval(one, seed=3)


def test_the_quantiles_are_values_that_were_drawn():
    assert quantiles(np.arange(1000, dtype=float)) == (24, 974)


def test_the_intervals_hold_where_a_normal_one_does_not():
    rng = np.random.default_rng(1)
    rows, seen, positive = np.array([900, 300, 60]), np.array([30, 15, 15]), np.array([9, 12, 30])
    truth, held, normal = positive.sum(), 0, 0
    audits = 400
    for _ in range(audits):
        found = rng.hypergeometric(positive, rows - positive, seen)
        low, high = quantiles(fiducial_totals(Cells(rows, seen, found), rng, 1000))
        held += low <= truth <= high
        rate = found / seen
        spread = np.sqrt((rows**2 * rate * (1 - rate) / seen * (1 - seen / rows)).sum())
        normal += abs((rows * rate).sum() - truth) <= 1.96 * spread
    assert held / audits >= 0.94
    assert normal / audits < 0.85
