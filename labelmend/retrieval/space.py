"""The space in which texts are compared: the vectors of one encoder or of several, as one."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import tee

import numpy as np

from labelmend.configs.schema import EncoderConfig
from labelmend.errors import ModelError
from labelmend.parallel import LOCAL, Executor, blocks_of
from labelmend.protocols import Encoder, Progress
from labelmend.retrieval.encode import load_encoder
from labelmend.retrieval.encoders.block_encoder import BlockEncoder
from labelmend.retrieval.encoders.cache import CachedEncoder, open_encoder
from labelmend.retrieval.large.room import Room
from labelmend.types import Doubles, Floats
from labelmend.weights.locate import LocatedModel

_BLOCK = 1024
"""Texts encoded between two steps of the progress bar; no vector depends on it."""

_MANY_TEXTS = 100
"""Half of the mean is taken away where there are so many texts. Chosen by hand; it is no setting,
since a classifier's folder holds the means and not what they were learned by."""


class TextSpace:
    """Texts as vectors of unit length whose dot product is the mean of the encoders' cosines.

    All vectors of an encoder share a direction that says nothing of a text (Mu & Viswanath 2018,
    "All-but-the-Top"), so the mean over the dataset's texts is taken away from each: of u texts
    u / (u + 100) of it, for the mean of a handful is made of these very texts, and taking it away
    would tear apart what is alike.
    """

    def __init__(
        self,
        openers: Sequence[Callable[[], Encoder]],
        means: Sequence[Doubles] = (),
        loaders: Sequence[Callable[[], Encoder]] = (),
    ) -> None:
        """Open the encoders.

        Args:
            openers: at least one; each opens an encoder whose vectors are of unit length, and is
                called again for texts that come after `release`.
            means: what an earlier space learned (see `means`), to place texts as it did.
            loaders: the same encoders without their caches, for other processes that `fit` may
                hand texts to; the openers if not given.

        Raises:
            ModelError: an encoder without a cache can't load.
        """
        self._openers = tuple(openers)
        self._loaders = tuple(loaders) or self._openers
        self._opened: tuple[Encoder, ...] = ()
        self._earlier_notes: tuple[str, ...] = ()
        self._shifts = tuple(means)
        self._encoders()

    @property
    def means(self) -> tuple[Doubles, ...]:
        """What `fit` learned: of each encoder, the vector [d_i] that is taken away from texts."""
        return self._shifts

    @property
    def notes(self) -> tuple[str, ...]:
        """One line on each cache that does not keep its encoder's vectors, for the user."""
        found = [e.note for e in self._opened if isinstance(e, CachedEncoder) and e.note]
        return tuple(dict.fromkeys([*self._earlier_notes, *found]))

    def fit(self, texts: Sequence[str], progress: Progress, executor: Executor = LOCAL) -> Floats:
        """Encode the distinct texts of a dataset, and learn each encoder's mean from them.

        Returns:
            float32 [len(texts), d], d the sum of the encoders' dimensions; of a large table they
            lie in a file, and what is in memory meanwhile is a block.

        Raises:
            ModelError: an encoder can't load.
        """
        encoders = self._encoders()
        progress.start("embed texts", len(texts) * len(encoders))
        room = Room(len(texts), 0)
        total: Doubles = np.empty(0)
        cuts: list[int] = []

        # An empty block if there is nothing, which tells the width.
        blocks = list(blocks_of(len(texts), _BLOCK)) or [slice(0, 0)]
        # Block by block through all encoders, so that the widths are known before the bulk is here.
        encoded = self._encoded((texts[rows] for rows in blocks), executor)
        for rows, parts in zip(blocks, encoded, strict=True):
            for part in parts:
                progress.advance(len(part))
            if not total.size:
                *cuts, width = np.cumsum([part.shape[1] for part in parts]).tolist()
                room, total = Room(len(texts), width), np.zeros(width)
            room.vectors[rows] = np.concatenate(parts, axis=1)
            total += room.vectors[rows].sum(axis=0, dtype=np.float64)
            room.let_go(rows)
        # The mean, total / u, times u / (u + 100).
        self._shifts = tuple(np.split(total / (len(texts) + _MANY_TEXTS), cuts))
        for rows in blocks:
            room.vectors[rows] = self.placed(np.split(room.vectors[rows], cuts, axis=1))
            room.let_go(rows)
        return room.vectors

    def queries(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], further row texts by the means that `fit` learned.

        Raises:
            ModelError: an encoder can't load.
        """
        return self.placed([encoder.encode(texts) for encoder in self._encoders()])

    def queries_by_block(
        self, blocks: Iterable[Sequence[str]], executor: Executor = LOCAL
    ) -> Iterator[Floats]:
        """Yield `queries` of each block of row texts, which the executor carries.

        Raises:
            ModelError: an encoder can't load.
        """
        return (self.placed(parts) for parts in self._encoded(blocks, executor))

    def _encoded(
        self, blocks: Iterable[Sequence[str]], executor: Executor
    ) -> Iterator[list[Floats]]:
        """Yield the vectors [b, d_i] of each block of row texts by each encoder."""
        work = BlockEncoder(self._encoders(), self._loaders)
        ahead, behind = tee(work.asked(texts) for texts in blocks)
        computed = executor.map_loaded(work, (asked.missing for asked in ahead))
        for asked, vectors in zip(behind, computed, strict=True):
            yield work.complete(asked, vectors)

    def passages(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], label passages by the means that `fit` learned.

        Raises:
            ModelError: an encoder can't load.
        """
        return self.placed([encoder.encode_passages(texts) for encoder in self._encoders()])

    def release(self) -> None:
        """Drop the loaded models; they load again if a text comes that no cache knows."""
        self._earlier_notes = self.notes
        self._opened = ()

    def _encoders(self) -> tuple[Encoder, ...]:
        if not self._opened:
            self._opened = tuple(opener() for opener in self._openers)
        return self._opened

    def placed(self, parts: Sequence[Floats]) -> Floats:
        """Centre, scale to unit length and join the vectors [n, d_i] of each encoder."""
        assert self._shifts, "the means are learned by fit"
        scale = 1 / math.sqrt(len(parts))
        placed = []
        for part, shift in zip(parts, self._shifts, strict=True):
            if part.shape[1] != len(shift):
                raise ModelError(
                    f"an encoder's vectors have {part.shape[1]} dimensions, and the mean that the "
                    f"model has of them {len(shift)}; train the model again"
                )
            centred = part - shift
            lengths = np.sqrt((centred * centred).sum(axis=1, keepdims=True))
            # A vector that is the very mean has no direction: it stays zero.
            placed.append(
                (centred * (scale / np.where(lengths > 0, lengths, 1))).astype(np.float32)
            )
        return np.concatenate(placed, axis=1)


def open_space(
    encoders: Sequence[EncoderConfig],
    models: Sequence[LocatedModel],
    means: Sequence[Doubles] = (),
) -> TextSpace:
    """Return the space of the encoders that a profile names, each behind its own cache.

    Args:
        encoders: at least one.
        models: theirs, in the same order.
        means: what an earlier space learned, to go on with it instead of a `fit`.

    Raises:
        ModelError: a folder holds no model of the configured backend; with a cache this comes up
            when the first vector is computed.
    """
    pairs = list(zip(encoders, models, strict=True))
    openers = [partial(open_encoder, encoder, model) for encoder, model in pairs]
    loaders = [partial(load_encoder, encoder, model.path) for encoder, model in pairs]
    return TextSpace(openers, means, loaders)
