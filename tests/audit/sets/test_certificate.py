import json
from dataclasses import replace

import numpy as np
import pytest
from fixtures.audited_sets import file_of, make_known_sets

from labelmend.audit.certificate import Certificate
from labelmend.audit.draw import continued, new_design
from labelmend.audit.sets.certificate import certify_sets, most_labels
from labelmend.audit.sets.figures import BEFORE, SET_NAMES
from labelmend.data.answers import AnswerFile


@pytest.fixture(scope="module")
def known():
    return make_known_sets(np.random.default_rng(5), 300)


@pytest.fixture(scope="module")
def table(known):
    return known.table()


@pytest.fixture(scope="module")
def design(table):
    return new_design(table, 60, seed=0)


@pytest.fixture(scope="module")
def certificate(known, table, design):
    return certify_sets(table, design, known.answers(design), "f00")


def truth_of(known, mended=None, answered=None):
    """All figures of a table whose truth is known."""
    mended = known.mended if mended is None else mended
    given, truth = known.given, known.truth
    ours = given if answered is None else np.where(answered[:, None], mended, given)
    holds, changes = truth.sum(), (ours != mended).sum()
    return {
        "missing_before": (truth & ~given).sum() / holds,
        "missing_after": (truth & ~mended).sum() / holds,
        "false_before": (given & ~truth).sum() / given.sum(),
        "false_after": (mended & ~truth).sum() / mended.sum(),
        "removed_holding": (ours & ~mended & truth).sum() / holds,
        "added_false": (mended & ~ours & ~truth).sum() / holds,
        "precision": ((ours != mended) & (mended == truth)).sum() / max(changes, 1),
        "rows_right_before": (given == truth).all(axis=1).mean(),
        "rows_right_after": (mended == truth).all(axis=1).mean(),
    }


def within(figure, truth):
    return all(
        low - 1e-9 <= truth[figure.name] <= high + 1e-9
        for low, high in (figure.fixed_95, figure.anytime_95)
    )


def test_what_sixty_answers_prove(known, certificate):
    assert (certificate.rows, certificate.drawn, certificate.answered) == (300, 60, 60)
    assert (certificate.unsure, certificate.open, certificate.taught) == (0, 0, 0)
    assert (certificate.headline, certificate.task, certificate.notes) == (
        "fixed_95",
        "several",
        (),
    )
    assert [f.name for f in certificate.figures] == list(SET_NAMES)
    truth = truth_of(known)
    assert all(within(figure, truth) for figure in certificate.figures)
    for figure in certificate.figures:
        assert 0 <= figure.fixed_95[0] <= figure.estimate <= figure.fixed_95[1] <= 1
    assert certificate.most_labels == 4
    assert sum(s.answered for s in certificate.strata) == 60
    names = {f.name for s in certificate.strata for f in s.figures}
    assert names == {"rows_right_before", "rows_right_after"}
    for figure in certificate.figures:
        assert certificate.further[figure.name] < figure.fixed_95[1] - figure.fixed_95[0]


def test_where_all_rows_are_answered_all_is_known(known, table):
    design = new_design(table, 300, seed=0)
    found = certify_sets(table, design, known.answers(design))
    truth = truth_of(known)
    for figure in found.figures:
        assert figure.estimate == pytest.approx(truth[figure.name])
        assert figure.fixed_95 == figure.anytime_95 == pytest.approx((figure.estimate,) * 2)


def test_the_file_says_it_all(certificate):
    plain = json.loads(certificate.to_json())
    assert (plain["schema_version"], plain["task"], plain["most_labels"]) == (3, "several", 4)
    again = Certificate.from_json(certificate.to_json())
    assert again.to_json() == certificate.to_json()
    for broken in ({"schema_version": 2}, {"task": "single"}, {"task": "soft"}):
        with pytest.raises(ValueError, match="another version"):
            Certificate.from_json(json.dumps(plain | broken))


def test_the_queue_proves_nothing(known, table, design, certificate):
    queue = known.answers(design, range(100, 140), who="bob", why="queue").answers
    audit = known.answers(design)
    both = replace(audit, answers=(*audit.answers, *queue))
    assert certify_sets(table, design, both).figures == certificate.figures
    rows = [one.row for one in design.rows_of()]
    drawn = known.answers(design, rows[50:53], who="bob", why="queue").answers
    part = known.answers(design, rows[:50])
    found = certify_sets(table, design, replace(part, answers=(*part.answers, *drawn)))
    assert (found.answered, found.open, found.headline) == (50, 10, "anytime_95")
    assert found.notes[0].startswith("3 of the drawn rows were answered for other reasons")


def test_rows_of_which_people_don_t_know_are_unsure(known, table, design):
    answers = list(known.answers(design).answers)
    answers[0] = replace(answers[0], verdict="unsure", labels=())
    other = replace(answers[1], who="bob", labels=(), verdict="none")
    assert answers[1].labels
    found = certify_sets(table, design, file_of([*answers, other]))
    assert (found.answered, found.unsure, found.open) == (58, 2, 0)
    assert found.headline == "fixed_95"
    assert found.agreement.same.total == 1


