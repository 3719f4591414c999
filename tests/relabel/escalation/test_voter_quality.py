from dataclasses import replace

import numpy as np
import pytest

from labelmend.llm.types import VoterReport
from labelmend.relabel.escalation.voter_quality import against_chance, appraised, notes_on_voters
from labelmend.relabel.labelmodel.fusion import Fit
from labelmend.relabel.labelmodel.noise_channel import FIRST_GUESS
from labelmend.relabel.labelmodel.types import Posterior
from labelmend.types import Evidence

NAN = np.nan
AUDIT = np.array([True, True, True, False])
REPORT = VoterReport("v", 4, 0, {}, 2.0, tokens=100)
# The candidates of the second text stand in another order.
CANDIDATES = np.array([[0, 1, 2], [2, 0, 1], [0, 1, 2], [0, 1, 2]])
BELIEFS = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4], [1.0, 0.0, 0.0]])


def posterior(probabilities=BELIEFS, weights=None):
    nothing = np.zeros(CANDIDATES.shape)
    return Posterior(
        candidates=CANDIDATES,
        probabilities=probabilities,
        channel=FIRST_GUESS,
        weights=weights or {},
        oos_bias=0.0,
        channel_nats=nothing,
        given_share=nothing,
    )


def held_to_chance(reports, votes, drawn=AUDIT, believed=BELIEFS):
    return against_chance(reports, votes, CANDIDATES, believed, drawn)


def evidence(*rows, source="v"):
    return Evidence(source, np.array(rows, dtype=np.float32))


GOOD = evidence([2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [NAN, NAN, NAN], [0.0, 5.0, 0.0])
BAD = evidence([1.0, 2.0, NAN], [2.0, 0.0, 1.0], [0.0, 1.0, 0.0], [9.0, 0.0, 0.0])


def test_against_a_label_drawn_at_random():
    (report,) = held_to_chance([REPORT], [GOOD])
    # 0.8 and 0.5 are believed where it chose; a draw from three would get a third each.
    assert (report.audited, report.worse_than_chance) == (2, False)
    assert report.lift_over_chance == pytest.approx(((0.8 - 1 / 3) + (0.5 - 1 / 3)) / 2)
    (report,) = held_to_chance([REPORT], [BAD])
    # Of the first text it saw two candidates: a draw gets half of 0.9.
    lucks = (0.1 - 0.9 / 2) + (0.2 - 1 / 3) + (0.3 - 1 / 3)
    assert report.audited == 3
    assert report.lift_over_chance == pytest.approx(lucks / 3)


@pytest.mark.parametrize(
    ("audited", "lift_over_chance", "worse"),
    [
        (1, -0.4, False),
        (4, -0.24, False),
        (4, -0.26, True),
        (100, -0.049, False),
        (100, -0.06, True),
    ],
)
def test_few_texts_silence_nobody(audited, lift_over_chance, worse):
    # At most 0.5 / sqrt(n) below chance is what n texts may do: 0.5, 0.25 and 0.05.
    assert (
        replace(REPORT, audited=audited, lift_over_chance=lift_over_chance).worse_than_chance
        == worse
    )


def test_a_voter_without_a_vote_in_the_audit_is_not_judged():
    nothing = np.zeros(4, dtype=bool)
    (report,) = held_to_chance([REPORT], [GOOD], nothing)
    assert report == REPORT
    assert not report.worse_than_chance
    fit = fitted({"v": 1.0})
    assert appraised([REPORT], [GOOD], fit, nothing) == (REPORT,)


def test_what_is_worse_than_chance_is_named():
    other = replace(REPORT, voter="other")
    wrong = evidence([0.0, 1, 0], [1.0, 0, 0], [1.0, 0, 0], [0.0, 1, 0], source="other")
    sure = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [1.0, 0, 0]])
    both = [GOOD, wrong, evidence(*BELIEFS, source="reranker")]
    reports = held_to_chance([REPORT, other], both, np.ones(4, dtype=bool), sure)
    assert [report.worse_than_chance for report in reports] == [False, True]
    assert reports[1].lift_over_chance == pytest.approx(-1 / 3)
    (note,) = notes_on_voters(reports)
    assert note.startswith("other is worse than chance on 4 texts drawn at random, so it got no")


