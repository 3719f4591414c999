"""A model repository of Triton, made of an exported classifier.

The ensemble has the classifier's name; its steps are NAME_text (the tokenizers, in the Python
backend), NAME_encoder_0 ... and NAME_classifier (their graphs).
"""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from labelmend.classify.folder import SEVERAL, SINGLE, SOFT
from labelmend.errors import ModelError
from labelmend.extras import require
from labelmend.onnx.model_graph import embedding_input
from labelmend.onnx.onnx_encoder import MODEL, TOKENIZER
from labelmend.onnx.onnx_folder import CARD, CLASSIFIER, README
from labelmend.onnx.triton.model_config import BATCH, ModelConfig, Step, TensorConfig
from labelmend.onnx.triton.windows_graph import LENGTHS, graph_inputs, windows_graph

Runtime = Literal["onnxruntime", "python"]
"""Which of Triton's backends runs graphs."""

RUNTIMES: tuple[Runtime, ...] = ("onnxruntime", "python")

CONFIG = "config.pbtxt"
VERSION = "1"
"""The folder of the one version of each model."""

_SETTINGS = "settings.json"
_LABELS = "labels.txt"

_LARGEST = 2**31
"""Bytes of one ONNX file; what is larger keeps its weights beside it."""

_MASK = "attention_mask"
_COLUMNS = {"input_ids", _MASK, "token_type_ids"}
"""Inputs of encoders' graphs that the tokenizers' model knows."""


@dataclass(frozen=True)
class _Said:
    """What the models of a task say of a text.

    Attributes:
        title: of the README.
        names: key of the card with what they tell apart.
        single: outputs of a value each, by name, with their types.
        each: outputs of a value for each of `names`.
        in_words: what the README says of them, `{labels}` being how many and `{name}` the ensemble.
        shown: its line of Python that prints some.
    """

    title: str
    names: str
    single: Mapping[str, str]
    each: Mapping[str, str]
    in_words: str
    shown: str


_SAYS: Mapping[str, _Said] = {
    SINGLE: _Said(
        "A text classifier",
        "labels",
        {
            "label": "TYPE_STRING",
            "probability": "TYPE_FP32",
            "is_oos": "TYPE_BOOL",
            "oos_score": "TYPE_FP32",
        },
        {"probabilities": "TYPE_FP32"},
        "`label`, `probability`, `is_oos`, `oos_score` (higher where out-of-scope is likelier), "
        "each\n[batch, 1], and `probabilities` [batch, {labels}], whose order is that of "
        "`{name}/labels.txt`. A\ntext that is blank is an error of its request.",
        'print(said.as_numpy("label")[0, 0].decode(), said.as_numpy("probability")[0, 0])',
    ),
    SEVERAL: _Said(
        "A classifier of texts that may have several labels",
        "labels",
        {},
        {"probabilities": "TYPE_FP32", "called": "TYPE_BOOL"},
        "`probabilities` and `called` (whether the label's threshold is reached), each [batch,\n"
        "{labels}], whose order is that of `{name}/labels.txt`. A text that is blank is an error "
        "of its\nrequest.",
        'print(said.as_numpy("called")[0], said.as_numpy("probabilities")[0])',
    ),
    SOFT: _Said(
        "A model of soft targets",
        "targets",
        {},
        {"values": "TYPE_FP32"},
        "`values` [batch, {labels}], from 0 to 1, whose order is that of `{name}/labels.txt`. A "
        "text\nthat is blank is an error of its request.",
        'print(said.as_numpy("values")[0])',
    ),
}
"""By the task of the export's card: of the outputs of its graph."""


def _said_by(card: Mapping[str, Any]) -> _Said:
    return _SAYS[card["model"].get("task", SINGLE)]


