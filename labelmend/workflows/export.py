"""Files in, files out: what the command `export` does."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from labelmend.classify.any_model import AnyModel, load_any
from labelmend.classify.folder import CARD as MODEL_CARD
from labelmend.classify.folder import (
    SOFT,
    check_folder,
    file_records,
    locate_encoders,
    task_of,
    write_card,
)
from labelmend.classify.several.model_folder import SavedSets
from labelmend.classify.soft.model_folder import SoftModel, load_soft_model
from labelmend.data.outputs.claim import Given, claim, given
from labelmend.data.outputs.journal import settle
from labelmend.data.request import TableRequest
from labelmend.data.write import atomic_folder
from labelmend.errors import ModelError
from labelmend.extras import installed_versions, require
from labelmend.onnx.onnx_encoder import ExportedEncoder, export_encoder, quantize_encoder
from labelmend.onnx.onnx_folder import (
    CARD,
    CLASSIFIER,
    README,
    OnnxEncoders,
    OnnxGraph,
    Outputs,
    encoder_folder,
    folder_names,
)
from labelmend.onnx.readme import readme
from labelmend.onnx.several import SetsExport
from labelmend.onnx.single import SingleExport
from labelmend.onnx.soft import SoftExport
from labelmend.onnx.task import AnyCost, AnyParity, CheckTexts, ExportTask
from labelmend.onnx.triton.repository import (
    Runtime,
    repository_names,
    repository_readme,
    triton_name,
    write_repository,
)
from labelmend.parallel import LOCAL, blocks_of
from labelmend.protocols import Progress
from labelmend.retrieval.space import open_space
from labelmend.version import __version__
from labelmend.weights.hashing import sha256_of
from labelmend.weights.locate import LocatedModel
from labelmend.weights.signature import TrustedKey
from labelmend.workflows.export_check import check_texts

TOLERANCE = 1e-4
"""Probabilities and values may differ from `predict`'s by so much at most."""

FORMAT = 1
"""Of the export's layout; another number is another layout."""

_BLOCK = 256
"""Texts between two steps of the progress bar."""

_MOST_ENCODERS = 16
"""Of an earlier repository of the same name that may be replaced; profiles have three at most."""

_LIBRARIES = ("onnx", "onnxruntime", "tokenizers", "numpy", "torch", "sentence-transformers")


@dataclass(frozen=True)
class ExportOutcome:
    """A finished export.

    Attributes:
        kind: of what was trained.
        size: how many labels or targets it has, in words.
        folder: that was written.
        checked_on: what the texts of the check are.
        parity: of the unquantized export with the model.
        int8: what quantization cost, or None.
        notes: what the user should know.
    """

    kind: str
    size: str
    folder: Path
    checked_on: str
    parity: AnyParity
    int8: AnyCost | None
    notes: tuple[str, ...]


