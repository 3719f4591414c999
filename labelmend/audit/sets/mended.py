"""A mended table with several labels a row as an audit reads it: what was decided, how sure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelmend.audit.mended import (
    ANSWERED,
    MendedTable,
    data_config,
    probabilities,
    read_mended,
)
from labelmend.audit.strata import Kind, kinds_of
from labelmend.data.cells.read import AS_IT_LOOKS, LabelRules
from labelmend.data.dataset import ColumnChoice
from labelmend.data.outputs.journal import settle
from labelmend.data.read import read_table, refuse_standard_input
from labelmend.data.request import TableRequest
from labelmend.data.sets.label_sets import LabelSets, LoadedSets, load_sets
from labelmend.errors import InputError
from labelmend.runs.companions import changed_since
from labelmend.runs.layout import OutputPaths
from labelmend.runs.read import read_set_run
from labelmend.runs.sets.columns import MENDED, SWITCH
from labelmend.runs.sets.record import SetRunRecord, task_of
from labelmend.types import Bools, Doubles, Ints

if TYPE_CHECKING:
    from labelmend.configs.schema import DataConfig

_OURS = ("decision", "confidence")


@dataclass(frozen=True)
class MendedSetTable:
    """A table with several labels a row that `labelmend relabel` wrote.

    Attributes:
        loaded: as it was read; its sets are the rows with a text, their labels as given, and the
            label set has the mended ones too.
        mended: bool [n, L], the labels after mending.
        answered: bool [n], rows whose labels are a person's answer.
        doubt: float64 [n], 0 to 1, the probability that something is wrong with a row's labels
            after mending, as the run believed it.
        notes: what the user should know, one line each.
    """

    loaded: LoadedSets
    mended: Bools
    answered: Bools
    doubt: Doubles
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.sets)

    @property
    def sets(self) -> LabelSets:
        """The rows with a text, their labels as given."""
        return self.loaded.sets

    @property
    def path(self) -> Path:
        """Of the table."""
        return self.loaded.table.path

    @property
    def columns(self) -> ColumnChoice:
        """Which of its columns is what."""
        return self.loaded.columns

    @property
    def ids(self) -> Sequence[str]:
        """The names of the rows."""
        return self.sets.ids

    @property
    def texts(self) -> Sequence[str]:
        """What the rows say."""
        return self.sets.texts

    @property
    def has_ids(self) -> bool:
        """The table names its rows."""
        return self.loaded.columns.id is not None

    @property
    def kinds(self) -> Ints:
        """int64 [n], the `Kind` of each row, `ANSWERED` ones among them."""
        here = np.ones(len(self), dtype=bool)
        kinds = kinds_of(here, here, (self.sets.given == self.mended).all(axis=1))
        return np.where(self.answered, int(Kind.ANSWERED), kinds)

    def names(self, carried: Bools) -> tuple[str, ...]:
        """Return the names of a row's labels, bool [L], in the order of the label set."""
        return tuple(self.sets.labels[k] for k in np.flatnonzero(carried))

    def said_of(self, row: int) -> tuple[str, ...]:
        """Return the labels of a row as given and after mending, each all in one."""
        both = self.sets.given[row], self.mended[row]
        return tuple("\x1f".join(self.names(carried)) for carried in both)


def is_of_sets(request: TableRequest) -> bool:
    """Tell whether a mended table is one in which a row may have several labels.

    Raises:
        InputError: it can't be read.
    """
    refuse_standard_input(request.path)
    if request.label_columns:
        return True
    task = task_of(OutputPaths.beside(request.path).record)
    if task is not None:
        return task == "several"
    columns = read_table(request.path, request.encoding, header=request.header).columns
    return MENDED in columns and "mended_label" not in columns


def read_audited(request: TableRequest) -> MendedTable | MendedSetTable:
    """Read a mended table, however many labels a row may have.

    Raises:
        InputError: it can't be read, or `labelmend relabel` did not write it.
    """
    refuse_standard_input(request.path)
    # The record, which tells how many, may be among what a killed run left.
    settled = settle(request.path)
    table = read_mended_sets(request) if is_of_sets(request) else read_mended(request)
    return replace(table, notes=(*settled, *table.notes))


