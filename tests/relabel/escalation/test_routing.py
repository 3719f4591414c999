import dataclasses

import numpy as np
import pytest

from labelmend.configs.schema import RoutingConfig
from labelmend.relabel.escalation.routing import (
    Routing,
    counts_in_learning,
    route,
    shortlist,
    worth_asking,
)
from labelmend.relabel.labelmodel.fusion import Fit, Weights, unit_spread
from labelmend.relabel.labelmodel.noise_channel import FIRST_GUESS
from labelmend.relabel.labelmodel.types import Posterior
from labelmend.types import Evidence

CONFIG = RoutingConfig(
    settled=0.9, audit_rows=2, llm_rows=-1, llm_share=0.15, llm_minutes=0.0, cut_below=0.01
)


def believed(candidates, probabilities):
    nothing = np.zeros(candidates.shape)
    return Posterior(
        candidates=candidates,
        probabilities=probabilities,
        channel=FIRST_GUESS,
        weights={},
        oos_bias=0.0,
        channel_nats=nothing,
        given_share=nothing,
    )


def posterior(*rows):
    probabilities = np.array(rows, dtype=np.float64)
    return believed(np.tile(np.arange(probabilities.shape[1]), (len(rows), 1)), probabilities)


def fit(*log_priors):
    log_prior = np.array(log_priors, dtype=np.float64)
    return fitted(posterior(*np.exp(log_prior)), log_prior)


def fitted(beliefs, log_prior):
    return Fit(beliefs, log_prior, np.zeros_like(log_prior), np.ones(len(log_prior), dtype=bool))


def routed(*rows, seed=0, **changes):
    return route(posterior(*rows), dataclasses.replace(CONFIG, **changes), seed)


def test_unsettled_texts_the_most_doubtful_first():
    # Best: 0.95, 0.6, 0.9 (settled), 0.4, 0.6; equals stay in the order of the texts.
    found = routed([0.95, 0.05], [0.4, 0.6], [0.9, 0.1], [0.3, 0.4], [0.6, 0.4])
    assert found.doubtful.tolist() == [3, 1, 4]
    assert found.audit.sum() == 2
    assert found.audit.shape == (5,)


def test_all_texts_are_unsettled_above_one():
    assert routed([1.0, 0.0], [0.5, 0.5], settled=1.01).doubtful.tolist() == [1, 0]


@pytest.mark.parametrize(("rows", "drawn"), [(0, 0), (3, 3), (4, 4), (150, 4)])
def test_the_audit_is_no_larger_than_the_data(rows, drawn):
    found = routed(*[[1.0, 0.0]] * 4, audit_rows=rows)
    assert found.audit.sum() == drawn
    assert found.doubtful.tolist() == []


def test_the_audit_does_not_look_at_the_posterior():
    rng = np.random.default_rng(0)
    first = routed(*rng.random((50, 2)), audit_rows=10)
    second = routed(*rng.random((50, 2)), audit_rows=10)
    assert np.array_equal(first.audit, second.audit)
    other = routed(*rng.random((50, 2)), audit_rows=10, seed=1)
    assert not np.array_equal(first.audit, other.audit)


def test_the_audit_is_drawn_evenly():
    times = np.sum([routed(*[[1.0]] * 10, audit_rows=3, seed=s).audit for s in range(1000)], axis=0)
    # 1000 draws of 3 in 10: 300 each, standard deviation sqrt(1000 * 0.3 * 0.7) = 14.5.
    assert abs(times - 300).max() < 5 * 14.5


@pytest.mark.parametrize(
    ("most", "texts"),
    [(-1, [4, 1, 3, 0]), (0, [0, 1]), (1, [4, 0, 1]), (2, [4, 1, 0]), (99, [4, 1, 3, 0])],
)
def test_first_are_the_most_doubtful_and_the_audit_each_once(most, texts):
    audit = np.array([True, True, False, False, False])
    assert Routing(np.array([4, 1, 3]), audit).first(most).tolist() == texts


