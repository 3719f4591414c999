"""Which files a folder or a pattern of shards names."""

import glob
from pathlib import Path

from labelmend.data.formats.arrow import is_saved
from labelmend.data.formats.find import beside
from labelmend.data.formats.parquet import PARQUET
from labelmend.errors import InputError, OutputError
from labelmend.regular_file import STANDARD_INPUT

_LEFT_OUT = (".", "_")
"""Names that begin so are no data: Spark, Arrow and labelmend's own files keep to that."""


def shards_of(path: Path) -> tuple[Path, ...]:
    """Return the Parquet files of a table in shards, by their names; none for another table.

    That is a folder of Parquet files, or a pattern such as `rows/*.parquet` that no file is called.
    What is read and written in this order is a table whose rows follow each other so.

    Raises:
        InputError: a pattern fits nothing, other files or folders lie among the shards, two have
            one name, or the folder can't be read.
    """
    if path == STANDARD_INPUT:
        return ()
    try:
        if path.is_dir():
            return () if is_saved(path) else _in_folder(path)
        if not glob.has_magic(str(path)) or path.exists():
            return ()
    except (OSError, ValueError):  # such as a name that no file can have
        return ()
    # As the shell has it, of which Path.glob knows less.
    found = [Path(name) for name in glob.glob(str(path), recursive=True)]  # noqa: PTH207
    files = [one for one in found if not one.is_dir() and not one.name.startswith(_LEFT_OUT)]
    if not files:
        raise InputError(f"{path}: no file fits this pattern; check the path")
    for file in sorted(files):
        if not _is_parquet(file):
            raise InputError(
                f"{file}: is no Parquet file, and {path} fits it; end the pattern in .parquet"
            )
    return _ordered(files)


def refuse_shards(path: Path, why: str) -> None:
    """Make sure that a table is one file, or a folder that `datasets` saved.

    Args:
        path: of the table.
        why: it has to be, such as "its rows have several labels".

    Raises:
        InputError: it is in shards.
    """
    if shards_of(path):
        raise InputError(f"{path}: is a table in shards, and {why}; give it as one file")


def default_output(path: Path, word: str) -> Path:
    """Return where the result for a table is written if no one says.

    `rows.mended` for a folder `rows` of shards, else as `beside` has it.

    Raises:
        OutputError: a pattern or standard input has no name to call the result after.
    """
    if not shards_of(path):
        return beside(path, word)
    if not path.is_dir():
        raise OutputError(f"{path}: is a pattern; name a new folder for the result with -o")
    path = path if path.name else path.resolve()
    return path.with_name(f"{path.name}.{word}")


def _in_folder(folder: Path) -> tuple[Path, ...]:
    """Return the shards in a folder; none where it holds no Parquet file.

    Raises:
        InputError: something else lies among them, or the folder can't be read.
    """
    try:
        found = sorted(one for one in folder.iterdir() if not one.name.startswith(_LEFT_OUT))
    except OSError as error:
        raise InputError(f"{folder}: can't be read: {error.strerror or error}") from None
    files = [one for one in found if _is_parquet(one) and not one.is_dir()]
    for other in found if files else []:
        if other.is_dir():
            raise InputError(
                f"{other}: is a folder among Parquet files; move it away, or give a pattern such "
                f"as '{folder}/*.parquet'"
            )
        if other not in files:
            raise InputError(
                f"{other}: is no Parquet file, and lies among some; move it away, or give a "
                f"pattern such as '{folder}/*.parquet'"
            )
    return _ordered(files)


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in PARQUET.suffixes


def _ordered(files: list[Path]) -> tuple[Path, ...]:
    """Return files by their names, which are those of the files that are written.

    Raises:
        InputError: two have one name.
    """
    by_name: dict[str, Path] = {}
    for file in sorted(files):
        other = by_name.setdefault(file.name, file)
        if other is not file:
            raise InputError(
                f"{file}: has the name of {other}, and both would be written to one folder; rename "
                "one of them"
            )
    return tuple(by_name[name] for name in sorted(by_name))
