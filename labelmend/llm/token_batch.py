"""What llama.cpp decodes in one call: tokens, each at its place in its sequence."""

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmend.types import Ints


class TokenBatch:
    """A `llama_batch` over NumPy arrays, filled without a Python loop.

    Attributes:
        size: the most tokens that it holds.
    """

    def __init__(self, lib: Any, size: int) -> None:
        self.size = size
        self._tokens = np.zeros(size, dtype=np.int32)
        self._places = np.zeros(size, dtype=np.int32)
        self._sequences = np.zeros(size, dtype=np.int32)
        self._asked = np.zeros(size, dtype=np.int8)
        self._counts = np.ones(size, dtype=np.int32)
        # Each token is in one sequence: a pointer to its number.
        step = self._sequences.itemsize
        self._pointers = self._sequences.ctypes.data + step * np.arange(size, dtype=np.uintp)
        self._batch = lib.llama_batch()
        for field, array in (
            ("token", self._tokens),
            ("pos", self._places),
            ("n_seq_id", self._counts),
            ("seq_id", self._pointers),
            ("logits", self._asked),
        ):
            kind = dict(lib.llama_batch._fields_)[field]
            setattr(self._batch, field, ctypes.cast(array.ctypes.data, kind))

    def filled(
        self,
        tokens: npt.NDArray[np.int32],
        places: Ints,
        sequences: Ints,
        asked: npt.NDArray[np.int8],
    ) -> Any:
        """Return the batch with these tokens in it; it is the same one each time.

        Args:
            tokens: int32 [t], at most `size`.
            places: int64 [t], positions in their sequences.
            sequences: int64 [t], numbers of sequences.
            asked: int8 [t], 1 where logits are wanted.
        """
        count = len(tokens)
        self._tokens[:count] = tokens
        self._places[:count] = places
        self._sequences[:count] = sequences
        self._asked[:count] = asked
        self._batch.n_tokens = count
        return self._batch
