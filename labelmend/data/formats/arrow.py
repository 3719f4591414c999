"""Arrow files, and folders of them as Hugging Face's `datasets` saves them.

`save_to_disk` writes a folder: Arrow files, `dataset_info.json`, and `state.json`, which names the
files in their order. What is mended is written as one file, Parquet or Arrow, with the features in
its metadata: `Dataset.from_parquet` and `Dataset.from_file` read them back.
"""

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelmend.data.formats.columnar import Columnar, shown, unreadable
from labelmend.data.table import Content, SourceTable
from labelmend.errors import InputError, nearest
from labelmend.regular_file import read_regular

if TYPE_CHECKING:
    import pyarrow as pa

_FILE = b"ARROW1"
_MOST_DESCRIBED = 1 << 24
"""Bytes of a folder's description, 16 MiB: it names files and labels."""

_STATE, _SPLITS = "state.json", "dataset_dict.json"


class Arrow(Columnar):
    """A stream, which is what `datasets` writes."""

    name = "arrow"
    suffixes: tuple[str, ...] = (".arrow",)

    def load(self, content: Content) -> "pa.Table":
        """Read all columns."""
        import pyarrow as pa

        try:
            source = pa.BufferReader(content.raw)
            is_file = content.raw.startswith(_FILE)
            opened = pa.ipc.open_file if is_file else pa.ipc.open_stream
            arrow = opened(source).read_all()
            # Offsets that point outside are only seen here.
            arrow.validate(full=True)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise unreadable(content.path, "Arrow", error) from None
        return arrow

    def dump(self, arrow: "pa.Table") -> bytes:
        """Write all columns."""
        import pyarrow as pa

        file = io.BytesIO()
        with self._opened(pa.ipc)(file, arrow.schema) as stream:
            stream.write_table(arrow)
        return file.getvalue()

    def _opened(self, ipc: Any) -> Any:
        return ipc.new_stream


class ArrowFile(Arrow):
    """A file with an index at its end, also called Feather."""

    name = "arrow-file"
    suffixes = (".feather",)
    shares = (".arrow",)

    def recognises(self, content: Content) -> float:
        """Say whether it begins as such files do."""
        return float(content.raw.startswith(_FILE))

    def _opened(self, ipc: Any) -> Any:
        return ipc.new_file


def read_saved(folder: Path) -> SourceTable:
    """Return the table of a folder that `Dataset.save_to_disk` wrote.

    Raises:
        InputError: it is another folder, holds several tables, or is damaged.
    """
    import pyarrow as pa

    parts = [ARROW.load(Content(path, _read(path))) for path in _files(folder)]
    try:
        arrow = pa.concat_tables(parts)
    except pa.ArrowException as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(f"{folder}: its files do not fit ({reason}); save it again") from None
    return shown(folder, ARROW.name, arrow)


def is_saved(folder: Path) -> bool:
    """Tell whether `datasets` saved a folder: a table, or several of them."""
    return any((folder / name).is_file() for name in (_STATE, _SPLITS))


def saved_files(folder: Path) -> list[Path]:
    """Return what such a folder's table is read from, in order; none if it is another folder."""
    return _files(folder) if (folder / _STATE).is_file() else []


def _files(folder: Path) -> list[Path]:
    if not (folder / _STATE).is_file():
        raise InputError(_not_one(folder))
    said = _described(folder / _STATE)
    listed = said.get("_data_files") if isinstance(said, dict) else None
    names = [str(file.get("filename")) for file in listed or () if isinstance(file, dict)]
    damaged = InputError(f"{folder / _STATE}: names no Arrow files beside it; save it again")
    if not names or said.get("_indices_data_files"):
        raise damaged
    if any(Path(name).name != name for name in names):
        raise damaged
    return [folder / name for name in names]


def _not_one(folder: Path) -> str:
    """Return why a folder holds no table, or not only one."""
    if not (folder / _SPLITS).is_file():
        return f"{folder}: is a folder; give one file in it"
    said = _described(folder / _SPLITS)
    splits = said.get("splits") if isinstance(said, dict) else None
    names = [str(name) for name in splits] if isinstance(splits, list) else []
    first = folder / (names[0] if names else "train")
    return f"{folder}: holds the splits {', '.join(names)}; give one of them, such as {first}"


def _described(path: Path) -> Any:
    try:
        return json.loads(read_regular(path, _MOST_DESCRIBED))
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{path}: can't be read as JSON; save the folder again") from None


def _read(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        hint = nearest(path.name, [p.name for p in path.parent.iterdir()])
        raise InputError(f"{path}: can't be read: {error.strerror or error}{hint}") from None


ARROW = Arrow()
ARROW_FILE = ArrowFile()
