import numpy as np
import pytest
from scipy.special import softmax

from labelmend.configs.schema import VotesConfig
from labelmend.relabel.escalation.vote_weights import own_weight, vote_weights, within_ballots
from labelmend.relabel.labelmodel.fusion import Fit
from labelmend.relabel.labelmodel.noise_channel import FIRST_GUESS
from labelmend.relabel.labelmodel.types import Posterior
from labelmend.types import Evidence

VOTES = VotesConfig(undecided_texts=10.0, max_weight=1.0)
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


def log_odds(right, texts):
    """With ten undecided texts: right by half of them, too."""
    return np.log((right + 5) / (texts - right + 5))


def test_the_weight_makes_a_voter_as_sure_as_it_is_right():
    # Right three times in four, and five times in the ten that may be anything.
    scores, believed = three_in_four()
    found = own_weight(scores, believed, VOTES)
    assert found.weight == pytest.approx(log_odds(3, 4) / 10, abs=1e-4)
    # Of 14 texts, 8 at 8 / 14 and 6 at 6 / 14, where none would give each a half.
    gain = 8 * np.log(8 / 14) + 6 * np.log(6 / 14) - 14 * np.log(1 / 2)
    assert found.gain == pytest.approx(gain, abs=1e-4)
    # A hundred times as many texts leave little of the undecided ones.
    many = own_weight(np.tile(scores, (100, 1)), np.tile(believed, (100, 1)), VOTES)
    assert many.weight == pytest.approx(log_odds(300, 400) / 10, abs=1e-4)
    # One text says next to nothing, and no sum of log-probabilities deserves more than it says.
    assert own_weight(scores[:1], believed[:1], VOTES).weight == pytest.approx(
        log_odds(1, 1) / 10, abs=1e-4
    )
    assert own_weight(scores[:1] / 100, believed[:1], VOTES).weight == pytest.approx(1, abs=1e-3)


def test_how_votes_are_weighed_is_a_setting():
    scores, believed = three_in_four()
    # With no text that may be anything, it is right three times in four.
    told = own_weight(scores, believed, VotesConfig(undecided_texts=0.0))
    assert told.weight == pytest.approx(np.log(3) / 10, abs=1e-4)
    few = own_weight(scores, believed, VotesConfig(undecided_texts=0.0, max_weight=0.05))
    assert few.weight == pytest.approx(0.05, abs=1e-4)
    assert own_weight(scores, believed, VotesConfig(max_weight=0.0)).weight == 0


def test_a_voter_that_is_wrong_more_often_than_right_weighs_nothing():
    scores, believed = three_in_four()
    assert own_weight(-scores, believed, VOTES) == own_weight(
        np.full_like(scores, NAN), believed, VOTES
    )
    assert (
        own_weight(-scores, believed, VOTES).weight,
        own_weight(-scores, believed, VOTES).gain,
    ) == (0, 0)


def test_labels_that_were_not_on_the_ballot_count_for_nothing():
    scores, believed = three_in_four()
    wide = np.column_stack([scores, [NAN] * 4]).astype(np.float32)
    # Half of the third text's belief lies on a label that nobody was asked about: it counts half,
    # and the voter is right 2.5 times in 3.5.
    seen = believed * [[1.0], [1], [0.5], [1]]
    halved = np.column_stack([seen, 1 - seen.sum(axis=1)])
    assert own_weight(wide, halved, VOTES).weight == pytest.approx(
        log_odds(2.5, 3.5) / 10, abs=1e-4
    )


def test_silence_weighs_nothing():
    scores, believed = three_in_four()
    assert own_weight(np.full_like(scores, NAN), believed, VOTES).weight == 0
    assert own_weight(scores[:0], believed[:0], VOTES).weight == 0


def test_voters_are_averaged_by_what_they_tell():
    scores, believed = three_in_four()
    alone = log_odds(3, 4) / 10
    # The last text is not in doubt, and tells nothing of the voters.
    voters = {"a": scores, "b": scores / 2, "against": -scores}
    easy = [Evidence(name, np.concatenate([v, -v[:1]])) for name, v in voters.items()]
    believes = posterior([*believed, [1, 0]])
    doubtful = np.array([3, 1, 0, 2])

    def weights(*chosen, silenced=()):
        voters = [easy[i] for i in chosen]
        return vote_weights(voters, believes, doubtful, [i in silenced for i in chosen], VOTES)

    # Two that tell as much have half each; one that tells nothing takes nothing.
    assert weights(0, 1, 2) == pytest.approx([alone / 2, alone, 0], abs=1e-4)
    assert weights(1) == pytest.approx([2 * alone], abs=1e-4)
    # Nor does one that is silenced, whatever it tells.
    assert weights(0, 1, silenced={0}) == pytest.approx([0, 2 * alone], abs=1e-4)
    assert not len(weights())


def test_a_voter_that_tells_little_takes_little():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 4, 300)
    good = (3.0 * np.eye(4)[truth] + rng.normal(0, 1, (300, 4))).astype(np.float32)
    noise = rng.normal(0, 3, (300, 4)).astype(np.float32)
    voters = [Evidence("good", good), Evidence("noise", noise)]
    believes, everything = posterior(np.eye(4)[truth]), np.arange(300)
    (alone,) = vote_weights(voters[:1], believes, everything, [False], VOTES)
    beside = vote_weights(voters, believes, everything, [False, False], VOTES)
    assert beside[0] == pytest.approx(alone, rel=0.02)
    assert beside[1] < 0.01


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
    # The second one first, in the list: they are heard by name.
    turned = within_ballots([second, first], np.array([0.25, 0.5]), fit)
    assert [voter.source for voter in turned] == ["b", "a"]
    assert np.array_equal(turned[1].centre, cast[0].centre)
    assert np.array_equal(turned[0].centre, cast[1].centre)
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
