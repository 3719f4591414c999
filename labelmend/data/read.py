"""Files to tables: every value as text, and what gives the user's bytes back."""

import hashlib
from pathlib import Path

from labelmend.data.formats.arrow import read_saved, saved_files
from labelmend.data.formats.compressed import unpacked
from labelmend.data.formats.find import format_of
from labelmend.data.spreadsheet import as_it_was
from labelmend.data.table import Content, SourceTable, empty_file
from labelmend.errors import InputError, nearest
from labelmend.regular_file import read_regular


def read_table(
    path: str | Path, encoding: str | None = None, *, header: bool = True
) -> SourceTable:
    """Read a file by its suffix, and by its content where the suffix says too little.

    Args:
        path: of a file, packed or not, in one of the formats of docs/files.md, or in one that
            another package brings; or of a folder that Hugging Face's `datasets` saved.
        encoding: a codec's name; None finds it out.
        header: whether the first row names the columns; else they are called `column_1` and so on.

    Raises:
        InputError: it is missing, unreadable, empty, without rows, binary, malformed or ragged.
    """
    path = Path(path)
    if path.is_dir():
        return read_saved(path)
    content = Content(path, unpacked(_read_bytes(path), path), encoding, header)
    if not content.raw.strip():
        raise empty_file(path)
    found = format_of(content)
    if not (header or found.headed):
        raise InputError(f"{path}: --no-header: {found.name} files have none; leave it out")
    return as_it_was(found.read(content))


def table_digest(path: Path) -> str:
    """Return the sha256 of a file's bytes as they stand, packed or not; of a folder's files.

    Raises:
        InputError: it can't be read.
    """
    digest = hashlib.sha256()
    for file in saved_files(path) if path.is_dir() else [path]:
        digest.update(_read_bytes(file))
    return digest.hexdigest()


def _read_bytes(path: Path) -> bytes:
    try:
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
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from None


def _file_names(folder: Path) -> list[str]:
    try:
        return sorted(p.name for p in folder.iterdir() if p.is_file())
    except OSError:
        return []
