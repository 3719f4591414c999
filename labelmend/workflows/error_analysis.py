"""Files in, files out: what the command `error-analysis` does."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labelmend.classify.data import MENDED, trainable_set
from labelmend.classify.heads.embedding import EmbeddingHead
from labelmend.classify.heads.registry import find_head
from labelmend.classify.several.data import set_training, trainable
from labelmend.classify.several.linear import require_kind
from labelmend.classify.space import ProfileSpace
from labelmend.configs.schema import ClassifyConfig, Config
from labelmend.data.dataset import ColumnChoice
from labelmend.data.duplicates import text_groups
from labelmend.data.formats.find import format_to_write
from labelmend.data.outputs.claim import Given, Output, claim, given, given_models
from labelmend.data.outputs.journal import settle
from labelmend.data.outputs.spreadsheet import guarded_columns
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.data.sets.label_sets import LoadedSets, has_several, load_sets
from labelmend.data.table import NewColumn, SourceTable, Value
from labelmend.data.task import require_task
from labelmend.data.write import atomic_files, check_new_columns, write_table
from labelmend.errors import ConfigError, InputError, OutputError
from labelmend.evaluation.error_analysis.analysis import ErrorAnalysis, analyse_errors
from labelmend.evaluation.error_analysis.counts import ErrorCounts, count_errors
from labelmend.evaluation.error_analysis.kinds import Kind
from labelmend.evaluation.error_analysis.several import SetErrorAnalysis, analyse_sets
from labelmend.protocols import Progress
from labelmend.types import Floats, Ints
from labelmend.weights.locate import locate
from labelmend.weights.packages import require_encoders
from labelmend.workflows.profile import read_language
from labelmend.workflows.relabel_sets import refuse_for_sets
from labelmend.workflows.train import read_labelled

GRAVITY: tuple[Kind, ...] = ("label error", "missing data", "hard", "fine")
"""Of the labels of a row, the kind of the first in this order is the row's."""

COLUMNS = ("kind", "learned", "held_out", "predicted", "kind_reason")


@dataclass(frozen=True)
class ErrorAnalysisOutcome:
    """A finished error analysis.

    Attributes:
        counts: of the kinds, with examples.
        rows: whose labels were judged.
        labels: in the label set.
        several: a row may have several labels, and `counts` is of all of them.
        output: the table that was written.
        columns: that were read.
        notes: what the user should know.
    """

    counts: ErrorCounts
    rows: int
    labels: int
    several: bool
    output: Path
    columns: ColumnChoice
    notes: tuple[str, ...]


def analyse_file(
    request: TableRequest,
    output: Path,
    config: Config,
    progress: Progress,
    *,
    others: Sequence[Given] = (),
    chosen: Sequence[str] = (),
    tell: Callable[[str], None] | None = None,
    excel_safe: bool = False,
) -> ErrorAnalysisOutcome:
    """Say of each row's label, or labels, what stands behind it, and write the table with that.

    Args:
        request: the table; its label column is `mended_label` by default, if there is one.
        output: the table with `COLUMNS` behind the user's.
        config: the encoders and the settings of the held-out classifier.
        progress: hears how far the work is.
        others: what the user gave besides; nothing that was given is written to.
        chosen: notes on why it is this profile.
        tell: hears before the work what the texts are in, and whether the encoders read it.
        excel_safe: keep spreadsheets from running what our columns say.

    Raises:
        LabelmendError: the input can't be used, or the output can't be written.
    """
    require_encoders(config.encoders, by=f"profile {config.profile}")
    settled = settle(request.path, output)
    inputs = (*given(request.path), *given_models(config), *others)
    claim(inputs, [Output(output, is_table=True)])
    analyse = _analyse_sets if _has_several(request) else _analyse_rows
    asked = _Asked(output, config, tuple(chosen), tell, progress)
    found = analyse(request, asked)
    ours = guarded_columns(found.ours, output) if excel_safe else found.ours
    with atomic_files([output]) as (temporary,):
        write_table(found.table, ours, temporary)
    notes = (*settled, *found.notes)
    several = analyse is _analyse_sets
    return ErrorAnalysisOutcome(
        found.counts, found.rows, found.labels, several, output, found.columns, notes
    )


