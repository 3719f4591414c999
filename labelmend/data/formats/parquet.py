"""Parquet: columns, types and metadata come back as they were."""

import io
from typing import TYPE_CHECKING

from labelmend.data.formats.columnar import Columnar, refuse_many, unreadable
from labelmend.data.table import Content

if TYPE_CHECKING:
    import pyarrow as pa

_MAGIC = b"PAR1"

_SURE = 0.95
"""That a file is no more than Parquet: a tool's own columns in it say more."""


class Parquet(Columnar):
    """A Parquet file."""

    name = "parquet"
    suffixes: tuple[str, ...] = (".parquet", ".pq")

    def recognises(self, content: Content) -> float:
        """Say whether it begins as all such files do."""
        return _SURE if content.raw.startswith(_MAGIC) else 0.0

    def load(self, content: Content) -> "pa.Table":
        """Read all columns."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = content.path
        try:
            file = pq.ParquetFile(pa.BufferReader(content.raw))
            refuse_many(path, file.metadata.num_rows, file.metadata.num_columns)
            table = file.read()
            table.validate(full=True)  # a damaged file may hold texts that are no Unicode
        except (pa.ArrowException, OSError, ValueError) as error:  # of names, too
            raise unreadable(path, "Parquet", error) from None
        return table

    def dump(self, arrow: "pa.Table") -> bytes:
        """Write all columns."""
        import pyarrow.parquet as pq

        file = io.BytesIO()
        pq.write_table(arrow, file)
        return file.getvalue()


PARQUET = Parquet()