def test_texts_of_many_rows_come_first_where_as_much_is_in_doubt():
    # Expected wrong rows: 0.4 * 1, 0.2 * 3, 0.3 * 2 (a tie), 0.05 * 9 (settled).
    beliefs = posterior([0.6, 0.4], [0.2, 0.8], [0.7, 0.3], [0.95, 0.05])
    found = route(beliefs, CONFIG, 0, np.array([1, 3, 2, 9]))
    assert found.doubtful.tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("doubtful", "audit", "rows", "share", "expected"),
    [
        (500, 100, 200, 0.15, (200, 100)),  # 300 of 2,000 at most
        (500, 100, 900, 0.15, (200, 100)),
        (500, 300, 900, 0.15, (150, 150)),  # the audit gets up to half
        (50, 300, 900, 0.15, (50, 250)),  # and what the others leave
        (500, 100, 0, 0.15, (0, 100)),
        (500, 100, 900, 0.0, (0, 0)),
        (500, 100, 900, 1.0, (500, 100)),
        (500, 100, -1, 0.0, (500, 100)),  # all is all
    ],
)
def test_the_share_of_rows_that_voters_see(doubtful, audit, rows, share, expected):
    config = dataclasses.replace(CONFIG, llm_rows=rows, llm_share=share)
    routing = Routing(np.arange(doubtful), np.arange(2000) >= 2000 - audit)
    seen = routing.voted(config, 0)
    assert (len(seen.doubtful), len(seen.drawn)) == expected
    assert seen.doubtful.tolist() == list(range(expected[0]))


def test_the_audit_is_asked_first_and_each_text_once():
    audit = np.zeros(40, dtype=bool)
    audit[[1, 2, 3, 7]] = True
    routing = Routing(np.array([7, 4, 1, 5, 6]), audit)
    everything = routing.voted(CONFIG, 0)
    assert sorted(everything.drawn) == [1, 2, 3, 7]
    assert everything.doubtful.tolist() == [4, 5, 6]
    assert everything.texts.tolist() == [*everything.drawn, 4, 5, 6]
    few = dataclasses.replace(CONFIG, llm_rows=9, llm_share=0.1)
    seen = routing.voted(few, 0)
    assert len(seen.drawn) == 2  # half of 10 % of 40
    assert seen.doubtful.tolist() == [k for k in [7, 4, 1, 5, 6] if k not in seen.drawn][:2]
    assert np.array_equal(seen.texts, routing.voted(few, 0).texts)
    # Which part of the audit is seen is drawn, so that it is none of the alphabet.
    assert len({tuple(sorted(routing.voted(few, seed).drawn)) for seed in range(50)}) == 6


def test_what_is_drawn_and_in_doubt_takes_one_place():
    # All of 100 may be seen: 60 in doubt, of which 30 are drawn, and 20 others that are drawn.
    audit = np.isin(np.arange(100), np.arange(30, 80))
    whole = dataclasses.replace(CONFIG, llm_rows=500, llm_share=1.0)
    seen = Routing(np.arange(60), audit).voted(whole, 0)
    assert sorted(seen.drawn) == list(range(30, 80))
    assert seen.doubtful.tolist() == list(range(30))
    # 40 of 100: ten in doubt, of which five are of the audit, and thirty others of the audit.
    part = dataclasses.replace(CONFIG, llm_rows=10, llm_share=0.4)
    seen = Routing(np.arange(60), np.arange(100) % 2 == 0).voted(part, 0)
    assert set(range(10)) <= set(seen.texts)
    assert len(seen.texts) == len(set(seen.texts)) == 40


def test_what_is_neither_doubtful_nor_of_the_audit_is_settled():
    routing = Routing(np.array([4, 1]), np.array([True, False, False, True, True]))
    assert routing.settled.tolist() == [False, False, True, False, False]


def said(*texts, rows=8):
    """Scores of a source that was heard on these texts."""
    scores = np.full((rows, 2), np.nan, dtype=np.float32)
    scores[list(texts)] = 1.0
    return scores


def audit_of(*texts):
    return np.isin(np.arange(8), texts)


def counts(routing, scores):
    return counts_in_learning(routing.doubtful, routing.audit, scores)


def test_the_doubtful_stand_for_themselves_and_the_audit_for_the_rest():
    routing = Routing(np.array([2, 5, 7, 1]), audit_of(0, 2, 7))
    # 5 and 2 were asked for their doubt; 7, further down, and 0 stand for the six others.
    found = counts(routing, said(5, 2, 0, 7))
    kish = 8 / (1 + 1 + 9 + 9)
    assert found == pytest.approx(kish * np.array([3, 0, 1, 0, 0, 1, 0, 3]))
    # Worth 3.2 texts drawn at random.
    assert found.sum() == pytest.approx(3.2)


