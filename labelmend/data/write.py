"""Tables to files: the user's bytes as they were, our fields behind them, all or nothing."""

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from labelmend.data.formats.find import format_by_name, format_by_suffix, known_suffixes
from labelmend.data.table import NewColumn, SourceTable
from labelmend.errors import ColumnError, OutputError

_ADVICE = {
    errno.ENOSPC: "free some",
    errno.EDQUOT: "free some",
    errno.EFBIG: "write to a file system that takes larger files",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that you may write to",
}


def check_output(
    source_path: str | Path, output_path: str | Path, *, is_table: bool = True
) -> None:
    """Find out before any work whether the output can be written.

    Args:
        source_path: of the input.
        output_path: of what will be written.
        is_table: whether its suffix has to name a format of tables.

    Raises:
        OutputError: it is the input, a folder or no regular file; its suffix is unknown; or its
            folder is missing or can't be written to.
    """
    source, output = Path(source_path), Path(output_path)
    try:
        _refuse_place(source, output, is_table)
    except OSError as error:
        raise OutputError(
            f"{output}: can't be written to ({error.strerror}); choose another folder or name"
        ) from None


def check_new_columns(table: SourceTable, names: Iterable[str]) -> None:
    """Make sure that our columns would not meet columns of the same name.

    Raises:
        ColumnError: they would.
    """
    taken = [repr(name) for name in names if name in table.columns]
    if taken:
        raise ColumnError(
            f"{table.path}: already has {', '.join(taken)}, as labelmend's own output has; "
            "give the original file, or rename or drop these columns"
        )


def write_table(table: SourceTable, columns: Sequence[NewColumn], path: Path) -> None:
    """Write the user's table with our columns behind it, in the format of the path's suffix.

    In the table's own format the user's bytes (of Parquet, the columns, types and metadata) come
    back as they were. Otherwise the values are written as text, in UTF-8. Text formats get floats
    with six significant digits.

    The file is written in place: call this inside `atomic_files`.

    Raises:
        ColumnError: one of our columns is in the table already.
        OutputError: the file's encoding lacks a character of ours, or its suffix is unknown.
        OSError: as writing goes; `atomic_files` makes it an OutputError.
    """
    check_new_columns(table, [column.name for column in columns])
    kind = format_by_suffix(path)
    if kind is None:
        raise _unknown_suffix(path)
    path.write_bytes(kind.write(table, columns))


def with_values(table: SourceTable, column: str, values: Sequence[str]) -> SourceTable:
    """Return the table with other values in one of its columns.

    In our own formats, records whose value stays keep their bytes; the others are written anew. A
    Parquet column keeps its type where the values fit it, and its nulls where they are still "".
    """
    return format_by_name(table.format).with_values(table, column, values)


@contextmanager
def atomic_files(paths: Sequence[str | Path]) -> Iterator[tuple[Path, ...]]:
    """Give temporary files to write to, which take the names of `paths` when all are complete.

    They lie in the same folders and keep the suffixes. On any error, Ctrl-C included, they are
    removed, and what was there before is whole. Only writing belongs in the block: an OSError in
    it is taken for one of writing.

    Raises:
        OutputError: a file could not be written.
    """
    targets = [Path(os.path.realpath(path)) for path in paths]
    names = [
        target.with_name(f".labelmend-{secrets.token_hex(8)}{Path(path).suffix}")
        for path, target in zip(paths, targets, strict=True)
    ]
    try:
        for name in names:
            name.open("xb").close()
        yield tuple(names)
        for name, target in zip(names, targets, strict=True):
            with name.open("rb+") as file:
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, name)
        for name, target in zip(names, targets, strict=True):
            name.replace(target)
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "mend that")
        raise OutputError(
            f"can't write {', '.join(map(str, paths))}: {error.strerror or error}; {advice} and "
            "run again; what was there before is untouched"
        ) from None
    finally:
        for name in names:
            with suppress(OSError):
                name.unlink()


def check_output_folder(folder: Path, whose: str, ours: Collection[str] | None) -> None:
    """Find out before any work whether a folder can be written.

    Args:
        folder: its place.
        whose: what it is to hold, such as "a model".
        ours: names of files that may be replaced; None where others may lie beside them.

    Raises:
        OutputError: it is a file, or holds something else, or its own folder is missing.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; give a folder for {whose}")
    if ours is not None and folder.is_dir() and {p.name for p in folder.iterdir()} - set(ours):
        raise OutputError(
            f"{folder}: holds other files than {whose}'s; give an empty or a new folder"
        )
    if not folder.resolve().parent.is_dir():
        raise OutputError(f"{folder}: the folder {folder.parent} is missing; create it first")


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Give a temporary folder to write to, which takes the name of `path` when it is complete.

    A folder that stands there is replaced as a whole, and is whole until then. On any error, Ctrl-C
    included, the temporary one is removed. Only writing belongs in the block.

    Raises:
        OutputError: it could not be written.
    """
    target = Path(os.path.realpath(path))
    stamp = secrets.token_hex(8)
    name, old = (target.with_name(f".labelmend-{stamp}-{what}") for what in ("new", "old"))
    try:
        name.mkdir()
        yield name
        for file in sorted(name.rglob("*")):
            if file.is_file():
                with file.open("rb+") as opened:
                    os.fsync(opened.fileno())
        if target.exists():
            target.replace(old)
        try:
            name.replace(target)
        except BaseException:
            if old.exists() and not target.exists():
                old.replace(target)
            raise
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "mend that")
        raise OutputError(
            f"can't write {path}: {error.strerror or error}; {advice} and run again; what was "
            "there before is untouched"
        ) from None
    finally:
        shutil.rmtree(name, ignore_errors=True)
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)


def _refuse_place(source: Path, output: Path, is_table: bool) -> None:
    if output.is_dir():
        raise OutputError(f"{output}: is a folder; give a file name in it")
    if output.exists() and not output.is_file():
        raise OutputError(f"{output}: is not a regular file; give another name")
    if _is_same(source, output):
        raise OutputError(f"{output}: is the input itself; write to another file")
    if is_table and format_by_suffix(output) is None:
        raise _unknown_suffix(output)
    folder = Path(os.path.realpath(output)).parent
    if not folder.is_dir():
        raise OutputError(f"{output}: the folder {folder} is missing; create it first")
    # Permissions say too little: root passes them all, and a disk may be mounted read-only.
    with tempfile.TemporaryFile(dir=folder):
        pass


def _unknown_suffix(output: Path) -> OutputError:
    return OutputError(
        f"{output}: can't tell the format from the suffix {output.suffix!r}; "
        f"end the name in one of {known_suffixes()}"
    )


def _is_same(source: Path, output: Path) -> bool:
    try:
        return source.samefile(output)
    except OSError:  # one of them is missing
        return os.path.realpath(source) == os.path.realpath(output)
