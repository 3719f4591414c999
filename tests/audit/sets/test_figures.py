import numpy as np
import pytest

from labelmend.audit.figures import PRECISION, Effort
from labelmend.audit.sets.counts import RowCounts
from labelmend.audit.sets.figures import (
    ADDED_FALSE,
    BEFORE,
    MISSING_BEFORE,
    REMOVED_HOLDING,
    SET_NAMES,
    SetCell,
    SetSample,
    right_shares,
    set_figures,
)
from labelmend.audit.sets.ratios import Turns


def bools(*rows):
    return np.array([[c != "." for c in row] for row in rows])


def cell(given, mended, truth, seen=None, doubt=0.1):
    """A cell of which the first rows were seen, all drawn at once."""
    counts = RowCounts.of(bools(*given), bools(*mended), bools(*truth))
    seen = len(counts) if seen is None else seen
    chosen = np.arange(seen)
    turns = Turns(chosen, np.zeros(seen, dtype=np.int64), np.array([seen]))
    return SetCell.of(counts, counts.rows(chosen), doubt, turns)


KEPT = cell(["ab..", "..c.", "...."], ["ab..", "..c.", "...."], ["a...", "..cd", "...."])
# The first gets a missing label back; the second loses one that holds and gets one that does not.
CHANGED = cell(["a...", "a.c."], ["ab..", "a..d"], ["ab..", "a.c."])
BOTH = SetSample((KEPT, CHANGED), (KEPT, CHANGED), 4)


def test_where_all_is_seen_all_is_known():
    found = set_figures(BOTH, Effort(0))
    assert [f.name for f in found] == list(SET_NAMES)
    # Seven labels hold: a; c, d; none; a, b; a, c. Six were given, seven are there now.
    truth = {
        "missing_before": 2 / 7,
        "missing_after": 2 / 7,
        "false_before": 1 / 6,
        "false_after": 2 / 7,
        "removed_holding": 1 / 7,
        "added_false": 1 / 7,
        "precision": 1 / 3,
        "rows_right_before": 2 / 5,
        "rows_right_after": 2 / 5,
    }
    assert {f.name: f.estimate for f in found} == pytest.approx(truth)
    for figure in found:
        assert figure.fixed_95 == pytest.approx((figure.estimate, figure.estimate))
        assert figure.anytime_95 == pytest.approx((figure.estimate, figure.estimate))


def test_labels_as_given_alone():
    found = set_figures(SetSample((KEPT, CHANGED), (), 4), Effort(0))
    assert {f.name for f in found} == set(BEFORE)


def test_without_a_change_nothing_is_said_of_changes():
    names = {f.name for f in set_figures(SetSample((KEPT,), (KEPT,), 4), Effort(0))}
    assert PRECISION not in names
    # None was taken away or added, and that is certain.
    for figure in set_figures(SetSample((KEPT,), (KEPT,), 4), Effort(0)):
        if figure.name in {REMOVED_HOLDING, ADDED_FALSE}:
            assert figure.fixed_95 == figure.anytime_95 == (0, 0)


def test_a_share_of_labels_that_hold_needs_a_row_where_one_does():
    none = cell(["....", "...."], ["....", "...."], ["....", "...."], seen=1)
    names = [f.name for f in set_figures(SetSample((none,), (none,), 2), Effort(0))]
    assert names == ["rows_right_before", "rows_right_after"]


def test_what_nobody_saw_of_changes_may_be_anything():
    unseen = cell(["a...", "a.c."], ["ab..", "a..d"], ["ab..", "a.c."], seen=0)
    found = {
        f.name: f for f in set_figures(SetSample((KEPT, unseen), (KEPT, unseen), 4), Effort(0))
    }
    assert found[PRECISION].fixed_95 == found[PRECISION].anytime_95 == (0, 1)
    # Of the kept rows three labels hold; of the others one may have held and be gone.
    for interval in (found[REMOVED_HOLDING].fixed_95, found[REMOVED_HOLDING].anytime_95):
        assert interval[0] == 0
        assert interval[1] >= 1 / 4 - 1e-9


def test_only_what_is_wanted_is_worked_out():
    half = cell(["ab.."] * 9 + ["a..."] * 9, ["ab.."] * 18, ["ab.."] * 18, seen=6)
    sample = SetSample((half,), (half,), 4)
    both = set_figures(sample, Effort(0))
    for only, other in (("fixed_95", "anytime_95"), ("anytime_95", "fixed_95")):
        for figure, whole in zip(set_figures(sample, Effort(0, only=only)), both, strict=True):
            assert getattr(figure, only) == pytest.approx(getattr(whole, only), abs=1e-9)
            assert getattr(figure, other) == (0, 1)


def test_rows_are_counted_as_where_they_have_one_label():
    before, after = right_shares((KEPT, CHANGED), Effort(0))
    assert (before.estimate, after.estimate) == (2 / 5, 2 / 5)
    assert right_shares((), Effort(0)) == ()
    assert MISSING_BEFORE not in {before.name, after.name}