def triton_name(folder: Path) -> str:
    """Return the name of a model's ensemble: its folder's, in letters that addresses may have."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", folder.name).strip("_.-") or "classifier"


def repository_names(name: str, encoders: int) -> tuple[str, ...]:
    """Return all names in a repository of one classifier."""
    models = [_encoder(name, i) for i in range(encoders)]
    return CARD, README, name, f"{name}_text", f"{name}_classifier", *models


@dataclass(frozen=True)
class _Reader:
    """An encoder of the export.

    Attributes:
        said: what the card says of it.
        model: the name of its model.
        inputs: its graph's columns of tokens.
        singly: whether its windows have to run one by one and without padding.
    """

    said: Mapping[str, Any]
    model: str
    inputs: tuple[str, ...]
    singly: bool


def write_repository(export: Path, folder: Path, name: str, runtime: Runtime) -> tuple[str, ...]:
    """Write a repository.

    Args:
        export: folder that `export_file` wrote; it stays as it is.
        folder: to write to; it exists and is empty.
        name: of the ensemble.
        runtime: backend of the graphs. An encoder whose int8 takes its scale from a whole batch
            runs in the Python backend all the same.

    Returns:
        The models that were written, the ensemble first.

    Raises:
        ModelError: an encoder reads what the tokenizers' model does not give.
    """
    require("onnx", by="export --triton")
    import onnx

    card = json.loads((export / CARD).read_text("utf-8"))
    readers = []
    for i, said in enumerate(card["encoders"]):
        graph = onnx.load(export / said["folder"] / MODEL, load_external_data=False)
        inputs = graph_inputs(graph)
        if not set(inputs) <= _COLUMNS:
            raise ModelError(
                f"encoder {said['model']}: reads {', '.join(sorted(set(inputs) - _COLUMNS))}, and "
                "Triton's models are of token ids, mask and type ids; train with another encoder"
            )
        # Padding has to be told, or it is read.
        singly = bool(said["is_apart"]) or _MASK not in inputs
        readers.append(_Reader(said, _encoder(name, i), inputs, singly))
    graph = onnx.load(export / CLASSIFIER, load_external_data=False)
    widths = [one.type.tensor_type.shape.dim[1].dim_value for one in graph.graph.input]
    models = [
        _text_model(export, folder, f"{name}_text", readers, card["max_text_chars"]),
        *(
            _encoder_model(export, folder, reader, width, runtime)
            for reader, width in zip(readers, widths, strict=True)
        ),
        _classifier_model(export, folder, f"{name}_classifier", widths, card, runtime),
    ]
    ensemble = ModelConfig(
        name, None, models[0].inputs, models[-1].outputs, _steps(models, readers)
    )
    place = _write(ensemble, folder)
    (place / ".keep").touch()  # Triton wants the folder, and many a copy leaves empty ones out
    names = card["model"][_said_by(card).names]
    (place.parent / _LABELS).write_text(_lines(names), "utf-8")
    return tuple(model.name for model in (ensemble, *models))


def _encoder(name: str, encoder: int) -> str:
    return f"{name}_encoder_{encoder}"


def _token_tensors(inputs: Sequence[str], prefix: str = "") -> list[TensorConfig]:
    lengths = TensorConfig(prefix + LENGTHS, "TYPE_INT64", (-1,))
    return [lengths, *(TensorConfig(prefix + i, "TYPE_INT64", (-1, -1)) for i in inputs)]


def _text_model(
    export: Path, folder: Path, name: str, readers: Sequence[_Reader], most: int
) -> ModelConfig:
    """Write the tokenizers."""
    outputs: list[TensorConfig] = []
    for i, reader in enumerate(readers):
        outputs += _token_tensors(reader.inputs, f"encoder_{i}_")
    model = ModelConfig(name, "python", [TensorConfig("text", "TYPE_STRING", (1,))], outputs)
    place = _write(model, folder)
    encoders = [{**reader.said, "inputs": reader.inputs} for reader in readers]
    _write_json(place / _SETTINGS, {"max_text_chars": most, "encoders": encoders})
    _copy_code("text_model", place)
    for reader in readers:
        own = place / reader.said["folder"]
        own.mkdir()
        shutil.copyfile(export / reader.said["folder"] / TOKENIZER, own / TOKENIZER)
    return model


def _encoder_model(
    export: Path, folder: Path, reader: _Reader, width: int, runtime: Runtime
) -> ModelConfig:
    """Write an encoder."""
    backend = "python" if reader.singly else runtime
    outputs = [TensorConfig("embedding", "TYPE_FP32", (width,))]
    model = ModelConfig(reader.model, backend, _token_tensors(reader.inputs), outputs)
    place = _write(model, folder)
    source = export / reader.said["folder"]
    if reader.singly:
        for path in source.iterdir():
            if path.name.startswith("model."):
                shutil.copyfile(path, place / path.name)
    else:
        require("onnx", by="export --triton")
        import onnx

        graph = windows_graph(onnx.load(source / MODEL))
        onnx.save(graph, place / MODEL, save_as_external_data=graph.ByteSize() >= _LARGEST)
    _serve_graph(model, place, singly=reader.singly)
    return model


def _classifier_model(
    export: Path,
    folder: Path,
    name: str,
    widths: Sequence[int],
    card: Mapping[str, Any],
    runtime: Runtime,
) -> ModelConfig:
    """Write what comes after the encoders."""
    says = _said_by(card)
    labels = card["model"][says.names]
    inputs = [
        TensorConfig(embedding_input(i), "TYPE_FP32", (width,)) for i, width in enumerate(widths)
    ]
    outputs = [
        *(
            TensorConfig(output, kind, (1,), scalar=runtime == "onnxruntime")
            for output, kind in says.single.items()
        ),
        *(
            TensorConfig(output, kind, (len(labels),), labels=_LABELS)
            for output, kind in says.each.items()
        ),
    ]
    model = ModelConfig(name, runtime, inputs, outputs)
    place = _write(model, folder)
    shutil.copyfile(export / CLASSIFIER, place / MODEL)
    (place.parent / _LABELS).write_text(_lines(labels), "utf-8")
    _serve_graph(model, place, singly=False)
    return ModelConfig(
        name,
        runtime,
        inputs,
        [TensorConfig(one.name, one.kind, one.dims, labels=one.labels) for one in outputs],
    )


def _steps(models: Sequence[ModelConfig], readers: Sequence[_Reader]) -> list[Step]:
    text, *encoders, classifier = models
    steps = [Step(text.name, {"text": "text"}, {one.name: one.name for one in text.outputs})]
    for i, (model, reader) in enumerate(zip(encoders, readers, strict=True)):
        names = (LENGTHS, *reader.inputs)
        read = {name: f"encoder_{i}_{name}" for name in names}
        steps.append(Step(model.name, read, {"embedding": embedding_input(i)}))
    vectors = {one.name: one.name for one in classifier.inputs}
    said = {one.name: one.name for one in classifier.outputs}
    return [*steps, Step(classifier.name, vectors, said)]


def _write(model: ModelConfig, folder: Path) -> Path:
    """Write a model's configuration, and return the folder of its version."""
    place = folder / model.name / VERSION
    place.mkdir(parents=True)
    (place.parent / CONFIG).write_text(model.pbtxt(), "utf-8")
    return place


