"""BM25 over passages, by rank-bm25, with a tokeniser for English and Russian."""

import functools
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labelmend.retrieval.passages import LabelPassages
from labelmend.retrieval.ranking import rank_labels
from labelmend.types import Doubles, Floats, Ints, Ranking

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_APOSTROPHES = str.maketrans("\u2019\u02bc`", "'''")
_CYRILLIC = re.compile("[\u0400-\u052f]")
_LATIN = re.compile("[a-z\u00df-\u024f]")


def tokenise(text: str) -> list[str]:
    """Return the stems of a text's words and numbers, in order.

    Case, width and the kind of apostrophe make no difference. A possessive 's falls off and other
    apostrophes close up, since people type "dont" as often as "don't". Words with a Cyrillic
    letter get the Russian Snowball stemmer, other words with a Latin letter the English one.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    return [_stem(word.removesuffix("'s").replace("'", "")) for word in _WORD.findall(folded)]


@functools.lru_cache(maxsize=1 << 17)
def _stem(word: str) -> str:
    if _CYRILLIC.search(word):
        return _stemmer("russian")(word)
    if _LATIN.search(word):
        return _stemmer("english")(word)
    return word


@functools.cache
def _stemmer(language: str) -> Callable[[str], str]:
    import snowballstemmer

    stem: Callable[[str], str] = snowballstemmer.stemmer(language).stemWord
    return stem


class Bm25Passages:
    """Okapi BM25 (k1 = 1.5, b = 0.75) over a list of passages.

    Scores are `rank_bm25.BM25Okapi`'s to the last bit, save that no word counts against a passage:
    where the average idf is negative, as in a handful of passages that share most of their words,
    the library gives frequent words a negative weight; here it is 0.
    """

    def __init__(self, passages: Sequence[str]) -> None:
        """Index the passages; none at all, or empty ones, are fine."""
        tokens = [tokenise(passage) for passage in passages]
        self._size = len(tokens)
        self._columns: dict[str, tuple[Ints, Doubles]] = {}
        self._index: Any = None
        if any(tokens):  # else the library divides by zero
            from rank_bm25 import BM25Okapi

            self._index = BM25Okapi(tokens)
            self._index.idf = {word: max(idf, 0.0) for word, idf in self._index.idf.items()}

    def scores(self, text: str) -> Doubles:
        """Return float64 [p], the BM25 score of each passage, >= 0; 0 where no word is shared."""
        total = np.zeros(self._size, dtype=np.float64)
        for token in tokenise(text):
            passages, weights = self._column(token)
            total[passages] += weights
        return total

    def _column(self, token: str) -> tuple[Ints, Doubles]:
        """Return the passages that hold a token and what it adds to their scores.

        The library walks all passages for each token of each query; a query's scores are the sum
        of its tokens' columns, so each column is asked for once.
        """
        if self._index is None or token not in self._index.idf:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
        if token not in self._columns:
            column = self._index.get_scores([token])
            passages = np.flatnonzero(column)
            self._columns[token] = passages, column[passages]
        return self._columns[token]


class Bm25Retriever:
    """BM25 of the text against a label's best passage, the text itself left out."""

    name = "bm25"

    def __init__(self, texts: Sequence[str], passages: LabelPassages, label_count: int) -> None:
        """Index the passages of all labels."""
        self._texts = texts
        self._passages = passages
        self._index = Bm25Passages(passages.passages)
        self._label_count = label_count

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the labels that share a word with the text, at most `limit`."""
        labels = np.tile(np.arange(self._label_count), (len(texts), 1))
        scores = self.score(texts, labels)
        return rank_labels(labels, np.where(scores > 0, scores, np.nan), limit)

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return the best score among each candidate's passages, float32 [b, c], >= 0."""
        scores = np.stack([self._index.scores(self._texts[text]) for text in texts])
        return self._passages.best_per_candidate(scores.astype(np.float32), texts, candidates)
