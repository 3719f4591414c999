"""The index of a mended table, from which the report's pictures are drawn."""

from pathlib import Path

from labelmend.errors import InputError
from labelmend.runs.companions import INDEX
from labelmend.runs.layout import OutputPaths
from labelmend.runs.record import RunRecord
from labelmend.runs.row_index import RowIndex, read_row_index
from labelmend.runs.shards.joined import evidence_bytes
from labelmend.voice.speak import note


def read_index(table: Path, run: RunRecord) -> tuple[RowIndex | None, str | None]:
    """Read the index of a mended table, of which the pictures are drawn.

    Args:
        table: the mended one.
        run: the record of its run.

    Returns:
        the index, and what is amiss with it; both None where the run left none.
    """
    paths = OutputPaths.beside(table)
    digest = (run.files or {}).get(INDEX)
    if digest is None:
        return None, None
    try:
        return read_row_index(paths.index, digest, evidence_bytes(paths.evidence)), None
    except FileNotFoundError as error:
        name = Path(str(error.filename)).name
        return None, note(
            "there is no {name} beside the mended table, so there is no map", name=name
        )
    except InputError as error:
        return None, note("{problem:name}, so there is no map", problem=error)
