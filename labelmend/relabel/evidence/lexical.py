"""Evidence of words: multinomial naive Bayes that leaves the text's own words out."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_array, csr_matrix

from labelmend.arrays import gather
from labelmend.relabel.evidence.classifier import _BLOCK, _NOBODY, _WORTH_ALL
from labelmend.retrieval.bm25 import tokenise
from labelmend.types import Doubles, Floats, Ints

_MOST_WORDS = 20_000
"""Words and word pairs that the lexical classifier knows, the most frequent ones."""


def word_features(texts: Sequence[str]) -> csr_matrix:
    """Return sparse TF-IDF [u, w] of stems and pairs of stems that stand in two texts or more.

    No label is seen, so this may be fitted on all texts.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = [tokenise(text) for text in texts]
    least = 2 if len(texts) > 1 else 1
    vectorizer = TfidfVectorizer(
        analyzer=_words_and_pairs, sublinear_tf=True, min_df=least, max_features=_MOST_WORDS
    )
    try:
        return csr_matrix(vectorizer.fit_transform(words))
    except ValueError:  # no word stands in two texts
        return csr_matrix((len(texts), 1), dtype=np.float64)


def _words_and_pairs(words: Sequence[str]) -> list[str]:
    return [*words, *(f"{a} {b}" for a, b in itertools.pairwise(words))]


def lexical_scores(words: csr_matrix, memberships: csr_array, candidates: Ints) -> Floats:
    """Return leave-one-out log-probabilities of multinomial naive Bayes, up to a constant a text.

    A text's own words are taken out of the counts of the labels that it carries.

    Args:
        words: sparse [u, w] TF-IDF.
        memberships: sparse [u, K], the weight with which each text carries each label.
        candidates: int64 [u, c].

    Returns:
        float32 [u, c]; NaN for labels that no other text carries.
    """
    vocabulary = words.shape[1]
    counts, totals = _word_counts(words, memberships)
    lengths = np.asarray(words.sum(axis=1)).ravel()
    texts = np.asarray(memberships.sum(axis=0)).ravel().astype(np.float64)
    offset = np.log(totals + _SMOOTHING * vocabulary)
    few = candidates.shape[1] * _WORTH_ALL >= memberships.shape[1]
    log_counts = np.log(counts + np.float32(_SMOOTHING)).astype(np.float64) if few else None
    scores = np.empty(candidates.shape, dtype=np.float32)
    for rows in _word_blocks(words, candidates.shape[1]):
        labels = candidates[rows]
        if log_counts is not None:
            every = np.asarray(words[rows] @ log_counts)
            product = np.take_along_axis(every, labels, axis=1)
        else:
            product = _word_products(words[rows], counts, labels)
        own = gather(memberships, rows, labels)
        others = texts[labels] - own
        part = product - lengths[rows, None] * offset[labels] + np.log(np.maximum(others, 0) + 1)
        # What a text itself put into a label's counts comes out again.
        row, column = np.nonzero(own)
        label, share, i = labels[row, column], own[row, column], rows[row]
        part[row, column] = _without_own(
            words, counts, totals, i, label, share, vocabulary
        ) + np.log(np.maximum(others[row, column], 0) + 1)
        scores[rows] = np.where(others <= _NOBODY, np.nan, part)
    return scores


def _word_counts(words: csr_matrix, memberships: csr_array) -> tuple[Floats, Doubles]:
    """Return how often each word stands in each label, float32 [w, K], and float64 [K] sums."""
    vocabulary, label_count = words.shape[1], memberships.shape[1]
    by_label = csr_array(memberships.T)
    counts = np.empty((vocabulary, label_count), dtype=np.float32)
    totals = np.empty(label_count)
    size = max(1, _BLOCK_VALUES // vocabulary)
    for start in range(0, label_count, size):
        part = slice(start, start + size)
        block = (by_label[part] @ words).toarray().astype(np.float32)
        totals[part] = block.sum(axis=1, dtype=np.float64)
        counts[:, part] = block.T
    return counts, totals


def _word_blocks(words: csr_matrix, width: int) -> Iterator[Ints]:
    """Cut the texts into blocks of few values, at `width` values a word of a text."""
    start, total = 0, words.shape[0]
    while start < total:
        most = int(words.indptr[start]) + _BLOCK_VALUES // width
        end = int(np.searchsorted(words.indptr, most, side="right")) - 1
        end = min(max(end, start + 1), start + _BLOCK, total)
        yield np.arange(start, end)
        start = end


_BLOCK_VALUES = 1 << 22


def _word_products(words: csr_matrix, counts: Floats, labels: Ints) -> Doubles:
    """Return float64 [b, c]: the sum over a text's words of TF-IDF times the label's log count."""
    row = np.repeat(np.arange(words.shape[0]), np.diff(words.indptr))
    of_word = words.indices.astype(np.int64) * counts.shape[1]
    found = counts.ravel().take(of_word[:, None] + labels[row])
    weighted = words.data[:, None] * np.log(found + np.float32(_SMOOTHING))
    # A row of ones for each text's words: adds them up in their order, as a product would.
    ones = csr_array(
        (np.ones(len(row)), np.arange(len(row)), words.indptr), shape=(words.shape[0], len(row))
    )
    return np.asarray(ones @ weighted)


def _without_own(
    words: csr_matrix,
    counts: Floats,
    totals: Doubles,
    texts: Ints,
    labels: Ints,
    shares: Doubles,
    vocabulary: int,
) -> Doubles:
    """Return the log-likelihood of texts under labels that they carry themselves, float64 [p]."""
    own = words[texts]
    pair = np.repeat(np.arange(len(texts)), np.diff(own.indptr))
    left = counts[own.indices, labels[pair]] - shares[pair] * own.data
    logs = own.data * np.log(np.maximum(left, 0.0) + _SMOOTHING)
    total = np.bincount(pair, weights=logs, minlength=len(texts)).astype(np.float64)
    length = np.asarray(own.sum(axis=1)).ravel()
    rest = np.maximum(totals[labels] - shares * length, 0.0) + _SMOOTHING * vocabulary
    likelihood: Doubles = total - length * np.log(rest)
    return likelihood


_SMOOTHING = 0.05
"""Pseudo-count of each word in each label."""
