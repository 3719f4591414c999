import json

import numpy as np
import pytest
from fixtures.audited import LABELS, Known, make_known

from labelmend.audit.certificate import Certificate, certify
from labelmend.audit.draw import continued, new_design
from labelmend.data.answers import MatchedAnswers
from labelmend.relabel.diagnostics.explanation import HeldOut
from labelmend.types import NO_LABEL


def test_an_audit_of_all_rows_tells_the_truth():
    # Kept: 0 right, 1 wrong, 2 none of these, 3 right. Changed: 4 rightly, 5 a right one broken.
    known = Known(
        given=np.array([0, 0, 0, 1, 0, 2]),
        mended=np.array([0, 0, 0, 1, 1, 1]),
        truth=np.array([0, 1, NO_LABEL, 1, 1, 2]),
        doubt=np.full(6, 0.1),
    )
    table = known.table()
    design = new_design(table, 10, seed=0)
    found = certify(table, design, known.answers(table, design), {})
    assert [f.estimate for f in found.figures] == pytest.approx([3 / 6, 3 / 6, 1 / 3, 1 / 2])
    assert all(f.fixed_95 == (f.estimate, f.estimate) for f in found.figures)
    assert (found.rows, found.drawn, found.answered, found.unsure, found.open) == (6, 6, 6, 0, 0)
    assert [(s.name, s.rows, s.answered) for s in found.strata] == [
        ("kept", 4, 4),
        ("changed", 2, 2),
    ]
    assert found.strata[0].figures[0].estimate == 2 / 4
    plain = json.loads(found.to_json())
    assert plain["schema_version"] == 2
    assert plain["figures"][2] == {
        "name": "broken",
        "estimate": 0.333333,
        "fixed_95": [0.333333, 0.333333],
        "anytime_95": [0.333333, 0.333333],
    }


@pytest.fixture(scope="module")
def known():
    return make_known(np.random.default_rng(1), 300)


@pytest.fixture(scope="module")
def table(known):
    return known.table()


@pytest.fixture(scope="module")
def design(table):
    return new_design(table, 60, seed=0)


def joined(*several):
    return MatchedAnswers(
        *(np.concatenate([getattr(a, n) for a in several]) for n in ("text", "label", "unsure")),
        tuple(name for a in several for name in a.who),
        *(np.concatenate([getattr(a, n) for a in several]) for n in ("audit", "inclusion")),
        *(tuple(x for a in several for x in getattr(a, n)) for n in ("stratum", "design")),
        np.concatenate([a.anchored for a in several]),
        (),
    )


def test_the_headline_is_for_a_draw_answered_whole_or_for_any_look(known, table, design):
    whole = certify(table, design, known.answers(table, design), {})
    assert (whole.headline, whole.continued, whole.open) == ("fixed_95", False, 0)
    some = [one.row for one in design.rows_of()[:40]]
    part = certify(table, design, known.answers(table, design, some), {})
    assert (part.headline, part.answered, part.open) == ("anytime_95", 40, 20)
    more = continued(design, 20)
    again = certify(table, more, known.answers(table, more), {})
    assert (again.headline, again.continued, again.open) == ("anytime_95", True, 0)


def test_only_answers_that_this_audit_drew_count(known, table, design):
    audit = known.answers(table, design)
    alone = certify(table, design, audit, {})
    queue = known.answers(table, design, list(range(300)), why="queue", who="bob")
    both = certify(table, design, joined(audit, queue), {})
    assert both.figures == alone.figures
    other = new_design(table, 60, seed=7)
    both = certify(table, design, joined(audit, known.answers(table, other, who="bob")), {})
    assert both.figures == alone.figures
    assert both.answered == 60


def test_drawn_rows_that_a_queue_asked_of_are_open_and_told(known, table, design):
    rows = [one.row for one in design.rows_of()]
    audit = known.answers(table, design, rows[:50])
    queue = known.answers(table, design, rows[50:52], why="queue")
    found = certify(table, design, joined(audit, queue), {})
    assert (found.answered, found.open) == (50, 10)
    (note,) = found.notes
    assert note.startswith("2 of the drawn rows were answered for other reasons")


def test_unsure_rows_are_counted_and_left_out(known, table, design):
    audit = known.answers(table, design)
    audit.unsure[:5] = True
    found = certify(table, design, audit, {})
    assert (found.answered, found.unsure, found.open) == (55, 5, 0)
    assert sum(s.unsure for s in found.strata) == 5
    assert found.headline == "fixed_95"


def test_people_who_don_t_agree_are_unsure_unless_a_third_decides(known, table, design):
    first = known.answers(table, design)
    other = known.answers(table, design, [design.rows_of()[0].row], who="bob")
    other.label[:] = (other.label + 1) % 3
    assert certify(table, design, joined(first, other), {}).unsure == 1
    third = known.answers(table, design, [design.rows_of()[0].row], who="eve")
    found = certify(table, design, joined(first, other, third), {})
    assert found.unsure == 0
    assert found.figures == certify(table, design, first, {}).figures


