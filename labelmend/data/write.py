"""Tables to files: the user's bytes as they were, our fields behind them, all or nothing."""

import errno
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from labelmend.data.cells.lists import in_shape_of
from labelmend.data.formats.base import Format
from labelmend.data.formats.find import format_by_name, format_to_write
from labelmend.data.outputs.claim import strange_files, unknown_suffix
from labelmend.data.outputs.publication import Publication
from labelmend.data.table import NewColumn, SourceTable
from labelmend.errors import ColumnError, OutputError
from labelmend.voice.speak import note

_ADVICE = {
    errno.ENOSPC: "free some",
    errno.EDQUOT: "free some",
    errno.EFBIG: "write to a file system that takes larger files",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that you may write to",
}


def check_new_columns(table: SourceTable, names: Iterable[str]) -> None:
    """Make sure that our columns would not meet columns of the same name, and can be written.

    Raises:
        ColumnError: they would.
        InputError: the user's file can't be given back with them.
    """
    _refuse_taken(table, names)
    format_by_name(table.format).check(table)


def _refuse_taken(table: SourceTable, names: Iterable[str]) -> None:
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
    _refuse_taken(table, [column.name for column in columns])
    kind = format_to_write(table, path)
    if kind is None:
        raise unknown_suffix(path)
    path.write_bytes(kind.write(table, columns))


def lost_in(table: SourceTable, path: Path) -> tuple[str, ...]:
    """Return a note where a table's new file has no place for our columns."""
    kind = format_to_write(table, path)
    if kind is None or kind.other_columns:
        return ()
    told = note(
        "{kind} files hold texts and labels only: {name} has the new labels in the place of the "
        "given ones; for what was decided of each row and why, end its name in .csv",
        kind=kind.name,
        name=path.name,
    )
    return (told,)


def with_values(table: SourceTable, column: str, values: Sequence[str]) -> SourceTable:
    """Return the table with other values in one of its columns.

    Where a cell holds its label in a list or in choices, the new one stands so, too. In our own
    formats, records whose value stays keep their bytes; the others are written anew. A Parquet
    column keeps its type where the values fit it, and its nulls where they are still "".
    """
    pairs = zip(table.values(column), values, strict=True)
    shaped = [value if value == old else in_shape_of(old, value) for old, value in pairs]
    return format_by_name(table.format).with_values(table, column, shaped)


def with_rows(table: SourceTable, rows: Sequence[Sequence[str]], path: Path) -> SourceTable:
    """Return the table with more rows behind its own, to be written to a path.

    In its own format, CSV, JSON, Parquet or Arrow, what was there keeps its bytes and types.

    Args:
        table: the user's.
        rows: a value a column of the table's; "" for none.
        path: where it will be written.

    Raises:
        OutputError: files of that format take no rows.
    """
    own, kind = format_by_name(table.format), format_to_write(table, path)
    if table.format in _TAKES_ROWS:
        return own.with_rows(table, rows)
    if kind is not None and kind.name not in {*_TAKES_ROWS, _WORKBOOK}:
        raise OutputError(
            f"{path}: rows can't be added to a file of {kind.name}; end the name of the output in "
            ".csv or .jsonl"
        )
    return Format.with_rows(own, table, rows)


_TAKES_ROWS = ("arrow", "arrow-file", "csv", "json", "jsonl", "parquet", "tsv")
"""Formats that put rows behind those that are there, and leave these as they are."""

_WORKBOOK = "excel"
"""A format that is written anew, with all values as text."""


@contextmanager
def atomic_files(paths: Sequence[str | Path]) -> Iterator[tuple[Path, ...]]:
    """Give temporary files to write to, which take the names of `paths` when all are complete.

    They lie in the same folders and keep the suffixes. On any error, Ctrl-C included, they are
    removed, and what was there before is whole. Only writing belongs in the block: an OSError in
    it is taken for one of writing.

    Raises:
        OutputError: a file could not be written.
    """
    with _published([Path(path) for path in paths]) as names:
        yield names


def check_output_folder(
    folder: Path, whose: str, ours: Collection[str] | None, card: str | None = None
) -> None:
    """Find out before any work whether a folder can be written.

    Args:
        folder: its place.
        whose: what it is to hold, such as "a model".
        ours: names of files that may be replaced; None where others may lie beside them.
        card: name of the file that tells that the folder is ours; None where there is no such.

    Raises:
        OutputError: it is a file, or holds something else, or its own folder is missing.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; give a folder for {whose}")
    if ours is not None and folder.is_dir() and strange_files(folder, ours, card):
        raise OutputError(
            f"{folder}: holds other files than {whose}'s; give an empty or a new folder"
        )
    if folder.is_symlink() and not folder.exists():
        raise OutputError(f"{folder}: is a link that leads nowhere; remove it, or name a folder")
    # Path.resolve fails where links go round in a circle.
    if not Path(os.path.realpath(folder)).parent.is_dir():
        raise OutputError(f"{folder}: the folder {folder.parent} is missing; create it first")


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Give a temporary folder to write to, which takes the name of `path` when it is complete.

    A folder that stands there is replaced as a whole, and is whole until then. On any error, Ctrl-C
    included, the temporary one is removed. Only writing belongs in the block.

    Raises:
        OutputError: it could not be written.
    """
    with _published([Path(path)], folders=True) as (name,):
        yield name


@contextmanager
def _published(paths: Sequence[Path], *, folders: bool = False) -> Iterator[tuple[Path, ...]]:
    publication = Publication(paths, folders=folders)
    try:
        yield publication.begin()
        publication.commit()
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "mend that")
        rest = "what was there before is untouched"
        if publication.decided:
            rest = "some files are in place, and the next command in this folder does the rest"
        raise OutputError(
            f"can't write {', '.join(map(str, paths))}: {error.strerror or error}; {advice} and "
            f"run again; {rest}"
        ) from None
    finally:
        publication.close()
