"""Which format reads and writes a file: ours, and what other packages bring."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from labelmend.data.formats.base import Format
from labelmend.data.formats.compressed import Compressed, full_suffix, split_name
from labelmend.data.table import Content, SourceTable
from labelmend.errors import InputError, OutputError
from labelmend.regular_file import STANDARD_INPUT, called

GROUP = "labelmend.formats"
_OURS = "labelmend"

FOLDER_SUFFIX = ".parquet"
"""Of what is written for a table that is a folder, which has no suffix."""


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
    """Return the format that a new file's name tells, or None."""
    _, suffix, packing = split_name(path)
    found = next((f for f in _installed().formats.values() if suffix in f.suffixes), None)
    return found if found is None or packing is None else Compressed(found, packing)


def format_to_write(table: SourceTable, path: Path) -> Format | None:
    """Return the format that a table is written in: its own where its suffix stays.

    A table that came without a suffix keeps its format where its files may bear the new one. None
    where the new file's name tells no format.
    """
    _, suffix, packing = split_name(path)
    was = split_name(table.path)[1]
    own = format_by_name(table.format)
    if suffix and (suffix == was or (not was and suffix in (*own.suffixes, *own.shares))):
        return own if packing is None else Compressed(own, packing)
    return format_by_suffix(path)


def format_of(content: Content) -> Format:
    """Return the format of a file: by its suffix, and by its content where that says too little.

    Raises:
        InputError: none is sure of the content.
    """
    suffix = split_name(content.path)[1]
    formats = _installed().formats.values()
    owner = next((f for f in formats if suffix in f.suffixes), None)
    if owner is None or not owner.suffix_tells:
        return format_by_content(content)
    found = [f for f in formats if f is owner or suffix in f.shares]
    return _surest(content, found)[0] or owner if len(found) > 1 else owner


def format_by_content(content: Content) -> Format:
    """Return the format that is surest that a file is its own; ties go to the first by name.

    Raises:
        InputError: none is.
    """
    found, no_text = _surest(content, list(_installed().formats.values()))
    if found is not None:
        return found
    if no_text is not None:
        raise no_text
    suffix = content.path.suffix
    by = f"the suffix {suffix!r} or the content; use" if suffix else "the content; use a file of"
    raise InputError(
        f"{content.path}: can't tell the format from {by} a name that ends in one of "
        f"{known_suffixes(reading=True)}"
    )


def known_suffixes(*, reading: bool = False) -> str:
    """Return all suffixes for a message, and which packages bring a format that can't be used.

    Args:
        reading: leave out those that say too little of what is in a file.
    """
    found = _installed()
    formats = [f for f in found.formats.values() if f.suffix_tells or not reading]
    suffixes = sorted(suffix for f in formats for suffix in f.suffixes)
    return "; ".join((", ".join(suffixes), *found.broken))


def beside(path: Path, word: str) -> Path:
    """Return where the result for a table is written if no one says: `a.mended.csv` for `a.csv`.

    Raises:
        OutputError: the table comes by standard input, which has no name.
    """
    if path == STANDARD_INPUT:
        raise OutputError(f"{called(path)}: has no name to call the result after; name it with -o")
    if path.is_dir():
        path = path if path.name else path.resolve()
        return path.parent / f"{path.name}.{word}{FOLDER_SUFFIX}"
    return path.with_name(f"{split_name(path)[0]}.{word}{full_suffix(path)}")


def surest(content: Content, formats: Sequence[Format]) -> Format | None:
    """Return the one of some formats that is surest that a file is its own, if any is."""
    return _surest(content, formats)[0]


def _surest(content: Content, formats: Sequence[Format]) -> tuple[Format | None, InputError | None]:
    """Return the format that is surest, if any is, and why a file may be no text."""
    best, found, no_text = 0.0, None, None
    for candidate in formats:
        try:
            sure = candidate.recognises(content)
        except InputError as error:
            no_text = no_text or error
            continue
        if sure > best:
            best, found = sure, candidate
    return found, no_text


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
