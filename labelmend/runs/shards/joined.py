"""The evidence of a run as one file: of a table in shards, it is that of the shards in turn."""

import io
import os
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path

import numpy as np

from labelmend.regular_file import lines_of, open_regular
from labelmend.runs.layout import EVIDENCE_SUFFIX

_BUFFER = 1 << 18
"""Bytes that are read at once: a hundred lines or more."""


class JoinedFiles(io.RawIOBase):
    """Files that are read as if they were one; of each no more is open than is read just now."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Look at the files.

        Raises:
            OSError: one can't be.
        """
        self._paths = tuple(paths)
        self._ends = np.cumsum([path.stat().st_size for path in paths], dtype=np.int64)
        self._at = 0
        self._open: tuple[int, BufferedReader] | None = None

    def readable(self) -> bool:
        """Whether it can be read: it can."""
        return True

    def seekable(self) -> bool:
        """Whether it can be read from any place: it can."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, and return it."""
        size = int(self._ends[-1]) if len(self._ends) else 0
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: size}[whence]
        return self._at

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Read on, no further than the end of a file; 0 bytes at the end of the last."""
        part = int(np.searchsorted(self._ends, self._at, side="right"))
        if part == len(self._paths):
            return 0
        if self._open is None or self._open[0] != part:
            self._close_part()
            self._open = part, open_regular(self._paths[part])
        file, end = self._open[1], int(self._ends[part])
        before = int(self._ends[part - 1]) if part else 0
        file.seek(self._at - before)
        raw = file.read(min(len(buffer), end - self._at))
        buffer[: len(raw)] = raw
        self._at += len(raw)
        return len(raw)

    def read_at(self, size: int, offset: int) -> bytes:
        """Read what lies at a place of one file, whatever else is read meanwhile.

        Raises:
            OSError: as reading goes.
        """
        part = int(np.searchsorted(self._ends, offset, side="right"))
        before = int(self._ends[part - 1]) if part else 0
        if part == len(self._paths):
            return b""
        with open_regular(self._paths[part]) as file:
            file.seek(offset - before)
            return file.read(size)

    def close(self) -> None:
        """Close it."""
        self._close_part()
        super().close()

    def _close_part(self) -> None:
        if self._open is not None:
            self._open[1].close()
        self._open = None


def evidence_files(path: Path) -> list[Path]:
    """Return the files of the evidence of a run: one, or one a shard in the order of the shards.

    Raises:
        OSError: the folder can't be read.
    """
    if not path.is_dir():
        return [path]
    found = [one for one in path.iterdir() if one.name.endswith(EVIDENCE_SUFFIX)]
    return sorted(found, key=lambda one: one.name.removesuffix(EVIDENCE_SUFFIX))


def open_evidence(path: Path) -> BufferedReader:
    """Open the evidence of a run for reading.

    Raises:
        OSError: it can't be opened, or is no regular file.
    """
    if not path.is_dir():
        return open_regular(path)
    return BufferedReader(JoinedFiles(evidence_files(path)), _BUFFER)


def evidence_bytes(path: Path) -> int:
    """Return the size of the evidence of a run.

    Raises:
        OSError: it can't be looked at.
    """
    return sum(one.stat().st_size for one in evidence_files(path))


def lines_of_evidence(path: Path) -> Iterator[bytes]:
    """Yield the lines of the evidence of a run, each with its end.

    Raises:
        OSError: it can't be read, is no regular file, or has a line that is too long.
    """
    with open_evidence(path) as file:
        yield from lines_of(file, path)
