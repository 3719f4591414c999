"""Files in, files out: what the command `export` does."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from labelmend.classify.data import MENDED, row_texts
from labelmend.classify.folder import CARD as MODEL_CARD
from labelmend.classify.folder import check_folder, file_records, locate_encoders, write_card
from labelmend.classify.model_folder import SavedModel, load_model
from labelmend.data.dataset import choose_columns
from labelmend.data.outputs.claim import Given, claim, given
from labelmend.data.outputs.journal import settle
from labelmend.data.read import read_table, table_digest
from labelmend.data.request import TableRequest
from labelmend.data.write import atomic_folder
from labelmend.errors import ModelError
from labelmend.extras import installed_versions, require
from labelmend.onnx.onnx_encoder import ExportedEncoder, export_encoder, quantize_encoder
from labelmend.onnx.onnx_folder import (
    CARD,
    CLASSIFIER,
    README,
    OnnxClassifier,
    OnnxEncoders,
    OnnxPredictions,
    encoder_folder,
    folder_names,
    joined,
    readme,
)
from labelmend.onnx.onnx_graph import classifier_graph, with_features
from labelmend.onnx.parity import CheckTexts, Int8Cost, Parity, int8_cost, parity_of
from labelmend.onnx.triton.repository import (
    Runtime,
    repository_names,
    repository_readme,
    triton_name,
    write_repository,
)
from labelmend.parallel import LOCAL, blocks_of
from labelmend.protocols import Progress
from labelmend.regular_file import recorded
from labelmend.retrieval.space import open_space
from labelmend.version import __version__
from labelmend.weights.hashing import sha256_of
from labelmend.weights.signature import TrustedKey
from labelmend.workflows.predict import trained_columns

TOLERANCE = 1e-4
"""Probabilities may differ from `predict`'s by so much at most."""

FORMAT = 1
"""Of the export's layout; another number is another layout."""

_BLOCK = 256
"""Texts between two steps of the progress bar."""

_MOST_ENCODERS = 16
"""Of an earlier repository of the same name that may be replaced; profiles have three at most."""

_LIBRARIES = ("onnx", "onnxruntime", "tokenizers", "numpy", "torch", "sentence-transformers")
_DEMO = "the demo's test texts"


@dataclass(frozen=True)
class ExportOutcome:
    """A finished export.

    Attributes:
        kind: of the classifier.
        labels: how many.
        folder: that was written.
        checked_on: what the texts of the check are.
        parity: of the unquantized classifier with the model.
        int8: what quantization cost, or None.
        notes: what the user should know.
    """

    kind: str
    labels: int
    folder: Path
    checked_on: str
    parity: Parity
    int8: Int8Cost | None
    notes: tuple[str, ...]


def export_file(
    model_folder: Path,
    folder: Path,
    check: TableRequest | None,
    progress: Progress,
    *,
    int8: bool = False,
    trust_key: Path | None = None,
) -> ExportOutcome:
    """Write a model folder as ONNX, after it was seen to predict the same.

    Args:
        model_folder: that `train-classifier` wrote.
        folder: of the export.
        check: table whose texts it is checked on; the demo's test texts if None.
        progress: hears how far the work is.
        int8: quantize the encoders' weights.
        trust_key: a public key of minisign that has to have signed the model.

    Raises:
        LabelmendError: the model or the input can't be used, the exported classifier predicts
            something else, or it can't be written.
    """
    require("onnx", "onnxruntime", "tokenizers", by="export")
    table = None if check is None else check.path
    settled = settle(model_folder, folder, table)
    model = load_model(model_folder, None if trust_key is None else TrustedKey.read(trust_key))
    claim((Given(model_folder, "the model"), *given(table, "given as --check")), (), [folder])
    check_folder(folder, folder_names(len(model.encoders)), "an export", CARD)
    if check is not None:
        texts = _check_texts(check, recorded(check.path), model)
    else:
        demo = resources.files("labelmend.data.demo").joinpath("test.csv")
        with resources.as_file(demo) as path:
            texts = _check_texts(TableRequest(path), _DEMO, model)
    models = locate_encoders(model, model_folder)
    space = open_space(model.encoders, models, model.means)
    with atomic_folder(folder) as temporary:
        progress.start("export", len(models) + 1)
        graph = classifier_graph(model.classifier, model.means)
        (temporary / CLASSIFIER).write_bytes(graph.SerializeToString())
        progress.advance()
        encoders: tuple[ExportedEncoder, ...] = ()
        for i, (config, located) in enumerate(zip(model.encoders, models, strict=True)):
            place = temporary / encoder_folder(i)
            place.mkdir()
            exported = export_encoder(config, located.path, place)
            if model.own_encoder is not None:
                exported = replace(exported, model=_own_name(model))
            encoders += (exported,)
            progress.advance()
        session = OnnxClassifier(with_features(graph))
        quantize = int8 and not all(encoder.is_int8 for encoder in encoders)
        progress.start("check", len(texts.texts) * (2 if quantize else 1))
        whole = _predictions(OnnxEncoders(temporary, encoders), session, texts.texts, progress)
        parity = parity_of(model.classifier, space.queries(texts.texts), whole)
        if not parity.max_difference <= TOLERANCE:
            raise ModelError(
                f"{model_folder}: as ONNX its probabilities differ by {parity.max_difference:.1e} "
                f"on {texts.source}, more than {TOLERANCE:g}, so nothing was written; train on "
                "another encoder, and please report this"
            )
        cost = None
        if quantize:
            before = _encoder_bytes(temporary, len(encoders))
            encoders = _quantized(temporary, encoders)
            small = _predictions(OnnxEncoders(temporary, encoders), session, texts.texts, progress)
            sizes = before, _encoder_bytes(temporary, len(encoders))
            cost = int8_cost(model.classifier.labels, texts, whole, small, sizes)
        card = _card(model, model_folder, encoders, texts, parity, cost)
        (temporary / README).write_text(readme(card), "utf-8")
        write_card(temporary / CARD, {**card, "files": file_records(temporary)})
    classifier = model.classifier
    notes = (*settled, *space.notes)
    if int8 and not quantize:
        notes = (*notes, "--int8: nothing to quantize, the encoder's weights are int8 as they are")
    return ExportOutcome(
        classifier.kind, len(classifier.labels), folder, texts.source, parity, cost, notes
    )


