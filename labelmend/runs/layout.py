"""Where the files of a run lie."""

from dataclasses import dataclass
from pathlib import Path

from labelmend.errors import OutputError


@dataclass(frozen=True)
class OutputPaths:
    """Where a relabelling is written: all files are named after the table."""

    table: Path
    evidence: Path
    record: Path
    labels: Path
    store: Path

    @classmethod
    def beside(cls, table: Path) -> "OutputPaths":
        """Return the paths.

        Raises:
            OutputError: the table's path has no name, such as `.`.
        """
        if not table.name:
            raise OutputError(f"{table}: is a folder; give a file name in it")
        return cls(
            table=table,
            evidence=table.with_suffix(".evidence.jsonl"),
            record=table.with_suffix(".run.json"),
            labels=table.with_suffix(".labels.yaml"),
            store=table.with_suffix(".votes.sqlite"),
        )
