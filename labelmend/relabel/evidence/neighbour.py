"""Evidence of neighbours: which labels the nearest other texts carry."""

from typing import Any, Self

from pydantic import Field
from scipy.sparse import csr_array

from labelmend.relabel.evidence.base import Corpus, Phase, SourceOptions
from labelmend.retrieval.neighbours import NeighbourRetriever
from labelmend.types import Floats, Ints, Ranking


class NeighbourOptions(SourceOptions):
    """How neighbours count."""

    inverse_temperature: float = Field(
        default=20.0,
        ge=0,
        description="A neighbour counts exp(inverse_temperature * (similarity - best similarity)). "
        "Chosen on CLINC150.",
    )


class NeighbourSource:
    """Log of the share of a text's neighbours that carry a label, the nearer counting more."""

    name = "neighbour"
    phase: Phase = "round"
    needs = frozenset[Any]()
    Options = NeighbourOptions

    def __init__(self, options: NeighbourOptions | None = None) -> None:
        self._sharpness = (options or NeighbourOptions()).inverse_temperature

    def fit(self, corpus: Corpus, memberships: csr_array | None, turn: int) -> Self:
        """Bind the neighbours to the labels that they carry."""
        assert memberships is not None
        self._retriever = NeighbourRetriever(corpus.neighbours, memberships, self._sharpness)
        return self

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the labels that the neighbours carry, at most `limit`."""
        return self._retriever.search(texts, limit)

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return log(share + 0.02), float32 [b, c]; NaN where no neighbour carries any label."""
        return self._retriever.score(texts, candidates)
