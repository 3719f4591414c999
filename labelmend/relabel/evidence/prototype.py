"""Evidence of prototypes: a text's embedding against the mean of the texts that carry a label."""

from typing import Any, Self

from scipy.sparse import csr_array

from labelmend.relabel.evidence.base import Corpus, Phase
from labelmend.retrieval.dense import PrototypeRetriever
from labelmend.types import Floats, Ints, Ranking


class PrototypeSource:
    """Cosine of the text to a label's prototype, the text itself taken out of the mean."""

    name = "prototype"
    phase: Phase = "round"
    needs = frozenset[Any]()

    def fit(self, corpus: Corpus, memberships: csr_array | None, turn: int) -> Self:
        """Add up the texts of each label."""
        assert memberships is not None
        self._retriever = PrototypeRetriever(corpus.embeddings, memberships)
        return self

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the labels of the nearest prototypes, at most `limit`."""
        return self._retriever.search(texts, limit)

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return leave-one-out cosines, float32 [b, c]; NaN where no other text has the label."""
        return self._retriever.score(texts, candidates)
