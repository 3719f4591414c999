"""Files in, files out: what `predict` does with a model of several labels a text."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from labelmend.classify.data import row_texts
from labelmend.classify.folder import locate_encoders
from labelmend.classify.several.model_folder import SavedSets, load_sets_model
from labelmend.classify.several.predicted import LABELS, PredictedSets, column_names, predict_sets
from labelmend.configs.schema import Config
from labelmend.data.cells.read import LabelRules, counted_note, cut_note
from labelmend.data.dataset import ColumnChoice, choose_columns
from labelmend.data.duplicates import text_groups
from labelmend.data.formats.compressed import split_name
from labelmend.data.outputs.claim import Given, Output, claim, given
from labelmend.data.outputs.journal import settle
from labelmend.data.outputs.spreadsheet import guarded_columns
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.data.sets.label_sets import LabelSets, load_sets
from labelmend.data.shards.find import refuse_shards
from labelmend.data.table import NewColumn, SourceTable
from labelmend.data.write import atomic_files, check_new_columns, write_table
from labelmend.engines.choose import HERE, Engine
from labelmend.evaluation.set_metrics import SetMetrics, evaluate_sets
from labelmend.protocols import Progress
from labelmend.retrieval.encoders.windows import notes_on_cut
from labelmend.retrieval.space import open_space
from labelmend.runs.columns import Places, spread
from labelmend.version import __version__
from labelmend.voice.speak import meant, note
from labelmend.weights.signature import TrustedKey
from labelmend.workflows.predict import trained_columns

_SHOWN_LABELS = 5
"""Labels that a note names."""

_METRICS = ".metrics.json"
"""Behind the name of the table, where it says how good its predictions are."""


@dataclass(frozen=True)
class PredictSetsOutcome:
    """A finished prediction.

    Attributes:
        rows: of the table that have a text.
        labels: that were called, in all.
        output: the table that was written.
        columns: that were read.
        metrics: how good the predictions are, where the table says what holds.
        metrics_file: where that was written, or None.
        notes: what the user should know.
    """

    rows: int
    labels: int
    output: Path
    columns: ColumnChoice
    metrics: SetMetrics | None
    metrics_file: Path | None
    notes: tuple[str, ...]


def predict_sets_file(
    folder: Path,
    request: TableRequest,
    output: Path,
    config: Config,
    progress: Progress,
    *,
    trust_key: Path | None = None,
    excel_safe: bool = False,
    engine: Engine = HERE,
) -> PredictSetsOutcome:
    """Predict which labels the texts of a table have, and write the table with them.

    Where the table has the labels that the model was trained on, or is said to have others, it is
    also written how good the predictions are.

    Args:
        folder: of the model.
        request: the table; its text columns are those that the model was trained on if none is
            named, and so are its label columns, if they are there.
        output: the table with our columns behind the user's.
        config: how many texts are predicted at a time.
        progress: hears how far the work is.
        trust_key: a public key of minisign that has to have signed the model.
        excel_safe: keep spreadsheets from running what our columns say.
        engine: what encodes the texts.

    Raises:
        LabelmendError: the model or the input can't be used, or the output can't be written.
    """
    engine.check()
    refuse_shards(request.path, "a model of several labels a text reads one file")
    settled = settle(folder, request.path, output)
    model = load_sets_model(folder, None if trust_key is None else TrustedKey.read(trust_key))
    labels = model.classifier.labels
    table = read_table(request.path, request.encoding, header=request.header)
    check_new_columns(table, column_names(labels, model.shape))
    truth_request = _truth_request(model, table, request)
    written = [Output(output, is_table=True)]
    measured = None
    if truth_request is not None:
        measured = output.with_name(f"{split_name(output)[0]}{_METRICS}")
        written.append(Output(measured, "metrics of predictions", ('"labelmend": ',)))
    claim((*given(request.path), Given(folder, "the model")), written)
    named = request.text_column or trained_columns(model, table)
    truth = None
    if truth_request is not None:
        loaded = load_sets(replace(truth_request, text_column=named), config.data, labels)
        truth = loaded.sets
    columns = choose_columns(table, named, label_needed=False)
    table = replace(table, text_column=columns.text, label_column=columns.label)
    texts, rows = row_texts(table, columns, model.max_text_chars, strict=request.strict)
    models = locate_encoders(model, folder)
    space = open_space(model.encoders, models, model.means)
    batch = config.classify.batch_rows
    with engine.opened(config.cluster) as executor:
        found = predict_sets(model.classifier, space, texts, batch, progress, executor)
    metrics, told = (None, ()) if truth is None else _metrics(truth, found, config.seed)
    places = Places(rows, [""] * len(table))
    _write(table, found, model, places, output, measured, metrics, excel_safe=excel_safe)
    blank = counted_note(
        len(table) - len(texts),
        meant("{count} {count:one=row has|other=rows have} no text: nothing is predicted of it"),
    )
    cut = (
        *cut_note(columns.text_values(table), model.max_text_chars),
        *notes_on_cut(model.encoders, models, texts, at="of the training"),
    )
    notes = (*settled, *table.notes, *blank, *cut, *space.notes, *told)
    read = replace(columns, label=None, id=None)
    called = int(found.called.sum())
    measured = None if metrics is None else measured
    return PredictSetsOutcome(len(texts), called, output, read, metrics, measured, notes)


def _truth_request(
    model: SavedSets, table: SourceTable, request: TableRequest
) -> TableRequest | None:
    """Return where a table says what holds: where the user says, else as the trained one did."""
    if request.label_columns:
        return request
    rules = request.rules
    if model.shape.joined_by is not None:
        rules = LabelRules(model.shape.joined_by)
    if request.label_column is not None:
        return replace(request, rules=rules)
    columns = tuple(model.shape.columns.values())
    if model.shape.column is not None:
        if model.shape.column not in table.columns:
            return None
        return replace(request, label_column=model.shape.column, rules=rules)
    return replace(request, label_columns=columns) if set(columns) <= set(table.columns) else None


def _metrics(
    truth: LabelSets, found: PredictedSets, seed: int
) -> tuple[SetMetrics | None, tuple[str, ...]]:
    """Measure predictions, with notes; None where no row has a label of the model's."""
    held = [truth.labels[k] for k in np.flatnonzero(truth.given.any(axis=0))]
    strange = [label for label in held if label not in set(found.labels)]
    if not held:
        return None, ()
    if len(strange) == len(held):
        said = note("nothing is measured: none of the table's labels is one of the model's")
        return None, (said,)
    notes = counted_note(
        len(strange),
        meant(
            "{count} {count:one=label was|other=labels were} never trained on and "
            "{count:one=counts|other=count} as never called: {labels:name}"
        ),
        labels=", ".join(map(repr, strange[:_SHOWN_LABELS])),
    )
    place = {label: k for k, label in enumerate(truth.labels)}
    labels = (*found.labels, *strange)
    given = np.zeros((len(truth), len(labels)), dtype=np.bool_)
    for k, label in enumerate(labels):
        if label in place:
            given[:, k] = truth.given[:, place[label]]
    text_of = text_groups(truth.texts)
    metrics = evaluate_sets(
        given, found.called, found.probabilities, labels, text_of=text_of, seed=seed
    )
    return metrics, tuple(notes)


def _write(
    table: SourceTable,
    found: PredictedSets,
    model: SavedSets,
    places: Places,
    output: Path,
    measured: Path | None,
    metrics: SetMetrics | None,
    *,
    excel_safe: bool,
) -> None:
    """Write the table, and the metrics where there are some."""
    said = found.columns(model.shape).items()
    # Lists stay lists where the format knows them.
    shape, there = model.shape.column, table.columns
    like = {LABELS: shape} if shape in there else {}
    ours = [NewColumn(name, spread(values, places), like.get(name)) for name, values in said]
    paths = [output] if measured is None or metrics is None else [output, measured]
    with atomic_files(paths) as temporary:
        write_table(table, guarded_columns(ours, output) if excel_safe else ours, temporary[0])
        if metrics is not None and len(paths) > 1:
            record: Mapping[str, object] = {"labelmend": __version__, **asdict(metrics)}
            text = json.dumps(record, indent=2, ensure_ascii=False)
            temporary[1].write_text(f"{text}\n", "utf-8")
