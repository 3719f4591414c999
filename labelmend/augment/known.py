"""The vectors of texts that are known, and whether a new text is nearly one of them."""

from collections.abc import Sequence

import numpy as np

from labelmend.arrays import unit_rows
from labelmend.data.duplicates import text_key
from labelmend.parallel import LOCAL, blocks_of
from labelmend.protocols import Encoder, Progress
from labelmend.types import Doubles, Floats

_BLOCK = 1024
"""Texts encoded between two steps of the progress bar."""

_MANY_TEXTS = 100
"""Half of the mean is taken away where there are so many texts, as in `TextSpace`."""


class KnownTexts:
    """The real texts of a table, and texts that new ones must stay apart from.

    Attributes:
        vectors: float32 [n, d], unit rows, as the encoder gives them.
    """

    def __init__(self, encoder: Encoder, texts: Sequence[str], progress: Progress) -> None:
        """Encode all texts.

        Args:
            encoder: the judge's.
            texts: distinct; those of the table first.
            progress: advances by texts.
        """
        self._encoder = encoder
        self._keys = {text_key(text) for text in texts}
        progress.start("embed texts for the judge", len(texts))
        parts = []
        for part in LOCAL.map_blocks(
            lambda rows: encoder.encode(texts[rows]), blocks_of(len(texts), _BLOCK)
        ):
            parts.append(part)
            progress.advance(len(part))
        self.vectors: Floats = np.concatenate(parts)
        total = self.vectors.sum(axis=0, dtype=np.float64)
        self._shift: Doubles = total / (len(texts) + _MANY_TEXTS)

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], unit rows; cosines of these tell near copies."""
        return self._encoder.encode(texts)

    def passages(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], unit rows, of label descriptions, centred."""
        return self.centred(self._encoder.encode_passages(texts))

    def centred(self, vectors: Floats) -> Floats:
        """Return unit rows without what all texts share, by which labels are told apart."""
        return unit_rows((vectors - self._shift).astype(np.float32))

    def has(self, text: str) -> bool:
        """Tell whether a text is known, but for case and white space."""
        return text_key(text) in self._keys

    def add(self, text: str) -> None:
        """Remember a text that was let in; its vector is the caller's to keep."""
        self._keys.add(text_key(text))

    def most_similar(self, vectors: Floats) -> Doubles:
        """Return float64 [b], the cosine of the nearest known text; -1 where none is known."""
        found = np.full(len(vectors), -1.0)
        for rows in blocks_of(len(self.vectors), _BLOCK):
            np.maximum(found, (vectors @ self.vectors[rows].T).max(axis=1), out=found)
        return found
