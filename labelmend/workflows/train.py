"""Files in, files out: what the commands `train-classifier` and `predict` do."""

import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.data import (
    CONFIDENCE,
    MENDED,
    LabelledTable,
    RareLabels,
    TrainingSet,
    label_counts,
    labelled_table,
    trainable_set,
)
from labelmend.classify.folder import ENCODER, check_folder
from labelmend.classify.heads.base import Fitted, Head, TrainingTask
from labelmend.classify.heads.registry import find_head
from labelmend.classify.model_folder import SavedModel, save_model
from labelmend.classify.space import EncodersUsed, ProfileSpace
from labelmend.classify.train import Training
from labelmend.configs.load import config_to_dict
from labelmend.configs.schema import Config, DataConfig, EncoderConfig
from labelmend.data.dataset import ColumnChoice
from labelmend.data.outputs.claim import Given, claim, given, given_models
from labelmend.data.outputs.journal import settle
from labelmend.data.read import read_table, table_digest
from labelmend.data.request import TableRequest
from labelmend.data.task import require_task
from labelmend.evaluation.evaluate import Metrics, curve_record, evaluate, headline
from labelmend.extras import installed_versions
from labelmend.protocols import Progress
from labelmend.regular_file import recorded
from labelmend.runs.again import as_the_run
from labelmend.runs.read import read_run
from labelmend.weights.locate import locate
from labelmend.weights.packages import require_encoders
from labelmend.workflows.profile import read_language

_LIBRARIES = ("numpy", "scikit-learn", "skops", "sentence-transformers", "torch", "onnxruntime")


@dataclass(frozen=True)
class TrainOutcome:
    """A finished training.

    Attributes:
        training: the classifier and its held-out predictions.
        data: what it was trained on.
        held_out: how good the held-out predictions are, over distinct texts.
        folder: where the model was written.
        columns: that were read.
        notes: what the user should know.
    """

    training: Training
    data: TrainingSet
    held_out: Metrics
    folder: Path
    columns: ColumnChoice
    notes: tuple[str, ...]


_KEPT_CHARS = 200
"""Characters of a text that a model keeps, if it is to: fifty thousand of them fit a card."""


def default_point(config: Config) -> OperatingPoint:
    """Return the operating point of a profile."""
    return OperatingPoint("in-scope-loss", config.classify.max_in_scope_loss)


def checkpoints_of(folder: Path) -> Path:
    """Return where the checkpoints of a model's fine-tuning lie: beside its folder."""
    # Path.resolve fails where links go round in a circle, which is found out later.
    place = Path(os.path.realpath(folder))
    return place.with_name(f"{place.name}.checkpoints")


def train_file(
    request: TableRequest,
    folder: Path,
    config: Config,
    kind: str,
    point: OperatingPoint,
    progress: Progress,
    *,
    weigh: bool = False,
    keep_texts: bool = False,
    rare_labels: RareLabels = "drop",
    others: Sequence[Given] = (),
    chosen: Sequence[str] = (),
    tell: Callable[[str], None] | None = None,
) -> TrainOutcome:
    """Train a classifier on a table, and write its model folder.

    Args:
        request: the table; its label column is `mended_label` by default, if there is one.
        folder: of the model.
        config: the encoders and the classifier's settings.
        kind: of the classifier.
        point: the operating point of out-of-scope detection.
        progress: hears how far the work is.
        weigh: let rows count by the confidence that labelmend gave them.
        keep_texts: let the model folder hold the texts, so that `serve` can show the nearest ones.
        rare_labels: what is done with labels of a single text.
        others: what the user gave besides; nothing that was given is written to or removed.
        chosen: notes on why it is this profile.
        tell: hears before the work what the texts are in, and whether the encoders read it.

    Raises:
        LabelmendError: the input can't be used, or the model can't be written.
    """
    head = find_head(kind)
    head.check(config.classify)
    if not head.tunes_encoder:
        require_encoders(config.encoders, by=f"profile {config.profile}")
    settled, work = settle(request.path, folder), checkpoints_of(folder)
    claim((*given(request.path), *given_models(config), *others), (), [folder, work])
    check_folder(folder)
    loaded = read_labelled(request, config.data, weigh=weigh)
    require_task(loaded.dataset, {"single"}, "train-classifier")
    digest = table_digest(request.path)
    where = f"{loaded.table.path}: column {loaded.columns.label!r}"
    data, told = trainable_set(loaded.dataset, loaded.confidence, where, rare_labels)
    encoders = _encoders(head, config)
    located = [locate(encoder.model) for encoder in encoders]
    language = read_language(data.texts, encoders, located, chosen, tell)
    space = ProfileSpace(config.encoders)
    source = _data_record(request, loaded, data, digest, weigh=weigh)
    with tempfile.TemporaryDirectory(prefix="labelmend-") as passing:
        # Checkpoints outlive a training that was killed.
        place = work if head.tunes_encoder else Path(passing)
        task = TrainingTask(data, space, config.classify, point, config.seed, place)
        fitted = head.fit(task, language.beginning(progress, tell))
        used = fitted.encoders or space.encoders(data.texts)
        notes = (*loaded.notes, *told, *language.notes, *used.notes)
        held_out = write_trained(
            fitted, used, data, source, config, point, folder, notes, keep_texts=keep_texts
        )
    if head.tunes_encoder:
        shutil.rmtree(work, ignore_errors=True)
    read = replace(loaded.columns, id=None)
    return TrainOutcome(fitted.training, data, held_out, folder, read, (*settled, *notes))


