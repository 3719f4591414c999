"""Room for the embeddings of a table: in memory or, of large tables, in a file that is mapped.

What is mapped is the system's to keep in memory as long as there is some, and to leave on the disk
else. The numbers are the same either way.
"""

import mmap
import os
import shutil
import tempfile

import numpy as np

from labelmend.types import Floats
from labelmend.weights.home import cache_home

IN_MEMORY = 1 << 30
"""Bytes of embeddings that are held in memory: 1 GiB, as 290,000 texts of two encoders have."""

_FREE = 2
"""Times its size that a disk has to have free for a file: nobody's disk is filled up."""


class _Scratch(mmap.mmap):
    """A file of ours without a name, which is mapped; what leaves memory is found in it again."""


class Room:
    """Float32 [n, d] that are filled block by block, each of which may leave memory when done.

    Attributes:
        vectors: float32 [n, d], of any numbers at first.
    """

    def __init__(self, count: int, width: int, in_memory: int | None = None) -> None:
        """Make room.

        Args:
            count: n.
            width: d.
            in_memory: bytes that need no file; `IN_MEMORY` if None.
        """
        size = 4 * count * width
        most = IN_MEMORY if in_memory is None else in_memory
        self._mapped = _mapped(size) if size > most else None
        self.vectors: Floats
        if self._mapped is None:
            self.vectors = np.empty((count, width), dtype=np.float32)
        else:
            flat = np.frombuffer(self._mapped, dtype=np.float32, count=count * width)
            self.vectors = flat.reshape(count, width)

    @property
    def is_mapped(self) -> bool:
        """Whether they lie in a file."""
        return self._mapped is not None

    def let_go(self, rows: slice) -> None:
        """Let rows leave memory; whoever reads them finds them again.

        Args:
            rows: a block, from its start to its stop.
        """
        if self._mapped is None or not hasattr(mmap, "MADV_DONTNEED"):
            return
        width = self.vectors.shape[1] * self.vectors.itemsize
        # Whole pages only; what lies on the first and last one goes with the block beside.
        start = rows.start * width // mmap.PAGESIZE * mmap.PAGESIZE
        end = min(rows.stop * width, len(self._mapped))
        if end > start:
            self._mapped.madvise(mmap.MADV_DONTNEED, start, end - start)


def leave_memory(vectors: Floats) -> None:
    """Let vectors leave memory for a while, where they are those of a `Room` that is mapped."""
    held: object = vectors
    while isinstance(held, np.ndarray):
        held = held.base
    if isinstance(held, memoryview):
        held = held.obj
    if isinstance(held, _Scratch) and hasattr(mmap, "MADV_DONTNEED"):
        held.madvise(mmap.MADV_DONTNEED)


def _mapped(size: int) -> _Scratch | None:
    """Return a file without a name, mapped; None where the disk or the system has none to give."""
    if not hasattr(os, "posix_fallocate"):
        return None
    folder = cache_home()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < _FREE * size:
            return None
        with tempfile.TemporaryFile(dir=folder) as file:
            # All of it now: a disk that is full later would end the process.
            os.posix_fallocate(file.fileno(), 0, size)
            return _Scratch(file.fileno(), size)
    except OSError:
        return None
