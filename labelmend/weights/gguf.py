"""Reads what a GGUF file says of its model, without loading it.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The package `gguf` reads it,
too, but each entry of a list into an array of its own: 29 s and 500 MiB for a vocabulary of 262,144
tokens, 0.8 s here; and a damaged length of a list keeps it busy for good.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from labelmend.errors import ModelError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
"""Of the format, which lay out the header alike; version 1 has shorter numbers."""

_NUMBERS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
"""struct's letter by GGUF's number of the type."""
_STRING, _LIST = 8, 9
_MOST = 1 << 32
"""Entries or bytes of a string: no real file has more, and a damaged one may say so."""

_MOST_DIMENSIONS = 4
"""Of a tensor (GGML_MAX_DIMS of ggml). To multiply a million would take hours."""

_DEEPEST = 8
"""Lists inside lists; llama.cpp takes none at all."""


@dataclass(frozen=True)
class GgufHeader:
    """What a model's file says of it.

    Attributes:
        architecture: such as `llama` or `qwen2`.
        parameters: how many weights it has.
        chat_template: whether it knows how a chat is written down, as instruct models do.
    """

    architecture: str
    parameters: int
    chat_template: bool


def read_header(path: Path) -> GgufHeader:
    """Read a GGUF file's header.

    Raises:
        ModelError: it is no GGUF file, of a version that nobody knows, or cut off.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != _MAGIC:
                raise ModelError(
                    f"{path}: this is not a GGUF file; give a model in llama.cpp's format"
                )
            return _read(file, path)
    except (struct.error, ValueError, MemoryError, OverflowError):
        raise ModelError(
            f"{path}: this GGUF file is cut off or damaged; get the model again"
        ) from None
    except OSError as error:
        raise ModelError(f"{path}: can't read this model: {error.strerror}") from None


def _read(file: BinaryIO, path: Path) -> GgufHeader:
    version, tensors, entries = _number(file, "I"), _number(file, "Q"), _number(file, "Q")
    if version not in _VERSIONS:
        raise ModelError(f"{path}: GGUF version {version} is not known here; get a newer file")
    known: dict[str, Any] = {}
    for _ in range(_checked(entries)):
        name = _string(file).decode(errors="replace")
        known[name] = _value(file, _number(file, "I"))
    parameters = last = 0
    for _ in range(_checked(tensors)):
        _string(file)
        shape = [_number(file, "Q") for _ in range(_checked(_number(file, "I"), _MOST_DIMENSIONS))]
        parameters += math.prod(shape)
        _number(file, "I")  # its type
        last = max(last, _number(file, "Q"))  # where its values begin, behind the header
    if path.stat().st_size < file.tell() + last:
        raise ValueError(last)
    return GgufHeader(
        architecture=str(known.get("general.architecture", "unknown")),
        parameters=parameters,
        chat_template="tokenizer.chat_template" in known,
    )


def _checked(count: int, most: int = _MOST) -> int:
    if count > most:
        raise ValueError(count)
    return count


def _number(file: BinaryIO, letter: str) -> int:
    (number,) = struct.unpack(f"<{letter}", file.read(struct.calcsize(f"<{letter}")))
    return int(number)


def _string(file: BinaryIO) -> bytes:
    size = _checked(_number(file, "Q"))
    text = file.read(size)
    if len(text) != size:
        raise ValueError(size)
    return text


def _value(file: BinaryIO, kind: int, depth: int = 0) -> str | None:
    """Read a value past, and return it where it is a string."""
    if kind == _STRING:
        return _string(file).decode(errors="replace")
    if kind == _LIST:
        if depth == _DEEPEST:
            raise ValueError(depth)
        inner, count = _number(file, "I"), _checked(_number(file, "Q"))
        if inner in _NUMBERS:
            file.seek(count * struct.calcsize(f"<{_NUMBERS[inner]}"), 1)
        else:
            for _ in range(count):
                _value(file, inner, depth + 1)
        return None
    if kind not in _NUMBERS:
        raise ValueError(kind)
    file.seek(struct.calcsize(f"<{_NUMBERS[kind]}"), 1)
    return None
