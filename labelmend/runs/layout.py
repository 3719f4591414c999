"""Where the files of a run lie, and what tells that they are ours."""

from dataclasses import dataclass
from pathlib import Path

from labelmend.data.labels_file import MARK
from labelmend.data.outputs.claim import Output
from labelmend.data.shards.find import shards_of
from labelmend.errors import OutputError

MARK_OF_INDEX = "labelmend.index"
"""Stands in the head of an index of a mended table, and in no other file."""


EVIDENCE_SUFFIX = ".jsonl"
"""Stands behind the name of a shard."""

HOME = "_labelmend"
"""The folder of a run's files in a folder of shards; whoever reads Parquet folders passes it by."""


@dataclass(frozen=True)
class OutputPaths:
    """Where a relabelling is written: all files are named after the table.

    Those of a table in shards lie in a folder among the shards, and its evidence is a folder too,
    of a file a shard.
    """

    table: Path
    evidence: Path
    record: Path
    labels: Path
    store: Path
    index: Path

    @classmethod
    def beside(cls, table: Path) -> "OutputPaths":
        """Return the paths, within a folder of shards that a run wrote.

        Raises:
            OutputError: the table's path has no name, such as `.`.
        """
        if (table / HOME).is_dir():
            return cls.inside(table)
        if not table.name:
            raise OutputError(f"{table}: is a folder; give a file name in it")
        return cls(
            table=table,
            evidence=table.with_suffix(".evidence.jsonl"),
            record=table.with_suffix(".run.json"),
            labels=table.with_suffix(".labels.yaml"),
            store=table.with_suffix(".votes.sqlite"),
            index=table.with_suffix(".index.arrow"),
        )

    @classmethod
    def inside(cls, folder: Path) -> "OutputPaths":
        """Return the paths of a run that writes shards to a folder."""
        home = folder / HOME
        return cls(
            table=folder,
            evidence=home / "evidence",
            record=home / "run.json",
            labels=home / "labels.yaml",
            store=home / "votes.sqlite",
            index=home / "index.arrow",
        )

    @classmethod
    def of(cls, source: Path, output: Path) -> "OutputPaths":
        """Return the paths of a run on a table: of one in shards, the output is a folder.

        Raises:
            InputError: the table is in shards, and these can't be used.
            OutputError: the output's path has no name.
        """
        return cls.inside(output) if shards_of(source) else cls.beside(output)

    @property
    def places(self) -> tuple[Path, ...]:
        """A path in each folder that a run writes to."""
        if self.record.parent.name != HOME:
            return (self.table,)
        return (self.table / HOME, self.record, self.evidence / HOME)

    def evidence_of(self, shard: str) -> Path:
        """Return the file with the evidence of a shard."""
        return self.evidence / f"{shard}{EVIDENCE_SUFFIX}"

    def outputs(self, *, labels: bool, store: bool) -> tuple[Output, ...]:
        """Return the files that a run writes or empties.

        Args:
            labels: it writes the label cards.
            store: it opens the vote store.
        """
        found = [
            Output(self.table, is_table=True),
            Output(self.evidence, "evidence", ('{"row":1,', '{"row": 1,')),
            Output(self.record, "record of a run", ('"labelmend": ',)),
            Output(self.index, "index of a mended table", (MARK_OF_INDEX,)),
        ]
        if labels:
            found.append(cards_output(self.labels))
        return (*found, *(self.store_files if store else ()))

    @property
    def store_files(self) -> tuple[Output, ...]:
        """What SQLite makes of the vote store; whether it is ours is the store's to tell."""
        return tuple(Output(Path(f"{self.store}{suffix}")) for suffix in ("", "-wal", "-shm"))

    @property
    def read(self) -> tuple[Path, ...]:
        """The files beside the mended table that are read with it."""
        return self.evidence, self.record, self.labels, self.index


def cards_output(path: Path) -> Output:
    """Return a file of label cards, which may take the place of such a file only."""
    return Output(path, "file of labels", (MARK,))
