"""Texts through several encoders by blocks, where another process may carry what no cache knows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labelmend.protocols import Encoder
from labelmend.retrieval.encoders.cache import CachedEncoder
from labelmend.retrieval.encoders.cache_keys import Lookup
from labelmend.types import Floats

Missing = tuple[Sequence[str] | None, ...]
"""By encoder, the texts whose vectors are to be computed; None where its cache knows all."""


@dataclass(frozen=True)
class Asked:
    """A block of texts, and what the caches know of it.

    Attributes:
        texts: of the block, as they came.
        found: by encoder; None for one without a cache.
    """

    texts: Sequence[str]
    found: tuple[Lookup | None, ...]

    @property
    def missing(self) -> Missing | None:
        """What is to be computed; None where the caches know all."""
        missing = tuple(self.texts if f is None else f.missing or None for f in self.found)
        return None if all(texts is None for texts in missing) else missing


class BlockEncoder:
    """Computes vectors; a copy of it in another process loads models of its own, once.

    The caches stay with the process that opened them, so that each has one writer a run.
    """

    def __init__(
        self, encoders: Sequence[Encoder], loaders: Sequence[Callable[[], Encoder]]
    ) -> None:
        """Take the encoders.

        Args:
            encoders: opened; each loads its model when it is asked.
            loaders: of the same, for other processes; called once each, where texts come.
        """
        self._encoders: list[Encoder | None] = list(encoders)
        self._loaders = tuple(loaders)

    def __getstate__(self) -> dict[str, object]:
        """Leave models and caches behind."""
        return {"_encoders": [None] * len(self._loaders), "_loaders": self._loaders}

    def __call__(self, missing: Missing) -> list[Floats | None]:
        """Return by encoder float32 [m, d], the vectors of row texts; None where there is none."""
        return [
            None if texts is None else self._compute(at, texts) for at, texts in enumerate(missing)
        ]

    def asked(self, texts: Sequence[str]) -> Asked:
        """Return what the caches know of a block of row texts."""
        return Asked(
            texts,
            tuple(
                encoder.look_up(texts) if isinstance(encoder, CachedEncoder) and texts else None
                for encoder in self._encoders
            ),
        )

    def complete(self, asked: Asked, computed: Sequence[Floats | None] | None) -> list[Floats]:
        """Keep what was computed, and return by encoder float32 [len(texts), d].

        Args:
            asked: the block.
            computed: what a call says of `asked.missing`; None where that is None.
        """
        parts = []
        for at, (encoder, found) in enumerate(zip(self._encoders, asked.found, strict=True)):
            vectors = None if computed is None else computed[at]
            if isinstance(encoder, CachedEncoder) and found is not None:
                parts.append(encoder.complete(found, vectors, asked.texts))
            else:
                assert vectors is not None
                parts.append(vectors)
        return parts

    def _compute(self, at: int, texts: Sequence[str]) -> Floats:
        encoder = self._encoders[at]
        if encoder is None:
            encoder = self._encoders[at] = self._loaders[at]()
        if isinstance(encoder, CachedEncoder) and texts:
            return encoder.compute(texts)
        return encoder.encode(texts)
