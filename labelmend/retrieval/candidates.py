"""Candidate labels: the best of all retrievers together, the given ones, out-of-scope, and a tail.

The tail is a few labels drawn at random, which stand for all labels that are no candidates. Without
it a wrong given label, which is among the candidates only because it was given, would have too few
rivals, and no evidence could show it to be wrong (sampled softmax, Bengio & Senecal 2008).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from labelmend.configs.schema import RetrievalConfig
from labelmend.protocols import Progress, Retriever
from labelmend.types import NO_LABEL, Doubles, Floats, Ints


@dataclass(frozen=True)
class Candidates:
    """The labels that are looked at.

    Attributes:
        labels: int64 [u, c], distinct in a row; the last `tail` columns are the tail.
        tail: number of tail columns; 0 where all labels are candidates.
        log_counts: float64 [c], log of the number of labels that each column stands for.
    """

    labels: Ints
    tail: int
    log_counts: Doubles

    @property
    def kept(self) -> Ints:
        """The candidates without the tail, int64 [u, c - tail]."""
        return self.labels[:, : self.labels.shape[1] - self.tail]


def find_candidates(
    retrievers: Sequence[tuple[Retriever, float]],
    given: csr_array,
    oos: int | None,
    config: RetrievalConfig,
    seed: int,
    progress: Progress,
) -> Candidates:
    """Fuse the retrievers' rankings by weighted reciprocal rank (Cormack et al. 2009).

    A text that was given more labels than there is room for keeps those it was given most often.

    Args:
        retrievers: each with its weight.
        given: sparse [u, K], how many rows of the text were given each label.
        oos: index of the out-of-scope label, always a candidate; None where there is none.
        config: how many candidates, and the rank constant.
        seed: of the tail.
        progress: advances by texts.
    """
    total_texts, total_labels = given.shape
    width = min(config.candidates, total_labels)
    tail = config.tail_samples if total_labels > width + config.tail_samples else 0
    if not tail:
        width = total_labels
    labels = np.empty((total_texts, width + tail), dtype=np.int64)
    generator = np.random.default_rng(seed)
    for start in range(0, total_texts, config.block_rows):
        texts = np.arange(start, min(start + config.block_rows, total_texts))
        scores = np.zeros((len(texts), total_labels))
        for retriever, weight in retrievers:
            if weight > 0:
                ranking = retriever.search(texts, width)
                row, place = np.nonzero(ranking.labels != NO_LABEL)
                scores[row, ranking.labels[row, place]] += weight / (
                    config.rank_constant + place + 1
                )
        scores += _CERTAIN * given[texts].toarray()
        if oos is not None:
            scores[:, oos] = np.inf
        ranked = np.argsort(-scores, axis=1, kind="stable")
        labels[texts, :width] = ranked[:, :width]
        if tail:
            drawn = generator.random(ranked[:, width:].shape).argsort(axis=1)[:, :tail]
            labels[texts, width:] = np.take_along_axis(ranked[:, width:], drawn, axis=1)
        progress.advance(len(texts))
    log_counts = np.zeros(width + tail)
    if tail:
        log_counts[width:] = np.log((total_labels - width) / tail)
    return Candidates(labels, tail, log_counts)


_CERTAIN = 1e6
"""Added to labels that were given: they are candidates whatever their rank."""


def score_in_blocks(score: Callable[[Ints, Ints], Floats], candidates: Ints, block: int) -> Floats:
    """Return float32 [u, c]: a retriever's scores of all candidates, a block of texts at a time."""
    scores = np.empty(candidates.shape, dtype=np.float32)
    for start in range(0, len(candidates), block):
        texts = np.arange(start, min(start + block, len(candidates)))
        scores[texts] = score(texts, candidates[texts])
    return scores
