"""Texts of a mapped file: each is decoded when somebody asks for it, not all when it is opened."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
import numpy.typing as npt

from labelmend.types import Ints

_MARKS, _FOLLOWS = np.uint8(0xC0), np.uint8(0x80)
"""Bits of a byte, and what they are in all of a character's bytes in UTF-8 but the first."""


class MappedTexts(Sequence[str]):
    """Texts as a sequence, of which only their bytes are held."""

    def __init__(
        self, starts: Ints, content: npt.NDArray[np.uint8], most: int | None = None
    ) -> None:
        """Begin.

        Args:
            starts: int64 [n + 1], where each text begins, and the end of the last.
            content: uint8, the bytes of all, valid UTF-8 between any two starts.
            most: characters that are read of each; None for all.
        """
        self._starts = starts
        self._content = content
        self._most = most

    def cut(self, most: int) -> "MappedTexts":
        """Return the texts with so many characters at most."""
        return MappedTexts(self._starts, self._content, most)

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...

    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        rows = range(len(self))[row]
        if isinstance(rows, range):
            return [self[one] for one in rows]
        start, end = self._starts[rows : rows + 2].tolist()
        return self._content[start:end].tobytes().decode()[: self._most]

    def __iter__(self) -> Iterator[str]:
        starts = self._starts
        content = self._content[: starts[-1]]
        whole = content.tobytes().decode()
        if len(whole) < len(content):
            # Of a character's bytes only the first is no 10xxxxxx.
            characters = np.cumsum((content & _MARKS) != _FOLLOWS)
            starts = np.concatenate([[0], characters])[starts]
        return (whole[start:end][: self._most] for start, end in pairwise(starts.tolist()))
