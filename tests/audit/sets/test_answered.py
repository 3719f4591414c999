import numpy as np
import pytest
from fixtures.audited_sets import LABELS, file_of, make_known_sets

from labelmend.audit.sets.answered import answered_rows
from labelmend.data.answers import Shown

DRAWN = Shown("audit", "d1", "kept 1", 0.25)


@pytest.fixture(scope="module")
def known():
    return make_known_sets(np.random.default_rng(1), 20)


@pytest.fixture(scope="module")
def table(known):
    return known.table()


def test_an_answer_says_of_all_labels_whether_they_hold(known, table):
    heard = answered_rows(table, "d1", file_of([known.answer(row, shown=DRAWN) for row in (3, 4)]))
    assert np.flatnonzero(heard.known).tolist() == [3, 4]
    assert (heard.truth[[3, 4]] == known.truth[[3, 4]]).all()
    assert not heard.unsure.any()
    assert not heard.elsewhere.any()


def test_other_audits_and_the_queue_don_t_count(known, table):
    other = Shown("audit", "d2", "kept 1", 0.25)
    said = [known.answer(0, shown=other), known.answer(1), known.answer(2, shown=DRAWN)]
    heard = answered_rows(table, "d1", file_of(said))
    assert np.flatnonzero(heard.known).tolist() == [2]
    assert np.flatnonzero(heard.elsewhere).tolist() == [0, 1]


def test_most_decide_each_label_and_nobody_knows_where_as_many_say_no(known, table):
    said = [
        *(known.answer(0, who, DRAWN, labels) for who, labels in [("ann", ("card",)), ("bob", ())]),
        known.answer(1, "ann", DRAWN, ("card",)),
        known.answer(1, "bob", DRAWN, ("card", "pin")),
        known.answer(1, "eve", DRAWN, ("pin", "fee")),
        known.answer(2, "ann", DRAWN, verdict="unsure"),
    ]
    heard = answered_rows(table, "d1", file_of(said))
    assert np.flatnonzero(heard.known).tolist() == [1]
    assert [LABELS[k] for k in np.flatnonzero(heard.truth[1])] == ["card", "pin"]
    assert np.flatnonzero(heard.unsure).tolist() == [0, 2]


def test_a_label_that_the_table_lacks_leaves_the_row_open(known, table):
    heard = answered_rows(table, "d1", file_of([known.answer(5, "ann", DRAWN, ("crad",))]))
    assert not heard.known.any()
    assert not heard.unsure.any()
    (note,) = heard.notes
    assert "1 answer has a label that the table lacks: 'crad' (did you mean 'card'?)" in note


def test_people_agree_where_all_their_labels_are_the_same(known, table):
    pairs = [(("card", "pin"), ("pin", "card")), (("fee",), ("fee",)), (("fee",), ("fee", "pin"))]
    said = [
        known.answer(row, who, None, labels)
        for row, both in enumerate(pairs)
        for who, labels in zip(("ann", "bob"), both, strict=True)
    ]
    agreement = answered_rows(table, "d1", file_of(said)).agreement
    assert (agreement.same.count, agreement.same.total, agreement.blind) == (2, 3, 0)
    assert [(one.name, one.answers, one.shared) for one in agreement.people] == [
        ("ann", 3, 3),
        ("bob", 3, 3),
    ]
    assert answered_rows(table, "d1", file_of([])).agreement.same.total == 0
