import numpy as np
import pytest

from labelmend.relabel.channel import FIRST_GUESS
from labelmend.relabel.route import Routing
from labelmend.relabel.vote_weights import own_weight, vote_weights
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


def test_voters_share_their_weights_by_the_root_of_their_number():
    scores, believed = three_in_four()
    all_asked = Routing(np.arange(4), np.zeros(4, dtype=bool))
    voters = [Evidence("a", scores), Evidence("b", scores), Evidence("against", -scores)]
    alone = np.log(3) / 10
    assert vote_weights(voters[:1], believed, all_asked) == pytest.approx([alone], abs=1e-4)
    # One that tells nothing takes nothing from the others.
    shared = vote_weights(voters, believed, all_asked)
    assert shared == pytest.approx([alone / np.sqrt(2)] * 2 + [0], abs=1e-4)
    assert not len(vote_weights([], believed, all_asked))


def test_the_audit_stands_for_what_was_not_asked():
    scores, believed = three_in_four()
    rows = [0, 1, 2, 3, 0, 0]
    wide = scores[rows]
    wide[4:] = NAN
    six = posterior(believed.probabilities[rows])
    # The wrong vote is on a doubtful text; of the five others three of the audit were heard, and
    # count 5 / 3 each: right five times in six.
    routing = Routing(np.array([3]), np.arange(6) < 3)
    weights = vote_weights([Evidence("a", wide)], six, routing)
    assert weights == pytest.approx([np.log(5) / 10], abs=1e-4)
