import numpy as np
import pytest
from scipy.special import softmax

from labelmend.relabel.channel import FIRST_GUESS
from labelmend.relabel.fuse import Fit
from labelmend.relabel.vote_weights import own_weight, vote_weights, within_ballots
from labelmend.types import Evidence, Posterior

NAN = np.nan


def posterior(probabilities):
    believed = np.array(probabilities, dtype=float)
    candidates = np.tile(np.arange(believed.shape[1]), (len(believed), 1))
    nothing = np.zeros(believed.shape)
    return Posterior(candidates, believed, FIRST_GUESS, {}, 0.0, nothing, nothing)


def three_in_four():
    """Four texts; a voter is 10 nats for the right label of three of them, for the other once."""
    scores = np.array([[10, 0], [0, 10], [10, 0], [10, 0]], dtype=np.float32)
    return scores, np.array([[1.0, 0], [0, 1], [1, 0], [0, 1]])


def test_the_weight_makes_a_voter_as_sure_as_it_is_right():
    # It is right three times in four: softmax(10 w) = 3 / 4, so that w = log(3) / 10.
    scores, believed = three_in_four()
    assert own_weight(scores, believed) == pytest.approx(np.log(3) / 10, abs=1e-4)
    # Where it is always right: no sum of log-probabilities deserves more than it says.
    assert own_weight(scores[:3], believed[:3]) == pytest.approx(1, abs=1e-3)


def test_a_voter_that_is_wrong_more_often_than_right_weighs_nothing():
    scores, believed = three_in_four()
    assert own_weight(-scores, believed) == 0


def test_labels_that_were_not_on_the_ballot_count_for_nothing():
    scores, believed = three_in_four()
    wide = np.column_stack([scores, [NAN] * 4]).astype(np.float32)
    # Half of the third text's belief lies on a label that nobody was asked about: it counts half,
    # and the voter is right 2.5 times in 3.5.
    seen = believed * [[1.0], [1], [0.5], [1]]
    halved = np.column_stack([seen, 1 - seen.sum(axis=1)])
    assert own_weight(wide, halved) == pytest.approx(np.log(2.5) / 10, abs=1e-4)


def test_silence_weighs_nothing():
    scores, believed = three_in_four()
    assert own_weight(np.full_like(scores, NAN), believed) == 0
    assert own_weight(scores[:0], believed[:0]) == 0


def test_the_voters_that_tell_something_are_averaged_by_their_own_weights():
    scores, believed = three_in_four()
    # The last text is not in doubt, and tells nothing of the voters.
    voters = [Evidence("a", scores), Evidence("b", scores / 2), Evidence("against", -scores)]
    easy = [Evidence(v.source, np.concatenate([v.scores, -v.scores[:1]])) for v in voters]
    weights = vote_weights(easy, posterior([*believed, [1, 0]]), np.array([3, 1, 0, 2]))
    assert weights == pytest.approx([np.log(3) / 20, np.log(3) / 10, 0], abs=1e-4)
    alone = vote_weights(easy[1:2], posterior([*believed, [1, 0]]), np.arange(4))
    assert alone == pytest.approx([np.log(3) / 5], abs=1e-4)
    assert not len(vote_weights([], posterior(believed), np.arange(4)))


def fitted(log_prior, log_likelihood):
    prior, likelihood = np.log(log_prior), np.log(log_likelihood)
    return Fit(posterior(softmax(prior + likelihood, axis=1)[:, :3]), prior, likelihood, None)


def test_votes_share_out_what_a_ballots_labels_have_together():
    # The last column is one of the tail; two voters, the second one on other labels.
    fit = fitted([[0.2, 0.4, 0.3, 0.1]] * 2, [[0.5, 0.25, 0.25, 1.0]] * 2)
    first = Evidence("a", np.array([[2, 0, NAN], [NAN, NAN, NAN]], dtype=np.float32))
    second = Evidence("b", np.array([[NAN, 1, 3], [NAN, NAN, NAN]], dtype=np.float32))
    cast = within_ballots([first, second], np.array([0.5, 0.25]), fit)
    # The posterior odds are 100 : 100 : 75 : 100. The first voter has e : 1 for the first two
    # labels, which share 200; the second one has e^0.25 : e^0.75 for two that have its rest and 75.
    e = np.e
    odds = np.array([200 * e / (1 + e), 200 / (1 + e), 75, 100])
    left = odds[1] + 75
    share = softmax(np.log(odds[1:3]) + np.array([0.25, 0.75]))
    expected = np.array([odds[0], *(left * share), 100]) / 375
    joint = (fit.log_prior + fit.log_likelihood)[0]
    for voter, weight in zip(cast, (0.5, 0.25), strict=True):
        centred = np.nan_to_num(voter.scores[0] - voter.centre[0])
        joint = joint + weight * np.append(centred, 0)
    assert softmax(joint) == pytest.approx(expected, rel=1e-5)
    # Where nobody spoke, there is nothing to centre.
    assert [voter.centre[1] for voter in cast] == [0, 0]
    assert [voter.source for voter in cast] == ["a", "b"]


def test_without_a_weight_the_centre_is_the_mean_by_belief():
    fit = fitted([[0.2, 0.6, 0.2, 1.0]], [[1.0, 1, 1, 1]])
    voter = Evidence("a", np.array([[4, 8, NAN]], dtype=np.float32))
    (cast,) = within_ballots([voter], np.zeros(1), fit)
    assert cast.centre == pytest.approx([7.0])
    (nearly,) = within_ballots([voter], np.array([1e-6]), fit)
    assert nearly.centre == pytest.approx([7.0], abs=1e-4)