@dataclass(frozen=True)
class _Asked:
    """How texts are read, who hears of it, and what is written."""

    output: Path
    config: Config
    chosen: tuple[str, ...]
    tell: Callable[[str], None] | None
    progress: Progress

    def check(self, table: SourceTable, columns: Iterable[str]) -> None:
        """Make sure that columns of ours can be written behind a table's.

        Raises:
            ColumnError: the table has one already.
            OutputError: its format has no place for them.
        """
        check_new_columns(table, columns)
        form = format_to_write(table, self.output)
        if form is not None and not form.other_columns:
            raise OutputError(
                f"{self.output}: files of {form.name} have no place for the kinds; end the name "
                "of the output in .csv or .jsonl"
            )

    def placed(self, texts: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
        """Return float32 [u, d], the embeddings of texts, and notes on them."""
        encoders = self.config.encoders
        models = [locate(encoder.model) for encoder in encoders]
        language = read_language(texts, encoders, models, self.chosen, self.tell)
        space = ProfileSpace(encoders)
        embeddings = space.fit(texts, language.beginning(self.progress, self.tell))
        return embeddings, (*language.notes, *space.encoders(texts).notes)


@dataclass(frozen=True)
class _Analysed:
    """A table, and what is to be written behind it."""

    table: SourceTable
    columns: ColumnChoice
    ours: tuple[NewColumn, ...]
    counts: ErrorCounts
    rows: int
    labels: int
    notes: tuple[str, ...]


def _has_several(request: TableRequest) -> bool:
    """Tell whether rows may have several labels; a mended label is one, whatever its signs."""
    if request.label_columns:
        return True
    if request.label_column is None:
        columns = read_table(request.path, request.encoding, header=request.header).columns
        return MENDED not in columns and has_several(request)
    return request.label_column != MENDED and has_several(request)


def _analyse_rows(request: TableRequest, asked: _Asked) -> _Analysed:
    """Analyse a table with one label a row.

    Raises:
        LabelmendError: it can't be used.
    """
    config = asked.config
    head = _head(config.classify)
    loaded = read_labelled(request, config.data, weigh=False)
    require_task(loaded.dataset, {"single"}, "error-analysis")
    columns, dataset = loaded.columns, loaded.dataset
    table = replace(loaded.table, text_column=columns.text, label_column=columns.label)
    asked.check(table, COLUMNS)
    where = f"{table.path}: column {columns.label!r}"
    data, _ = trainable_set(dataset, np.ones(len(dataset)), where, "keep")
    if not data.real().any():
        raise InputError(f"{where}: all texts were made by labelmend augment: none is judged")
    embeddings, notes = asked.placed(data.texts)
    found = analyse_errors(data, embeddings, config.classify, head, config.seed, asked.progress)
    pair_of = found.pair_of(dataset)
    rows = np.flatnonzero(pair_of >= 0)
    return _Analysed(
        table=table,
        columns=replace(columns, id=None),
        ours=new_columns(found, pair_of, columns.label),
        counts=count_errors(found, rows, pair_of[rows], dataset.texts),
        rows=len(rows),
        labels=len(data.labels),
        notes=(*loaded.notes, *notes),
    )


def _analyse_sets(request: TableRequest, asked: _Asked) -> _Analysed:
    """Analyse a table in which a row may have several labels.

    Raises:
        LabelmendError: it can't be used.
    """
    config = asked.config
    require_kind(config.classify.kind)
    refuse_for_sets(oos_label=request.oos_label)
    loaded = load_sets(request, config.data)
    sets, shape = loaded.sets, loaded.shape
    predicted = [f"predicted_{name}" for name in shape.columns.values()] or ["predicted"]
    asked.check(loaded.table, (*(c for c in COLUMNS if c != "predicted"), *predicted))
    label = loaded.columns.label
    of = "the columns of labels" if label is None else f"column {label!r}"
    data, _ = trainable(set_training(sets), f"{loaded.table.path}: {of}", "keep")
    embeddings, notes = asked.placed(data.texts)
    of_row = text_groups(sets.texts)
    any_given = np.zeros(data.carried.shape, dtype=bool)
    np.logical_or.at(any_given, of_row, sets.given)
    found = analyse_sets(data, any_given, embeddings, config.classify, config.seed, asked.progress)
    rows, pairs = found.of_rows(sets)
    places = loaded.rows[rows]
    texts = dict(zip(loaded.rows.tolist(), sets.texts, strict=True))
    return _Analysed(
        table=loaded.table,
        columns=replace(loaded.columns, id=None),
        ours=set_columns(found, loaded, rows, pairs),
        counts=count_errors(found, places, pairs, texts),
        rows=len(sets),
        labels=len(sets.labels),
        notes=(*loaded.notes, *notes),
    )


def set_columns(
    found: SetErrorAnalysis, loaded: LoadedSets, rows: Ints, pairs: Ints
) -> tuple[NewColumn, ...]:
    """Return `COLUMNS` of a table with several labels a row; `predicted` has its shape.

    A row has the kind that asks most of its labels: that of `GRAVITY` which comes first. learned
    and held_out are JSON by label.

    Args:
        found: what was found of texts and labels.
        loaded: the table.
        rows: int64 [a], of its rows with a text, that of each label that was judged.
        pairs: int64 [a], what was judged of it.
    """
    judged: list[list[int]] = [[] for _ in range(len(loaded.sets))]
    for row, pair in zip(rows.tolist(), pairs.tolist(), strict=True):
        judged[row].append(pair)
    of_row = text_groups(loaded.sets.texts).tolist()
    kinds, reasons = np.full((2, len(loaded.table)), None, dtype=object)
    shares = {"learned": found.learned, "held_out": found.held_out}
    cells = {name: np.full(len(loaded.table), None, dtype=object) for name in shares}
    called: list[tuple[str, ...] | None] = [None] * len(loaded.table)
    for i, place in enumerate(loaded.rows.tolist()):
        own = judged[i]
        kinds[place] = min((found.kinds[p] for p in own), key=GRAVITY.index, default="fine")
        told = [found.reason(p) for p in own if found.kinds[p] != "fine"]
        reasons[place] = "; ".join(told) or "nothing speaks against its labels"
        for name, values in shares.items():
            by_label = {found.labels[found.label_of[p]]: round(float(values[p]), 6) for p in own}
            cells[name][place] = json.dumps(by_label, ensure_ascii=False)
        called[place] = tuple(
            found.labels[k] for k in np.flatnonzero(found.called[of_row[i]]).tolist()
        )
    return (
        NewColumn("kind", tuple(kinds)),
        *(NewColumn(name, tuple(cells[name])) for name in shares),
        *loaded.shape.new_columns(loaded.table, "predicted", called),
        NewColumn("kind_reason", tuple(reasons)),
    )


def new_columns(
    found: ErrorAnalysis, pair_of: Ints, label_column: str | None
) -> tuple[NewColumn, ...]:
    """Return `COLUMNS`, one value a row; a row that was not judged is empty.

    Args:
        found: what was found of pairs.
        pair_of: int64 [n], the pair of each row, or -1.
        label_column: whose type the predicted labels have.
    """
    values: tuple[list[Value], ...] = ([], [], [], [], [])
    for pair in pair_of.tolist():
        cells: tuple[Value, ...] = (None,) * len(COLUMNS)
        if pair >= 0:
            cells = (
                found.kinds[pair],
                float(found.learned[pair]),
                float(found.held_out[pair]),
                found.data.labels[found.predicted[pair]],
                found.reason(pair),
            )
        for column, cell in zip(values, cells, strict=True):
            column.append(cell)
    like = {"predicted": label_column}
    return tuple(
        NewColumn(name, tuple(cells), like.get(name))
        for name, cells in zip(COLUMNS, values, strict=True)
    )


def _head(config: ClassifyConfig) -> EmbeddingHead:
    """Return the kind of the held-out models.

    Raises:
        ConfigError: it learns an encoder of its own.
    """
    head = find_head(config.kind)
    if not isinstance(head, EmbeddingHead):
        raise ConfigError(
            f"classify.kind {config.kind}: an error analysis takes a kind that reads embeddings as "
            "they are, such as logreg"
        )
    head.check(config)
    return head
