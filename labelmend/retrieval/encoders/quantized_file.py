"""The weights of a BERT encoder in a graph that onnxruntime's dynamic quantisation wrote.

Such a graph takes the scale of the activations from a whole batch, so texts have to run singly in
it, and each reads all weights from memory. Its weights in a graph of our own have a scale a token
instead: texts run together, and the vectors are nearer to those of float32.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.extras import require
from labelmend.types import Floats

GRAPH = "model.onnx"

_EMBEDDINGS = ("word_embeddings", "position_embeddings", "token_type_embeddings")
_NORMS = ("attention.output.LayerNorm", "output.LayerNorm")
_MATRICES = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
"""Of a layer, by transformers' names."""

_STORED = ("_quantized", "_scale", "_zero_point")
"""Ends of the names of a matrix's bytes, and of what they stand for."""

_SIZES = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "vocab_size",
    "max_position_embeddings",
    "type_vocab_size",
)
"""Of a config.json, as `_is_whole` reads them."""

_STEPS = ("Cast", "Mul", "Add")
"""What stands between a product and the sum with its bias."""


def read_quantized(folder: Path, config: Mapping[str, Any]) -> dict[str, Floats] | None:
    """Return a graph's weights as float32, by transformers' names of BERT's weights.

    Args:
        folder: with model.onnx.
        config: of its config.json.

    Returns:
        None where the graph is not what Optimum exports of a BERT and onnxruntime quantizes.

    Raises:
        Exception: whatever onnx raises where the file is no graph.
    """
    require("onnx", by="backend onnx")
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(folder / GRAPH).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    weights = {name: array for name, array in stored.items() if array.dtype == np.float32}
    for part in _EMBEDDINGS:
        name = f"embeddings.{part}.weight"
        if _is_stored(stored, name):
            weights[name] = _floats(stored, name)
    for node in graph.node:
        bias = _bias(node, readers, stored) if node.op_type == "MatMulInteger" else None
        name = node.input[1].removesuffix(_STORED[0]) if bias is not None else ""
        if bias is not None and _is_stored(stored, name):
            weights[f"{bias.removesuffix('.bias')}.weight"] = _floats(stored, name).T
    return weights if _is_whole(weights, config, graph) else None


def _is_stored(stored: Mapping[str, Any], name: str) -> bool:
    return all(name + part in stored for part in _STORED)


def _floats(stored: Mapping[str, Any], name: str) -> Floats:
    """Return what bytes stand for: (byte - zero point) * scale, a scale a column or one."""
    values, scales, zeros = (stored[name + part].astype(np.float32) for part in _STORED)
    return np.asarray((values - zeros) * scales, np.float32)


def _bias(node: Any, readers: Mapping[str, list[Any]], stored: Mapping[str, Any]) -> str | None:
    """Return the name of the bias that a product gets; None where it gets none."""
    for step in _STEPS:
        following = [reader for reader in readers.get(node.output[0], []) if reader.op_type == step]
        if len(following) != 1:
            return None
        node = following[0]
    return next((name for name in node.input if name in stored and name.endswith(".bias")), None)


def _is_whole(weights: Mapping[str, Floats], config: Mapping[str, Any], graph: Any) -> bool:
    """Tell whether all weights of BERT are there, and the graph has no layers beside its own."""
    if not all(isinstance(config.get(size), int) for size in _SIZES):
        return False
    width, wide, layers, words, places, kinds = (config[size] for size in _SIZES)
    norms = ["embeddings.LayerNorm"]
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (words, width),
        "embeddings.position_embeddings.weight": (places, width),
        "embeddings.token_type_embeddings.weight": (kinds, width),
    }
    for layer in (f"encoder.layer.{i}" for i in range(layers)):
        norms += [f"{layer}.{norm}" for norm in _NORMS]
        for matrix in _MATRICES:
            rows = wide if matrix == "intermediate.dense" else width
            columns = wide if matrix == "output.dense" else width
            shapes[f"{layer}.{matrix}.weight"] = rows, columns
            shapes[f"{layer}.{matrix}.bias"] = (rows,)
    for norm in norms:
        shapes |= {f"{norm}.weight": (width,), f"{norm}.bias": (width,)}
    if any(name not in weights or weights[name].shape != shape for name, shape in shapes.items()):
        return False
    steps = [node.op_type for node in graph.node]
    counts = {"MatMulInteger": len(_MATRICES) * layers, "Softmax": layers, "Erf": layers}
    return all(steps.count(step) == count for step, count in counts.items())
