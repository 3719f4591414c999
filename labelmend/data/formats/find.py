"""Which format reads and writes a file: ours, and what other packages bring."""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from labelmend.data.formats.base import Format
from labelmend.data.table import Content
from labelmend.errors import InputError

GROUP = "labelmend.formats"
_OURS = "labelmend"


@dataclass(frozen=True)
class _Found:
    """The formats that are installed, by name, and what is wrong with those that can't be used."""

    formats: dict[str, Format]
    broken: tuple[str, ...]


def format_by_name(name: str) -> Format:
    """Return the format of a table that was read.

    Raises:
        InputError: the installation is damaged.
    """
    return _installed().formats[name]


def format_by_suffix(path: Path) -> Format | None:
    """Return the format that a file's name tells, or None."""
    suffix = path.suffix.lower()
    return next((f for f in _installed().formats.values() if suffix in f.suffixes), None)


def format_by_content(content: Content) -> Format:
    """Return the format that is surest that a file is its own; ties go to the first by name.

    Raises:
        InputError: none is.
    """
    best, found, no_text = 0.0, None, None
    for candidate in _installed().formats.values():
        try:
            sure = candidate.recognises(content)
        except InputError as error:
            no_text = no_text or error
            continue
        if sure > best:
            best, found = sure, candidate
    if found is not None:
        return found
    if no_text is not None:
        raise no_text
    raise InputError(
        f"{content.path}: can't tell the format from the suffix {content.path.suffix!r} or the "
        f"content; use a name that ends in one of {known_suffixes()}"
    )


def known_suffixes() -> str:
    """Return all suffixes for a message, and which packages bring a format that can't be used."""
    found = _installed()
    suffixes = sorted(suffix for f in found.formats.values() for suffix in f.suffixes)
    return "; ".join((", ".join(suffixes), *found.broken))


@cache
def _installed() -> _Found:
    """Return the formats in the order of their names; of two that claim the same, ours wins.

    Raises:
        InputError: ours are not among them.
    """
    points = sorted(entry_points(group=GROUP), key=lambda p: (not _is_ours(p), p.name, p.value))
    if not points or not _is_ours(points[0]):
        raise InputError(
            "labelmend's own file formats are not registered: it was installed from older code; "
            "install it again (pip install -e .)"
        )
    formats: dict[str, Format] = {}
    broken = []
    for point in points:
        try:
            loaded = _loaded(point, formats)
        except Exception as error:  # noqa: BLE001 - a stranger's module may fail in any way
            reason = " ".join(str(error).split()) or type(error).__name__
            broken.append(f"{point.value} can't be used: {reason}")
        else:
            formats[loaded.name] = loaded
    return _Found(dict(sorted(formats.items())), tuple(broken))


def _is_ours(point: EntryPoint) -> bool:
    return point.module.partition(".")[0] == _OURS


def _loaded(point: EntryPoint, others: dict[str, Format]) -> Format:
    """Load a format.

    Raises:
        TypeError: it is none.
        ValueError: another one has its name or a suffix of its.
        Exception: whatever its module raises.
    """
    found = point.load()
    if not isinstance(found, Format) or isinstance(found, type):
        raise TypeError(f"it is no instance of {Format.__module__}.Format")
    for other in others.values():
        same = {found.name, *found.suffixes} & {other.name, *other.suffixes}
        if same:
            raise ValueError(f"{other.name} has {min(same)} already")
    return found
