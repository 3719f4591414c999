from dataclasses import replace

import numpy as np
import pytest
from fixtures.ratios import Population, ratio_cell

from labelmend.audit.sets.betting import anytime_ratio, evidence
from labelmend.audit.sets.ratios import Turns, fixed_ratio

BAR = np.log(40)


def first_of(cells, looked):
    """The cells after so many of all rows were seen."""
    found = []
    for cell in cells:
        seen = cell.turns.turn < looked
        turns = Turns(cell.turns.turn[seen], cell.turns.draw[seen], cell.turns.drawn)
        found.append(replace(cell, part=cell.part[seen], whole=cell.whole[seen], turns=turns))
    return found


def test_what_a_bet_makes_of_rows_without_an_error():
    # Of each row 0 of 1; at a share s it is 1 from the worst, where 1 - s is expected. One row
    # may be staked at most 0.95 of all: ten make (0.05 + 0.95 / (1 - s)) ** 10.
    cell = ratio_cell(10_000_000, [0] * 10, [1] * 10)
    shares = np.array([0.2, 0.4])
    made = evidence([cell], shares, upper=True)
    assert (made <= 10 * np.log(0.05 + 0.95 / (1 - shares)) + 1e-6).all()
    assert made[1] > 0.5 * 10 * np.log(0.05 + 0.95 / 0.6)
    # Nothing speaks for a higher share.
    assert (evidence([cell], shares, upper=False) <= 1e-9).all()


def test_where_all_is_seen_all_is_known():
    cell = ratio_cell(3, [1, 0, 2], [2, 1, 3], (3, 3), (0, 3))
    assert anytime_ratio([cell]) == (0.5, 0.5)
    assert anytime_ratio([ratio_cell(4, [], [])]) == (0, 1)


def test_it_is_wider_than_for_a_number_of_rows_that_was_fixed():
    rng = np.random.default_rng(3)
    table = Population(rng, 2000, 0.15, 1.0)
    cells = table.audit(rng, (50, 30, 20))
    low, high = anytime_ratio(cells)
    fixed = fixed_ratio(cells, 0)
    assert low <= table.share <= high
    assert fixed[1] - fixed[0] < high - low < 1.6 * (fixed[1] - fixed[0])
    # Ten rows say less than a hundred.
    early = anytime_ratio(first_of(cells, 10))
    assert early[1] - early[0] > high - low


def test_a_stake_is_chosen_before_its_row_is_seen():
    rng = np.random.default_rng(4)
    cells = Population(rng, 500, 0.2, 1.0).audit(rng, (20, 10, 10))
    before = evidence(first_of(cells, 25), np.array([0.5]), upper=True)
    other = [replace(c, part=np.where(c.turns.turn >= 25, c.whole, c.part)) for c in cells]
    assert evidence(first_of(other, 25), np.array([0.5]), upper=True) == before


def test_rows_of_a_later_draw_change_no_stake_of_an_earlier_one():
    first = ratio_cell(500, [0, 1, 0, 0], [1, 2, 1, 1], (3, 3), (0, 3))
    # Going on with twenty more rows, none of which is answered yet.
    later = replace(first, turns=replace(first.turns, drawn=np.array([4, 24])))
    shares = np.array([0.1, 0.5])
    for upper in (False, True):
        same = evidence([later], shares, upper=upper)
        assert same == pytest.approx(evidence([first], shares, upper=upper))


@pytest.mark.parametrize(("rate", "together"), [(0.02, 0.05), (0.15, 0.5), (0.4, 5)])
def test_it_holds_whenever_one_looks(rate, together):
    rng, missed = np.random.default_rng(8), 0
    audits = 60
    for _ in range(audits):
        table = Population(rng, 400, rate, together)
        cells = table.audit(rng, (30, 18, 12))
        truth = np.array([table.share])
        missed += any(
            evidence(first_of(cells, looked), truth, upper=upper)[0] >= BAR
            for looked in (10, 25, 40, 60)
            for upper in (False, True)
        )
    # Three are to be expected at most; of eight, chance makes one in seventy.
    assert missed < 8
