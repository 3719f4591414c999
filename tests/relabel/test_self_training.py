"""From label cards to a posterior, without a labelled text or with a few."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labelmend.configs.schema import SelfTrainingConfig
from labelmend.relabel.self_training import (
    CARD,
    PROTOTYPE,
    is_needed,
    no_channel,
    self_train,
)
from labelmend.retrieval.candidates import Candidates

CONFIG = SelfTrainingConfig()
LABELS, DIMENSIONS = 6, 12


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def world(counts, seed=0, pull=0.0):
    """Texts near their label's own axis, and cards askew; card 0 is pulled towards all texts."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(np.arange(LABELS), counts))
    axes = np.eye(DIMENSIONS)[:LABELS]
    texts = axes[truth] + 0.25 * rng.normal(size=(len(truth), DIMENSIONS))
    cards = axes + 0.35 * rng.normal(size=axes.shape)
    cards[0] += pull * axes.sum(axis=0)
    return unit(texts), unit(cards), truth


def none_given(texts, labels=LABELS):
    return csr_array((texts, labels), dtype=np.float32)


def test_one_round_by_hand():
    """Two texts, two labels: a card along each axis, and texts at 0 and 90 degrees."""
    texts = np.eye(2, dtype=np.float32)
    config = SelfTrainingConfig(
        rounds=1, first_nats=np.log(3), card_nats=0.0, text_nats=1.0, card_texts=1.0, balance=0.0
    )
    found = self_train(texts, [texts], none_given(2, 2), config)
    assert found.card.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    # Each text is its own label's by 3/4. The sum of label 0 is (1 + 3/4, 1/4); without text 0,
    # which lies along the first axis, (1, 1/4). Label 1's is (1/4, 1 + 3/4), without it (0, 7/4).
    own = 1 / np.hypot(1, 1 / 4)
    np.testing.assert_allclose(found.prototype, [[own, 0.0], [0.0, own]], atol=1e-6)
    np.testing.assert_allclose(found.logits, found.prototype, atol=1e-6)


def test_rounds_find_more_than_cards_alone():
    texts, cards, truth = world([60] * LABELS)
    found = self_train(texts, [cards], none_given(len(texts)), CONFIG)
    alone = (found.card.argmax(axis=1) == truth).mean()
    assert (found.logits.argmax(axis=1) == truth).mean() > max(alone, 0.95)


def test_even_shares_are_helped_and_uneven_ones_are_taken_as_they_are():
    even = world([60] * LABELS, pull=0.25)
    balanced = self_train(even[0], [even[1]], none_given(len(even[0])), CONFIG)
    uneven = world([120, 60, 30, 20, 12, 8])
    left = self_train(uneven[0], [uneven[1]], none_given(len(uneven[0])), CONFIG)
    assert left.balance < 0.5 * balanced.balance
    assert (left.logits.argmax(axis=1) == uneven[2]).mean() > 0.95
    forced = SelfTrainingConfig(balance=0.9, attraction=100.0)
    split = self_train(uneven[0], [uneven[1]], none_given(len(uneven[0])), forced)
    assert (split.logits.argmax(axis=1) == uneven[2]).mean() < 0.9


def test_labelled_texts_keep_their_labels_and_teach():
    texts, cards, truth = world([40] * LABELS, seed=2)
    cards[:] = 0  # nothing is known but these texts
    taught = [int(np.flatnonzero(truth == k)[0]) for k in range(LABELS)]
    given = csr_array((np.ones(LABELS, np.float32), (taught, range(LABELS))), (len(texts), LABELS))
    found = self_train(texts, [cards], given, CONFIG)
    assert (found.logits.argmax(axis=1) == truth).mean() > 0.95
    candidates = Candidates(np.tile(np.arange(LABELS), (len(texts), 1)), 0, np.zeros(LABELS))
    fit = found.fit(candidates, given)
    assert np.flatnonzero(fit.observed).tolist() == sorted(taught)
    assert (fit.posterior.best()[0][taught] == np.arange(LABELS)).all()
    np.testing.assert_allclose(fit.posterior.probabilities.sum(axis=1), 1.0)


def test_a_label_without_card_and_text_is_never_chosen_and_one_with_a_text_may_be():
    texts, cards, truth = world([40] * LABELS, seed=3)
    cards[5] = 0  # nothing is known of the last label
    blind = self_train(texts, [cards], none_given(len(texts)), CONFIG)
    assert np.isneginf(blind.logits[:, 5]).all()
    assert np.isnan(blind.card[:, 5]).all()
    taught = np.flatnonzero(truth == 5)[:3]
    given = csr_array((np.ones(3, np.float32), (taught, [5] * 3)), (len(texts), LABELS))
    found = self_train(texts, [cards], given, CONFIG).logits.argmax(axis=1)
    assert (found[truth == 5] == 5).mean() > 0.9


def test_the_order_of_texts_moves_nothing_but_the_last_bits():
    texts, cards, _ = world([30] * LABELS, seed=4)
    order = np.random.default_rng(0).permutation(len(texts))
    one = self_train(texts, [cards], none_given(len(texts)), CONFIG).logits
    other = self_train(texts[order], [cards], none_given(len(texts)), CONFIG).logits
    np.testing.assert_allclose(other, one[order], atol=1e-4)


def test_evidence_and_ranking_are_of_the_candidates():
    texts, cards, _ = world([10] * LABELS, seed=5)
    found = self_train(texts, [cards], none_given(len(texts)), CONFIG)
    labels = np.tile([4, 1], (len(texts), 1))
    card, prototype = found.evidence(labels)
    assert (card.source, prototype.source) == (CARD, PROTOTYPE)
    np.testing.assert_array_equal(card.scores, found.card[:, [4, 1]])
    ranking = found.search(np.arange(3), 2)
    assert (ranking.labels[:, 0] == found.logits[:3].argmax(axis=1)).all()
    assert (np.diff(ranking.scores, axis=1) <= 0).all()


@pytest.mark.parametrize(
    ("labelled", "texts", "needed"),
    [(0, 4, True), (0, 0, False), (10, 100, True), (50, 100, False), (60, 1000, False)],
)
def test_few_labels_are_fewer_than_ten_a_label_and_half_the_texts(labelled, texts, needed):
    rows = np.arange(labelled)
    given = csr_array((np.ones(labelled), (rows, rows % LABELS)), shape=(texts, LABELS))
    assert is_needed(given, CONFIG) is needed


def test_nothing_is_learned_of_the_channel():
    assert no_channel(none_given(4)).anchors == 0
