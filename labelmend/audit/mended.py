"""A mended table as an audit reads it: what was decided of each row, and how sure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelmend.audit.strata import Kind, kinds_of
from labelmend.data.dataset import ColumnChoice, choose_columns, label_indices, to_dataset
from labelmend.data.label_edits.file import NO_EDITS, EditsFile
from labelmend.data.labels_file import read_labels_file
from labelmend.data.outputs.journal import settle
from labelmend.data.read import read_table, refuse_standard_input
from labelmend.data.request import TableRequest
from labelmend.data.table import SourceTable
from labelmend.data.task import require_task
from labelmend.errors import InputError, row_list
from labelmend.runs.again import as_the_run, label_cards
from labelmend.runs.columns import doubt_after
from labelmend.runs.companions import changed_since
from labelmend.runs.layout import OutputPaths
from labelmend.runs.read import read_run
from labelmend.runs.record import RunRecord
from labelmend.runs.sets.record import SetRunRecord
from labelmend.types import NO_LABEL, Bools, Dataset, Doubles, Ints

if TYPE_CHECKING:
    from labelmend.configs.schema import DataConfig

_OURS = ("mended_label", "decision", "label_quality", "confidence")

ANSWERED = "answered"
"""The decision on a row whose text a person has answered."""


@dataclass(frozen=True)
class MendedTable:
    """A table that `labelmend relabel` wrote.

    Attributes:
        table: as it was read.
        columns: which of its columns is what.
        dataset: its rows; `given` are the labels as given, by the names that the run knew them by;
            the label set has the mended ones too.
        mended: int64 [n], the label after mending, or `NO_LABEL`.
        answered: bool [n], rows whose label is a person's answer.
        doubt: float64 [n], 0 to 1, the probability that the label after mending is wrong, as the
            run believed it; 1 where there is none.
        notes: what the user should know, one line each.
    """

    table: SourceTable
    columns: ColumnChoice
    dataset: Dataset
    mended: Ints
    answered: Bools
    doubt: Doubles
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def path(self) -> Path:
        """Of the table."""
        return self.table.path

    @property
    def ids(self) -> Sequence[str]:
        """The names of the rows."""
        return self.dataset.ids

    @property
    def texts(self) -> Sequence[str]:
        """What the rows say."""
        return self.dataset.texts

    @property
    def has_ids(self) -> bool:
        """The table names its rows."""
        return self.columns.id is not None

    def said_of(self, row: int) -> tuple[str, ...]:
        """Return the label of a row as given and after mending, "" for none."""
        both = int(self.dataset.given[row]), int(self.mended[row])
        return tuple(self.dataset.labels[k] if k != NO_LABEL else "" for k in both)

    @property
    def kinds(self) -> Ints:
        """int64 [n], the `Kind` of each row, `ANSWERED` ones among them."""
        given = self.dataset.given
        kinds = kinds_of(given != NO_LABEL, self.mended != NO_LABEL, given == self.mended)
        return np.where(self.answered, int(Kind.ANSWERED), kinds)


_SEVERAL = "mended_labels"
"""A column that mending adds to a table in which rows have several labels."""


def read_mended(request: TableRequest) -> MendedTable:
    """Read a mended table and, for its columns and settings, the record of the run beside it.

    Args:
        request: the table; columns that are not named are those of the run, else found by name.

    Raises:
        InputError: it can't be read, or `labelmend relabel` did not write it.
    """
    refuse_standard_input(request.path)
    settled = settle(request.path)
    table = read_table(request.path, request.encoding, header=request.header)
    missing = [name for name in _OURS if name not in table.columns]
    if missing and _SEVERAL in table.columns:
        raise InputError(
            f"{table.path}: rows have several labels, which this can't work on yet; of what asks "
            "people, audit, certify, review and answers import can"
        )
    if missing:
        raise InputError(
            f"{table.path}: no column {missing[0]!r}; give the table that labelmend relabel wrote"
        )
    run, problem = read_run(request.path, len(table))
    request = as_the_run(request, table.columns, run)
    columns = choose_columns(
        table, request.text_column, request.label_column, request.id_column, label_needed=False
    )
    config = data_config(run)
    labels = {label for label in table.values("mended_label") if label.strip()}
    cards = label_cards(request.path, run)
    if cards is not None:
        labels |= set(read_labels_file(cards))
    dataset = to_dataset(
        table,
        columns,
        config,
        request.oos_label,
        tuple(sorted(labels)),
        rules=request.rules,
        edits=_edits(run),
    ).dataset
    require_task(dataset, {"single"}, "audit")
    mended = label_indices(dataset.labels, table.values("mended_label"))
    answered = np.array([d == ANSWERED for d in table.values("decision")], dtype=bool)
    # Without a record, columns are found by their names: that is no fault.
    damaged = problem is not None and OutputPaths.beside(request.path).record.exists()
    amiss = [str(problem)] if damaged else [changed_since(request.path)]
    notes = (*settled, *(note for note in amiss if note is not None))
    found = MendedTable(table, columns, dataset, mended, answered, np.ones(len(table)), notes)
    return replace(found, doubt=_doubt(found))


def _edits(run: RunRecord | None) -> EditsFile:
    """Return the names that the run gave to labels: the table's own column has the old ones."""
    applied = None if run is None else run.input.label_edits
    return NO_EDITS if applied is None else EditsFile.of_names(applied.names)


def data_config(run: RunRecord | SetRunRecord | None) -> "DataConfig":
    """Return how the run read rows: texts are cut, and answers know a text by what is left."""
    from labelmend.configs.load import load_config

    config = load_config().data
    said = run.config.get("data") if run is not None else None
    limit = said.get("max_text_chars") if isinstance(said, Mapping) else None
    return replace(config, max_text_chars=limit) if isinstance(limit, int) else config


def _doubt(table: MendedTable) -> Doubles:
    kinds = table.kinds
    quality, confidence = (
        probabilities(table.table, name, np.isin(kinds, sorted(wanted)))
        for name, wanted in (
            ("label_quality", {Kind.KEPT}),
            ("confidence", {Kind.CHANGED, Kind.FILLED}),
        )
    )
    return doubt_after(table.dataset.given, table.mended, table.answered, quality, confidence)


def probabilities(table: SourceTable, column: str, needed: Bools) -> Doubles:
    """Return float64 [n], a column's probabilities; a half where there is none.

    Args:
        table: the mended one.
        column: of it.
        needed: bool [n], rows that must have one.

    Raises:
        InputError: a row that must have one has none.
    """
    found = np.full(len(table), np.nan)
    for row, value in enumerate(table.values(column)):
        try:
            found[row] = float(value)
        except ValueError:
            continue
    bad = ~((found >= 0) & (found <= 1))
    rows = np.flatnonzero(bad & needed)
    if len(rows):
        raise InputError(
            f"{table.path}: {row_list((rows + 1).tolist())}: no number from 0 to 1 in column "
            f"{column!r}; give the table as labelmend relabel wrote it"
        )
    return np.where(bad, 0.5, found)


def audit_paths(table: Path) -> tuple[Path, Path]:
    """Return where the design and the certificate of a mended table lie."""
    OutputPaths.beside(table)
    return table.with_suffix(".audit.json"), table.with_suffix(".certificate.json")
