"""Files to tables: every value as text, and what gives the user's bytes back."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from labelmend.data.formats.arrow import read_saved, saved_files
from labelmend.data.formats.compressed import unpacked
from labelmend.data.formats.find import format_of
from labelmend.data.outputs.spreadsheet import as_it_was
from labelmend.data.shards.find import shards_of
from labelmend.data.shards.table import digest_of_all, open_shards, sha256_of
from labelmend.data.table import Content, SourceTable, empty_file
from labelmend.errors import InputError, nearest
from labelmend.regular_file import STANDARD_INPUT, called, read_regular, read_standard_input


def read_table(
    path: str | Path, encoding: str | None = None, *, header: bool = True
) -> SourceTable:
    """Read a file by its suffix, and by its content where the suffix says too little.

    Args:
        path: of a file, packed or not, in one of the formats of docs/files.md, or in one that
            another package brings; or of a folder that Hugging Face's `datasets` saved; or a folder
            of Parquet shards, or a pattern of such; or `-` for standard input, whose format and
            packing its content tells.
        encoding: a codec's name; None finds it out.
        header: whether the first row names the columns; else they are called `column_1` and so on.

    Raises:
        InputError: it is missing, unreadable, empty, without rows, binary, malformed or ragged.
    """
    path = Path(path)
    shards = shards_of(path)
    if shards:
        return as_it_was(open_shards(path, shards, header=header).in_memory())
    if path != STANDARD_INPUT and path.is_dir():
        return read_saved(path)
    content = read_content(path, encoding, header=header)
    found = format_of(content)
    if not (header or found.headed):
        raise InputError(f"{content.path}: --no-header: {found.name} files have none; leave it out")
    return as_it_was(found.read(content))


def read_content(path: Path, encoding: str | None = None, *, header: bool = True) -> Content:
    """Read a file's bytes, unpacked; the arguments are those of `read_table`.

    Raises:
        InputError: it is a folder, missing, unreadable or empty.
    """
    raw, named = _read_bytes(path), path != STANDARD_INPUT
    path = called(path)
    content = Content(path, unpacked(raw, path, by_name=named), encoding, header)
    if not content.raw.strip():
        raise empty_file(path)
    return content


def table_digest(path: Path) -> str:
    """Return the sha256 of a table's bytes as they stand, packed or not; of a folder's files.

    Of shards, it is that of their own sha256, a line each.

    Raises:
        InputError: it can't be read.
    """
    shards = shards_of(path)
    if shards:
        return digest_of_all([sha256_of(shard) for shard in shards])
    digest = hashlib.sha256()
    is_folder = path != STANDARD_INPUT and path.is_dir()
    for file in saved_files(path) if is_folder else [path]:
        digest.update(_read_bytes(file))
    return digest.hexdigest()


def refuse_standard_input(path: Path) -> None:
    """Make sure that a mended table has a place, for the record and the evidence lie beside it.

    Raises:
        InputError: it comes by standard input.
    """
    if path == STANDARD_INPUT:
        raise InputError(
            f"{called(path)}: the record and the evidence of a run lie beside its mended table and "
            "are read with it; give the path of that file"
        )


def refuse_second_input(paths: Iterable[Path | None]) -> None:
    """Make sure that at most one of several tables comes by standard input.

    Raises:
        InputError: two do.
    """
    if sum(path == STANDARD_INPUT for path in paths) > 1:
        raise InputError(f"{called(STANDARD_INPUT)}: is one table; give the path of the other one")


def _read_bytes(path: Path) -> bytes:
    try:
        if path == STANDARD_INPUT:
            return read_standard_input()
        if path.is_dir():
            raise InputError(f"{path}: is a folder; give one file in it")
        return read_regular(path)
    except FileNotFoundError:
        folder = path.parent
        if not folder.is_dir():
            raise InputError(f"{path}: no such file: the folder {folder} is missing") from None
        hint = nearest(path.name, _file_names(folder))
        raise InputError(f"{path}: no such file{hint}; check the path") from None
    except PermissionError:
        raise InputError(f"{path}: permission denied; make it readable (chmod +r)") from None
    except OSError as error:
        raise InputError(f"{called(path)}: can't be read: {error.strerror or error}") from None


def _file_names(folder: Path) -> list[str]:
    try:
        return sorted(p.name for p in folder.iterdir() if p.is_file())
    except OSError:
        return []
