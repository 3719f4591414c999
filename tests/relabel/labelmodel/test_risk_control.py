import numpy as np
import pytest
from scipy.stats import hypergeom

from labelmend.configs.schema import DecisionConfig
from labelmend.data.answers import MatchedAnswers
from labelmend.intervals import Cells, upper_total
from labelmend.relabel.labelmodel.answered import Answered, Spoken
from labelmend.relabel.labelmodel.noise_channel import FIRST_GUESS
from labelmend.relabel.labelmodel.risk_control import (
    Audited,
    Guarantee,
    audited_rows,
    guarantee,
    most_quality,
    notes_on_guarantee,
)
from labelmend.relabel.labelmodel.types import Posterior
from labelmend.types import NO_LABEL, Dataset


def audited(quality, good, weight=3.0, is_open=True):
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
    found = guarantee(wanted, audited(np.linspace(0.01, 0.4, 100), np.zeros(100)), 8.0, 8.0, 0)
    assert found.rows == 200
    # None of 100 rows is good, drawn of 300 that weigh 3 each: g good ones would all be left out
    # with a probability of about (200 / 300) ** g, which is 5.9 % for 7 and 3.9 % for 8.
    assert found.bound == 7


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
    # (1 + 0.5) of (9 + 1) rows are good among all, so (1 + 0.15) of (9 + 1) in a set that holds
    # them all, too: 0.115 of 40 is 4.6.
    assert guarantee(wanted, seen, 2.0, 4.6001, 0).expected == pytest.approx(0.39)
    assert guarantee(wanted, seen, 2.0, 4.5, 0).expected < 0.39


def test_small_sets_are_expected_to_be_like_all_that_is_wanted():
    wanted = np.arange(40) / 100
    late = audited([0.38] * 9, [False] * 9)
    # Of all, 0.5 of (9 + 1) rows are good. The sets of 31 and 36 rows nobody looked into, so 0.05
    # of them are good, 1.55 and 1.8.
    assert guarantee(wanted, late, 2.0, 1.8001, 0).expected == pytest.approx(0.39)
    assert guarantee(wanted, late, 2.0, 1.7, 0).expected == pytest.approx(0.30)


def test_a_stratum_that_was_drawn_whole_says_nothing_of_rows_that_nobody_saw():
    wanted = np.arange(40) / 100
    whole = audited([0.05] * 30, [False] * 30, weight=1.0)
    # As if nobody had looked at any.
    found = guarantee(wanted, whole, 2.0, 6.0, 0)
    assert (found.expected, found.rows) == (pytest.approx(0.11), 2)


def test_rows_stand_for_those_that_were_not_drawn():
    wanted = np.arange(40) / 100
    mixed = Audited(
        np.full(40, 0.0),
        np.ones(40, dtype=bool),
        np.repeat([False, True], [30, 10]),
        np.repeat([1.0, 3.0], [30, 10]),
    )
    # All that stand for others are good, as the 30 are not that stand for themselves alone:
    # (10 + 0.5) of (10 + 1) rows, so 5 rows break 4.8, as many as the first set of 6 may not.
    assert guarantee(wanted, mixed, 1.0, 6.0, 0).expected == pytest.approx(0.05)
    assert guarantee(wanted, mixed, 5.0, 6.0, 0).rows == 5


def test_copies_of_a_drawn_row_were_not_drawn():
    # Text 0 has four rows, text 1 one, text 2 one that nobody asked about; text 3 has no label.
    of_row = np.array([0, 1, 0, 2, 0, 0, 3])
    given = np.array([0, 1, 0, 0, 0, 0, NO_LABEL])
    data = Dataset(
        tuple(map(str, range(7))), tuple(f"text {t}" for t in of_row), given, ("a", "b"), None
    )
    chances = np.array([[0.1, 0.9], [0.8, 0.2], [0.2, 0.8], [0.5, 0.5]])
    nothing = np.zeros_like(chances)
    held_out = Posterior(np.tile([0, 1], (4, 1)), chances, FIRST_GUESS, {}, 0.0, nothing, nothing)
    answers = MatchedAnswers(
        text=np.array([0, 1, 3]),
        label=np.array([1, 1, 0]),
        unsure=np.zeros(3, dtype=bool),
        who=("ann",) * 3,
        audit=np.ones(3, dtype=bool),
        inclusion=np.array([0.5, 0.25, 0.25]),
        stratum=("x", "y", "y"),
        design=("d",) * 3,
        anchored=np.zeros(3, dtype=bool),
        notes=(),
    )
    answered = Answered(Spoken.of(answers, 2), None, (), held_out, None)
    found = audited_rows(data, of_row, answered, DecisionConfig(), 0)
    np.testing.assert_allclose(found.quality, [0.1, 0.2])
    assert found.good.tolist() == [False, True]
    assert found.open.tolist() == [True, True]
    np.testing.assert_allclose(found.weight, [2, 4])


def test_which_copy_counts_is_left_to_chance_and_not_to_the_order_of_rows():
    texts, copies = 300, 4
    of_row = np.repeat(np.arange(texts), copies)
    given = np.tile([0, 0, 0, 1], texts)
    chances = np.tile([0.4, 0.6], (texts, 1))
    nothing = np.zeros_like(chances)
    held_out = Posterior(
        np.tile([0, 1], (texts, 1)), chances, FIRST_GUESS, {}, 0.0, nothing, nothing
    )
    answers = MatchedAnswers(
        text=np.arange(texts),
        label=np.ones(texts, dtype=np.int64),
        unsure=np.zeros(texts, dtype=bool),
        who=("ann",) * texts,
        audit=np.ones(texts, dtype=bool),
        inclusion=np.full(texts, 0.25),
        stratum=("x",) * texts,
        design=("d",) * texts,
        anchored=np.zeros(texts, dtype=bool),
        notes=(),
    )
    answered = Answered(Spoken.of(answers, 2), None, (), held_out, None)

    def good(order):
        rows = [f"{i}" for i in range(len(of_row))]
        data = Dataset(tuple(rows), tuple(rows), given[order], ("a", "b"), None)
        return audited_rows(data, of_row[order], answered, DecisionConfig(), 0).good

    straight = good(np.arange(len(of_row)))
    assert straight.mean() == pytest.approx(1 / 4, abs=0.08)
    np.testing.assert_array_equal(straight, good(np.arange(len(of_row))[::-1]))


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
