"""Hashes of big files, and a memory of them so that a start doesn't read gigabytes again."""

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import platformdirs

from labelmend.regular_file import open_regular, parsed_json

REMEMBERED_FROM = 1 << 20
"""Bytes; smaller files are hashed each time, which is faster than looking them up."""


def sha256_of(path: Path, *, trust_cache: bool = True) -> str:
    """Return the sha256 of a file as hex digits.

    A remembered hash is taken if path, size, modification time and inode are still the same.

    Args:
        path: a regular file.
        trust_cache: False reads the file whatever is remembered.

    Raises:
        OSError: the file can't be read.
    """
    stat = path.stat()
    stamp = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
    key = str(path.resolve())
    if trust_cache and stat.st_size >= REMEMBERED_FROM:
        remembered = _read().get(key)
        if isinstance(remembered, list) and remembered[:-1] == stamp:
            return str(remembered[-1])
    with open_regular(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if stat.st_size >= REMEMBERED_FROM:
        _remember(key, [*stamp, digest])
    return digest


def write_json(path: Path, value: object) -> None:
    """Write JSON so that a reader sees the old file or the new one, whole.

    Raises:
        OSError: it can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1, sort_keys=True)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _cache_file() -> Path:
    return Path(platformdirs.user_cache_dir("labelmend")) / "hashes.json"


def _read() -> dict[str, Any]:
    # A memory that can't be read or written only costs time: it never makes an error.
    try:
        held = parsed_json(_cache_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


def _remember(key: str, entry: list[Any]) -> None:
    with contextlib.suppress(OSError):
        write_json(_cache_file(), {**_read(), key: entry})
