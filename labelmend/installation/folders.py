"""The folders that labelmend keeps, and whether it can write to them."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from labelmend.weights.home import cache_home, model_home


@dataclass(frozen=True)
class Folder:
    """A folder that labelmend keeps.

    Attributes:
        name: what lies there.
        path: of the folder, which may not be there yet.
        size_bytes: of all that lies there; 0 where it is not there.
        writable: whether it can be written to, or made.
        free_bytes: of its disk; None where the system doesn't tell.
    """

    name: str
    path: Path
    size_bytes: int
    writable: bool
    free_bytes: int | None


def folders() -> tuple[Folder, ...]:
    """Return the folders of models and of what can be made anew.

    Raises:
        ModelError: LABELMEND_HOME names a home folder that nobody has.
    """
    return look_at("models", model_home()), look_at("cache", cache_home())


def look_at(name: str, path: Path) -> Folder:
    """Return a folder as it is; nothing is made or written."""
    nearest = path
    while not os.path.lexists(nearest) and nearest != nearest.parent:
        nearest = nearest.parent
    try:
        free: int | None = shutil.disk_usage(nearest).free
    except OSError:
        free = None
    writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return Folder(name, path, _size(path), writable, free)


def _size(path: Path) -> int:
    """Return the bytes of all files in a folder; what can't be read has none."""
    total = 0
    for place, _, names in os.walk(path):
        for name in names:
            try:
                total += (Path(place) / name).lstat().st_size
            except OSError:  # removed meanwhile
                continue
    return total
