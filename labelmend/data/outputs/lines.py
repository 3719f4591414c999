"""Files of JSON lines that only grow: what is there is never overwritten, nor written twice."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from labelmend.errors import InputError, OutputError
from labelmend.regular_file import read_regular

_FIRST_WORDS = b'{"schema_version"'
"""What a line of ours begins with."""


def read_lines(path: Path) -> bytes:
    """Return what such a file holds.

    Raises:
        InputError: there is none, or it can't be read.
    """
    try:
        return read_regular(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from None


def numbered_lines(raw: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Yield the lines that say something: number, bytes, and whether it may be unfinished."""
    lines = raw.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            # Only what comes behind the last line end may be.
            yield number, line, number == len(lines) and is_begun(line)


def is_begun(line: bytes) -> bool:
    """Whether it is the beginning of a line of ours."""
    return line.startswith(_FIRST_WORDS) or _FIRST_WORDS.startswith(line)


def append_lines(path: str | Path, lines: Sequence[Mapping[str, object]], what: str) -> None:
    """Write lines behind those of a file, which is created where there is none.

    When this returns they are on the disk. All go out in one piece, so those of two processes never
    mix. A line that an earlier process could not finish is kept, and ended before ours begin.

    Args:
        path: of the file.
        lines: each of them JSON.
        what: they are, such as "answers".

    Raises:
        OutputError: the file can't be written.
    """
    block = b"".join(_written(line) for line in lines)
    if not block:
        return
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                block = b"\n" + block
            count = os.write(descriptor, block)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OutputError(
            f"{path}: can't be written to ({error.strerror or error}); mend that and run again; "
            f"the {what} in it are untouched"
        ) from None
    if count < len(block):
        raise OutputError(
            f"{path}: only a part of the {what} could be written; free some space and run again"
        )


def _written(line: Mapping[str, object]) -> bytes:
    return (json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")
