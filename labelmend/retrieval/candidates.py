"""Candidate labels: the best of all retrievers together, the given ones, out-of-scope, and a tail.

The tail is a few labels drawn at random, which stand for all labels that are no candidates. Without
it a wrong given label, which is among the candidates only because it was given, would have too few
rivals, and no evidence could show it to be wrong (sampled softmax, Bengio & Senecal 2008).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from labelmend.configs.schema import RetrievalConfig
from labelmend.parallel import LOCAL, Executor, blocks_of
from labelmend.protocols import Progress, Searcher
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
    retrievers: Sequence[tuple[Searcher, float]],
    given: csr_array,
    oos: int | None,
    config: RetrievalConfig,
    seed: int,
    progress: Progress,
    executor: Executor = LOCAL,
) -> Candidates:
    """Fuse the retrievers' rankings by weighted reciprocal rank (Cormack et al. 2009).

    A text that was given more labels than there is room for keeps those it was given most often:
    as many as `config.candidates`, less one for the out-of-scope label if that was not given.

    Args:
        retrievers: each with its weight.
        given: sparse [u, K], how many rows of the text were given each label.
        oos: index of the out-of-scope label, always a candidate; None where there is none.
        config: how many candidates, and the rank constant.
        seed: of the tail.
        progress: advances by texts.
        executor: carries the work by blocks of texts.
    """
    total_texts, total_labels = given.shape
    width = min(config.candidates, total_labels)
    tail = config.tail_samples if total_labels > width + config.tail_samples else 0
    if not tail:
        width = total_labels
    uniform = np.random.default_rng(seed).random((total_texts, tail))

    def find(rows: slice) -> Ints:
        texts = np.arange(rows.start, rows.stop)
        best = _best_ranked(retrievers, texts, given[texts], oos, width, config.rank_constant)
        if not tail:
            return best
        drawn = _draw_rest(best, total_labels, uniform[rows])
        return np.concatenate([best, drawn], axis=1)

    labels = np.empty((total_texts, width + tail), dtype=np.int64)
    blocks = list(blocks_of(total_texts, config.block_rows))
    for rows, found in zip(blocks, executor.map_blocks(find, blocks, one_core=True), strict=True):
        labels[rows] = found
        progress.advance(len(found))
    log_counts = np.zeros(width + tail)
    if tail:
        log_counts[width:] = np.log((total_labels - width) / tail)
    return Candidates(labels, tail, log_counts)


def _best_ranked(
    retrievers: Sequence[tuple[Searcher, float]],
    texts: Ints,
    given: csr_array,
    oos: int | None,
    width: int,
    rank_constant: float,
) -> Ints:
    """Return the labels that the rankings of texts [b] put first, int64 [b, width]."""
    scores = np.zeros(given.shape)
    # Labels that nobody names tie at 0; so the first `width` labels are enough of them.
    named = [np.tile(np.arange(width), (len(texts), 1))]
    for retriever, weight in retrievers:
        if weight > 0:
            ranking = retriever.search(texts, width)
            row, place = np.nonzero(ranking.labels != NO_LABEL)
            scores[row, ranking.labels[row, place]] += weight / (rank_constant + place + 1)
            named.append(ranking.labels)
    told, times = _padded(given)
    row, place = np.nonzero(told != NO_LABEL)
    scores[row, told[row, place]] += (_CERTAIN * times)[row, place]
    named.append(told)
    if oos is not None:
        scores[:, oos] = np.inf
        named.append(np.full((len(texts), 1), oos))
    return _best_distinct(np.concatenate(named, axis=1), scores, width)


_CERTAIN = 1e6
"""Added to labels that were given, and more than all ranks together can give: they are candidates
whatever their rank."""


def _padded(sparse: csr_array) -> tuple[Ints, Floats]:
    """Return the columns of each row's entries, padded with `NO_LABEL`, and their values."""
    counts = np.diff(sparse.indptr)
    row = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(sparse.nnz) - np.repeat(sparse.indptr[:-1], counts)
    shape = (len(counts), int(counts.max(initial=0)))
    columns = np.full(shape, NO_LABEL, dtype=np.int64)
    values = np.zeros(shape, dtype=np.float32)
    columns[row, place] = sparse.indices
    values[row, place] = sparse.data
    return columns, values


def _best_distinct(choice: Ints, scores: Doubles, width: int) -> Ints:
    """Return the labels that score best, int64 [b, width]; of equals the smaller ones.

    Args:
        choice: int64 [b, m], `width` distinct labels a row or more; `NO_LABEL` stands for none.
        scores: float64 [b, K].
        width: labels to find.
    """
    labels = np.sort(choice, axis=1)
    keys = np.take_along_axis(scores, np.maximum(labels, 0), axis=1)
    none = labels == NO_LABEL
    none[:, 1:] |= labels[:, 1:] == labels[:, :-1]
    keys[none] = -np.inf
    best = np.argsort(-keys, axis=1, kind="stable")[:, :width]
    return np.take_along_axis(labels, best, axis=1)


def _draw_rest(kept: Ints, total: int, uniform: Doubles) -> Ints:
    """Draw labels at random among those that are not kept.

    Args:
        kept: int64 [b, width], distinct in a row.
        total: number of labels; as many as are drawn are not kept.
        uniform: float64 [b, count], random numbers from 0 to 1, one a label that is drawn.

    Returns:
        int64 [b, count], distinct in a row.
    """
    count = uniform.shape[1]
    rest = total - kept.shape[1]
    drawn = np.empty((len(kept), count), dtype=np.int64)
    for column, most in enumerate(range(rest - count, rest)):  # Bentley & Floyd 1987
        number = (uniform[:, column] * (most + 1)).astype(np.int64)
        taken = (drawn[:, :column] == number[:, None]).any(axis=1)
        drawn[:, column] = np.where(taken, most, number)
    # So many labels that are not kept stand before each kept one.
    before = np.sort(kept, axis=1) - np.arange(kept.shape[1])
    drawn += (before[:, None, :] <= drawn[:, :, None]).sum(axis=2)
    return drawn
