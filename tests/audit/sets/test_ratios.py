import numpy as np
import pytest
from fixtures.ratios import Population, ratio_cell
from scipy.stats import beta

from labelmend.audit.sets.ratios import fixed_ratio, greatest_share, ratio_estimate


def test_where_all_is_seen_all_is_known():
    cells = [
        ratio_cell(3, [1, 0, 2], [2, 1, 3], (3, 3), (0, 3)),
        ratio_cell(2, [0, 1], [0, 2], (2, 2), (0, 2)),
    ]
    assert ratio_estimate(cells) == 4 / 8
    assert fixed_ratio(cells, 0) == (4 / 8, 4 / 8)


def test_each_cell_counts_by_its_rows():
    # 10 rows with 1 of 2 each, and 30 with 0 of 1 each in the mean: 10 of 50.
    cells = [ratio_cell(10, [1, 1], [2, 2]), ratio_cell(30, [0, 0, 0], [0, 1, 2])]
    assert ratio_estimate(cells) == pytest.approx(10 / 50)
    # A cell of which nothing was seen is like the others: 2 of 7 over 5 rows.
    more = [*cells, ratio_cell(5, [], [])]
    assert ratio_estimate(more) == pytest.approx((10 + 2) / (50 + 7))
    assert ratio_estimate([ratio_cell(5, [], [])]) == 0.5


def test_one_assignment_a_row_is_clopper_and_pearson():
    cell = ratio_cell(10_000_000, [1] * 3 + [0] * 37, [1] * 40)
    low, high = fixed_ratio([cell], 0, 40_000)
    assert low == pytest.approx(beta.ppf(0.025, 3, 38), abs=0.002)
    assert high == pytest.approx(beta.ppf(0.975, 4, 37), abs=0.003)


def test_a_row_that_nobody_saw_may_be_as_bad_as_can_be():
    # None is missing in 30 rows with 1 of at most 4: a share w of rows with 4 of 4 is 4w of 1 + 3w.
    cell = ratio_cell(10_000_000, [0] * 30, [1] * 30, (4, 4), (0, 4))
    low, high = fixed_ratio([cell], 0, 40_000)
    rare = 1 - 0.025 ** (1 / 30)
    assert low == 0
    assert high == pytest.approx(4 * rare / (1 + 3 * rare), abs=0.01)


def test_nothing_seen_says_nothing():
    assert fixed_ratio([ratio_cell(9, [], [])], 0) == (0, 1)
    # Errors that were added may be more than what holds.
    cells = [ratio_cell(9, [0], [2], (3, 0), (0, 4))]
    assert greatest_share(cells) == 8 * 3 / 2


@pytest.mark.parametrize(("rate", "together"), [(0.01, 0.05), (0.1, 0.5), (0.3, 5)])
def test_it_holds_as_often_as_it_says(rate, together):
    rng, held = np.random.default_rng(7), []
    for seed in range(150):
        table = Population(rng, 600, rate, together)
        low, high = fixed_ratio(table.audit(rng, (30, 18, 12)), seed, 1000)
        held.append(low - 1e-9 <= table.share <= high + 1e-9)
    # Of 150 audits 142 or 143 are to be expected; of 135, chance makes one in a hundred.
    assert np.mean(held) >= 0.9
