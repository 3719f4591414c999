"""What each step learns from."""

import numpy as np
import pytest

from labelmend.retrieval.dense import DescriptionRetriever
from labelmend.retrieval.passages import label_passages
from labelmend.tune.batches import batches, hard_negatives, steps_an_epoch
from labelmend.tune.holdout import hold_out
from labelmend.types import NO_LABEL, Dataset, LabelCard

LABELS = ("a", "b", "c")


def tuning_texts(counts, confidence=None):
    texts = [f"{label}{i:02}" for label, n in zip(LABELS, counts, strict=False) for i in range(n)]
    given = np.repeat(np.arange(len(counts)), counts)
    ids = tuple(map(str, range(len(texts))))
    weights = np.ones(len(texts)) if confidence is None else confidence
    dataset = Dataset(ids, tuple(texts), given, LABELS, None)
    return hold_out(dataset, weights, share=0.2, known=(), seed=1, where="t.csv")


def test_an_epoch_holds_each_trained_text_once_two_of_a_label_together():
    texts = tuning_texts([10, 9, 1])  # 8, 7 and 1 of them are trained on
    negatives = np.full((20, 2), NO_LABEL)
    found = list(batches(texts, negatives, 7, seed=3, epoch=0))  # six a step: no pair is split
    assert [len(batch.texts) for batch in found] == [6, 6, 4]
    assert steps_an_epoch(texts, 7) == 3
    seen = np.concatenate([batch.texts for batch in found])
    assert sorted(seen.tolist()) == np.flatnonzero(texts.trained).tolist()
    alone = 0
    for batch in found:
        assert (batch.labels == texts.labels[batch.texts]).all()
        assert (batch.labels[batch.partners] == batch.labels).all()
        assert batch.partners[batch.partners].tolist() == list(range(len(batch.texts)))
        single = batch.partners == np.arange(len(batch.texts))
        assert (batch.pair_weights == np.where(single, 0.0, 1.0)).all()
        alone += single.sum()
        assert batch.described.tolist() == np.unique(batch.labels).tolist()
    assert alone == 2  # the odd one of `b`, and the only one of `c`


def test_epochs_differ_and_come_again_the_same():
    texts = tuning_texts([10, 10, 10])
    negatives = np.full((30, 1), NO_LABEL)

    def order(seed, epoch):
        return [b.texts.tolist() for b in batches(texts, negatives, 8, seed, epoch)]

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)


def test_pairs_weigh_the_product_of_their_posteriors():
    texts = tuning_texts([3, 10], np.array([0.5] * 3 + [0.8] * 10))
    negatives = np.full((13, 1), NO_LABEL)
    (batch,) = batches(texts, negatives, 100, seed=0, epoch=0)
    own = np.where(batch.labels == 0, 0.5, 0.8)
    assert batch.weights.tolist() == own.tolist()
    assert batch.pair_weights == pytest.approx(np.where(batch.labels == 0, 0.25, 0.64))


def test_hard_negatives_are_the_nearest_wrong_labels():
    texts = tuning_texts([10, 10, 10])
    cards = [LabelCard(label, "", (), "name") for label in LABELS]
    passages = label_passages(cards, texts.data.texts, None)
    # Labels lie at 0, 60 and 180 degrees; all texts at 10.
    turn = np.deg2rad([0.0, 60.0, 180.0])
    vectors = np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)
    embeddings = np.tile(np.array([[np.cos(0.17), np.sin(0.17)]], np.float32), (30, 1))
    retriever = DescriptionRetriever(embeddings, passages, vectors)
    one = hard_negatives(retriever, texts, 1, block=7)
    expected = np.where(texts.labels == 0, 1, 0)
    assert one[texts.trained, 0].tolist() == expected[texts.trained].tolist()
    assert (one[~texts.trained] == NO_LABEL).all()
    many = hard_negatives(retriever, texts, 5, block=7)
    by_label = {0: [1, 2], 1: [0, 2], 2: [0, 1]}
    for row in np.flatnonzero(texts.trained):
        assert many[row].tolist() == [*by_label[texts.labels[row]], -1, -1, -1]
    (batch,) = batches(texts, one, 100, seed=0, epoch=0)
    assert batch.described.tolist() == [0, 1, 2]
