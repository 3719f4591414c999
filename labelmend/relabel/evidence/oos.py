"""Evidence for out-of-scope: a text that resembles no other fits no label."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic.dataclasses import dataclass
from scipy.sparse import csr_array

from labelmend.configs.schema.base import CHECKED, Section, at_least
from labelmend.relabel.evidence.base import Corpus, Need, Phase, Resources
from labelmend.retrieval.neighbours import oos_scores
from labelmend.types import Floats, Ints


@dataclass(frozen=True, config=CHECKED)
class OosOptions(Section):
    """How a text's likeness to others is taken."""

    nearest: Annotated[int, at_least(1, "texts")] = 5
    """Neighbours whose mean similarity is the likeness; chosen by hand."""


class OosSource:
    """By how many standard deviations a text's likeness to its nearest ones is below the mean."""

    name = "oos"
    phase: Phase = "fixed"
    needs: frozenset[Need] = frozenset(("space",))
    Options = OosOptions

    def __init__(self, options: OosOptions | None = None) -> None:
        self._nearest = (options or OosOptions()).nearest

    @classmethod
    def for_run(cls, corpus: Corpus, resources: Resources, options: OosOptions) -> Sequence[Self]:
        """Return the source where there is an out-of-scope label."""
        return [] if corpus.oos is None else [cls(options)]

    def fit(self, corpus: Corpus, memberships: csr_array | None, turn: int) -> Self:
        """Take the mean likeness of each text."""
        self._oos = corpus.oos
        self._likeness = corpus.neighbours.similarities[:, : self._nearest].mean(axis=1)
        return self

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return float32 [b, c], 0 but for out-of-scope."""
        return oos_scores(self._likeness, candidates, self._oos, texts)
