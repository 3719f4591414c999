"""Graphs of models in the making: what the tasks' graphs have in common."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmend.extras import require
from labelmend.retrieval.encoders.graph_parts import GraphParts
from labelmend.types import Doubles
from labelmend.version import __version__

OPSET = 18
"""ONNX's set of operators; every onnxruntime since 1.14 knows it."""

_TREES_OPSET = 3
"""The same of `ai.onnx.ml`, which has the trees."""

_IR = 9
"""Understood by every onnxruntime since 1.15."""


def embedding_input(encoder: int) -> str:
    """Return the name of the graph's input for the vectors of an encoder, float [batch, d_i]."""
    return f"embedding_{encoder}"


def second_input(encoder: int) -> str:
    """Return the name of that for the second texts of pairs."""
    return f"second_{embedding_input(encoder)}"


class ModelGraph(GraphParts):
    """A model's nodes and constants in the making."""

    def unit_rows(self, value: str, kind: type[np.generic]) -> str:
        """Divide rows by their lengths; a row of zeros stays one."""
        squares = self.add("ReduceSum", self.add("Mul", value, value), self.places("last", 1))
        lengths = self.add("Sqrt", squares)
        is_longer = self.add("Greater", lengths, self.constant("zero", 0, kind))
        divisors = self.add("Where", is_longer, lengths, self.constant("one", 1, kind))
        return self.add("Div", value, divisors)

    def linear(self, values: str, weights: npt.ArrayLike, bias: npt.ArrayLike) -> str:
        """Multiply by weights [d, m] and add a bias [m], in single precision."""
        product = self.add("MatMul", values, self.constant("weights", weights, np.float32))
        return self.add("Add", product, self.constant("bias", bias, np.float32))

    def trees(self, values: str, targets: int, attributes: Mapping[str, Any]) -> str:
        """Append trees whose leaves add up, target by target."""
        return self.add(
            "TreeEnsembleRegressor",
            values,
            domain="ai.onnx.ml",
            n_targets=targets,
            aggregate_function="SUM",
            post_transform="NONE",
            **attributes,
        )

    def top(self, values: str, count: str) -> str:
        """Append a search for the greatest values of each row."""
        require("onnx")
        from onnx import helper

        name = f"topk_{len(self.nodes)}"
        self.nodes.append(helper.make_node("TopK", [values, count], [name, f"{name}_at"], axis=1))
        return name

    def double(self, name: str, values: npt.ArrayLike) -> str:
        """Add a constant in double precision."""
        return self.constant(name, values, np.float64)

    def strings(self, name: str, values: Sequence[str]) -> str:
        """Add a list of texts."""
        require("onnx")
        from onnx import TensorProto, helper

        encoded = [value.encode() for value in values]
        self.constants[name] = helper.make_tensor(name, TensorProto.STRING, [len(values)], encoded)
        return name


def placed(
    graph: ModelGraph, means: Sequence[Doubles], names: Callable[[int], str] = embedding_input
) -> str:
    """Centre, scale and join the encoders' vectors, as `TextSpace` does: float [batch, d].

    Args:
        graph: in the making.
        means: float64 [d_i], what is taken away from each encoder's vectors.
        names: of the inputs, by the encoder's number.
    """
    scale = graph.double("scale", 1 / math.sqrt(len(means)))
    parts = []
    for i, mean in enumerate(means):
        vectors = graph.cast(names(i), np.float64)
        centred = graph.add("Sub", vectors, graph.double("mean", mean))
        unit = graph.unit_rows(centred, np.float64)
        parts.append(graph.cast(graph.add("Mul", unit, scale), np.float32))
    return graph.add("Concat", *parts, axis=1)


def finished(
    graph: ModelGraph,
    means: Sequence[Doubles],
    outputs: Mapping[str, tuple[int, Sequence[int]]],
    props: Mapping[str, Sequence[str]],
    inputs: Sequence[Callable[[int], str]] = (embedding_input,),
) -> Any:
    """Return the whole graph as an onnx.ModelProto, checked.

    Args:
        graph: with all of its nodes.
        means: float64 [d_i], of each encoder.
        outputs: by name, their type, of `onnx.TensorProto`, and their shape behind the batch.
        props: of the metadata; each is written as JSON.
        inputs: names of the encoders' vectors: of the texts, and of pairs of the second ones.
    """
    require("onnx")
    from onnx import TensorProto, checker, helper

    body = helper.make_graph(
        graph.nodes,
        "classifier",
        [
            helper.make_tensor_value_info(name(i), TensorProto.FLOAT, ["batch", len(mean)])
            for name in inputs
            for i, mean in enumerate(means)
        ],
        [
            helper.make_tensor_value_info(name, kind, ["batch", *shape])
            for name, (kind, shape) in outputs.items()
        ],
        list(graph.constants.values()),
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", _TREES_OPSET)]
    model = helper.make_model(
        body,
        opset_imports=opsets,
        ir_version=_IR,
        producer_name="labelmend",
        producer_version=__version__,
    )
    helper.set_model_props(model, {name: json.dumps(value) for name, value in props.items()})
    checker.check_model(model)
    return model
