"""An encoder's graph that reads the windows of padded texts: what Triton's ONNX backend runs."""

from collections.abc import Sequence
from typing import Any

from labelmend.extras import require

LENGTHS = "lengths"
"""The input that says how many tokens each window has, int64 [batch, windows]; 0 for none."""

_INNER = "encoder/"
"""Begins all names of the encoder itself."""


def graph_inputs(model: Any) -> tuple[str, ...]:
    """Return the names of a graph's inputs, in its order."""
    constant = {initializer.name for initializer in model.graph.initializer}
    return tuple(one.name for one in model.graph.input if one.name not in constant)


def windows_graph(model: Any) -> Any:
    """Return an onnx.ModelProto that reads texts in windows.

    Its inputs are `lengths` and the encoder's own ones, int64 [batch, windows, tokens]. Windows
    that a text lacks are left out before anything is computed. Its output is `embedding`, float
    [batch, d]: the mean of a text's windows, at unit length, as `WindowedEncoder` has it.

    Args:
        model: the encoder's onnx.ModelProto: from int64 [batch, tokens] to unit vectors, float
            [batch, d], called `embedding`.
    """
    require("onnx")
    from onnx import TensorProto, checker, compose, helper

    names = graph_inputs(model)
    inner = compose.add_prefix(model, _INNER)
    numbers = {"all": [-1], "start": [0], "middle": [1], "third": [2], "end": [3]}
    body = helper.make_graph(
        [*_spread(helper, names), *inner.graph.node, *_gathered(helper)],
        "windows",
        [
            helper.make_tensor_value_info(LENGTHS, TensorProto.INT64, ["batch", "windows"]),
            *(
                helper.make_tensor_value_info(
                    name, TensorProto.INT64, ["batch", "windows", "tokens"]
                )
                for name in names
            ),
        ],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", _width(model)])],
        [
            *inner.graph.initializer,
            *(helper.make_tensor(k, TensorProto.INT64, [1], v) for k, v in numbers.items()),
            helper.make_tensor("nothing", TensorProto.INT64, [], [0]),
        ],
    )
    found = helper.make_model(
        body,
        opset_imports=list(model.opset_import),
        ir_version=model.ir_version,
        functions=list(inner.functions),
        producer_name=model.producer_name,
    )
    if found.ByteSize() < checker.MAXIMUM_PROTOBUF:
        checker.check_model(found)
    return found


def _spread(helper: Any, names: Sequence[str]) -> list[Any]:
    """Return nodes that make a row of each window that is there."""
    nodes = [
        helper.make_node("Reshape", [LENGTHS, "all"], ["flat_lengths"]),
        helper.make_node("Greater", ["flat_lengths", "nothing"], ["is_there"]),
    ]
    for name in names:
        nodes += [
            helper.make_node("Shape", [name], [f"{name}_shape"]),
            helper.make_node("Slice", [f"{name}_shape", "third", "end"], [f"{name}_tokens"]),
            helper.make_node("Concat", ["all", f"{name}_tokens"], [f"{name}_two"], axis=0),
            helper.make_node("Reshape", [name, f"{name}_two"], [f"{name}_flat"]),
            helper.make_node("Compress", [f"{name}_flat", "is_there"], [_INNER + name], axis=0),
        ]
    return nodes


def _gathered(helper: Any) -> list[Any]:
    """Return nodes that put the windows' vectors back, add them up and bring them to length 1."""
    vectors = f"{_INNER}embedding"
    return [
        helper.make_node("NonZero", ["is_there"], ["places_row"]),
        helper.make_node("Transpose", ["places_row"], ["places"], perm=[1, 0]),
        helper.make_node("Shape", [vectors], ["vectors_shape"]),
        helper.make_node("Slice", ["vectors_shape", "middle", "third"], ["width"]),
        helper.make_node("Shape", ["flat_lengths"], ["rows"]),
        helper.make_node("Concat", ["rows", "width"], ["all_shape"], axis=0),
        helper.make_node("ConstantOfShape", ["all_shape"], ["zeros"]),
        helper.make_node("ScatterND", ["zeros", "places", vectors], ["put_back"]),
        helper.make_node("Shape", [LENGTHS], ["lengths_shape"]),
        helper.make_node("Concat", ["lengths_shape", "width"], ["by_text"], axis=0),
        helper.make_node("Reshape", ["put_back", "by_text"], ["windows"]),
        # A sum, written so that every set of operators has it.
        helper.make_node("Cast", ["is_there"], ["there"], to=1),
        helper.make_node("Slice", ["lengths_shape", "start", "middle"], ["texts"]),
        helper.make_node("Slice", ["lengths_shape", "middle", "third"], ["most"]),
        helper.make_node("Concat", ["texts", "middle", "most"], ["as_row"], axis=0),
        helper.make_node("Reshape", ["there", "as_row"], ["row"]),
        helper.make_node("MatMul", ["row", "windows"], ["joined"]),
        helper.make_node("Concat", ["texts", "width"], ["as_vectors"], axis=0),
        helper.make_node("Reshape", ["joined", "as_vectors"], ["total"]),
        helper.make_node("LpNormalization", ["total"], ["embedding"], axis=1, p=2),
    ]


def _width(model: Any) -> int | str:
    """Return the dimensions of an encoder's vectors, or a name where the graph doesn't say."""
    dims = model.graph.output[0].type.tensor_type.shape.dim
    return int(dims[1].dim_value) if len(dims) > 1 and dims[1].dim_value else "dimensions"