def read_mended_sets(request: TableRequest) -> MendedSetTable:
    """Read a mended table and, for its columns and settings, the record of the run beside it.

    Args:
        request: the table; columns that are not named are those of the run, else found by name.

    Raises:
        InputError: it can't be read, or `labelmend relabel` did not write it.
    """
    refuse_standard_input(request.path)
    settled = settle(request.path)
    table = read_table(request.path, request.encoding, header=request.header)
    run, problem = read_set_run(request.path, len(table))
    request = _as_the_run(request, table.columns, run)
    known = () if run is None else tuple(run.labels)
    config = data_config(run)
    loaded = load_sets(request, config, known)
    ours = [f"{SWITCH}_{name}" for name in loaded.shape.columns.values()]
    missing = [name for name in (*(ours or [MENDED]), *_OURS) if name not in table.columns]
    if missing:
        raise InputError(
            f"{table.path}: no column {missing[0]!r}; give the table that labelmend relabel wrote"
        )
    sets, mended = _mended(request, loaded, config)
    decisions = table.values("decision")
    answered = np.array([decisions[row] == ANSWERED for row in loaded.rows.tolist()], dtype=bool)
    needed = np.zeros(len(table), dtype=bool)
    needed[loaded.rows[~answered]] = True
    confidence = probabilities(table, "confidence", needed)[loaded.rows]
    # Without a record, columns are found by their names: that is no fault.
    damaged = problem is not None and OutputPaths.beside(request.path).record.exists()
    amiss = [str(problem)] if damaged else [changed_since(request.path)]
    return MendedSetTable(
        loaded=replace(loaded, sets=sets),
        mended=mended,
        answered=answered,
        doubt=np.where(answered, 0.0, 1 - confidence),
        notes=(*settled, *(note for note in amiss if note is not None)),
    )


def _as_the_run(
    request: TableRequest, columns: Sequence[str], run: SetRunRecord | None
) -> TableRequest:
    """Return the request with what the run was told, where the user says nothing."""
    if run is None:
        return request
    theirs = run.input.columns
    texts = (theirs.text, *theirs.more_text)
    if not request.text_column and set(texts) <= set(columns):
        request = replace(request, text_column=texts)
    if request.id_column is None and theirs.id in columns:
        request = replace(request, id_column=theirs.id)
    if request.label_column is None and not request.label_columns:
        label = theirs.label if theirs.label in columns else None
        request = replace(request, label_column=label, label_columns=run.label_columns)
    if request.rules != AS_IT_LOOKS:
        return request
    reading = run.input.reading
    rules = LabelRules(reading.separator, reading.missing, reading.merge_spellings)
    return replace(request, rules=rules)


def _mended(
    request: TableRequest, loaded: LoadedSets, config: "DataConfig"
) -> tuple[LabelSets, Bools]:
    """Return the rows with all labels in their label set, and what they carry after mending."""
    columns, shape = loaded.columns, loaded.shape
    request = replace(request, text_column=columns.texts, id_column=columns.id)
    if shape.columns:
        prefix, switches = (
            f"{SWITCH}_",
            tuple(f"{SWITCH}_{name}" for name in shape.columns.values()),
        )
        request = replace(request, label_columns=switches)
        after = load_sets(request, config).sets
        labels = tuple(name.removeprefix(prefix) for name in after.labels)
    else:
        rules = replace(request.rules, separator=shape.joined_by or request.rules.separator)
        request = replace(request, label_column=MENDED, rules=rules)
        after = load_sets(request, config, loaded.sets.labels).sets
        labels = after.labels
    every = tuple(sorted({*loaded.sets.labels, *labels}))
    given = _placed(loaded.sets.given, loaded.sets.labels, every)
    return replace(loaded.sets, given=given, labels=every), _placed(after.given, labels, every)


def _placed(carried: Bools, labels: Sequence[str], every: Sequence[str]) -> Bools:
    """Return bool [n, L], labels in the places that they have among all."""
    found = np.zeros((len(carried), len(every)), dtype=np.bool_)
    found[:, [every.index(label) for label in labels]] = carried
    return found