def test_all_that_was_asked_of_all_counts_the_same():
    routing = Routing(np.arange(8), audit_of(3))
    assert counts(routing, said(*range(8))) == pytest.approx(np.ones(8))


def test_where_only_the_audit_was_heard_it_counts_as_it_is():
    routing = Routing(np.array([5, 2]), audit_of(0, 2, 6))
    found = counts(routing, said(0, 2, 6))
    assert found == pytest.approx(audit_of(0, 2, 6).astype(float))


def test_for_a_text_that_got_no_vote_the_audit_stands():
    routing = Routing(np.array([5, 2, 4, 1]), audit_of(0, 6))
    # 2 failed: 0 and 6 stand for the six that are neither 5 nor 4.
    found = counts(routing, said(5, 4, 0, 6))
    assert found / found[5] == pytest.approx(np.array([3, 0, 0, 0, 1, 1, 3, 0]))


def test_nothing_said_counts_nothing():
    routing = Routing(np.array([5, 2]), audit_of(0))
    assert not counts(routing, said()).any()


def test_first_of_nothing():
    nothing = routed([1.0, 0.0], audit_rows=0).first(-1)
    assert nothing.tolist() == []
    assert nothing.dtype == np.int64


def test_shortlist_by_hand():
    beliefs = fit(
        [-3.0, -1.0, -2.0, -0.5],
        [-3.0, -1.0, -2.0, -0.5],
        [-1.0, -1.0, -1.0, -9.0],
    )
    given = np.array([[0.0, 0, 0], [2, 0, 0], [0, 0, 1]])
    # The fourth column is the tail and never shown. The given label comes on board, in its place;
    # among equals too.
    assert shortlist(beliefs, given, np.array([0, 1, 2]), 2).tolist() == [[1, 2], [1, 0], [0, 2]]
    assert shortlist(beliefs, given, np.array([2, 0]), 1).tolist() == [[2], [1]]


def test_equals_are_shown_in_the_order_of_the_label_set():
    # Candidate columns begin with the given label, here 7; that order must not be shown.
    labels = np.array([[7, 5, 6], [5, 7, 6]])
    even = fitted(believed(labels, np.full((2, 3), 1 / 3)), np.zeros((2, 3)))
    columns = shortlist(even, np.array([[1.0, 0, 0], [1, 0, 0]]), np.array([0, 1]), 3)
    shown = np.take_along_axis(labels, columns, axis=1)
    assert shown.tolist() == [[5, 6, 7], [5, 6, 7]]


@pytest.mark.parametrize("count", [3, 4, 20])
def test_a_shortlist_of_all_does_not_show_what_was_given(count):
    beliefs = fit(*[[-3.0, -1.0, -2.0]] * 4)
    given = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 9]])
    assert shortlist(beliefs, given, np.arange(4), count).tolist() == [[1, 2, 0]] * 4


def test_a_shortlist_holds_the_given_labels_and_then_the_most_probable():
    rng = np.random.default_rng(0)
    beliefs = fit(*np.log(rng.dirichlet(np.ones(12), 100)))
    given = (rng.random((100, 10)) < 0.1).astype(np.float64)
    texts = rng.permutation(100)[:40]
    for text, columns in zip(texts, shortlist(beliefs, given, texts, 5), strict=True):
        prior = beliefs.log_prior[text, :10]
        assert (np.diff(prior[columns]) < 0).all()  # best first, none twice
        told = np.flatnonzero(given[text])
        by_prior = [k for k in np.argsort(-prior) if k not in told]
        if len(told) <= 5:
            assert set(columns) == {*told, *by_prior[: 5 - len(told)]}
        else:
            assert set(columns) <= set(told)


def test_a_label_that_cant_be_scored_takes_no_place():
    beliefs = fit([-1.0, -2.0, -3.0, -0.5], [-1.0, -2.0, -3.0, -0.5])
    given = np.array([[0.0, 0, 0], [1, 0, 0]])
    assert shortlist(beliefs, given, np.arange(2), 2, without=0).tolist() == [[1, 2]] * 2
    # Only where nothing else is left.
    assert shortlist(beliefs, given, np.arange(2), 3, without=0).tolist() == [[0, 1, 2]] * 2


def test_shortlist_of_no_texts():
    none = np.empty(0, dtype=np.int64)
    assert shortlist(fit([-1.0, -2.0]), np.zeros((1, 2)), none, 2).shape == (0, 2)


