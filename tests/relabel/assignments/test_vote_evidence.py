"""What votes are worth, and what they add to what is believed of a text's labels."""

import dataclasses

import numpy as np
import pytest
from scipy.special import expit, logit

from labelmend.configs.load import load_config
from labelmend.llm.types import VoterReport
from labelmend.relabel.assignments.fusion import Beliefs
from labelmend.relabel.assignments.poll import Polled
from labelmend.relabel.assignments.types import Channel, Votes
from labelmend.relabel.assignments.vote_evidence import _worth, hear

CONFIG = dataclasses.replace(load_config().votes, max_weight=10.0)
TEXTS, LABELS = 1500, 4
CHANNEL = Channel(np.full(LABELS, 0.2), np.full(LABELS, 0.2))


def drawn(seed, apart, texts=TEXTS, lean=0.0):
    """Return what is believed, what is true, and a voter's scores.

    Args:
        seed: of the draws.
        apart: the means of its scores of what holds and what doesn't.
        texts: how many.
        lean: what a score is more by a nat of the other evidence.
    """
    rng = np.random.default_rng(seed)
    evidence = rng.uniform(0.05, 0.95, (texts, LABELS))
    truth = rng.random(evidence.shape) < evidence
    given = truth ^ (rng.random(evidence.shape) < 0.2)
    holds = CHANNEL.posterior(evidence, given)
    near, nothing = np.full((texts, 1), -1), np.zeros(evidence.shape)
    found = Beliefs(holds, holds, evidence, CHANNEL, near, nothing)
    scores = apart * truth + lean * logit(evidence) + rng.normal(0, 2.0, truth.shape)
    return found, truth, scores


def worth(found, scores):
    return _worth(scores, found.holds, logit(found.evidence), CONFIG)


def polled(*scores, who="v"):
    votes = []
    for number, said in enumerate(scores):
        report = VoterReport(f"{who}{number}", len(said), 0, {}, 1.0)
        labels = np.tile(np.arange(LABELS), (len(said), 1))
        votes.append(Votes(labels, said.astype(np.float32), report))
    every = np.ones(len(scores[0]), dtype=bool)
    return Polled(tuple(votes), every, np.arange(0))


def test_a_voter_is_worth_what_its_scores_tell_by_what_is_believed():
    beliefs, _, scores = drawn(0, 3.0)
    found = worth(beliefs, scores)
    # Of two normal means 3 apart with a variance of 4: 3 / 4 nats a nat, and nothing half way.
    assert found.weight == pytest.approx(0.75, abs=0.1)
    assert found.middle == pytest.approx(1.5, abs=0.2)
    assert found.lean == pytest.approx(0, abs=0.2)
    # Where it says nothing, it counts for nothing.
    silent = np.where(np.arange(TEXTS)[:, None] % 2 == 0, scores, np.nan)
    assert worth(beliefs, silent).weight == pytest.approx(0.75, abs=0.15)
    assert worth(beliefs, np.full(scores.shape, np.nan)).weight == 0


def test_what_repeats_the_other_evidence_tells_nothing_new():
    beliefs, truth, scores = drawn(1, 0.0, lean=2.0)
    assert np.corrcoef(scores.ravel(), truth.ravel())[0, 1] > 0.4
    assert worth(beliefs, scores).weight < 0.06
    # What it says beyond that is heard, and that alone.
    beliefs, _, scores = drawn(1, 3.0, lean=2.0)
    found = worth(beliefs, scores)
    assert found.weight == pytest.approx(0.75, abs=0.15)
    assert found.lean == pytest.approx(2.0, abs=0.3)
    # Where what is believed follows from the evidence, nobody can tell one from the other.
    certain = dataclasses.replace(beliefs, holds=0.5 + 0.1 * logit(beliefs.evidence))
    assert worth(certain, scores).weight == 0


def test_on_few_texts_a_voter_is_right_by_chance():
    beliefs, _, scores = drawn(7, 3.0, texts=TEXTS)
    few = np.where(np.arange(TEXTS)[:, None] < 20, scores, np.nan)
    open_mind = dataclasses.replace(CONFIG, undecided_texts=0.0)
    evidence = logit(beliefs.evidence)
    sure = _worth(few, beliefs.holds, evidence, open_mind)
    found = worth(beliefs, few)
    assert 0 < found.weight < 0.75 * sure.weight


def test_one_that_says_the_contrary_is_not_turned_round():
    beliefs, _, scores = drawn(2, 3.0)
    assert worth(beliefs, -scores).weight == 0


def test_votes_move_beliefs_towards_the_truth_and_nothing_else():
    before, truth, scores = drawn(3, 3.0)
    scores[::3] = np.nan
    heard = hear(before, polled(scores), CONFIG)

    def loss(found):
        right = np.where(truth, found, 1 - found)[~np.isnan(scores)]
        return -np.log(right).mean()

    assert loss(heard.beliefs.holds) < 0.9 * loss(before.holds)
    moved = logit(heard.beliefs.holds) - logit(before.holds)
    for name in ("holds", "cautious", "evidence"):
        old, new = getattr(before, name), getattr(heard.beliefs, name)
        np.testing.assert_array_equal(new[::3], old[::3])
        np.testing.assert_allclose(logit(new) - logit(old), moved, atol=1e-6)
    (votes,) = heard.votes
    assert 0.4 < votes.weight < 0.9
    assert votes.report.information > 0.02
    assert votes.report.audited == 1000
    assert votes.report.agreement > 0.6


def test_two_that_say_the_same_are_no_surer_than_one():
    before, _, scores = drawn(4, 3.0)
    alone = hear(before, polled(scores), CONFIG)
    twice = hear(before, polled(scores, scores), CONFIG)
    np.testing.assert_allclose(twice.beliefs.holds, alone.beliefs.holds, atol=1e-12)
    assert [v.weight for v in twice.votes] == pytest.approx([alone.votes[0].weight / 2] * 2)


def test_a_liking_for_one_label_is_taken_out():
    before, _, scores = drawn(5, 3.0)
    liked = scores + np.array([6.0, 0.0, 0.0, 0.0])
    alone = hear(before, polled(scores), CONFIG)
    found = hear(before, polled(liked), CONFIG)
    assert np.abs(found.beliefs.holds - alone.beliefs.holds).mean() < 0.02
    assert expit(6.0 * alone.votes[0].weight) > 0.9  # so far it would have moved


def test_a_voter_that_is_worse_than_chance_moves_nothing():
    before, _, scores = drawn(6, -6.0, 400)
    heard = hear(before, polled(scores), CONFIG)
    assert heard.votes[0].report.worse_than_chance
    assert heard.votes[0].weight == 0
    np.testing.assert_array_equal(heard.beliefs.holds, before.holds)
