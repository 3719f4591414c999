"""Files in, files out: what the command `error-analysis` does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labelmend.classify.data import trainable_set
from labelmend.classify.heads.embedding import EmbeddingHead
from labelmend.classify.heads.registry import find_head
from labelmend.classify.space import ProfileSpace
from labelmend.configs.schema import ClassifyConfig, Config
from labelmend.data.dataset import ColumnChoice
from labelmend.data.outputs.claim import Given, Output, claim, given, given_models
from labelmend.data.outputs.journal import settle
from labelmend.data.request import TableRequest
from labelmend.data.spreadsheet import guarded_columns
from labelmend.data.table import NewColumn, Value
from labelmend.data.task import require_task
from labelmend.data.write import atomic_files, check_new_columns, lost_in, write_table
from labelmend.errors import ConfigError
from labelmend.evaluation.error_analysis.analysis import ErrorAnalysis, analyse_errors
from labelmend.evaluation.error_analysis.counts import ErrorCounts, count_errors
from labelmend.protocols import Progress
from labelmend.types import Ints
from labelmend.weights.locate import locate
from labelmend.weights.packages import require_encoders
from labelmend.workflows.profile import read_language
from labelmend.workflows.train import read_labelled

COLUMNS = ("kind", "learned", "held_out", "predicted", "kind_reason")


@dataclass(frozen=True)
class ErrorAnalysisOutcome:
    """A finished error analysis.

    Attributes:
        counts: of the kinds, with examples.
        labels: in the table.
        output: the table that was written.
        columns: that were read.
        notes: what the user should know.
    """

    counts: ErrorCounts
    labels: int
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
    """Say of each row's label what stands behind it, and write the table with that.

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
    head = _head(config.classify)
    require_encoders(config.encoders, by=f"profile {config.profile}")
    settled = settle(request.path, output)
    inputs = (*given(request.path), *given_models(config), *others)
    claim(inputs, [Output(output, is_table=True)])
    loaded = read_labelled(request, config.data, weigh=False)
    require_task(loaded.dataset, {"single"}, "error-analysis")
    columns, dataset = loaded.columns, loaded.dataset
    table = replace(loaded.table, text_column=columns.text, label_column=columns.label)
    check_new_columns(table, COLUMNS)
    where = f"{table.path}: column {columns.label!r}"
    data, _ = trainable_set(dataset, np.ones(len(dataset)), where, "keep")
    models = [locate(encoder.model) for encoder in config.encoders]
    language = read_language(data.texts, config.encoders, models, chosen, tell)
    space = ProfileSpace(config.encoders)
    embeddings = space.fit(data.texts, language.beginning(progress, tell))
    found = analyse_errors(data, embeddings, config.classify, head, config.seed, progress)
    pair_of = found.pair_of(dataset)
    rows = np.flatnonzero(pair_of >= 0)
    counts = count_errors(found, rows, pair_of[rows], dataset.texts)
    ours = new_columns(found, pair_of, columns.label)
    with atomic_files([output]) as (temporary,):
        write_table(table, guarded_columns(ours, output) if excel_safe else ours, temporary)
    seen = space.encoders(data.texts).notes
    notes = (*settled, *loaded.notes, *language.notes, *seen, *lost_in(table, output))
    return ErrorAnalysisOutcome(counts, len(data.labels), output, replace(columns, id=None), notes)


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