def export_file(
    model_folder: Path,
    folder: Path,
    check: TableRequest | None,
    progress: Progress,
    *,
    int8: bool = False,
    trust_key: Path | None = None,
    pair: tuple[str, str] | None = None,
) -> ExportOutcome:
    """Write a model folder as ONNX, after it was seen to predict the same.

    Args:
        model_folder: that `train-classifier` wrote, of any task.
        folder: of the export.
        check: table whose texts it is checked on; the demo's test texts if None.
        progress: hears how far the work is.
        int8: quantize the encoders' weights.
        trust_key: a public key of minisign that has to have signed the model.
        pair: two columns of the table that are read as a pair.

    Raises:
        LabelmendError: the model or the input can't be used, the exported model predicts
            something else, or it can't be written.
    """
    require("onnx", "onnxruntime", "tokenizers", by="export")
    settled = settle(model_folder, folder, None if check is None else check.path)
    model = load_any(model_folder, None if trust_key is None else TrustedKey.read(trust_key))
    tables = () if check is None else given(check.path, "given as --check")
    claim((Given(model_folder, "the model"), *tables), (), [folder])
    check_folder(folder, folder_names(len(model.encoders)), "an export", CARD)
    texts = check_texts(check, model, pair)
    task = export_task(model)
    models = locate_encoders(model, model_folder)
    space = open_space(model.encoders, models, model.means)
    with atomic_folder(folder) as temporary:
        progress.start("export", len(models) + 1)
        graph = task.graph()
        (temporary / CLASSIFIER).write_bytes(graph.SerializeToString())
        progress.advance()
        encoders = _exported(model, models, temporary, progress)
        session = OnnxGraph(task.asked(graph))
        quantize = int8 and not all(encoder.is_int8 for encoder in encoders)
        progress.start("check", len(texts.texts) * (2 if quantize else 1))
        whole = _outputs(OnnxEncoders(temporary, encoders), session, texts, progress)
        parity = task.parity(space, texts, whole)
        if not parity.max_difference <= TOLERANCE:
            raise ModelError(
                f"{model_folder}: as ONNX its {task.values} differ by {parity.max_difference:.1e} "
                f"on {texts.source}, more than {TOLERANCE:g}, so nothing was written; train on "
                "another encoder, and please report this"
            )
        cost = None
        if quantize:
            before = _encoder_bytes(temporary, len(encoders))
            encoders = _quantized(temporary, encoders)
            small = _outputs(OnnxEncoders(temporary, encoders), session, texts, progress)
            cost = task.cost(
                texts, whole, small, (before, _encoder_bytes(temporary, len(encoders)))
            )
        card = _card(model, task, model_folder, encoders, texts, parity, cost)
        (temporary / README).write_text(readme(card), "utf-8")
        write_card(temporary / CARD, {**card, "files": file_records(temporary)})
    notes = (*settled, *space.notes)
    if int8 and not quantize:
        notes = (*notes, "--int8: nothing to quantize, the encoder's weights are int8 as they are")
    return ExportOutcome(task.kind, task.size, folder, texts.source, parity, cost, notes)


def export_task(model: AnyModel) -> ExportTask:
    """Return what exports a model of its task."""
    if isinstance(model, SavedSets):
        return SetsExport(model)
    if isinstance(model, SoftModel):
        return SoftExport(model)
    return SingleExport(model)


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
    if task_of(model_folder) == SOFT and load_soft_model(model_folder).is_pair:
        raise ModelError(
            f"{model_folder}: reads two texts as a pair, and the models of --triton one; export it "
            "with --onnx"
        )
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


def _exported(
    model: AnyModel, models: Sequence[LocatedModel], folder: Path, progress: Progress
) -> tuple[ExportedEncoder, ...]:
    """Write the encoders."""
    encoders: tuple[ExportedEncoder, ...] = ()
    for i, (config, located) in enumerate(zip(model.encoders, models, strict=True)):
        place = folder / encoder_folder(i)
        place.mkdir()
        exported = export_encoder(config, located.path, place)
        if model.own_encoder is not None:
            exported = replace(exported, model=_own_name(model))
        encoders += (exported,)
        progress.advance()
    return encoders


def _outputs(
    encoders: OnnxEncoders, session: OnnxGraph, texts: CheckTexts, progress: Progress
) -> Outputs:
    """Return all that the graph says of texts."""
    parts = []
    blocks = list(blocks_of(len(texts.texts), _BLOCK))
    found = LOCAL.map_blocks(lambda rows: session.run(texts.vectors(encoders, rows)), blocks)
    for rows, part in zip(blocks, found, strict=True):
        parts.append(part)
        progress.advance(rows.stop - rows.start)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _own_name(model: AnyModel) -> str:
    """Return what the card calls the encoder that came with a model."""
    bases = " and ".join(base["name"] for base in model.card["models"])
    return f"{bases}, {'fine-tuned' if model.card['kind'] == 'finetune' else 'distilled'}"


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
    model: AnyModel,
    task: ExportTask,
    model_folder: Path,
    encoders: Sequence[ExportedEncoder],
    texts: CheckTexts,
    parity: AnyParity,
    cost: AnyCost | None,
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "labelmend": __version__,
        "model": {
            "sha256": sha256_of(model_folder / MODEL_CARD, trust_cache=False),
            **task.facts(),
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
