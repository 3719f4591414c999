"""Files in, files out: what `predict` does with a model of soft targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelmend.classify.folder import locate_encoders
from labelmend.classify.soft.data import distinct_texts, placed
from labelmend.classify.soft.model_folder import SoftModel, load_soft_model
from labelmend.configs.schema import Config
from labelmend.data.outputs.claim import Given, Output, claim, given
from labelmend.data.outputs.journal import settle
from labelmend.data.outputs.spreadsheet import guarded_columns
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.data.shards.find import refuse_shards
from labelmend.data.soft.targets import (
    ReadTexts,
    TextParts,
    choose_texts,
    read_targets,
    read_texts,
    row_groups,
)
from labelmend.data.table import NewColumn, SourceTable
from labelmend.data.write import atomic_files, check_new_columns, write_table
from labelmend.engines.choose import HERE, Engine
from labelmend.errors import ColumnError, InputError
from labelmend.evaluation.soft_metrics import SoftMetrics, evaluate_soft
from labelmend.parallel import LOCAL, Executor, blocks_of
from labelmend.protocols import Progress
from labelmend.retrieval.encoders.windows import notes_on_cut
from labelmend.retrieval.space import TextSpace, open_space
from labelmend.types import Doubles
from labelmend.voice.speak import note
from labelmend.weights.signature import TrustedKey

PREDICTED = "predicted_"
"""What the names of our columns begin with, before that of the target."""


@dataclass(frozen=True)
class SoftPrediction:
    """A finished prediction.

    Attributes:
        rows: of the table that have a text.
        targets: that were predicted.
        output: the table that was written.
        texts: columns that were read.
        measured: how good the predictions are, where the table has targets; else None.
        notes: what the user should know.
    """

    rows: int
    targets: int
    output: Path
    texts: TextParts
    measured: SoftMetrics | None
    notes: tuple[str, ...]


def predict_soft_file(
    folder: Path,
    request: TableRequest,
    output: Path,
    config: Config,
    progress: Progress,
    *,
    pair: tuple[str, str] | None = None,
    trust_key: Path | None = None,
    excel_safe: bool = False,
    engine: Engine = HERE,
) -> SoftPrediction:
    """Predict the soft targets of a table's texts, and write the table with them.

    Args:
        folder: of the model.
        request: the table and its text columns; those that the model was trained on if none is
            named.
        output: the table with a column `predicted_TARGET` a target behind the user's.
        config: how many rows are predicted at a time, and the seed of intervals.
        progress: hears how far the work is.
        pair: two columns that are read as a pair.
        trust_key: a public key of minisign that has to have signed the model.
        excel_safe: keep spreadsheets from running what our columns say.
        engine: what encodes the texts.

    Raises:
        LabelmendError: the model or the input can't be used, or the output can't be written.
    """
    engine.check()
    refuse_shards(request.path, "a model of soft targets reads one file")
    settled = settle(folder, request.path, output)
    model = load_soft_model(folder, None if trust_key is None else TrustedKey.read(trust_key))
    claim((*given(request.path), Given(folder, "the model")), [Output(output, is_table=True)])
    table = read_table(request.path, request.encoding, header=request.header)
    check_new_columns(table, [PREDICTED + target for target in model.targets])
    columns = soft_columns(model, table, request.text_column, pair)
    read = read_texts(table, columns, model.max_text_chars, strict=request.strict)
    models = locate_encoders(model, folder)
    space = open_space(model.encoders, models, model.means)
    batch = config.classify.batch_rows
    with engine.opened(config.cluster) as executor:
        found = predict_rows(model, space, read.parts, batch, progress, executor)
    measured, told = _measured(model, table, read, found, config.seed)
    spread = np.full((len(table), len(model.targets)), np.nan)
    spread[read.rows] = found
    ours = [
        NewColumn(PREDICTED + target, tuple(values))
        for target, values in zip(model.targets, spread.T.tolist(), strict=True)
    ]
    with atomic_files([output]) as (temporary,):
        write_table(table, guarded_columns(ours, output) if excel_safe else ours, temporary)
    cut = notes_on_cut(model.encoders, models, distinct_texts(read.parts), at="of the training")
    notes = (*settled, *table.notes, *read.notes, *cut, *space.notes, *told)
    return SoftPrediction(len(read.rows), len(model.targets), output, columns, measured, notes)


def predict_rows(
    model: SoftModel,
    space: TextSpace,
    parts: Sequence[Sequence[str]],
    batch_rows: int,
    progress: Progress,
    executor: Executor = LOCAL,
) -> Doubles:
    """Return float64 [n, T], from 0 to 1, what a model says of texts.

    Args:
        model: of soft targets.
        space: that it reads.
        parts: the texts, [n]; of pairs two.
        batch_rows: predicted at a time.
        progress: hears how far the work is.
        executor: encodes the texts.

    Raises:
        ModelError: an encoder can't load.
    """
    rows = len(parts[0])
    progress.start("predict", rows)
    found = np.empty((rows, len(model.targets)))

    def read(block: slice) -> list[Sequence[str]]:
        return [part[block] for part in parts]

    blocks = list(blocks_of(rows, batch_rows))
    encoded = space.queries_by_block((distinct_texts(read(b)) for b in blocks), executor)
    for block, vectors in zip(blocks, encoded, strict=True):
        some = read(block)
        found[block] = model.scorer.predict(placed(some, distinct_texts(some), vectors))
        progress.advance(block.stop - block.start)
    return found


def soft_columns(
    model: SoftModel,
    table: SourceTable,
    text_column: str | Sequence[str] | None,
    pair: tuple[str, str] | None,
) -> TextParts:
    """Return the text columns that the user named, or those of the training.

    Raises:
        ColumnError: there are none, or of another task.
    """
    named = (text_column,) if isinstance(text_column, str) else text_column
    if model.is_pair and named:
        raise ColumnError(
            f"{table.path}: the model reads pairs of texts; name two columns with --pair"
        )
    if not model.is_pair and pair is not None:
        raise ColumnError(
            f"{table.path}: the model reads one text, not a pair; name its column with "
            "--text-column"
        )
    if named or pair:
        return choose_texts(table, named, pair)
    trained = _trained_parts(model)
    if model.is_pair and not trained:
        raise ColumnError(f"{table.path}: the model reads pairs of texts; name two with --pair")
    names = [name for part in trained for name in part]
    lacking = [name for name in names if name not in table.columns]
    if trained and not lacking:
        return TextParts(trained)
    if model.is_pair or (len(names) > 1 and len(lacking) < len(names)):
        raise ColumnError(
            f"{table.path}: the model was trained on {' and '.join(map(repr, names))}, and there "
            f"is no {lacking[0]!r} here; name the columns with "
            f"{'--pair' if model.is_pair else '--text-column'}"
        )
    return choose_texts(table, None, None)


def _trained_parts(model: SoftModel) -> tuple[tuple[str, ...], ...]:
    """Return the columns that the card says the model was trained on; none if it says nothing."""
    try:
        said = model.card["data"]["columns"]["parts"]
        parts = tuple(tuple(str(name) for name in part) for part in said)
    except (LookupError, TypeError):
        return ()
    is_whole = len(parts) == (2 if model.is_pair else 1) and all(parts)
    return parts if is_whole else ()


def _trained_group(model: SoftModel) -> str | None:
    """Return the column that the card says held groups; None if it says none."""
    try:
        said = model.card["data"]["columns"]["group"]
    except (LookupError, TypeError):
        return None
    return said if isinstance(said, str) else None


def _measured(
    model: SoftModel, table: SourceTable, read: ReadTexts, found: Doubles, seed: int
) -> tuple[SoftMetrics | None, tuple[str, ...]]:
    """Return how good predictions are on the targets that the table has, and notes."""
    places = [i for i, target in enumerate(model.targets) if target in table.columns]
    if not places:
        return None, ()
    targets = [model.targets[i] for i in places]
    try:
        values = read_targets(table, targets, read.rows)
    except InputError as error:
        return None, (note("nothing is measured: {why}", why=str(error)),)
    whole = ~np.isnan(values).any(axis=1)
    if not whole.any():
        return None, ()
    column = _trained_group(model)
    column = column if column in table.columns else None
    parts = [[part[i] for i in np.flatnonzero(whole).tolist()] for part in read.parts]
    groups = row_groups(table, parts, read.rows[whole], column)
    return evaluate_soft(values[whole], found[whole][:, places], targets, groups, seed), ()