def export_triton(
    model_folder: Path,
    repository: Path,
    check: TableRequest | None,
    progress: Progress,
    *,
    runtime: Runtime = "onnxruntime",
    int8: bool = False,
    trust_key: Path | None = None,
) -> ExportOutcome:
    """Write a model folder as a model repository of Triton, checked as `export_file` checks it.

    Args:
        model_folder: that `train-classifier` wrote; its name becomes the model's.
        repository: to write.
        check: as in `export_file`.
        progress: hears how far the work is.
        runtime: Triton's backend that runs the graphs.
        int8: quantize the encoders' weights.
        trust_key: as in `export_file`.

    Raises:
        LabelmendError: as in `export_file`.
    """
    settled = settle(repository)
    claim((Given(model_folder, "the model"),), (), [repository])
    name = triton_name(Path(os.path.realpath(model_folder)))
    ours = repository_names(name, _MOST_ENCODERS)
    check_folder(repository, ours, "a model repository", CARD)
    with atomic_folder(repository) as temporary, TemporaryDirectory(dir=temporary) as place:
        export = Path(place) / "onnx"
        outcome = export_file(model_folder, export, check, progress, int8=int8, trust_key=trust_key)
        models = write_repository(export, temporary, name, runtime)
        card = json.loads((export / CARD).read_text("utf-8"))
        shutil.rmtree(export)
        (temporary / README).write_text(repository_readme(card, name, runtime), "utf-8")
        card |= {"triton": {"runtime": runtime, "models": models}}
        card.pop("checksum")
        write_card(temporary / CARD, {**card, "files": file_records(temporary)})
    return replace(outcome, folder=repository, notes=(*settled, *outcome.notes))


def _check_texts(request: TableRequest, source: str, model: SavedModel) -> CheckTexts:
    table = read_table(request.path, request.encoding, header=request.header)
    label = request.label_column
    if label is None and MENDED in table.columns:
        label = MENDED
    named = request.text_column or trained_columns(model, table)
    columns = choose_columns(table, named, label, label_needed=False)
    texts, rows = row_texts(table, columns, model.max_text_chars)
    whole = [""] * len(table) if columns.label is None else table.values(columns.label)
    labels = [whole[row] for row in rows.tolist()]
    digest = table_digest(request.path)
    return CheckTexts(tuple(texts), tuple(labels), source, digest)


def _predictions(
    encoders: OnnxEncoders, classifier: OnnxClassifier, texts: Sequence[str], progress: Progress
) -> OnnxPredictions:
    parts = []
    blocks = list(blocks_of(len(texts), _BLOCK))
    found = LOCAL.map_blocks(lambda rows: classifier.predict(encoders.vectors(texts[rows])), blocks)
    for rows, part in zip(blocks, found, strict=True):
        parts.append(part)
        progress.advance(rows.stop - rows.start)
    return joined(parts)


def _own_name(model: SavedModel) -> str:
    """Return what the card calls the encoder that came with a classifier."""
    bases = " and ".join(base["name"] for base in model.card["models"])
    return f"{bases}, {'fine-tuned' if model.classifier.kind == 'finetune' else 'distilled'}"


def _quantized(folder: Path, encoders: Sequence[ExportedEncoder]) -> tuple[ExportedEncoder, ...]:
    """Quantize the encoders that are not int8 yet."""
    for i, encoder in enumerate(encoders):
        if not encoder.is_int8:
            quantize_encoder(folder / encoder_folder(i))
    return tuple(
        encoder if encoder.is_int8 else replace(encoder, is_int8=True, is_apart=True)
        for encoder in encoders
    )


def _encoder_bytes(folder: Path, encoders: int) -> int:
    places = [folder / encoder_folder(i) for i in range(encoders)]
    return sum(path.stat().st_size for place in places for path in place.iterdir())


def _card(
    model: SavedModel,
    model_folder: Path,
    encoders: Sequence[ExportedEncoder],
    texts: CheckTexts,
    parity: Parity,
    cost: Int8Cost | None,
) -> dict[str, Any]:
    classifier = model.classifier
    return {
        "format": FORMAT,
        "labelmend": __version__,
        "model": {
            "sha256": sha256_of(model_folder / MODEL_CARD, trust_cache=False),
            "kind": classifier.kind,
            "labels": list(classifier.labels),
            "oos_label": None if classifier.oos is None else classifier.labels[classifier.oos],
        },
        "encoders": [
            {"folder": encoder_folder(i), **asdict(encoder), "trained_with_sha256": digest}
            for i, (encoder, digest) in enumerate(zip(encoders, model.encoder_digests, strict=True))
        ],
        "max_text_chars": model.max_text_chars,
        "checked_on": {"texts": texts.source, "sha256": texts.sha256},
        "parity": asdict(parity),
        "int8": None if cost is None else asdict(cost),
        "versions": installed_versions(_LIBRARIES),
    }
