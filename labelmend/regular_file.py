"""Opening files that somebody named: regular ones only, and no more than fits in memory.

A named pipe waits for ever, /dev/zero never ends, and a sparse file says that it is larger than the
machine. What is refused here is an OSError whose `strerror` says why, as the system's own do.
"""

import errno
import json
import os
import stat
import sys
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, TextIO

_SHARE_OF_MEMORY = 4
"""A file takes at most one part in so many of the free memory: what is made of its bytes, texts and
columns, takes about three times as much. Measured on tables of short texts."""

STANDARD_INPUT = Path("-")
"""What a user gives for the table that another program pipes in."""

_SHOWN = Path("standard input")
"""What messages and records call it, and what no file of theirs is called."""

_CHUNK = 1 << 20
"""Bytes that are read of it at once: nobody says how many will come."""

_come: list[tuple[TextIO, bytes]] = []
"""What came by it. It comes once, and is asked for again: for its columns, for its hash."""

_LONGEST_LINE = 64 << 20
"""Bytes of a line that is read alone: the evidence of a row whose text has as many."""

_GIB = 1 << 30
"""Bytes in a GiB."""

_SPECIAL = (
    (stat.S_ISDIR, os.strerror(errno.EISDIR)),
    (stat.S_ISFIFO, "it is a named pipe, no regular file"),
    (stat.S_ISCHR, "it is a device, no regular file"),
    (stat.S_ISBLK, "it is a device, no regular file"),
    (stat.S_ISSOCK, "it is a socket, no regular file"),
)


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading; a link to a regular file is one.

    Raises:
        OSError: it can't be opened, or is no regular file: nothing else is ever waited for.
    """
    try:
        _refuse_special(path, path.stat().st_mode)
        # Should a pipe take its place meanwhile, opening it doesn't wait either.
        handle = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
    except ValueError as error:  # of a name that holds a NUL
        raise OSError(errno.EINVAL, f"no name of a file ({error})", str(path)) from None
    try:
        _refuse_special(path, os.fstat(handle).st_mode)
    except OSError:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb")


def read_regular(path: Path, most: int | None = None) -> bytes:
    """Read a regular file.

    Args:
        path: of the file.
        most: bytes that it may have; None for as many as fit in memory with what is made of them.

    Raises:
        OSError: it can't be read, is no regular file, or is larger.
    """
    limit = room_for_files() if most is None else most
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        # No more room is asked for than the file needs, unless it grows or hides its size.
        content = b"" if size > limit else file.read(size + 1)
        if len(content) > size:
            content += file.read(limit + 1 - len(content))
        if max(size, len(content)) > limit:
            raise OSError(errno.EFBIG, _too_large(size, limit, most is None), str(path))
    return content


def read_standard_input() -> bytes:
    """Return what another program pipes in; the same bytes each time.

    Raises:
        OSError: it is closed, a terminal, or more than fits in memory with what is made of it.
    """
    stream = sys.stdin
    for known, content in _come:
        if known is stream:
            return content
    raw = getattr(stream, "buffer", None)
    if raw is None or stream.closed:
        raise OSError(errno.EBADF, "it is closed; pipe a table into it, or give a file")
    if stream.isatty():
        raise OSError(errno.ENOTTY, "it is a terminal; pipe a table into it, or give a file")
    limit = room_for_files()
    pieces, size = [], 0
    while piece := raw.read(_CHUNK):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            said = (
                f"it has more than {limit / _GIB:.1f} GiB, all that this machine's free memory is "
                "enough for"
            )
            raise OSError(errno.EFBIG, said)
    if piece is None:  # what comes later would be lost
        raise OSError(errno.EAGAIN, "it does not wait for what comes; give a file")
    _come[:] = [(stream, b"".join(pieces))]
    return _come[0][1]


def called(path: Path) -> Path:
    """Return what messages call a file that was given."""
    return _SHOWN if path == STANDARD_INPUT else path


def recorded(path: Path) -> str:
    """Return what records call a file that was given."""
    return os.fsencode(called(path)).decode(errors="replace")


def parsed_json(text: str | bytes) -> Any:
    """Return what JSON says that may be a stranger's.

    Raises:
        ValueError: it is no JSON, or nested so deeply that it can't be read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def was_piped(path: str) -> bool:
    """Tell whether a record's table came by standard input."""
    return path == str(_SHOWN)


def regular_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a regular file, each with its end.

    Raises:
        OSError: it can't be read, is no regular file, or has a line that is too long.
    """
    with open_regular(path) as file:
        yield from lines_of(file, path)


def lines_of(file: BufferedReader, path: Path) -> Iterator[bytes]:
    """Yield the lines of an open file, each with its end.

    Args:
        file: is read on from where it is.
        path: what messages call it.

    Raises:
        OSError: it can't be read, or has a line that is too long.
    """
    while line := file.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            said = f"a line of it is longer than {_LONGEST_LINE:,} bytes"
            raise OSError(errno.EFBIG, said, str(path))
        yield line


def room_for_files() -> int:
    """Return how many bytes a file may have: a share of the memory that is free now."""
    import psutil

    return int(psutil.virtual_memory().available) // _SHARE_OF_MEMORY


def _too_large(size: int, limit: int, of_memory: bool) -> str:
    if of_memory:
        return (
            f"it has {size / _GIB:.1f} GiB, and this machine's free memory is enough for files of "
            f"{limit / _GIB:.1f} GiB"
        )
    return f"it is larger than {limit:,} bytes, the most that such a file may have"


def _refuse_special(path: Path, mode: int) -> None:
    for is_such, what in _SPECIAL:
        if is_such(mode):
            raise OSError(errno.EINVAL, what, str(path))
