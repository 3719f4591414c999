"""Sentence encoders as ONNX: token ids in, one vector of unit length a text out."""

import contextlib
import json
import logging
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelmend.configs.schema import EncoderConfig
from labelmend.errors import ModelError
from labelmend.extras import require
from labelmend.retrieval.encode import (
    load_sentence_transformer,
    one_line_error,
    quiet_offline,
    require_files,
)
from labelmend.retrieval.encoders.bert_graph import BERT_FILES, is_weights_alone
from labelmend.retrieval.encoders.folder_graph import folder_graph
from labelmend.retrieval.encoders.tokenizer import whole_text_tokenizer
from labelmend.retrieval.encoders.windows import longest_input, most_tokens

MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
_LIMITS = "tokenizer_config.json"

_OPSET = 18
"""ONNX's set of operators that torch exports to; every onnxruntime since 1.14 knows it."""

_LARGEST = 2**31
"""Bytes of one ONNX file; what is larger keeps its weights beside it."""

_BATCH_SCALES = {"DynamicQuantizeLinear", "DynamicQuantizeMatMul"}
"""Operators of int8 whose scale is that of a whole batch."""

_ROW_SCALES = {"MatMulIntegerToFloat"}
"""Those of the graphs that are made here; see `GraphParts.int8_product`."""


@dataclass(frozen=True)
class ExportedEncoder:
    """An encoder that was written as ONNX.

    Attributes:
        model: its name.
        max_tokens: longer texts are read in windows of this length, or cut to it.
        max_windows: of a long text that are read at most; with 1 it is cut.
        window_overlap: share of a window that the next one reads again.
        query_prefix: what it reads before a text.
        is_int8: whether it computes in int8.
        is_apart: whether texts have to run singly, for the scale of its numbers is a batch's.
    """

    model: str
    max_tokens: int
    max_windows: int
    window_overlap: float
    query_prefix: str
    is_int8: bool
    is_apart: bool


def export_encoder(config: EncoderConfig, source: Path, folder: Path) -> ExportedEncoder:
    """Write an encoder's graph and its tokenizer.

    The graph's output is `embedding`, float [batch, d], pooled and of unit length; its inputs are
    int64 [batch, tokens]. The tokenizer cuts long texts and pads none.

    Args:
        config: the encoder's settings.
        source: folder of the encoder.
        folder: to write to; it exists.

    Raises:
        ModelError: the encoder can't be exported.
    """
    if config.backend == "onnx":
        return _from_onnx(config, source, folder)
    return _from_torch(config, source, folder)


def quantize_encoder(folder: Path) -> None:
    """Turn an encoder's weights into int8; activations are quantized as they come.

    The scale of the activations is that of their whole batch, padding included, so texts are best
    run singly.
    """
    with _quietly(), _file_names_by_chance():
        require("onnxruntime")
        from onnxruntime.quantization import QuantType, quantize_dynamic

        small = folder / "model.int8.onnx"
        quantize_dynamic(
            folder / MODEL,
            small,
            weight_type=QuantType.QInt8,
            # A scale a column, or a few large weights coarsen all others; seven bits, or sums
            # overflow on processors without VNNI.
            per_channel=True,
            reduce_range=True,
            use_external_data_format=_bytes(folder) >= _LARGEST,
        )
    for path in folder.iterdir():
        if path.name not in (TOKENIZER, _LIMITS) and not path.name.startswith(small.name):
            path.unlink()
    small.replace(folder / MODEL)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _from_torch(config: EncoderConfig, source: Path, folder: Path) -> ExportedEncoder:
    """Trace a sentence-transformers model."""
    require("torch", by="the ONNX export")
    model = load_sentence_transformer(source, config.max_tokens).cpu().eval()
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
    if tokenizer is None:
        raise ModelError(
            f"{source}: has no tokenizer of the tokenizers library, which ONNX export needs; "
            "train with another encoder"
        )
    longest = model.max_seq_length or longest_input(source)
    names = list(model.tokenizer.model_input_names)
    with quiet_offline(), one_line_error(source), _quietly():
        import torch

        class Pooled(torch.nn.Module):
            """Token ids to unit vectors."""

            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, *columns: Any) -> Any:
                """Return float [batch, d]."""
                found = self.model(dict(zip(names, columns, strict=True)))
                return torch.nn.functional.normalize(found["sentence_embedding"], dim=1)

        # Two texts of unequal length, so that the trace sees a batch and a mask.
        traced = model.tokenizer(["a text to trace", "another"], padding=True, return_tensors="pt")
        with torch.no_grad():
            torch.onnx.export(
                Pooled().eval(),
                tuple(traced[name] for name in names),
                str(folder / MODEL),
                input_names=names,
                output_names=["embedding"],
                dynamic_axes={
                    **{name: {0: "batch", 1: "tokens"} for name in names},
                    "embedding": {0: "batch"},
                },
                opset_version=_OPSET,
                # The newer exporter takes ten times as long, and needs one more package.
                dynamo=False,
            )
    _write_tokenizer(tokenizer, longest, folder)
    return _exported(config, longest, model=None)


