"""Simulated audits of tables with several labels a row, and what is counted of them."""

import numpy as np
import pytest
from certificate_sets import (
    SET_NAMES,
    Tally,
    audit_again,
    decided,
    made_up,
    so_far,
    truth_of,
    usual,
)
from fixtures.ratios import ratio_cell


def ints(*values):
    return np.array(values, dtype=np.int64)


def test_the_truth_of_a_table():
    # Two rows of three and one labels that hold: the first lacks two and has one too many. One is
    # found, the false one goes, and one that holds is taken away; to the second a false one comes.
    moved = (ints(1, 0), ints(1, 0), ints(0, 1), ints(1, 0))
    counts = decided(ints(3, 1), ints(2, 0), ints(1, 0), moved)
    assert counts.given.tolist() == [2, 1]
    assert counts.mended.tolist() == [1, 2]
    assert truth_of(counts) == pytest.approx(
        {
            "missing_before": 2 / 4,
            "missing_after": 2 / 4,
            "false_before": 1 / 3,
            "false_after": 1 / 3,
            "removed_holding": 1 / 4,
            "added_false": 1 / 4,
            "precision": 2 / 4,
            "rows_right_before": 1 / 2,
            "rows_right_after": 0,
        }
    )


def test_beliefs_have_the_odds_that_were_asked_for():
    table = made_up(np.random.default_rng(0), 4000, 0.1, 5.0, 1.0)
    assert truth_of(table.counts)["missing_before"] == pytest.approx(0.1, abs=0.02)
    kept = table.counts.changes == 0
    wrong = 1 - table.counts.right_before[kept].mean()
    assert table.doubt[kept].mean() == pytest.approx(wrong, abs=0.04)
    timid = made_up(np.random.default_rng(0), 4000, 0.1, 5.0, 10.0)
    kept = timid.counts.changes == 0
    assert timid.doubt[kept].mean() < (1 - timid.counts.right_before[kept].mean()) / 2


def test_what_is_usual():
    # One row of ten lacks its label: 0.1 and 1.96 times the deviation of a mean, 0.1 / sqrt(10)
    # times that of single rows, sqrt(0.1).
    low, high = usual([ratio_cell(10_000_000, [1] + [0] * 9, [1] * 10)])
    assert (low + high) / 2 == pytest.approx(0.1)
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(0.1 / 10), rel=1e-3)


def test_an_audit_so_far():
    cell = so_far(ratio_cell(50, [1, 0, 2], [1, 1, 2], turn=[4, 9, 12]), 10)
    assert cell.part.tolist() == [1, 0]
    assert cell.turns.drawn.tolist() == [3]


def test_an_audit_is_counted_in_all_its_ways():
    rng, tally = np.random.default_rng(0), Tally()
    audit_again(made_up(rng, 300, 0.3, 5.0, 1.0), 30, rng, tally)
    kinds = {kind for kind, _ in tally.held}
    assert kinds == {
        *("fixed", "anytime", "fixed, unsure", "fixed, learned"),
        *("anytime, any look", "1.96 standard errors"),
    }
    assert {name for kind, name in tally.held if kind == "fixed"} == set(SET_NAMES)
    lines = list(tally.lines())
    assert lines[0].startswith("| intervals that hold, per cent")
    assert len([line for line in lines if line.startswith("| anytime, any look")]) == 1
