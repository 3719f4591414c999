"""Evidence of meaning: a text's embedding against those of label descriptions and exemplars."""

from typing import Self

from scipy.sparse import csr_array

from labelmend.relabel.evidence.base import Corpus, Need, Phase
from labelmend.retrieval.dense import DescriptionRetriever
from labelmend.types import Floats, Ints, Ranking


class DescriptionSource:
    """Cosine of the text to the nearest passage of a label, the text itself left out."""

    name = "description"
    phase: Phase = "fixed"
    needs: frozenset[Need] = frozenset(("cards",))

    def fit(self, corpus: Corpus, memberships: csr_array | None, turn: int) -> Self:
        """Index the passages."""
        assert corpus.passages is not None
        assert corpus.passage_vectors is not None
        self._retriever = DescriptionRetriever(
            corpus.embeddings, corpus.passages, corpus.passage_vectors
        )
        return self

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the labels of the nearest passages, at most `limit`."""
        return self._retriever.search(texts, limit)

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return the best cosine among each candidate's passages, float32 [b, c]."""
        return self._retriever.score(texts, candidates)