def test_a_voter_that_fails_is_named():
    failures = {"the context is full": 2, "no answer": 1}
    failing = replace(REPORT, voter="small", asked=5, failures=failures)
    (note,) = notes_on_voters([REPORT, failing, replace(failing, asked=6)])
    assert note.startswith("small failed on 3 of 5 texts, mostly as 'the context is full'; leave")


def test_a_voter_whose_time_was_up_is_named():
    notes = notes_on_voters([REPORT, replace(REPORT, voter="late", asked=700, unasked=800)])
    assert notes == (
        "the time was up with 800 of 1,500 texts unasked by late; "
        "run again with a longer --llm-budget (routing.llm_minutes) to go on",
    )


def fitted(weights, log_prior=None):
    # A fourth column, the tail.
    prior = np.log(np.full((4, 4), 0.25)) if log_prior is None else log_prior
    likelihood = np.zeros((4, 4))
    return Fit(posterior(weights=weights), prior, likelihood, np.ones(4, dtype=bool))


def test_agreement_and_information_by_hand():
    # log q: the voter's nats, 0.5 times its centred scores, on top of an even prior.
    scores = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0]])
    nats = 0.5 * (scores - scores.mean(axis=1, keepdims=True))
    prior = np.log(np.full((4, 4), 0.25))
    prior[:2, :3] += nats
    (report,) = appraised([REPORT], [GOOD], fitted({"v": 0.5}, prior), AUDIT)
    # Both first choices are what the posterior favours: labels 0 and 0 again.
    assert report.agreement == 1.0
    gains = []
    for row, place in ((0, 0), (1, 1)):
        with_it = np.exp(np.append(nats[row], 0.0))
        gains.append(np.log(with_it[place] / with_it.sum()) - np.log(0.25))
    assert report.information == pytest.approx(np.mean(gains))
    (report,) = appraised([REPORT], [BAD], fitted({"v": 0.0}), AUDIT)
    # Label 1 for 0, 2 for 0, 1 for 2; and no weight, so nothing is told.
    assert (report.agreement, report.information) == (0.0, 0.0)
    (report,) = appraised([REPORT], [GOOD], fitted({}), AUDIT)
    assert (report.agreement, report.information) == (1.0, None)


def test_information_where_fusion_centred_the_votes_elsewhere():
    # Of the first text the votes share out what two labels have together: 2 and -2 nats.
    voter = replace(evidence([6.0, 2.0, NAN], *[[NAN] * 3] * 3), centre=np.array([4.0, 0, 0, 0]))
    log_q = np.log([[0.6, 0.1, 0.2, 0.1]] * 4)
    fit = fitted({"v": 1.0}, log_q)
    (report,) = appraised([REPORT], [voter], fit, AUDIT)
    without = np.array([0.6 * np.exp(-2), 0.1 * np.exp(2), 0.2, 0.1])
    assert report.information == pytest.approx(np.log(0.6) - np.log(without[0] / without.sum()))


def test_ties_go_to_the_smaller_label():
    even = evidence([1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [NAN, 0.0, 0.0], [0.0, 0.0, 0.0])
    sure = posterior(np.array([[1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0], [0, 0, 1.0]]))
    (report,) = appraised(
        [REPORT], [even], replace(fitted({}), posterior=sure), np.array([True] * 4)
    )
    # Chosen are labels 0, 1 (it stands last there), 1 and 0; the last posterior says 2.
    assert report.agreement == 0.75


def test_tokens_a_second():
    assert REPORT.tokens_per_second == 50.0
    assert replace(REPORT, seconds=0.0).tokens_per_second == 0.0
