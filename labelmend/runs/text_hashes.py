"""The hashes of a table's texts: which rows have the text that an answer speaks of."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import overload

import numpy as np
import numpy.typing as npt

from labelmend.types import Bools, Ints

_DIGITS = 64
"""Hex digits of a sha256."""

_KEY = re.compile(f"[0-9a-f]{{{_DIGITS}}}")
"""A hash as `TextHashes` has it."""


class TextHashes(Sequence[str]):
    """Of each row its text's hash, in 64 hex digits; as bytes they take a third of the memory."""

    def __init__(self, digests: npt.NDArray[np.uint8]) -> None:
        """Begin.

        Args:
            digests: uint8 [n, 32].
        """
        self.digests = digests

    @classmethod
    def of(cls, keys: Iterable[str]) -> "TextHashes":
        """Return these hashes, each in 64 hex digits."""
        joined = bytes.fromhex("".join(keys))
        return cls(np.frombuffer(joined, dtype=np.uint8).reshape(-1, _DIGITS // 2))

    def __len__(self) -> int:
        return len(self.digests)

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...

    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        if isinstance(row, slice):
            return TextHashes(self.digests[row])
        digest: bytes = self.digests[row].tobytes()
        return digest.hex()

    @cached_property
    def short(self) -> npt.NDArray[np.uint64]:
        """uint64 [n], the first 8 bytes of each: no two texts of a table share them by chance."""
        first = np.ascontiguousarray(self.digests[:, :8])
        return first.view(">u8").ravel().astype(np.uint64)

    @cached_property
    def order(self) -> Ints:
        """int64 [n], the rows by `short`, those of one text ascending."""
        return np.argsort(self.short, kind="stable").astype(np.int64)

    @cached_property
    def _sorted(self) -> npt.NDArray[np.uint64]:
        found: npt.NDArray[np.uint64] = self.short[self.order]
        return found

    @cached_property
    def all_differ(self) -> bool:
        """Whether no text stands in two rows."""
        return not (self._sorted[1:] == self._sorted[:-1]).any()

    def rows(self, key: str) -> tuple[int, ...]:
        """Return the rows of a text, ascending; none for what is no hash of a row."""
        if len(key) != _DIGITS or not len(self):
            return ()
        try:
            sought = np.uint64(int(key[:16], 16))
        except ValueError:
            return ()
        first = int(np.searchsorted(self._sorted, sought))
        last = int(np.searchsorted(self._sorted, sought, "right"))
        return tuple(row for row in self.order[first:last].tolist() if self[row] == key)

    def rows_of_all(self, keys: Sequence[str]) -> tuple[Ints, Ints]:
        """Return the rows of many texts at once, as `rows` does of one.

        Returns:
            int64 [r], rows; and int64 [r], whose each is: its place in `keys`, ascending.
        """
        whole = np.array([i for i, key in enumerate(keys) if _KEY.fullmatch(key)], dtype=np.int64)
        sought = TextHashes.of(keys[i] for i in whole.tolist())
        first = np.searchsorted(self._sorted, sought.short)
        count = np.searchsorted(self._sorted, sought.short, "right") - first
        which = np.repeat(np.arange(len(whole)), count)
        along = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
        rows = self.order[first[which] + along]
        same = (self.digests[rows] == sought.digests[which]).all(axis=1)
        return rows[same], whole[which[same]]


class RowsOf(Mapping[str, tuple[int, ...]]):
    """The rows of each text, by its hash; rows that are left out have none."""

    def __init__(self, hashes: TextHashes, shown: Bools) -> None:
        """Begin.

        Args:
            hashes: of all rows.
            shown: bool [n], the rows that are not left out.
        """
        self._hashes = hashes
        self._shown = shown

    def __getitem__(self, key: str) -> tuple[int, ...]:
        found = tuple(row for row in self._hashes.rows(key) if self._shown[row])
        if not found:
            raise KeyError(key)
        return found

    def of_all(self, keys: Sequence[str]) -> tuple[Ints, Ints]:
        """Return the rows of many texts, as `TextHashes.rows_of_all` does."""
        rows, whose = self._hashes.rows_of_all(keys)
        shown = self._shown[rows]
        return rows[shown], whose[shown]

    @cached_property
    def _first(self) -> Ints:
        """int64, of each text the first row that is shown, ascending."""
        rows = np.flatnonzero(self._shown)
        _, first = np.unique(self._hashes.short[rows], return_index=True)
        return np.sort(rows[first])

    def __len__(self) -> int:
        return len(self._first)

    def __iter__(self) -> Iterator[str]:
        return (self._hashes[row] for row in self._first.tolist())