def _from_onnx(config: EncoderConfig, source: Path, folder: Path) -> ExportedEncoder:
    """Write the graph that runs an encoder here: of its weights, or its own with a pooling."""
    require("onnx", "tokenizers", by="the ONNX export")
    if is_weights_alone(source):
        require_files(source, *BERT_FILES)
    with one_line_error(source):
        import onnx

        model = folder_graph(source)
        if model is None:
            require_files(source, MODEL, TOKENIZER)
            model = onnx.load(source / MODEL)
            _add_pooling(model)
        onnx.save(model, folder / MODEL, save_as_external_data=model.ByteSize() >= _LARGEST)
        tokenizer = whole_text_tokenizer(source)
    longest = most_tokens(source, config)
    _write_tokenizer(tokenizer, longest, folder)
    return _exported(config, longest, model)


def _add_pooling(model: Any) -> None:
    """Let a graph that gives a vector a token give that of [CLS], at unit length."""
    require("onnx")
    from onnx import TensorProto, helper

    states = model.graph.output[0].name
    place = helper.make_tensor("labelmend_cls", TensorProto.INT64, [], [0])
    model.graph.initializer.append(place)
    model.graph.node.extend(
        [
            helper.make_node("Gather", [states, place.name], ["labelmend_pooled"], axis=1),
            helper.make_node("LpNormalization", ["labelmend_pooled"], ["embedding"], axis=1, p=2),
        ]
    )
    del model.graph.output[:]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", None])
    model.graph.output.append(output)


def _exported(config: EncoderConfig, longest: int, model: Any) -> ExportedEncoder:
    """Return what was written; `model` is the graph, None of one that torch traced."""
    operators = set() if model is None else {node.op_type for node in model.graph.node}
    is_apart = bool(operators & _BATCH_SCALES)
    return ExportedEncoder(
        model=config.model,
        max_tokens=longest,
        max_windows=config.max_windows,
        window_overlap=config.window_overlap,
        query_prefix=config.query_prefix,
        is_int8=is_apart or bool(operators & _ROW_SCALES),
        is_apart=is_apart,
    )


def _write_tokenizer(tokenizer: Any, longest: int, folder: Path) -> None:
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    tokenizer.save(str(folder / TOKENIZER))
    (folder / _LIMITS).write_text(json.dumps({"model_max_length": longest}) + "\n", "utf-8")


@contextlib.contextmanager
def _file_names_by_chance() -> Iterator[None]:
    """Keep onnx from asking for the machine's hardware address, to name a temporary file by it.

    `uuid1` opens a socket for that. Nothing is sent, but no command is to open any.
    """
    uuid1 = uuid.uuid1
    uuid.uuid1 = lambda *_: uuid.uuid4()
    try:
        yield
    finally:
        uuid.uuid1 = uuid1


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep exporters' warnings to themselves: parity is checked, not believed."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
