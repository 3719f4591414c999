"""New rows: as a source gives them, as a step mended them, and as a version keeps them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from labelmend.errors import ModelError
from labelmend.retrain.project import RowsAre

ROWS = "rows.parquet"
"""The file of a version that has the rows that came with it."""

Side = Literal["train", "held out"]

_HASHED = 32
"""Hex digits of a row's name: 128 bits, so that no two rows meet by chance."""


@dataclass(frozen=True)
class NewRow:
    """A row as a source gives it.

    Attributes:
        source: the source's name.
        id: the row's in that source; "" where it has none.
        text: not blank.
        label: not blank.
        rows: what its source's rows are.
        sender: who sent it; "" where nobody knows.
        part: the file of a folder that it stands in; "" elsewhere.
    """

    source: str
    id: str
    text: str
    label: str
    rows: RowsAre
    sender: str = ""
    part: str = ""

    @property
    def key(self) -> str:
        """What tells rows apart: source, file, id, text and label; equal ones are counted."""
        said = f"{self.source}\0{self.part}\0{self.id}\0{self.text}\0{self.label}"
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:_HASHED]


@dataclass(frozen=True)
class MendedRow:
    """A row that a step took, and what it made of it.

    Attributes:
        source: as in `NewRow`; so are the next five.
        id: of the row.
        key: of the row.
        text: of the row.
        label: as it came.
        rows: what its source's rows are.
        side: whether its text is held out.
        mended: the label to use; "" where none is known.
        confidence: probability that `mended` is right, 0 to 1.
        decision: keep, change or review; answered where a person settled it; passed over where
            nothing is learned from it.
    """

    source: str
    id: str
    key: str
    text: str
    label: str
    rows: str
    side: str
    mended: str
    confidence: float
    decision: str


_COLUMNS = tuple(field.name for field in fields(MendedRow))


def write_rows(rows: Sequence[MendedRow], folder: Path) -> None:
    """Write rows into a version's folder.

    Raises:
        OSError: they can't be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {
        name: pa.array(
            [getattr(row, name) for row in rows],
            pa.float64() if name == "confidence" else pa.string(),
        )
        for name in _COLUMNS
    }
    pq.write_table(pa.table(columns), folder / ROWS)


def read_rows(folder: Path) -> tuple[MendedRow, ...]:
    """Read the rows that came with a version; none where it has no such file.

    Raises:
        ModelError: the file can't be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / ROWS
    if not path.is_file():
        return ()
    try:
        table: Mapping[str, Any] = pq.read_table(path, columns=list(_COLUMNS)).to_pydict()
        found = zip(*(table[name] for name in _COLUMNS), strict=True)
        return tuple(MendedRow(*values) for values in found)
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise ModelError(f"{path}: can't be read ({said}); restore the file from a copy") from None
