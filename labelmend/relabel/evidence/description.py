"""Evidence of meaning: a text's embedding against those of label descriptions and exemplars."""

from typing import Annotated, Self

from pydantic.dataclasses import dataclass
from scipy.sparse import csr_array

from labelmend.configs.schema.base import CHECKED, Section, at_least
from labelmend.relabel.evidence.base import Corpus, Need, Phase
from labelmend.retrieval.dense import DescriptionRetriever
from labelmend.types import Floats, Ints, Ranking


@dataclass(frozen=True, config=CHECKED)
class DescriptionOptions(Section):
    """How labels are found by their cards."""

    exact_up_to: Annotated[int, at_least(1, "texts times passages")] = 1_000_000_000
    """Texts times passages of cards up to which each text is compared with each passage to name its
    candidates. With more, they are compared on the leading axes of variance, which takes half of
    the time. The evidence itself is always exact. Chosen by timing."""


class DescriptionSource:
    """Cosine of the text to the nearest passage of a label, the text itself left out."""

    name = "description"
    phase: Phase = "fixed"
    needs: frozenset[Need] = frozenset(("cards",))
    Options = DescriptionOptions

    def __init__(self, options: DescriptionOptions | None = None) -> None:
        self._exact_up_to = (options or DescriptionOptions()).exact_up_to

    def fit(self, corpus: Corpus, memberships: csr_array | None, turn: int) -> Self:
        """Index the passages."""
        assert corpus.passages is not None
        assert corpus.passage_vectors is not None
        self._retriever = DescriptionRetriever(
            corpus.embeddings, corpus.passages, corpus.passage_vectors, self._exact_up_to
        )
        return self

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the labels of the nearest passages, at most `limit`."""
        return self._retriever.search(texts, limit)

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return the best cosine among each candidate's passages, float32 [b, c]."""
        return self._retriever.score(texts, candidates)
