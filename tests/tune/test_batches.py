"""What each step learns from."""

import numpy as np

from labelmend.retrieval.dense import DescriptionRetriever
from labelmend.retrieval.passages import label_passages
from labelmend.tune.batches import batches, hard_negatives, steps_an_epoch
from labelmend.tune.holdout import hold_out
from labelmend.types import NO_LABEL, Dataset, LabelCard

LABELS = ("a", "b", "c")


def tuning_texts(counts, confidence=None):
    texts = [f"{label}{i:02}" for label, n in zip(LABELS, counts, strict=True) for i in range(n)]
    given = np.repeat(np.arange(len(LABELS)), counts)
    ids = tuple(map(str, range(len(texts))))
    weights = np.ones(len(texts)) if confidence is None else confidence
    dataset = Dataset(ids, tuple(texts), given, LABELS, None)
    return hold_out(dataset, weights, share=0.2, known=(), seed=1, where="t.csv")


def test_an_epoch_holds_each_trained_text_once_with_another_of_its_label():
    texts = tuning_texts([10, 10, 1])
    negatives = np.full((21, 2), NO_LABEL)
    found = list(batches(texts, negatives, 8, seed=3, epoch=0))
    assert [len(batch.texts) for batch in found] == [8, 8, 1]
    assert steps_an_epoch(texts, 8) == 3
    seen = np.concatenate([batch.texts for batch in found])
    assert sorted(seen.tolist()) == np.flatnonzero(texts.trained).tolist()
    for batch in found:
        assert (texts.labels[batch.partners] == batch.labels).all()
        assert texts.trained[batch.partners].all()
        alone = batch.labels == 2
        assert (batch.partners == batch.texts).tolist() == alone.tolist()
        assert batch.described.tolist() == np.unique(batch.labels).tolist()


def test_epochs_differ_and_come_again_the_same():
    texts = tuning_texts([10, 10, 10])
    negatives = np.full((30, 1), NO_LABEL)

    def order(seed, epoch):
        return [b.texts.tolist() for b in batches(texts, negatives, 8, seed, epoch)]

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)


def test_pairs_weigh_what_their_texts_do_and_the_doubtful_are_rarely_partners():
    confidence = np.array([0.99, 0.99, 0.01] + [1.0] * 20)
    texts = tuning_texts([3, 10, 10], confidence)
    negatives = np.full((23, 1), NO_LABEL)
    chosen = []
    for epoch in range(50):
        for batch in batches(texts, negatives, 100, seed=0, epoch=epoch):
            expected = texts.weights[batch.texts] * texts.weights[batch.partners]
            assert batch.pair_weights.tolist() == expected.tolist()
            assert batch.weights.tolist() == texts.weights[batch.texts].tolist()
            chosen += batch.partners[batch.labels == 1].tolist()
    assert len(set(chosen)) == 8


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