# Probabilities by the evidence; the fifth column is the tail and never shown.
SHARES = np.array([0.9, 0.08, 0.012, 0.003, 0.005])
NO_ONE = np.zeros((1, 4))


def asked(given=NO_ONE, off_ballot=(), cut_below=0.01, shares=SHARES):
    beliefs = fit(np.log(shares))
    columns = shortlist(beliefs, given, np.array([0]), 4)
    on_ballot = ~np.isin(columns, off_ballot)
    stays = worth_asking(beliefs, given, np.array([0]), columns, on_ballot, cut_below)
    return columns[stays].tolist()


@pytest.mark.parametrize(
    ("cut_below", "stay"),
    [
        # What would follow has 0.003, 0.015, 0.095 and 0.995 of the 0.995 on the ballot.
        (0.0, [0, 1, 2, 3]),
        (0.003, [0, 1, 2, 3]),
        (0.0031, [0, 1, 2]),
        (0.01, [0, 1, 2]),
        (0.015, [0, 1, 2]),
        (0.0151, [0, 1]),
        (0.0955, [0, 1]),
        (0.5, [0, 1]),  # two stay at least
        (1.0, [0, 1]),
    ],
)
def test_a_list_ends_where_the_rest_is_next_to_nothing(cut_below, stay):
    assert asked(cut_below=cut_below) == stay


def test_what_was_given_stays_in_its_place():
    assert asked(np.array([[0, 0, 0, 1.0]])) == [0, 1, 2, 3]
    assert asked(np.array([[0, 0, 0, 1.0]]), cut_below=0.05) == [0, 1, 3]
    # It is one of the two that stay at least, and doesn't bring another on board.
    assert asked(np.array([[0, 0, 0, 1.0]]), cut_below=0.2) == [0, 3]
    assert asked(np.array([[1.0, 0, 0, 0]]), cut_below=0.2) == [0, 1]


def test_shares_are_of_what_the_voter_can_score():
    # Without the first there are 0.095: the second has 84 % of them, the third 13 %.
    assert asked(off_ballot=[0]) == [1, 2, 3]
    assert asked(off_ballot=[0], cut_below=0.1) == [1, 2]
    assert asked(off_ballot=[0, 1, 2]) == [3]
    assert asked(off_ballot=[0, 1, 2, 3]) == []
    # One that can't be scored stays off, even where it was given.
    assert asked(np.array([[1.0, 0, 0, 0]]), off_ballot=[0]) == [1, 2, 3]


def test_certainty_beyond_what_numbers_hold_still_leaves_a_question():
    with np.errstate(divide="ignore"):
        assert asked(shares=np.array([1.0, 0.0, 0.0, 0.0, 0.0])) == [0, 1]


def test_a_cut_of_no_texts():
    none, nothing = np.empty((0, 2), dtype=np.int64), np.empty((0, 2), dtype=bool)
    beliefs = fit([-1.0, -2.0, -3.0])
    texts = np.empty(0, dtype=np.int64)
    assert worth_asking(beliefs, NO_ONE[:, :2], texts, none, nothing, 0.01).shape == (0, 2)


def test_what_was_not_asked_about_stands_between_the_two_that_were():
    # Of four candidates the voter scores the first two, 3 and 1 nats.
    prior = np.log([0.6, 0.39, 0.006, 0.004])
    scores = np.array([[3.0, 1.0, np.nan, np.nan]], dtype=np.float32)
    stack, spread = unit_spread([Evidence("voter", scores)])
    # Centred 1, -1, 0, 0; only texts on which it speaks have a spread: here sqrt(1/2).
    told = Weights(np.array([0.5 * spread[0]]), 0.0).scores(stack, np.zeros((1, 4), dtype=bool))
    assert told[0] == pytest.approx([0.5, -0.5, 0, 0])
    log_odds = (prior + told[0])[:, None] - (prior + told[0])[None, :]
    before = prior[:, None] - prior[None, :]
    moved = log_odds - before
    # What it favours gains on the other twice what it gains on those left out, which gain as much
    # on the other; among themselves they keep their odds.
    assert moved[0] == pytest.approx([0, 1.0, 0.5, 0.5])
    assert moved[2] == pytest.approx([-0.5, 0.5, 0, 0])
    # Against the opposite vote they fare alike.
    opposite, _ = unit_spread([Evidence("voter", scores[:, [1, 0, 2, 3]])])
    assert opposite[0, 0, 2:].tolist() == stack[0, 0, 2:].tolist() == [0, 0]
