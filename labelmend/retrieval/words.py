"""The words of texts, weighed: stems and pairs of stems."""

import itertools
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

from labelmend.retrieval.bm25 import tokenise

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
