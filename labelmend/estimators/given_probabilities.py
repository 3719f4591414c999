"""The labels that given probabilities name, as a source of evidence."""

from typing import Self

import numpy as np
from scipy.sparse import csr_array

from labelmend.relabel.evidence.base import Corpus, Phase
from labelmend.retrieval.ranking import top_columns
from labelmend.types import Doubles, Floats, Ints, Ranking

LEAST_PROBABILITY = 1e-6
"""A model that gives a label no probability at all is not believed to the letter."""


class GivenProbabilities:
    """The labels that the given probabilities name, as a source of evidence."""

    name = "given_probabilities"
    phase: Phase = "fixed"

    def __init__(self, probabilities: Doubles) -> None:
        """Take the logarithm of probabilities, float64 [u, K]."""
        self._logs: Floats = np.log(np.maximum(probabilities, LEAST_PROBABILITY)).astype(np.float32)

    def fit(self, corpus: Corpus, memberships: csr_array | None, turn: int) -> Self:  # noqa: ARG002
        """Learn nothing: they are known."""
        return self

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the most probable labels, at most `limit`."""
        labels = top_columns(self._logs[texts], limit)
        return Ranking(labels, self.score(texts, labels))

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return log-probabilities, float32 [b, c]."""
        scores: Floats = np.take_along_axis(self._logs[texts], candidates, axis=1)
        return scores
