"""Files in, files out: what the command `predict` does."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from labelmend.classify.data import row_texts
from labelmend.classify.folder import locate_encoders
from labelmend.classify.model_folder import load_model
from labelmend.classify.predicted import COLUMNS as PREDICTED
from labelmend.classify.predicted import predict_texts
from labelmend.configs.schema import Config
from labelmend.data.cells.read import counted_note, cut_note
from labelmend.data.dataset import ColumnChoice, choose_columns
from labelmend.data.outputs.claim import Given, Output, claim, given
from labelmend.data.outputs.journal import settle
from labelmend.data.outputs.spreadsheet import guarded_columns
from labelmend.data.request import TableRequest
from labelmend.data.shards.open import open_table
from labelmend.data.shards.table import ShardedTable
from labelmend.data.table import NewColumn, SourceTable
from labelmend.data.write import (
    atomic_files,
    check_new_columns,
    write_table,
)
from labelmend.engines.choose import HERE, Engine
from labelmend.errors import ColumnError
from labelmend.protocols import Progress
from labelmend.retrieval.encoders.windows import notes_on_cut
from labelmend.retrieval.space import open_space
from labelmend.runs.columns import Places, spread
from labelmend.runs.layout import OutputPaths
from labelmend.runs.shards.columns import check_columns_output, write_columns
from labelmend.voice.speak import meant
from labelmend.weights.signature import TrustedKey


@dataclass(frozen=True)
class PredictOutcome:
    """A finished prediction.

    Attributes:
        rows: of the table that have a text.
        flagged: rows that were called out of scope.
        output: the table that was written.
        columns: that were read.
        notes: what the user should know.
    """

    rows: int
    flagged: int
    output: Path
    columns: ColumnChoice
    notes: tuple[str, ...]


def predict_file(
    folder: Path,
    request: TableRequest,
    output: Path,
    config: Config,
    progress: Progress,
    *,
    trust_key: Path | None = None,
    excel_safe: bool = False,
    engine: Engine = HERE,
) -> PredictOutcome:
    """Predict the labels of a table's texts, and write the table with them.

    Args:
        folder: of the model.
        request: the table and its text columns; those that the model was trained on if none is
            named.
        output: the table with `PREDICTED` behind the user's columns; of one in shards a folder.
        config: how many texts are predicted at a time.
        progress: hears how far the work is.
        trust_key: a public key of minisign that has to have signed the model.
        excel_safe: keep spreadsheets from running what our columns say.
        engine: what encodes the texts.

    Raises:
        LabelmendError: the model or the input can't be used, or the output can't be written.
    """
    engine.check()
    settled = settle(folder, request.path, output, *OutputPaths.of(request.path, output).places)
    model = load_model(folder, None if trust_key is None else TrustedKey.read(trust_key))
    table = open_table(request.path, request.encoding, header=request.header)
    check_new_columns(table, PREDICTED)
    sharded = table if isinstance(table, ShardedTable) else None
    inputs = (Given(folder, "the model"),)
    digests: Mapping[str, str] = {}
    if sharded is None:
        claim((*given(request.path), *inputs), [Output(output, is_table=True)])
    else:
        digests = check_columns_output(sharded, output, inputs)
    named = request.text_column or trained_columns(model, table)
    columns = choose_columns(table, named, label_needed=False)
    table = replace(table, text_column=columns.text, label_column=columns.label)
    texts, rows = row_texts(table, columns, model.max_text_chars, strict=request.strict)
    models = locate_encoders(model, folder)
    space = open_space(model.encoders, models, model.means)
    batch = config.classify.batch_rows
    with engine.opened(config.cluster) as executor:
        found = predict_texts(model.classifier, space, texts, batch, progress, executor)
    places = Places(rows, [""] * len(table))
    columns_of = zip(PREDICTED, found.columns(), strict=True)
    ours = [NewColumn(name, spread(values, places)) for name, values in columns_of]
    if sharded is None:
        with atomic_files([output]) as (temporary,):
            write_table(table, guarded_columns(ours, output) if excel_safe else ours, temporary)
    else:
        write_columns(sharded, ours, output, digests, progress)
    blank = counted_note(
        len(table) - len(texts),
        meant("{count} {count:one=row has|other=rows have} no text: nothing is predicted of it"),
    )
    cut = (
        *cut_note(columns.text_values(table), model.max_text_chars),
        *notes_on_cut(model.encoders, models, texts, at="of the training"),
    )
    notes = (*settled, *table.notes, *blank, *cut, *space.notes)
    read = replace(columns, label=None, id=None)
    return PredictOutcome(len(texts), sum(found.flags), output, read, notes)


class HasCard(Protocol):
    """A saved model of any task, as far as its card goes."""

    @property
    def card(self) -> Mapping[str, Any]:
        """Plain JSON values."""
        ...


def trained_columns(model: HasCard, table: SourceTable) -> tuple[str, ...] | None:
    """Return the text columns that a model was trained on, where a table has them, else None.

    Raises:
        ColumnError: they are several, and the table has only some of them.
    """
    data = model.card.get("data")
    said = data.get("columns") if isinstance(data, Mapping) else None
    if not isinstance(said, Mapping) or not isinstance(said.get("text"), str):
        return None
    columns = (said["text"], *(c for c in said.get("more_text") or () if isinstance(c, str)))
    lacking = [column for column in columns if column not in table.columns]
    if lacking and len(lacking) < len(columns):
        raise ColumnError(
            f"{table.path}: the model was trained on {' and '.join(map(repr, columns))}, and there "
            f"is no {lacking[0]!r} here; name the columns with --text-column"
        )
    return None if lacking else columns
