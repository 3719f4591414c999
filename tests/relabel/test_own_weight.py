import numpy as np
import pytest

from labelmend.relabel.channel import FIRST_GUESS
from labelmend.relabel.own_weight import own_weight, pooled_weights
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
    return scores, posterior([[1, 0], [0, 1], [1, 0], [0, 1]])


def test_the_weight_makes_a_voter_as_sure_as_it_is_right():
    # It is right three times in four: softmax(10 w) = 3 / 4, so that w = log(3) / 10.
    scores, believed = three_in_four()
    assert own_weight(scores, believed, np.ones(4)) == pytest.approx(np.log(3) / 10, abs=1e-4)


def test_texts_count_as_told():
    # The wrong vote counts three times: right three times in six.
    scores, believed = three_in_four()
    assert own_weight(scores, believed, np.array([1, 1, 1, 3.0])) == pytest.approx(0, abs=1e-4)
    # The wrong one not at all: no sum of log-probabilities deserves more than it says.
    assert own_weight(scores, believed, np.array([1, 1, 1, 0.0])) == pytest.approx(1, abs=1e-3)


def test_a_voter_that_is_wrong_more_often_than_right_weighs_nothing():
    scores, believed = three_in_four()
    assert own_weight(-scores, believed, np.ones(4)) == 0


def test_labels_that_were_not_on_the_ballot_count_for_nothing():
    scores, believed = three_in_four()
    wide = np.column_stack([scores, [NAN] * 4]).astype(np.float32)
    # Half of the third text's belief lies on a label that nobody was asked about: it counts half,
    # and the voter is right 2.5 times in 3.5.
    seen = believed.probabilities * [[1.0], [1], [0.5], [1]]
    halved = posterior(np.column_stack([seen, 1 - seen.sum(axis=1)]))
    weight = own_weight(wide, halved, np.ones(4))
    assert weight == pytest.approx(np.log(2.5) / 10, abs=1e-4)


def test_silence_weighs_nothing():
    scores, believed = three_in_four()
    assert own_weight(np.full_like(scores, NAN), believed, np.ones(4)) == 0
    assert own_weight(scores, believed, np.zeros(4)) == 0


def test_the_pool_is_the_mean_of_the_voters_that_tell_something():
    scores, believed = three_in_four()
    voters = [Evidence("a", scores), Evidence("b", scores), Evidence("against", -scores)]
    weights = pooled_weights(voters, believed, np.ones(4))
    assert weights == pytest.approx([np.log(3) / 20, np.log(3) / 20, 0], abs=1e-4)
    assert not len(pooled_weights([], believed, np.ones(4)))
