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
        partners: int64 [b], another text of each text's label; itself where there is none.
        labels: int64 [b], the texts' labels.
        described: int64 [c], ascending, the labels whose descriptions are read: those of the texts
            and their hard negatives. Each stands once, so no negative is a positive in disguise.
        weights: float64 [b], of (text, description) pairs: the posterior of the label.
        pair_weights: float64 [b], of (text, partner) pairs: the product of both posteriors.
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
    return -(-int(texts.trained.sum()) // size)


def batches(
    texts: TuningTexts, negatives: Ints, size: int, seed: int, epoch: int
) -> Iterator[Batch]:
    """Yield an epoch's batches: each trained text once, in an order that the seed gives.

    They depend on nothing but the arguments, so that an interrupted run finds the same ones again.

    Args:
        texts: of the table.
        negatives: int64 [u, m], see `hard_negatives`.
        size: texts a batch, at most.
        seed: of the run.
        epoch: from 0.
    """
    generator = np.random.default_rng([seed, epoch])
    trained = np.flatnonzero(texts.trained)
    partner = _partners(texts, trained, generator)
    order = generator.permutation(trained)
    for start in range(0, len(order), size):
        part = order[start : start + size]
        labels, partners = texts.labels[part], partner[part]
        described = np.unique(np.concatenate([labels, negatives[part].ravel()]))
        yield Batch(
            texts=part,
            partners=partners,
            labels=labels,
            described=described[described != NO_LABEL],
            weights=texts.weights[part],
            pair_weights=texts.weights[part] * texts.weights[partners],
        )


def _partners(texts: TuningTexts, trained: Ints, generator: np.random.Generator) -> Ints:
    """Draw another text of the same label for each, the likelier the more certain that is."""
    partner = np.arange(len(texts.labels))
    for label in np.unique(texts.labels[trained]).tolist():
        own = trained[texts.labels[trained] == label]
        if len(own) > 1:
            chance = texts.weights[own] / texts.weights[own].sum()
            drawn = own[generator.choice(len(own), len(own), p=chance)]
            # Who drew itself takes the next one.
            following = np.roll(own, -1)
            partner[own] = np.where(drawn == own, following, drawn)
    return partner
