"""Files in, files out: what the command `predict` does."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelmend.classify.classifier import Predictions
from labelmend.classify.data import row_texts
from labelmend.classify.model_folder import load_model, locate_encoders
from labelmend.configs.schema import Config
from labelmend.data.dataset import choose_columns
from labelmend.data.outputs.claim import Given, Output, claim, given
from labelmend.data.outputs.journal import settle
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.data.table import NewColumn, Value
from labelmend.data.write import (
    atomic_files,
    check_new_columns,
    write_table,
)
from labelmend.parallel import LOCAL, blocks_of
from labelmend.protocols import Progress
from labelmend.retrieval.space import open_space

PREDICTED = ("predicted_label", "probability", "is_oos", "top_3")


_TOP = 3
"""Labels that the predictions have of each row."""


@dataclass(frozen=True)
class PredictOutcome:
    """A finished prediction.

    Attributes:
        rows: of the table.
        flagged: rows that were called out of scope.
        output: the table that was written.
        notes: what the user should know.
    """

    rows: int
    flagged: int
    output: Path
    notes: tuple[str, ...]


def predict_file(
    folder: Path, request: TableRequest, output: Path, config: Config, progress: Progress
) -> PredictOutcome:
    """Predict the labels of a table's texts, and write the table with them.

    Args:
        folder: of the model.
        request: the table and its text column.
        output: the table with `PREDICTED` behind the user's columns.
        config: how many texts are predicted at a time.
        progress: hears how far the work is.

    Raises:
        LabelmendError: the model or the input can't be used, or the output can't be written.
    """
    settled = settle(folder, request.path, output)
    model = load_model(folder)
    table = read_table(request.path, request.encoding)
    check_new_columns(table, PREDICTED)
    inputs = (*given(request.path), Given(folder, "the model"))
    claim(inputs, [Output(output, is_table=True)])
    column = choose_columns(table, request.text_column, label_needed=False).text
    texts = row_texts(table, column, model.max_text_chars)
    models = locate_encoders(model, folder)
    space = open_space(model.encoders, models, model.means)
    labels = model.classifier.labels
    names: list[str] = []
    probabilities: list[float] = []
    flags: list[bool] = []
    tops: list[str] = []
    progress.start("predict", len(texts))
    blocks = blocks_of(len(texts), config.classify.batch_rows)
    for found in LOCAL.map_blocks(
        lambda rows: model.classifier.predict(space.queries(texts[rows])), blocks
    ):
        count = len(found.labels)
        names += [labels[k] for k in found.labels]
        probabilities += found.probabilities[np.arange(count), found.labels].tolist()
        flags += found.is_oos.tolist()
        tops += _top_labels(found, labels)
        progress.advance(count)
    values: list[tuple[Value, ...]] = [
        tuple(column) for column in (names, probabilities, flags, tops)
    ]
    with atomic_files([output]) as (temporary,):
        columns = [NewColumn(n, v) for n, v in zip(PREDICTED, values, strict=True)]
        write_table(table, columns, temporary)
    return PredictOutcome(len(texts), sum(flags), output, (*settled, *space.notes))


def _top_labels(found: Predictions, labels: tuple[str, ...]) -> Iterator[str]:
    """Yield each row's most probable labels as `relabel` shows its candidates."""
    for row, top in enumerate(found.top(_TOP).tolist()):
        yield " | ".join(f"{labels[k]} {found.probabilities[row, k]:.3f}" for k in top)
