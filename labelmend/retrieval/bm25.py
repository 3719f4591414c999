"""BM25 over passages, by rank-bm25."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from labelmend.arrays import row_blocks
from labelmend.retrieval.passages import LabelPassages
from labelmend.retrieval.ranking import top_columns
from labelmend.retrieval.words import tokenise
from labelmend.types import NO_LABEL, Doubles, Floats, Ints, Ranking


class Bm25Passages:
    """Okapi BM25 (k1 = 1.5, b = 0.75) over a list of passages.

    Scores are `rank_bm25.BM25Okapi`'s to the last bit, save that no word counts against a passage:
    where the average idf is negative, as in a handful of passages that share most of their words,
    the library gives frequent words a negative weight; here it is 0.
    """

    def __init__(
        self,
        passages: Sequence[str],
        language: str | None = None,
        order: Ints | None = None,
    ) -> None:
        """Index the passages; none at all, or empty ones, are fine.

        Args:
            passages: [p].
            language: of passages and texts; see `tokenise`.
            order: int64 [p], the passage of each column of scores; as they are if None.
        """
        self._language = language
        tokens = [tokenise(passage, language) for passage in passages]
        self._number: dict[str, int] = {}
        self._weights = csr_array((0, len(tokens)), dtype=np.float64)
        if any(tokens):  # else the library divides by zero
            from rank_bm25 import BM25Okapi

            index = BM25Okapi(tokens)
            self._number = {word: i for i, word in enumerate(index.idf)}
            self._weights = _weights(index, self._number)
            if order is not None:
                self._weights = csr_array(self._weights[:, order])

    def scores(self, text: str) -> Doubles:
        """Return float64 [p], the BM25 score of each passage, >= 0; 0 where no word is shared."""
        total: Doubles = self.score_all([text])[0]
        return total

    def score_all(self, texts: Sequence[str]) -> Doubles:
        """Return float64 [b, p], the scores of each text."""
        return self.score_counted(self.counts(texts))

    def score_counted(self, counts: csr_array) -> Doubles:
        """Return float64 [b, p], the scores of texts by what `counts` made of them."""
        # The weights of a text's words one after the other are its row, and scipy adds up what
        # stands in a row several times: half the time of a product, and the same sums.
        words = self._weights[counts.indices]
        shape = (counts.shape[0], self._weights.shape[1])
        ends = words.indptr[counts.indptr]
        scores: Doubles = csr_array((words.data, words.indices, ends), shape=shape).toarray()
        return scores

    def counts(self, texts: Sequence[str]) -> csr_array:
        """Return sparse [b, words], the words of each text that stand in a passage."""
        words = [
            [
                self._number[token]
                for token in tokenise(text, self._language)
                if token in self._number
            ]
            for text in texts
        ]
        starts = np.cumsum([0, *map(len, words)])
        columns = np.fromiter(itertools.chain.from_iterable(words), np.int64, starts[-1])
        # A word stands here as often as in the text, and in its order: so sums round as the
        # library's do.
        return csr_array(
            (np.ones(len(columns)), columns, starts), shape=(len(texts), self._weights.shape[0])
        )


def _weights(index: Any, number: Mapping[str, int]) -> csr_array:
    """Return sparse [words, p]: what a word adds to a passage's score, by the library's formula.

    The library walks all passages for each word of each query; these are all words at once.

    Args:
        index: a BM25Okapi.
        number: of each word.
    """
    counts = np.array([len(words) for words in index.doc_freqs])
    total = int(counts.sum())
    word = np.fromiter((number[w] for words in index.doc_freqs for w in words), np.int64, total)
    times = np.fromiter((n for words in index.doc_freqs for n in words.values()), np.int64, total)
    passage = np.repeat(np.arange(len(counts)), counts)
    length = np.array(index.doc_len)[passage]
    idf = np.array([max(index.idf[w], 0.0) for w in number])[word]
    weights = idf * (
        times * (index.k1 + 1) / (times + index.k1 * (1 - index.b + index.b * length / index.avgdl))
    )
    matrix = csr_array((weights, (word, passage)), shape=(len(number), len(counts)))
    matrix.eliminate_zeros()
    return matrix


class Bm25Retriever:
    """BM25 of the text against a label's best passage, the text itself left out."""

    name = "bm25"

    def __init__(
        self,
        texts: Sequence[str],
        passages: LabelPassages,
        label_count: int,
        language: str | None = None,
    ) -> None:
        """Index the passages of all labels."""
        self._passages = passages
        self._index = Bm25Passages(passages.passages, language, passages.in_turns)
        self._counts = self._index.counts(texts)
        self._label_count = label_count

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the labels that share a word with the text, at most `limit`."""
        limit = min(limit, self._label_count)
        labels = np.empty((len(texts), limit), dtype=np.int64)
        scores = np.empty((len(texts), limit), dtype=np.float32)
        for rows, every in self._best(texts):
            labels[rows] = top_columns(every, limit)
            scores[rows] = np.take_along_axis(every, labels[rows], axis=1)
        found = scores > 0
        return Ranking(np.where(found, labels, NO_LABEL), np.where(found, scores, -np.inf))

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return the best score among each candidate's passages, float32 [b, c], >= 0."""
        best = np.empty(candidates.shape, dtype=np.float32)
        for rows, every in self._best(texts):
            best[rows] = np.take_along_axis(every, candidates[rows], axis=1)
        best[np.isneginf(best)] = np.nan
        return best

    def _best(self, texts: Ints) -> Iterator[tuple[slice, Floats]]:
        """Yield parts of the texts, and float32 [b, K], their best score of every label."""
        for rows in row_blocks(len(texts), len(self._passages)):
            scores = self._index.score_counted(self._counts[texts[rows]]).astype(np.float32)
            yield rows, self._passages.best_per_label(scores, texts[rows], self._label_count)
