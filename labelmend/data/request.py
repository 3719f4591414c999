"""A table as a command asks for it: found, read and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelmend.data.cells.read import AS_IT_LOOKS, LabelRules
from labelmend.data.dataset import ColumnChoice, choose_columns, to_dataset, vote_indices
from labelmend.data.label_edits.file import NO_EDITS, EditsFile
from labelmend.data.shards.open import in_memory, open_table
from labelmend.data.table import SourceTable
from labelmend.errors import ColumnError, row_list
from labelmend.types import Dataset, Ints, LabelCard
from labelmend.voice.speak import note

if TYPE_CHECKING:
    from labelmend.configs.schema import DataConfig


@dataclass(frozen=True)
class TableRequest:
    """Which table, and which of its columns.

    Attributes:
        path: of the table.
        text_column: None to find it by name; so with the others. Several are joined.
        label_column: as above.
        id_column: as above.
        oos_label: the label that means "fits no label"; None to find it by name.
        encoding: of the file; None to detect it.
        vote_columns: columns with what other annotators or models said of each row.
        rules: how labels are read.
        strict: refuse a table with rows without text.
        header: whether the file's first row names the columns.
        label_columns: patterns of columns of 0 and 1, each of which is a label.
    """

    path: Path
    text_column: str | Sequence[str] | None = None
    label_column: str | None = None
    id_column: str | None = None
    oos_label: str | None = None
    encoding: str | None = None
    vote_columns: tuple[str, ...] = ()
    rules: LabelRules = AS_IT_LOOKS
    strict: bool = False
    header: bool = True
    label_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadedTable:
    """A checked table: all that can be wrong with it has been looked for.

    Attributes:
        table: as it was read.
        columns: which of its columns is what.
        dataset: its rows that have a text.
        rows: int64 [n], where they stand in the table, from 0.
        ids: of all rows of the table.
        votes: by column, int64 [n].
        notes: what the user should know, one line each.
    """

    table: SourceTable
    columns: ColumnChoice
    dataset: Dataset
    rows: Ints
    ids: tuple[str, ...]
    votes: Mapping[str, Ints]
    notes: tuple[str, ...]

    def refused_notes(self, labels: Sequence[str | None]) -> tuple[str, ...]:
        """Return a note on rows that got a label of which people said that they are not.

        Args:
            labels: that the rows with a text have now.
        """
        if self.table.refused_column is None:
            return ()
        refused = self.table.values(self.table.refused_column)
        pairs = zip(self.rows.tolist(), labels, strict=True)
        rows = [row + 1 for row, label in pairs if label and label == refused[row]]
        if not rows:
            return ()
        told = note(
            "{count} {count:one=row has|other=rows have} a label now that the column {column!r} "
            "refuses: {rows:name}",
            count=len(rows),
            column=self.table.refused_column,
            rows=row_list(rows),
        )
        return (told,)


def load_whole(
    request: TableRequest, config: "DataConfig", written: Mapping[str, LabelCard]
) -> LoadedTable:
    """Read and check a table as `load_table` does, with all columns also of one in shards."""
    loaded = load_table(request, config, written)
    return replace(loaded, table=in_memory(loaded.table))


def load_table(
    request: TableRequest,
    config: "DataConfig",
    written: Mapping[str, LabelCard],
    edits: EditsFile = NO_EDITS,
) -> LoadedTable:
    """Read and check a table.

    Args:
        request: the table and its columns.
        config: how rows are read.
        written: the user's label cards, whose labels join the label set.
        edits: of labels, applied before anything else looks at them.

    Raises:
        InputError: the table can't be used.
    """
    table = open_table(request.path, request.encoding, header=request.header)
    columns = choose_columns(
        table,
        request.text_column,
        request.label_column,
        request.id_column,
        label_needed=not written,
    )
    loaded = to_dataset(
        table,
        columns,
        config,
        request.oos_label,
        tuple(written),
        rules=request.rules,
        strict=request.strict,
        edits=edits,
    )
    for column in request.vote_columns:
        if column in {*columns.texts, columns.label, columns.id}:
            raise ColumnError(
                f"{table.path}: --vote-column {column}: holds the texts, labels or ids that are to "
                "be mended; name a column with what others said"
            )
    rows = np.setdiff1d(np.arange(len(table)), loaded.blank)
    votes = {
        column: vote_indices(table, column, loaded.dataset, request.rules)[rows]
        for column in request.vote_columns
    }
    whole = loaded.dataset
    dataset = whole
    if len(loaded.blank):
        dataset = replace(
            whole,
            ids=tuple(whole.ids[row] for row in rows),
            texts=tuple(whole.texts[row] for row in rows),
            given=whole.given[rows],
        )
    # Other formats than the table's own ask it which columns are what.
    table = replace(table, text_column=columns.text, label_column=columns.label)
    return LoadedTable(table, columns, dataset, rows, whole.ids, votes, loaded.notes)
