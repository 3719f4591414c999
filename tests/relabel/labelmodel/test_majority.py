import dataclasses

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.relabel.labelmodel.decisions import decide
from labelmend.relabel.labelmodel.fusion import Fit
from labelmend.relabel.labelmodel.majority import majority
from labelmend.relabel.labelmodel.types import NoiseChannel, Posterior
from labelmend.types import NO_LABEL, Dataset, Evidence

SIRIUS = load_config("sirius")
NAN = np.nan
# Four texts; label 9 is out of scope. Columns do not stand in the order of the labels.
CANDIDATES = np.array([[5, 2, 9], [2, 5, 9], [9, 5, 2], [5, 9, 2]])
CHANNEL = NoiseChannel(
    keep_rate=0.9,
    similar_share=0.3,
    oos_share=0.1,
    temperature=0.2,
    pair_strength=50.0,
    label_strength=None,
)


def source(name, rows):
    return Evidence(name, np.array(rows, dtype=np.float32))


def count(evidence, given=None, oos=9, threshold=1e-6, candidates=CANDIDATES):
    shape = candidates.shape
    given = np.zeros(shape) if given is None else np.array(given, dtype=float)
    believed = Posterior(
        candidates=candidates,
        probabilities=np.full(shape, 1 / 3),
        channel=CHANNEL,
        weights={"old": 1.0},
        oos_bias=2.0,
        channel_nats=np.full(shape, -3.0),
        given_share=given / np.maximum(given.sum(axis=1, keepdims=True), 1),
    )
    fit = Fit(believed, np.zeros(shape), np.zeros(shape), given.any(axis=1))
    config = dataclasses.replace(SIRIUS.fusion, oos_threshold=threshold)
    return majority(fit, evidence, given, oos, config).posterior


def test_shares_of_votes_by_hand():
    posterior = count([
        source("a", [[3, 1, 2], [0, 1, 2], [1, 0, NAN], [0, 0, 1]]),
        source("b", [[3, 1, 2], [5, 1, 2], [1, 0, NAN], [0, 1, 0]]),
        source("c", [[1, 3, 2], [0, 9, 2], [NAN, -4, -5], [NAN] * 3]),
    ])  # fmt: skip
    expected = [[2 / 3, 1 / 3, 0], [1 / 3, 1 / 3, 1 / 3], [2 / 3, 1 / 3, 0], [0, 1 / 2, 1 / 2]]
    assert posterior.probabilities == pytest.approx(np.array(expected))
    # A tie without a given label goes to the smaller label index, wherever it stands.
    assert posterior.best()[0].tolist() == [5, 2, 9, 2]
    assert posterior.channel == CHANNEL
    # Sources that were not heard are not reported: no weights, no bias, nothing of the channel's.
    assert posterior.weights == {}
    assert posterior.oos_bias == 0
    assert posterior.channel_nats.tolist() == [[0, 0, 0]] * 4


def test_a_tie_goes_to_the_given_label_and_a_vote_outweighs_it():
    votes = [source("a", [[1, 0, 0]] * 4), source("b", [[0, 1, 0]] * 4)]
    given = [[0, 1, 0], [0, 1, 0], [0, 0, 1], [3, 0, 0]]
    # Row 0: 5 and 2 tie, 2 given. Row 1: 2 and 5, 5 given. Row 2: 9 and 5 tie, 2 given: 5 < 9.
    assert count(votes, given).best()[0].tolist() == [2, 5, 5, 5]


def test_a_text_without_votes_keeps_its_given_label():
    silent = [source("a", np.full((4, 3), NAN))]
    posterior = count(silent, [[0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]])
    assert posterior.best()[0].tolist()[:3] == [2, 2, 9]
    assert posterior.probabilities.max(axis=1).tolist() == [1, 1, 1, 0]
    assert posterior.given_share.tolist() == [[0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_two_given_labels_and_no_vote_keep_both():
    # Labels 5 and 2 were given to one text, and no voter spoke: nothing says which is wrong.
    posterior = count([source("a", np.full((4, 3), NAN))], [[1, 2, 0]] * 4)
    data = Dataset(("1", "2"), ("hi", "Hi"), np.array([5, 2]), tuple("abcdefghij"), 9)
    decisions = decide(data, np.array([0, 0]), posterior, SIRIUS.decision)
    assert decisions.actions == ("keep", "keep")
    assert decisions.mended.tolist() == [5, 2]
    assert decisions.proposed.tolist() == [5, 2]


def test_a_low_best_reranker_probability_means_out_of_scope():
    votes = [source("a", [[1, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0]])]
    # Threshold 0.5 is a logit of 0: the best logits are -0.1, 0.1, none, -900.
    reranker = source("reranker", [[-0.1, -3, NAN], [-2, 0.1, NAN], [NAN] * 3, [-900, NAN, -950]])
    posterior = count([reranker, *votes], threshold=0.5)
    assert posterior.best()[0].tolist() == [9, 2, 5, 9]
    assert posterior.probabilities[0].tolist() == [0, 0, 1]
    # Without an out-of-scope label there is no such rule.
    assert count([reranker, *votes], oos=None, threshold=0.5).best()[0].tolist() == [5, 2, 5, 5]


def test_the_rerankers_cast_no_votes():
    reranker = [source("reranker", [[9, 0, 0]] * 4), source("reranker_oos", [[0, 0, 9]] * 4)]
    posterior = count([*reranker, source("a", [[0, 1, 0]] * 4)])
    assert posterior.best()[0].tolist() == [2, 5, 5, 9]


def test_voters_in_another_order_say_the_same():
    generator = np.random.default_rng(0)
    votes = [source(str(i), generator.normal(size=(4, 3))) for i in range(4)]
    given = generator.integers(0, 2, size=(4, 3))
    assert (count(votes, given).probabilities == count(votes[::-1], given).probabilities).all()


def test_an_unlabelled_text_without_votes_has_no_probability():
    posterior = count([source("a", np.full((4, 3), NAN))])
    data = Dataset(("1",), ("hi",), np.array([NO_LABEL]), tuple("abcdefghij"), 9)
    cautious = dataclasses.replace(SIRIUS.decision, min_confidence=0.5)
    decisions = decide(data, np.array([0]), posterior, cautious)
    assert decisions.actions == ("review",)
    assert decisions.mended.tolist() == [NO_LABEL]
