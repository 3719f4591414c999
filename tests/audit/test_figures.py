import numpy as np
import pytest

from labelmend.audit.figures import (
    BROKEN,
    NAMES,
    PRECISION,
    WRONG_AFTER,
    Effort,
    Known,
    Sample,
    figures,
)
from labelmend.audit.strata import Kind
from labelmend.intervals import exact_interval


def sample(*cells, known=Known()):  # noqa: B008 - frozen
    columns = [np.array(column, dtype=np.int64) for column in zip(*cells, strict=True)]
    return Sample(*columns, doubt=np.full(len(cells), 0.1), known=known)


WHOLE = (
    # kind, rows, seen, given wrong, mended wrong
    (Kind.KEPT, 4, 4, 1, 1),
    # One is changed rightly, one is broken, one goes from wrong to wrong.
    (Kind.CHANGED, 3, 3, 2, 2),
)


def test_where_all_is_seen_all_is_known():
    found = figures(sample(*WHOLE), Effort(0))
    assert [f.name for f in found] == list(NAMES)
    truth = [3 / 7, 3 / 7, 1 / 4, 1 / 3]
    assert [f.estimate for f in found] == pytest.approx(truth)
    for figure, value in zip(found, truth, strict=True):
        assert figure.fixed_95 == pytest.approx((value, value))
        assert figure.anytime_95 == pytest.approx((value, value))


def test_answered_rows_are_right_now():
    # The broken row is answered: its label is right again, and it is no change of labelmend's.
    found = figures(sample(*WHOLE, known=Known(wrong=1, changed=1, broken=1)), Effort(0))
    assert [f.estimate for f in found] == pytest.approx([3 / 7, 2 / 7, 0, 1 / 2])


def test_labels_from_scratch_count_after_mending_alone():
    found = figures(sample((Kind.KEPT, 4, 4, 1, 1), (Kind.FILLED, 2, 2, 2, 1)), Effort(0))
    assert [f.estimate for f in found] == pytest.approx([1 / 4, 2 / 6])


def test_rows_without_a_label_count_nowhere():
    found = figures(sample((Kind.KEPT, 4, 4, 1, 1), (Kind.UNLABELLED, 9, 0, 0, 0)), Effort(0))
    assert [f.estimate for f in found] == pytest.approx([1 / 4, 1 / 4])
    assert figures(sample((Kind.UNLABELLED, 9, 0, 0, 0)), Effort(0)) == ()


def test_one_stratum_is_exact():
    before, after = figures(sample((Kind.KEPT, 200, 30, 2, 2)), Effort(0))
    low, high = exact_interval(200, 30, 2)
    assert before.fixed_95 == after.fixed_95 == (low / 200, high / 200)
    assert before.anytime_95[0] <= before.fixed_95[0] < before.fixed_95[1] < before.anytime_95[1]


def test_changes_that_nobody_saw_may_be_anything():
    found = {
        f.name: f
        for f in figures(sample((Kind.KEPT, 9, 9, 0, 0), (Kind.CHANGED, 3, 0, 0, 0)), Effort(0))
    }
    assert found[PRECISION].fixed_95 == found[PRECISION].anytime_95 == (0, 1)
    # All three may have been right: then 3 of 12 good labels are broken.
    assert found[BROKEN].fixed_95 == found[BROKEN].anytime_95 == (0, 3 / 12)
    assert found[WRONG_AFTER].fixed_95 == (0, 3 / 12)


def test_all_are_shares():
    for figure in figures(
        sample((Kind.KEPT, 90, 9, 8, 8), (Kind.CHANGED, 30, 4, 1, 4), known=Known(60, 20, 0, 15)),
        Effort(0),
    ):
        for low, high in (figure.fixed_95, figure.anytime_95):
            assert 0 <= low <= figure.estimate <= high <= 1


def test_only_what_is_wanted_is_worked_out():
    one = sample((Kind.KEPT, 90, 9, 2, 2), (Kind.CHANGED, 30, 4, 3, 1))
    both = figures(one, Effort(0))
    for only, other in (("fixed_95", "anytime_95"), ("anytime_95", "fixed_95")):
        for figure, whole in zip(figures(one, Effort(0, only=only)), both, strict=True):
            assert getattr(figure, only) == getattr(whole, only)
            assert getattr(figure, other) == (0, 1)
