import numpy as np
import pytest

from labelmend.audit.strata import (
    Kind,
    Stratum,
    allocate,
    drawn_to_doubt,
    kinds_of,
    make_strata,
)


def stratum(kind, rows, doubt, first=0):
    return Stratum(f"{kind.name} {doubt}", kind, doubt, np.arange(first, first + rows))


def test_what_was_decided_of_a_row():
    given = np.array([True, True, False, False])
    mended = np.array([True, True, True, False])
    same = np.array([True, False, False, True])
    assert kinds_of(given, mended, same).tolist() == [
        Kind.KEPT,
        Kind.CHANGED,
        Kind.FILLED,
        Kind.UNLABELLED,
    ]


def test_odds_are_raised_and_nobody_is_quite_sure():
    # Odds of 1 to 9, ten times: 10 to 9.
    raised = drawn_to_doubt(np.array([0.1, 0.0, 1.0]), 10)
    assert raised == pytest.approx([10 / 19, 0.05, 1])


def test_rows_that_are_as_doubtful_are_together_whatever_their_order():
    rng = np.random.default_rng(0)
    doubt = rng.choice([0.001, 0.01, 0.02, 0.3, 0.5], 400)
    kinds = np.full(400, int(Kind.KEPT))
    strata = make_strata(kinds, doubt, 100)
    assert 2 <= len(strata) <= 3
    found = [set(doubt[s.rows].tolist()) for s in strata]
    assert all(a.isdisjoint(b) for a in found for b in found if a is not b)
    order = rng.permutation(400)
    again = make_strata(kinds, doubt[order], 100)
    assert [(s.name, len(s), s.doubt) for s in again] == [
        (s.name, len(s), pytest.approx(s.doubt)) for s in strata
    ]
    # The first is the surest.
    assert [s.doubt for s in strata] == sorted(s.doubt for s in strata)
    assert sorted(np.concatenate([s.rows for s in strata]).tolist()) == list(range(400))


@pytest.mark.parametrize(("rows", "sample", "most"), [(60, 30, 1), (150, 60, 2), (5000, 100, 3)])
def test_small_tables_and_samples_have_fewer_strata(rows, sample, most):
    doubt = np.random.default_rng(0).random(rows)
    assert len(make_strata(np.zeros(rows, dtype=np.int64), doubt, sample)) == most


def test_each_kind_is_a_stratum_of_its_own():
    kinds = np.array([Kind.KEPT] * 5 + [Kind.CHANGED] * 2 + [Kind.UNLABELLED])
    strata = make_strata(kinds, np.full(8, 0.5), 4)
    assert [(s.name, len(s)) for s in strata] == [("kept", 5), ("changed", 2), ("without label", 1)]


def test_equal_strata_share_alike_and_doubtful_ones_get_more():
    same = (stratum(Kind.KEPT, 100, 0.2), stratum(Kind.KEPT, 100, 0.2, 100))
    assert allocate(same, 40).tolist() == [20, 20]
    unlike = (stratum(Kind.KEPT, 100, 0.0), stratum(Kind.KEPT, 100, 0.3, 100))
    sure, doubtful = allocate(unlike, 40).tolist()
    # Not even a belief in no errors at all takes more than the floor away: sqrt(.05 * .95) = .22
    # against .45 to .5.
    assert sure + doubtful == 40
    assert 12 <= sure < doubtful


def test_a_few_changes_are_seen_whole_and_many_don_t_eat_the_sample_up():
    few = (stratum(Kind.KEPT, 1000, 0.05), stratum(Kind.CHANGED, 8, 0.1, 1000))
    assert allocate(few, 100).tolist() == [92, 8]
    many = (stratum(Kind.KEPT, 1000, 0.1), stratum(Kind.CHANGED, 300, 0.1, 1000))
    kept, changed = allocate(many, 100).tolist()
    assert kept + changed == 100
    assert 20 <= changed <= 45


def test_no_more_than_there_are_and_none_that_have_no_label():
    strata = (
        stratum(Kind.KEPT, 10, 0.1),
        stratum(Kind.UNLABELLED, 50, 1.0, 10),
        stratum(Kind.ANSWERED, 5, 0.0, 60),
    )
    assert allocate(strata, 100).tolist() == [10, 0, 0]
    assert allocate(strata, 4).tolist() == [4, 0, 0]


@pytest.mark.parametrize("sample", [1, 3, 7, 12, 25, 60])
def test_the_sample_has_the_size_that_was_asked_for(sample):
    strata = (
        stratum(Kind.KEPT, 50, 0.01),
        stratum(Kind.KEPT, 9, 0.2, 50),
        stratum(Kind.CHANGED, 3, 0.2, 59),
    )
    counts = allocate(strata, sample)
    assert counts.sum() == sample
    assert (counts <= [50, 9, 3]).all()


@pytest.mark.filterwarnings("error")
def test_rows_that_leave_no_doubt_of_their_doubt_are_one_stratum():
    kinds = np.full(5, Kind.UNLABELLED, dtype=np.int64)
    (stratum,) = make_strata(kinds, np.ones(5), 60)
    assert stratum.rows.tolist() == [0, 1, 2, 3, 4]
