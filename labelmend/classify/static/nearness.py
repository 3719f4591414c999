"""How much a text resembles what is in scope, for those who ask of thousands of texts a second."""

from functools import cached_property

import numpy as np

from labelmend.classify.classifier import Nearness
from labelmend.types import Doubles, Floats, Ints

_BLOCK = 512
"""Texts compared at a time: their similarities to 8,000 references take 16 MB."""


class QuickNearness(Nearness):
    """The same by a product and a partition, a third of what a search of faiss takes.

    For 256 numbers, 8,000 references and 3 neighbours: 50 microseconds a text on one core, not 152.
    A similarity may differ in its last bits.
    """

    def of(self, embeddings: Floats, own: Ints | None = None) -> Doubles:
        """Return float64 [b]; see `Nearness.of`."""
        if own is not None:
            return super().of(embeddings, own)
        count = min(self.count, len(self.references))
        found = np.empty(len(embeddings))
        for start in range(0, len(embeddings), _BLOCK):
            rows = slice(start, start + _BLOCK)
            similar = embeddings[rows].astype(np.float32, copy=False) @ self._across
            nearest = np.partition(similar, -count, axis=1)[:, -count:]
            found[rows] = np.sort(nearest.astype(np.float64), axis=1).mean(axis=1)
        return found

    @cached_property
    def _across(self) -> Floats:
        return np.ascontiguousarray(self.references.astype(np.float32).T)