def write_trained(
    fitted: Fitted,
    used: EncodersUsed,
    data: TrainingSet,
    source: Mapping[str, Any],
    config: Config,
    point: OperatingPoint,
    folder: Path,
    notes: Sequence[str],
    *,
    keep_texts: bool = False,
) -> Metrics:
    """Write a trained classifier's model folder, and return how good its held-out predictions are.

    Args:
        fitted: the classifier.
        used: the encoders of its space.
        data: what it was trained on.
        source: where that comes from, as the model card says it.
        config: the settings.
        point: the operating point of out-of-scope detection.
        folder: of the model.
        notes: what the user is told.
        keep_texts: let the folder hold the texts that nearness is measured to.

    Raises:
        OutputError: it can't be written.
        ModelError: the classifier can't be written without a pickle.
    """
    training = fitted.training
    truth = data.main_labels()[training.tested]
    held_out = evaluate(truth, training.held_out, data.labels, data.oos)
    card = {
        "data": source,
        "seed": config.seed,
        "operating_point": asdict(point),
        "config": config_to_dict(config)["classify"],
        "held_out": asdict(held_out),
        "oos_trade_off": curve_record(training.curve),
        "models": [{"name": m.name, "sha256": m.digest, "source": m.source} for m in used.models],
        **fitted.card,
        "notes": list(notes),
        "versions": _versions(find_head(training.classifier.kind)),
    }
    if keep_texts:
        main, kept = data.main_labels(), training.references.tolist()
        card["kept_texts"] = {
            "texts": [data.texts[text][:_KEPT_CHARS] for text in kept],
            "labels": [int(main[text]) for text in kept],
        }
    model = _model(training, used, card, config)
    save_model(model, folder, _readme(model, data, held_out))
    return held_out


def read_labelled(
    request: TableRequest, config: DataConfig, *, weigh: bool | None = False
) -> LabelledTable:
    """Read a table to train on; one that labelmend wrote as its run read it.

    Args:
        request: the table; its label column is `mended_label` by default, if there is one.
        config: how rows are read.
        weigh: read the confidence column; None where labelmend has written one of the labels.
    """
    table = read_table(request.path, request.encoding, header=request.header)
    run, _ = read_run(request.path, len(table))
    told = as_the_run(request, table.columns, run)
    if weigh is None:
        mended = request.label_column in {None, MENDED} and MENDED in table.columns
        weigh = mended and CONFIDENCE in table.columns
    return labelled_table(
        table,
        config,
        text_column=told.text_column,
        label_column=request.label_column,
        oos_label=told.oos_label,
        weigh=weigh,
        rules=told.rules,
        strict=told.strict,
    )


def _encoders(head: Head, config: Config) -> tuple[EncoderConfig, ...]:
    """Return what a kind of classifier reads texts with."""
    if not head.tunes_encoder:
        return config.encoders
    finetune = config.classify.finetune
    return (EncoderConfig("sentence-transformers", finetune.encoder),)


def _versions(head: Head) -> dict[str, str]:
    return {
        "python": platform.python_version(),
        **installed_versions((*_LIBRARIES, *head.libraries)),
    }


def _model(
    training: Training, used: EncodersUsed, card: dict[str, Any], config: Config
) -> SavedModel:
    settings = used.settings
    if used.own is not None:  # it lies in the model folder
        settings = tuple(replace(encoder, model=ENCODER) for encoder in settings)
    return SavedModel(
        classifier=training.classifier,
        means=used.means,
        encoders=settings,
        encoder_digests=used.digests,
        max_text_chars=config.data.max_text_chars,
        card=card,
        own_encoder=used.own,
    )


def _data_record(
    request: TableRequest, loaded: LabelledTable, data: TrainingSet, digest: str, *, weigh: bool
) -> dict[str, Any]:
    return {
        "path": recorded(request.path),
        "sha256": digest,
        "content_sha256": data.digest,
        "rows": len(loaded.dataset),
        "texts": len(data.texts),
        "columns": {
            "text": loaded.columns.text,
            "label": loaded.columns.label,
            "more_text": list(loaded.columns.more_text),
        },
        "weighted_by_confidence": weigh,
        "label_weights": label_counts(data),
    }


def _readme(model: SavedModel, data: TrainingSet, held_out: Metrics) -> str:
    """Return the model card for people."""
    classifier, card = model.classifier, model.card
    source, point = card["data"], card["operating_point"]
    oos = "none" if classifier.oos is None else f"`{classifier.labels[classifier.oos]}`"
    lines = [
        "# A text classifier, trained by labelmend",
        "",
        "`labelmend predict THIS_FOLDER texts.csv -o out.csv` uses it. `model.json` says the same "
        "and more, for programs.",
        "",
        "| | |",
        "|---|---|",
        f"| kind | {classifier.kind} "
        f"{'on sentence embeddings' if model.own_encoder is None else 'of'} "
        f"({', '.join(model['name'] for model in card['models'])}) |",
        f"| trained on | {source['rows']:,} rows ({len(data.texts):,} distinct texts), column "
        f"`{source['columns']['label']}`, sha256 {source['sha256'][:12]} |",
        f"| labels | {len(classifier.labels)}; out-of-scope label: {oos} |",
        f"| seed | {card['seed']} |",
        f"| out-of-scope bar | {point['goal']} {point['value']:g}; learned from "
        f"{classifier.detector.source} |",
        "",
        "Measured on held-out texts of the table, against the labels that they carry:",
        "",
        "| | |",
        "|---|---|",
        *(
            f"| {name} | {value:.4f} |"
            for name, value in headline(held_out).items()
            if value is not None
        ),
        "",
    ]
    return "\n".join(lines)
