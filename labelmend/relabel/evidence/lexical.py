"""Evidence of words: multinomial naive Bayes that leaves the text's own words out.

It reads the one word that tells two close labels apart, which embeddings blur.
"""

from collections.abc import Iterator
from typing import Annotated, Self

import numpy as np
from pydantic.dataclasses import dataclass
from scipy.sparse import csr_array, csr_matrix

from labelmend.arrays import WORTH_ALL, gather
from labelmend.configs.schema.base import CHECKED, Section, at_least
from labelmend.relabel.evidence.base import Corpus, Need, Phase
from labelmend.types import Doubles, Floats, Ints


@dataclass(frozen=True, config=CHECKED)
class LexicalOptions(Section):
    """How words are counted."""

    smoothing: Annotated[float, at_least(1e-6)] = 0.05
    """Pseudo-count of each word in each label. Chosen by hand."""


class LexicalSource:
    """Leave-one-out log-probabilities of naive Bayes, up to a constant a text.

    A text's own words are taken out of the counts of the labels that it carries.
    """

    name = "lexical"
    phase: Phase = "round"
    needs: frozenset[Need] = frozenset(("texts",))
    Options = LexicalOptions

    def __init__(self, options: LexicalOptions | None = None) -> None:
        self._smoothing = (options or LexicalOptions()).smoothing

    def fit(self, corpus: Corpus, memberships: csr_array | None, turn: int) -> Self:
        """Count the words of each label."""
        assert memberships is not None
        self._words, self._memberships = corpus.words, memberships
        self._counts, self._totals = _word_counts(self._words, memberships)
        self._texts = np.asarray(memberships.sum(axis=0)).ravel().astype(np.float64)
        self._offset = np.log(self._totals + self._smoothing * self._words.shape[1])
        self._logs: Doubles | None = None
        return self

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return float32 [b, c]; NaN for labels that no other text carries."""
        scores = np.empty(candidates.shape, dtype=np.float32)
        few = candidates.shape[1] * WORTH_ALL >= self._memberships.shape[1]
        if few and self._logs is None:
            self._logs = np.log(self._counts + np.float32(self._smoothing)).astype(np.float64)
        words = self._words[texts]
        for rows in _word_blocks(words, candidates.shape[1]):
            scores[rows] = self._block(words[rows], texts[rows], candidates[rows], all_labels=few)
        return scores

    def _block(self, words: csr_matrix, texts: Ints, labels: Ints, *, all_labels: bool) -> Doubles:
        if all_labels:
            assert self._logs is not None
            product = np.take_along_axis(np.asarray(words @ self._logs), labels, axis=1)
        else:
            product = _word_products(words, self._counts, labels, self._smoothing)
        lengths = np.asarray(words.sum(axis=1)).ravel()
        own = gather(self._memberships, texts, labels)
        others = self._texts[labels] - own
        seen = np.log(np.maximum(others, 0) + 1)
        scores = product - lengths[:, None] * self._offset[labels] + seen
        # What a text itself put into a label's counts comes out again.
        row, column = np.nonzero(own)
        without = self._without_own(words[row], labels[row, column], own[row, column])
        scores[row, column] = without + seen[row, column]
        return np.where(others <= _NOBODY, np.nan, scores)

    def _without_own(self, own: csr_matrix, labels: Ints, shares: Doubles) -> Doubles:
        """Return the log-likelihood of texts under labels that they carry themselves, [p]."""
        count = own.shape[0]
        pair = np.repeat(np.arange(count), np.diff(own.indptr))
        left = self._counts[own.indices, labels[pair]] - shares[pair] * own.data
        logs = own.data * np.log(np.maximum(left, 0.0) + self._smoothing)
        total = np.bincount(pair, weights=logs, minlength=count).astype(np.float64)
        length = np.asarray(own.sum(axis=1)).ravel()
        rest = np.maximum(self._totals[labels] - shares * length, 0.0)
        likelihood: Doubles = total - length * np.log(rest + self._smoothing * own.shape[1])
        return likelihood


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
"""Word counts that are held at a time."""

_BLOCK = 4096
"""Texts scored at a time, at most."""


def _word_products(words: csr_matrix, counts: Floats, labels: Ints, smoothing: float) -> Doubles:
    """Return float64 [b, c]: the sum over a text's words of TF-IDF times the label's log count."""
    row = np.repeat(np.arange(words.shape[0]), np.diff(words.indptr))
    of_word = words.indices.astype(np.int64) * counts.shape[1]
    found = counts.ravel().take(of_word[:, None] + labels[row])
    weighted = words.data[:, None] * np.log(found + np.float32(smoothing))
    # A row of ones for each text's words: adds them up in their order, as a product would.
    ones = csr_array(
        (np.ones(len(row)), np.arange(len(row)), words.indptr), shape=(words.shape[0], len(row))
    )
    return np.asarray(ones @ weighted)


_NOBODY = 1e-6
"""Weight of a label's other texts that is a matter of rounding."""