def test_a_second_persons_blind_answers_tell_how_far_people_agree(known, table, design):
    audit = known.answers(table, design)
    rows = [one.row for one in design.rows_of()[:10]]
    blind = known.answers(table, design, rows, why="agreement", who="bob")
    blind.anchored[:] = False
    blind.label[:2] = (blind.label[:2] + 1) % 3
    found = certify(table, design, joined(audit, blind), {})
    same, people = found.agreement.same, found.agreement.people
    assert (same.count, same.total, found.agreement.blind) == (8, 10, 10)
    assert [(one.name, one.answers, one.shared) for one in people] == [
        ("anna", 60, 10),
        ("bob", 10, 10),
    ]
    # Eight texts are settled and two are even: (8 + 2 / 2 + 20 * 0.97) / 30, less a little.
    assert all(one.accuracy == pytest.approx(0.946, abs=0.002) for one in people)
    # What a second person says is no answer of the audit.
    assert found.answered == 60
    again = Certificate.from_json(found.to_json())
    assert again.agreement.same.count == 8
    assert again.agreement.people[1].name == "bob"


def test_a_certificate_of_before_knows_nothing_of_agreement(known, table, design):
    plain = json.loads(certify(table, design, known.answers(table, design), {}).to_json())
    assert plain["agreement"]["people"] == [
        {"name": "anna", "answers": 60, "shared": 0, "accuracy": None}
    ]
    del plain["agreement"]
    old = Certificate.from_json(json.dumps({**plain, "schema_version": 1}))
    assert old.agreement is None
    with pytest.raises(ValueError, match="another version"):
        Certificate.from_json(json.dumps({**plain, "schema_version": 3}))


def test_more_answers_narrow_it(known, table, design):
    found = certify(table, design, known.answers(table, design), {})
    before = found.figures[0].fixed_95
    assert 0 < found.further["wrong_before"] < before[1] - before[0]


def learned(known, rows, answers):
    """What a run would decide of rows after it learned from answers: its threshold moves."""
    changed = known.mended != known.given
    believed = np.where(changed, 1 - known.doubt, known.doubt)
    wrong = known.given[answers] != known.truth[answers]
    factor = (wrong.sum() + 1) / (believed[answers].sum() + 1)
    other = np.where(changed, known.mended, (known.given + 1) % 3)
    return np.where(believed[rows] > 0.5 / factor, other[rows], known.given[rows])


@pytest.mark.parametrize("queue", [0, 40])
def test_what_answers_taught_they_don_t_prove(queue, monkeypatch):
    """After answers changed the decisions, the intervals hold for the table as it is now."""
    monkeypatch.setattr("labelmend.audit.certificate.further_widths", lambda *_: {})
    held, naive, audits = {}, 0, 40
    for seed in range(audits):
        rng = np.random.default_rng(seed)
        known = make_known(rng, 300)
        first = known.table()
        design = new_design(first, 60, seed)
        drawn = np.array([one.row for one in design.rows_of()])
        # Somebody also answered the rows with the greatest doubt.
        asked = np.setdiff1d(np.argsort(-known.doubt)[:queue], drawn)
        answered = np.zeros(300, dtype=bool)
        answered[drawn] = answered[asked] = True
        mended = learned(known, np.arange(300), drawn)
        mended[answered] = known.truth[answered]
        held_out = {
            int(row): HeldOut(
                LABELS[learned(known, np.array([row]), np.setdiff1d(drawn, [row]))[0]], "", 0.5
            )
            for row in np.flatnonzero(answered)
        }
        table = known.table(mended=mended, answered=answered)
        found = certify(table, design, known.answers(table, design), held_out)
        assert found.taught == answered.sum()
        changed = (mended != known.given) & ~answered
        good = known.given == known.truth
        truth = {
            "wrong_before": (~good).mean(),
            "wrong_after": (mended != known.truth).mean(),
            "broken": (changed & good).sum() / good.sum(),
            "precision": (mended == known.truth)[changed].mean() if changed.any() else None,
        }
        for figure in found.figures:
            low, high = figure.fixed_95
            held.setdefault(figure.name, []).append(low - 1e-9 <= truth[figure.name] <= high + 1e-9)
        # Who takes the answers for a proof of what they taught finds no fault at all.
        naive += (mended != known.truth)[drawn].sum() == 0
    assert naive == audits
    assert len(held["precision"]) > audits / 2
    # 38 of 40 are expected; of 35 or fewer, chance would make one time in thirty.
    assert all(np.mean(one) >= 0.9 for one in held.values()), held
