import numpy as np
import pytest
from scipy.stats import hypergeom

from labelmend.configs.schema import DecisionConfig
from labelmend.intervals import Cells, upper_total
from labelmend.relabel.labelmodel.risk_control import (
    Audited,
    Guarantee,
    guarantee,
    most_quality,
    notes_on_guarantee,
)


def audited(quality, good, weight=10.0, is_open=True):
    quality = np.asarray(quality, dtype=np.float64)
    return Audited(
        quality,
        np.full(len(quality), is_open),
        np.asarray(good, dtype=bool),
        np.full(len(quality), weight),
    )


def test_the_upper_bound_of_one_cell_is_exact():
    rows, seen = 100, 30
    bound = upper_total(Cells(*map(np.array, ([rows], [seen], [0]))), 0)
    # 0 of 30 is seen with more than 5 % probability up to this total, and not beyond.
    assert hypergeom.cdf(0, rows, bound, seen) > 0.05
    assert hypergeom.cdf(0, rows, bound + 1, seen) <= 0.05


def test_so_few_changes_can_break_no_more_than_is_allowed():
    found = guarantee(np.array([0.1, 0.2, 0.3]), audited([], []), 2.0, 2.0, 0)
    assert (found.threshold, found.rows, found.wanted) == (0.2, 2, 3)
    assert found.holds


def test_rows_that_tie_stand_or_fall_together():
    found = guarantee(np.array([0.1, 0.2, 0.2, 0.3]), audited([], []), 2.0, 2.0, 0)
    assert (found.threshold, found.rows) == (0.1, 1)
    assert not found.holds


def test_an_audit_without_broken_labels_allows_all():
    wanted = np.linspace(0.01, 0.4, 200)
    found = guarantee(wanted, audited(np.linspace(0.01, 0.4, 100), np.zeros(100)), 6.0, 6.0, 0)
    assert found.rows == 200
    # The rule of three, with the finite population: about 200 * 3 / 100 * (1 - 100 / 300).
    assert found.bound == pytest.approx(4, abs=1)


def test_it_ends_where_broken_labels_begin():
    wanted = np.linspace(0, 0.4, 400)
    quality = np.linspace(0, 0.4, 200)
    found = guarantee(wanted, audited(quality, quality > 0.2), 12.0, 12.0, 0)
    assert 0.1 < found.threshold < 0.25
    assert found.bound <= 12


def test_rows_that_could_not_be_changed_say_nothing():
    wanted = np.linspace(0, 0.4, 400)
    found = guarantee(
        wanted, audited(np.linspace(0, 0.4, 200), np.zeros(200), is_open=False), 12.0, 12.0, 0
    )
    assert found.rows == 12


def test_the_budget_is_exceeded_in_no_more_than_one_audit_of_twenty():
    rng = np.random.default_rng(0)
    quality = np.sort(rng.random(2000)) * 0.5
    good = rng.random(2000) < quality  # calibrated: the harder, the more are good
    allowed, exceeded, useful = 40.0, 0, 0
    for seed in range(200):
        drawn = np.zeros(2000, dtype=bool)
        drawn[np.random.default_rng(seed).choice(2000, 300, replace=False)] = True
        found = guarantee(
            quality[~drawn],
            audited(quality[drawn], good[drawn], 2000 / 300),
            allowed,
            allowed,
            seed,
        )
        broken = good[~drawn & (quality <= found.threshold)].sum()
        exceeded += broken > allowed
        useful += found.rows > allowed
    assert exceeded <= 16  # 5 % of 200, and two standard errors
    assert useful > 100


def test_a_set_that_nobody_looked_at_is_half_good_as_far_as_is_known():
    wanted = np.arange(40) / 100
    found = guarantee(wanted, audited([], []), 2.0, 6.0, 0)
    # 12 of the 40 rows are expected to break 6, the next set of 17 would break 8.5.
    assert found.expected == pytest.approx(0.11)
    assert most_quality(found) == found.expected
    assert found.rows == 2


def test_what_is_expected_to_break_is_what_the_audit_saw():
    wanted = np.arange(40) / 100
    seen = audited([0.05] * 9, [True, *[False] * 8])
    # (1 + 0.5) of (9 + 1) rows, 0.15 of 40, is 6.
    assert guarantee(wanted, seen, 2.0, 6.0, 0).expected == pytest.approx(0.39)
    assert guarantee(wanted, seen, 2.0, 5.9, 0).expected < 0.39


def test_without_an_audit_no_quality_is_too_much():
    assert most_quality(None) == 1.0


def test_notes():
    config = DecisionConfig(max_harm=0.02)
    assert notes_on_guarantee(None, config) == ()
    (holds,) = notes_on_guarantee(Guarantee(0.1, 60, 100, 7.2, 0.1), config)
    assert holds.startswith("with 95 % confidence the changes break at most 2 % of the good labels")
    (not_yet,) = notes_on_guarantee(Guarantee(0.1, 20, 100, 7.2, 0.1), config)
    assert "too small to guarantee" in not_yet
    assert "20 of 100 changes" in not_yet