def _serve_graph(model: ModelConfig, place: Path, *, singly: bool) -> None:
    """Write what the Python backend runs a graph by, where it does."""
    if model.backend != "python":
        return
    settings = {
        "singly": singly,
        "inputs": [one.name for one in model.inputs],
        "outputs": [one.name for one in model.outputs],
    }
    _write_json(place / _SETTINGS, settings)
    _copy_code("graph_model", place)


def _copy_code(module: str, place: Path) -> None:
    source = resources.files("labelmend.onnx.triton.served").joinpath(f"{module}.py")
    (place / "model.py").write_text(source.read_text("utf-8"), "utf-8")


def _write_json(path: Path, body: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _lines(labels: Sequence[str]) -> str:
    """Return a line a label; a label of several lines is one line."""
    return "".join(f"{' '.join(label.split())}\n" for label in labels)


def repository_readme(card: Mapping[str, Any], name: str, runtime: Runtime) -> str:
    """Return the repository's README in Markdown.

    Args:
        card: of the export.
        name: of the ensemble.
        runtime: backend of the graphs.
    """
    encoders = ", ".join(encoder["model"] for encoder in card["encoders"])
    packages = "numpy tokenizers"
    if runtime == "python" or any(encoder["is_apart"] for encoder in card["encoders"]):
        packages += " onnxruntime"
    says = _said_by(card)
    labels = len(card["model"][says.names])
    return _README.format(
        title=says.title,
        name=name,
        kind=card["model"]["kind"],
        labels=labels,
        names=says.names,
        outputs=says.in_words.format(labels=labels, name=name),
        shown=says.shown,
        encoders=encoders,
        packages=packages,
        batch=BATCH,
    )


_README = """# {title} for Triton, exported by labelmend

{kind} with {labels} {names} on {encoders}. `export.json` has its {names}, hashes and what was
checked.

The ensemble `{name}` reads `text`, TYPE_STRING [batch, 1], {batch} texts at most, and gives
{outputs}

Triton's own Python needs a few packages:

```dockerfile
FROM nvcr.io/nvidia/tritonserver:24.10-py3
RUN pip install {packages}
COPY . /models
CMD ["tritonserver", "--model-repository=/models"]
```

With `pip install numpy 'tritonclient[http]'`:

```python
import numpy as np
import tritonclient.http as triton

client = triton.InferenceServerClient("localhost:8000")
texts = np.array([["I can't find my card"]], dtype=np.object_)
asked = triton.InferInput("text", texts.shape, "BYTES")
asked.set_data_from_numpy(texts)
said = client.infer("{name}", [asked])
{shown}
```
"""
