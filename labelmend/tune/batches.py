"""What is learned from at each step: texts, partners of the same label, label descriptions."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from labelmend.retrieval.dense import DescriptionRetriever
from labelmend.tune.holdout import TuningTexts
from labelmend.types import NO_LABEL, Doubles, Ints


@dataclass(frozen=True)
class Batch:
    """One step's texts.

    Attributes:
        texts: int64 [b], distinct.
        partners: int64 [b], the place in the batch of another text of the same label; its own place
            for a text that has none here.
        labels: int64 [b], the texts' labels.
        described: int64 [c], ascending, the labels whose descriptions are read: those of the texts
            and their hard negatives. Each stands once, so no negative is a positive in disguise.
        weights: float64 [b], of (text, description) pairs: the posterior of the label.
        pair_weights: float64 [b], of (text, partner) pairs: the product of both posteriors, 0 for a
            text without a partner.
    """

    texts: Ints
    partners: Ints
    labels: Ints
    described: Ints
    weights: Doubles
    pair_weights: Doubles


def hard_negatives(
    retriever: DescriptionRetriever, texts: TuningTexts, count: int, block: int
) -> Ints:
    """Return int64 [u, count], the nearest wrong labels of each trained text; else `NO_LABEL`.

    Args:
        retriever: of the encoder as it is before it is tuned.
        texts: of the table.
        count: labels a text.
        block: texts searched at a time.
    """
    negatives = np.full((len(texts.labels), count), NO_LABEL, dtype=np.int64)
    trained = np.flatnonzero(texts.trained)
    for start in range(0, len(trained), block):
        part = trained[start : start + block]
        found = retriever.search(part, count + 1).labels
        wrong = (found != texts.labels[part, None]) & (found != NO_LABEL)
        # A stable sort moves the wrong ones to the front and keeps their order.
        order = np.argsort(~wrong, axis=1, kind="stable")[:, :count]
        kept = np.where(wrong, found, NO_LABEL)
        negatives[part, : order.shape[1]] = np.take_along_axis(kept, order, axis=1)
    return negatives


def steps_an_epoch(texts: TuningTexts, size: int) -> int:
    """Return how many batches hold all trained texts once."""
    return -(-int(texts.trained.sum()) // _even(size))


def batches(
    texts: TuningTexts, negatives: Ints, size: int, seed: int, epoch: int
) -> Iterator[Batch]:
    """Yield an epoch's batches: each trained text once, two of a label together.

    So a text is read once a step and serves as its partner's partner, too. One text of each label
    that has an odd number of them stands alone, another one each epoch; these come last.
    Batches depend on nothing but the arguments, so that an interrupted run finds them again.

    Args:
        texts: of the table.
        negatives: int64 [u, m], see `hard_negatives`.
        size: texts a batch, at most; of an odd number one less.
        seed: of the run.
        epoch: from 0.
    """
    generator = np.random.default_rng([seed, epoch])
    trained = generator.permutation(np.flatnonzero(texts.trained))
    by_label = trained[np.argsort(texts.labels[trained], kind="stable")]
    _, starts, counts = np.unique(texts.labels[by_label], return_index=True, return_counts=True)
    paired = np.ones(len(by_label), dtype=bool)
    paired[(starts + counts - 1)[counts % 2 == 1]] = False
    pairs = generator.permutation(by_label[paired].reshape(-1, 2))
    order = np.concatenate([pairs.ravel(), generator.permutation(by_label[~paired])])
    for start in range(0, len(order), _even(size)):
        part = order[start : start + _even(size)]
        places = np.arange(len(part))
        partners = np.where(start + places < pairs.size, places ^ 1, places)
        labels, weights = texts.labels[part], texts.weights[part]
        described = np.unique(np.concatenate([labels, negatives[part].ravel()]))
        yield Batch(
            texts=part,
            partners=partners,
            labels=labels,
            described=described[described != NO_LABEL],
            weights=weights,
            pair_weights=np.where(partners == places, 0.0, weights * weights[partners]),
        )


def _even(size: int) -> int:
    """Return the size of batches that split no pair."""
    return size - size % 2
