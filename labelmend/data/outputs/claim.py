"""Which paths a run may write to: none that the user gave, and nothing that isn't labelmend's.

A command says before any work what it was given and what it will write or remove; `claim` compares
each with each. What stands there already and was not named by the user has to bear a mark of ours.
"""

import json
import os
import tempfile
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labelmend.data.formats.find import format_by_suffix, known_suffixes
from labelmend.errors import OutputError

if TYPE_CHECKING:
    from labelmend.configs.schema import Config

TABLE = "the input itself"
"""How a message calls the table that a command reads."""

_LOOKED_AT = 1 << 16
"""Bytes of a file in which its mark is looked for."""


@dataclass(frozen=True)
class Given:
    """A file or folder that the user gave.

    Attributes:
        path: as given.
        how: what a message calls it, such as `TABLE` or "given as --labels".
    """

    path: Path
    how: str = TABLE


@dataclass(frozen=True)
class Output:
    """A file that a run writes.

    Attributes:
        path: of the file.
        what: what it is, "record of a run"; only used with `marks`.
        marks: texts of which all ours have one near their beginning. Empty for a file that the user
            named: it is replaced whatever it is, unless it was given, too.
        is_table: whether its suffix has to name a format of tables.
    """

    path: Path
    what: str = ""
    marks: tuple[str, ...] = ()
    is_table: bool = False


def given(path: Path | None, how: str = TABLE) -> tuple[Given, ...]:
    """Return what the user gave, if it was given."""
    return () if path is None else (Given(path, how),)


def given_models(config: "Config") -> tuple[Given, ...]:
    """Return the files and folders of models that the settings name."""
    found = [encoder.model for encoder in config.encoders]
    found += [voter.model for voter in config.voters if voter.server is None]
    found += [config.reranker.model, config.describe.model, config.classify.finetune.encoder]
    paths = []
    for name in filter(None, found):
        with suppress(OSError, RuntimeError, ValueError):  # a name that no path can have
            path = Path(name).expanduser()
            paths += [path] if path.exists() else []
    return tuple(Given(path, "given as a model") for path in paths)


def claim(inputs: Iterable[Given], outputs: Sequence[Output], folders: Iterable[Path] = ()) -> None:
    """Find out before any work whether a run may write what it will write.

    Links are followed, hard links are told, and so is one file under two spellings where the file
    system takes them for one.

    Args:
        inputs: all that the user gave.
        outputs: files that the run writes or removes.
        folders: that it replaces or removes with all that is in them.

    Raises:
        OutputError: an output is a file that was given, another output, no regular file, somebody
            else's, or can't be written; or a folder holds what was given.
    """
    inputs = tuple(inputs)
    for output in outputs:
        _check_place(output)
        for one in inputs:
            if is_same(one.path, output.path):
                raise OutputError(f"{output.path}: is {one.how}; write to another file")
            if output.path.exists() and _holds(one.path, output.path):
                raise OutputError(
                    f"{output.path}: lies in {one.path}, which is {one.how}; write to another file"
                )
        if output.is_table and format_by_suffix(output.path) is None:
            raise unknown_suffix(output.path)
        _check_writable(output.path)
        if output.marks:
            check_mark(output.path, output.what, output.marks)
    for number, output in enumerate(outputs):
        for other in outputs[:number]:
            if is_same(other.path, output.path):
                raise OutputError(
                    f"{output.path}: is the same file as {other.path}, and both would be written; "
                    "remove the link"
                )
    for folder in folders:
        for one in inputs:
            if _holds(folder, one.path):
                what = f"is {one.how}"
                if not is_same(folder, one.path):
                    what = f"holds {one.path}, which {what}"
                raise OutputError(f"{folder}: {what}; write to another folder")


def check_mark(path: Path, what: str, marks: Sequence[str]) -> None:
    """Make sure that a file, if there is one, is ours: it may be replaced.

    An empty one is nobody's.

    Raises:
        OutputError: it is somebody else's.
    """
    try:
        with path.open("rb") as file:
            begins = file.read(_LOOKED_AT)
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(f"{path}: can't be read ({error.strerror}); move it away") from None
    if begins and not any(mark.encode() in begins for mark in marks):
        raise not_ours(path, what)


def strange_files(folder: Path, ours: Collection[str], card: str | None) -> set[str]:
    """Return what lies in a folder that labelmend did not put there.

    Args:
        folder: of ours, or so it seems.
        ours: names that may stand in it.
        card: the file that tells that it is ours, JSON, and which files all are; without it, or
            without our name in it, everything is strange.
    """
    found = {path.name for path in folder.iterdir()}
    if card is None or not found:
        return found - set(ours)
    try:
        said = json.loads((folder / card).read_bytes())
    except (OSError, ValueError, RecursionError):
        return found
    if not isinstance(said, dict) or not isinstance(said.get("labelmend"), str):
        return found
    files = said.get("files")
    known = set(files) | {card} if isinstance(files, dict) else set()
    inside = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}
    return (found - set(ours)) | (inside - known if known else set())


def not_ours(path: Path, what: str) -> OutputError:
    """Return the refusal of a file or folder that labelmend did not write."""
    return OutputError(
        f"{path}: is there already and is no {what} of labelmend's; move it away, or name another "
        "output"
    )


def unknown_suffix(output: Path) -> OutputError:
    """Return the refusal of a table whose suffix names no format."""
    return OutputError(
        f"{output}: can't tell the format from the suffix {output.suffix!r}; "
        f"end the name in one of {known_suffixes()}"
    )


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file or folder, or would if it were there."""
    try:
        return one.samefile(other)
    except OSError:  # one of them is missing
        return os.path.realpath(one) == os.path.realpath(other)


def _holds(folder: Path, path: Path) -> bool:
    """Whether a path leads to a folder, or to something in it."""
    if not folder.is_dir():
        return False
    place = Path(os.path.realpath(path))
    return any(is_same(folder, above) for above in (place, *place.parents))


def _check_place(output: Output) -> None:
    path = output.path
    try:
        if path.is_dir():
            raise OutputError(f"{path}: is a folder; give a file name in it")
        if path.exists() and not path.is_file():
            raise OutputError(f"{path}: is not a regular file; give another name")
    except OSError as error:
        raise _unwritable(path, error) from None


def _check_writable(path: Path) -> None:
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise OutputError(f"{path}: the folder {folder} is missing; create it first")
    try:
        # Permissions say too little: root passes them all, and a disk may be mounted read-only.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path}: can't be written to ({error.strerror}); choose another folder or name"
    )
