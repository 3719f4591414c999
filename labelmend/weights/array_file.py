"""Files of arrays that may come from a stranger: plain numbers, no larger than the file."""

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmend.regular_file import open_regular


def read_arrays(path: Path, axes: Mapping[str, int]) -> dict[str, npt.NDArray[Any]]:
    """Read arrays of finite floating-point numbers out of a file of `numpy.savez`.

    Nothing is unpacked that is larger than the file, and no pickle is ever read.

    Args:
        path: of the file.
        axes: how many axes each has that is wanted, by name; others are left alone.

    Raises:
        ValueError: it holds something else; the message says what.
        LookupError: one is missing.
        OSError: it can't be read.
    """
    found = {}
    with open_regular(path) as raw, zipfile.ZipFile(raw) as held:
        for name, count in axes.items():
            try:
                part = held.getinfo(f"{name}.npy")
            except KeyError:
                raise LookupError(f"{path.name} has no array {name!r}") from None
            if part.compress_type != zipfile.ZIP_STORED or part.flag_bits & _ENCRYPTED:
                raise ValueError(f"{path.name}: {name} is packed")
            with held.open(part) as stream:
                _check_header(stream, name, count, part.file_size)
            with held.open(part) as stream:
                values = np.lib.format.read_array(stream, allow_pickle=False)
            if not np.isfinite(values).all():
                raise ValueError(f"{path.name}: {name} holds numbers that are not finite")
            found[name] = values
    return found


_ENCRYPTED = 0x1
"""The bit of a part of a zip file that a password hides."""


def _check_header(stream: Any, name: str, axes: int, size: int) -> None:
    version = np.lib.format.read_magic(stream)
    reading = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in reading:
        raise ValueError(f"{name} is of another format")
    shape, _, kind = reading[version](stream)
    if kind.hasobject:
        raise ValueError(f"{name} would need allow_pickle")
    if kind.kind != "f" or kind.itemsize > np.dtype(np.float64).itemsize:
        raise ValueError(f"{name} is of type {kind}, not of floating-point numbers")
    if len(shape) != axes:
        raise ValueError(f"{name} has {len(shape)} axes, not {axes}")
    if math.prod(shape) * kind.itemsize != size - stream.tell():
        raise ValueError(f"{name} has another size than it says")