def test_a_row_has_no_more_labels_than_the_fullest_of_a_hundred(known):
    given = np.zeros((300, 4), dtype=bool)
    assert most_labels(known.table(mended=given)) >= 2
    few = replace(known, given=given, mended=given)
    assert most_labels(few.table()) == 2
    # One row of three hundred does not decide.
    odd = given.copy()
    odd[0] = True
    assert most_labels(replace(known, given=odd, mended=odd).table()) == 2


def retaught(known, design, draws=None):
    """The table after a run learned from the first draw: its rows are right now."""
    rows = [one.row for one in design.rows_of(draws)]
    answered = np.zeros(len(known), dtype=bool)
    answered[rows] = True
    mended = known.mended.copy()
    mended[answered] = known.truth[answered]
    return known.table(mended=mended, answered=answered), answered, mended


def test_answers_that_taught_tell_of_the_labels_as_given_alone(known, design, certificate):
    table, _, _ = retaught(known, design)
    found = certify_sets(table, design, known.answers(design))
    assert {f.name for f in found.figures} == set(BEFORE)
    for name in BEFORE:
        assert found.figure(name) == certificate.figure(name)
    assert found.taught == 60
    assert "prove nothing of what mending made of the labels" in found.notes[0]


def test_a_row_that_people_dispute_has_taught_too(known, design):
    table, answered, _ = retaught(known, design)
    row = design.rows_of()[0].row
    table = replace(table, answered=answered & (np.arange(len(known)) != row))
    said = known.answers(design).answers
    found = certify_sets(table, design, file_of(said))
    assert (found.taught, found.figure("missing_after") is not None) == (59, True)
    # Bob, who was asked for another reason, says that none of the labels holds.
    bob = known.answer(row, "bob", labels=())
    found = certify_sets(table, design, file_of([*said, bob]))
    assert (found.answered, found.taught) == (60, 59)
    assert {figure.name for figure in found.figures} == set(BEFORE)
    assert any("all answers of this audit taught" in note for note in found.notes)
    # A run that had no answers did not learn from these.
    fresh = certify_sets(known.table(), design, file_of([*said, bob]))
    assert [figure.name for figure in fresh.figures] == list(SET_NAMES)


def test_further_rows_tell_what_the_taught_run_made(known, design):
    more = continued(design, 50)
    table, answered, mended = retaught(known, more, 0)
    found = certify_sets(table, more, known.answers(more))
    assert [f.name for f in found.figures] == list(SET_NAMES)
    assert (found.answered, found.taught, found.headline) == (110, 60, "anytime_95")
    assert "told by the 50 others" in found.notes[0]
    truth = truth_of(known, mended, answered)
    assert all(within(figure, truth) for figure in found.figures)


def test_rows_that_were_answered_before_the_audit_are_certain(known):
    answered = np.arange(300) < 120
    mended = np.where(answered[:, None], known.truth, known.mended)
    table = known.table(mended=mended, answered=answered)
    design = new_design(table, 180, seed=0)
    found = certify_sets(table, design, known.answers(design))
    truth = truth_of(known, mended, answered)
    assert (found.taught, found.notes) == (0, ())
    for figure in found.figures:
        assert figure.estimate == pytest.approx(truth[figure.name])


def test_without_an_answer_nothing_is_known(table, design):
    found = certify_sets(table, design, AnswerFile(table.path))
    assert (found.answered, found.open) == (0, 60)
    assert {f.name: f.fixed_95 for f in found.figures} == {
        "false_before": (0, 1),
        "rows_right_before": (0, 1),
    }


def test_what_answers_taught_they_don_t_prove(monkeypatch):
    """After answers changed the decisions, the intervals hold for the table as it is now."""
    monkeypatch.setattr("labelmend.audit.sets.certificate.further_set_widths", lambda *_: {})
    monkeypatch.setattr("labelmend.audit.sets.figures.anytime_ratio", lambda _: (0.0, 1.0))
    held = {name: [] for name in SET_NAMES}
    for seed in range(20):
        known = make_known_sets(np.random.default_rng(seed), 250)
        design = new_design(known.table(), 40, seed)
        drawn = [one.row for one in design.rows_of()]
        # Answers teach how far to go: where few of the first are wrong, nothing is changed.
        bold = (known.given[drawn] != known.truth[drawn]).sum() > 12
        other = known.mended if bold else known.given
        answered = np.isin(np.arange(250), drawn)
        mended = np.where(answered[:, None], known.truth, other)
        more = continued(design, 60)
        table = known.table(mended=mended, answered=answered)
        found = certify_sets(table, more, known.answers(more))
        truth = truth_of(known, mended, answered)
        for figure in found.figures:
            low, high = figure.fixed_95
            held[figure.name].append(low - 1e-9 <= truth[figure.name] <= high + 1e-9)
    # 19 of 20 are expected; 16 or fewer, chance would make one time in sixty.
    assert {name: np.mean(each) for name, each in held.items() if np.mean(each) < 0.85} == {}
