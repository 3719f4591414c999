"""Files to tables: every value as text, and what gives the user's bytes back."""

from pathlib import Path

from labelmend.data.formats.find import format_by_content, format_by_suffix
from labelmend.data.table import Content, SourceTable, empty_file
from labelmend.errors import InputError, nearest


def read_table(path: str | Path, encoding: str | None = None) -> SourceTable:
    """Read a file by its suffix, or by its content where the suffix says nothing.

    Args:
        path: of a CSV, TSV, JSONL or Parquet file, or of a format that another package brings.
        encoding: a codec's name; None finds it out.

    Raises:
        InputError: it is missing, unreadable, empty, without rows, binary, malformed or ragged.
    """
    path = Path(path)
    content = Content(path, _read_bytes(path), encoding)
    if not content.raw.strip():
        raise empty_file(path)
    return (format_by_suffix(path) or format_by_content(content)).read(content)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; give one file in it")
        return path.read_bytes()
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
