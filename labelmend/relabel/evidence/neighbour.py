"""Evidence of neighbours: which labels the nearest other texts carry."""

from typing import Annotated, Any, Self

from pydantic.dataclasses import dataclass
from scipy.sparse import csr_array

from labelmend.configs.schema.base import CHECKED, Section, at_least
from labelmend.relabel.evidence.base import Corpus, Phase
from labelmend.retrieval.neighbours import NeighbourRetriever
from labelmend.types import Floats, Ints, Ranking


@dataclass(frozen=True, config=CHECKED)
class NeighbourOptions(Section):
    """How neighbours count, tuned on CLINC150."""

    inverse_temperature: Annotated[float, at_least(0)] = 20.0
    """A neighbour counts exp(inverse_temperature * (its similarity - the best similarity))."""

    smoothing: Annotated[float, at_least(1e-6, "share")] = 0.02
    """Share that a label gets that no neighbour carries. Chosen by hand."""


class NeighbourSource:
    """Log of the share of a text's neighbours that carry a label, the nearer counting more."""

    name = "neighbour"
    phase: Phase = "round"
    needs = frozenset[Any]()
    Options = NeighbourOptions

    def __init__(self, options: NeighbourOptions | None = None) -> None:
        self._options = options or NeighbourOptions()

    def fit(self, corpus: Corpus, memberships: csr_array | None, turn: int) -> Self:
        """Bind the neighbours to the labels that they carry."""
        assert memberships is not None
        self._retriever = NeighbourRetriever(
            corpus.neighbours,
            memberships,
            self._options.inverse_temperature,
            self._options.smoothing,
        )
        return self

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the labels that the neighbours carry, at most `limit`."""
        return self._retriever.search(texts, limit)

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return log(share + smoothing), float32 [b, c]; NaN where no neighbour has a label."""
        return self._retriever.score(texts, candidates)
