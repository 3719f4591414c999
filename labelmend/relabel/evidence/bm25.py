"""Evidence of BM25: a text's words against what is known of each label."""

from typing import Self

from scipy.sparse import csr_array

from labelmend.relabel.evidence.base import Corpus, Need, Phase
from labelmend.retrieval.bm25 import Bm25Retriever
from labelmend.types import Floats, Ints, Ranking


class Bm25Source:
    """BM25 against a label's best passage (description or exemplar), the text itself left out."""

    name = "bm25"
    phase: Phase = "fixed"
    needs: frozenset[Need] = frozenset(("texts", "cards"))

    def fit(self, corpus: Corpus, memberships: csr_array | None, turn: int) -> Self:
        """Index the passages."""
        assert corpus.passages is not None
        self._retriever = Bm25Retriever(
            corpus.texts, corpus.passages, len(corpus.labels), corpus.language
        )
        return self

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the labels that share a word with the text, at most `limit`."""
        return self._retriever.search(texts, limit)

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return the best score among each candidate's passages, float32 [b, c], >= 0."""
        return self._retriever.score(texts, candidates)
