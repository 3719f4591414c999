"""The files of a run on a table in shards: a shard and its evidence at a time."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labelmend.data.labels_file import labels_yaml
from labelmend.data.request import LoadedTable
from labelmend.data.shards.table import Shard, ShardedTable, digest_of_all
from labelmend.data.shards.write import of_one_type, write_shard
from labelmend.data.table import Value
from labelmend.data.write import atomic_files
from labelmend.protocols import Progress
from labelmend.regular_file import regular_lines
from labelmend.relabel.result import Relabelling
from labelmend.runs.columns import Places, columns_of, evidence_lines
from labelmend.runs.companions import EVIDENCE, INDEX, LABELS, TABLE, digest_of
from labelmend.runs.index_of_run import WrittenLines, index_of, write_lines
from labelmend.runs.layout import OutputPaths
from labelmend.runs.record import RunRecord
from labelmend.runs.row_index import write_row_index
from labelmend.runs.shards.outcome import outcome_key
from labelmend.runs.shards.record import ShardRecord
from labelmend.runs.shards.unfinished import Unfinished, Written
from labelmend.types import NO_LABEL


def write_sharded_run(
    paths: OutputPaths,
    loaded: LoadedTable,
    result: Relabelling,
    record: RunRecord,
    *,
    unfinished: Unfinished,
    progress: Progress,
    labels: bool,
) -> None:
    """Write all files of a run; each shard is whole as soon as it is there, the record comes last.

    Args:
        paths: of the run.
        loaded: what was read; its table is one in shards.
        result: of the run.
        record: without the hashes of files.
        unfinished: the output folder.
        progress: hears how far the work is.
        labels: write the label cards, too.

    Raises:
        InputError: a shard was changed since it was read.
        OutputError: a file can't be written.
    """
    table = loaded.table
    assert isinstance(table, ShardedTable)
    digests = unfinished.digests
    places = Places(loaded.rows, loaded.ids, loaded.columns.label)
    writer = _ShardWriter(paths, result, places, outcome_key(result, places, digests.values()))
    progress.start("write shards", len(table.shards))
    shards, lines = [], []
    for shard in table.shards:
        written = unfinished.kept(shard.path.name, writer.outcome)
        if written is None:
            written, of_shard = writer.write(shard)
            unfinished.add(written)
        else:
            of_shard = _lines_of(paths.evidence_of(shard.path.name))
        name = shard.path.name
        shards.append(
            ShardRecord(
                name=name,
                rows=shard.rows,
                sha256=digests[name],
                mended=written.table,
                mended_bytes=(paths.table / name).stat().st_size,
                evidence=written.evidence,
                evidence_bytes=int(of_shard.sizes.sum()),
            )
        )
        lines.append(of_shard)
        progress.advance()
    whole = WrittenLines(
        np.concatenate([each.sizes for each in lines]),
        np.concatenate([each.checks for each in lines]),
    )
    with atomic_files([paths.record, paths.index, *([paths.labels] if labels else [])]) as names:
        run, index, *cards = names
        write_row_index(index, index_of(result, places, loaded.columns.text_values(table), whole))
        files = {
            EVIDENCE: digest_of_all([one.evidence for one in shards]),
            INDEX: digest_of(index),
            TABLE: digest_of_all([one.mended for one in shards]),
        }
        for path in cards:
            path.write_text(labels_yaml(result.cards), "utf-8")
            files[LABELS] = digest_of(path)
        record = record.model_copy(update={"files": files, "shards": tuple(shards)})
        run.write_text(record.to_json(), "utf-8", errors="replace")
    unfinished.finish()


class _ShardWriter:
    """Writes shards of one outcome."""

    def __init__(
        self, paths: OutputPaths, result: Relabelling, places: Places, outcome: str
    ) -> None:
        from labelmend.relabel.diagnostics.explain import RowReader  # half a second for the sources

        self.outcome = outcome
        self._paths, self._result, self._places = paths, result, places
        self._reader = RowReader(result)
        names, decisions = result.dataset.labels, result.decisions
        labels = np.unique(decisions.mended[decisions.mended != NO_LABEL])
        numbers = {"label_quality": decisions.quality, "confidence": decisions.confidence}
        self._held: dict[str, Sequence[Value]] = {
            "mended_label": [names[k] for k in labels.tolist()],
            **{name: each[np.isfinite(each)][:1].tolist() for name, each in numbers.items()},
        }

    def write(self, shard: Shard) -> tuple[Written, WrittenLines]:
        """Write a shard and its evidence.

        Raises:
            InputError: it was changed since it was read.
            OutputError: they can't be written.
        """
        name, reader = shard.path.name, self._reader
        columns = columns_of(self._result, self._places, reader, shard.part)
        with atomic_files([self._paths.table / name, self._paths.evidence_of(name)]) as files:
            table, evidence = files
            write_shard(shard, of_one_type(columns, self._held), table)
            found = evidence_lines(self._result, self._places, reader, shard.part)
            lines = write_lines(evidence, found)
            written = Written(name, self.outcome, digest_of(table), digest_of(evidence))
        reader.forget()
        return written, lines


def _lines_of(path: Path) -> WrittenLines:
    """Return where the lines of a file lie that was written before."""
    sizes, checks = [], []
    for line in regular_lines(path):
        sizes.append(len(line))
        checks.append(zlib.crc32(line))
    return WrittenLines(np.array(sizes, dtype=np.int64), np.array(checks, dtype=np.uint32))
