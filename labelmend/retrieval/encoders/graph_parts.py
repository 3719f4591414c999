"""Nodes and constants of an ONNX graph in the making."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmend.extras import require
from labelmend.types import Floats
from labelmend.version import __version__

_OPSET = 18
"""ONNX's set of operators; every onnxruntime since 1.14 knows it."""

_IR = 9
"""ONNX's file format of the time of that set."""

MICROSOFT = "com.microsoft"
"""Of onnxruntime's operators that are not ONNX's own."""

_WEIGHT_STEPS = 63
"""Of int8's, the greatest weight: with seven bits no sum of two products overflows on processors
without VNNI."""

_TOKEN_STEPS = 127
"""Of uint8's, the greatest number of a token beside the zero."""


class GraphParts:
    """Nodes and constants in the making; a method that adds a node returns its output's name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self._quantized: dict[str, tuple[str, str]] = {}

    def add(self, operator: str, *inputs: str, called: str = "", **attributes: Any) -> str:
        """Append a node of one output."""
        require("onnx")
        from onnx import helper

        name = called or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def cast(self, value: str, to: type[np.generic], called: str = "") -> str:
        """Turn a value into another type."""
        require("onnx")
        from onnx import helper

        kind = helper.np_dtype_to_tensor_dtype(np.dtype(to))
        return self.add("Cast", value, called=called, to=kind)

    def constant(self, name: str, values: npt.ArrayLike, kind: type[np.generic]) -> str:
        """Add a constant of a type."""
        require("onnx")
        from onnx import numpy_helper

        name = f"{name}_{len(self.constants)}"
        array = np.ascontiguousarray(np.asarray(values, dtype=kind))
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def places(self, name: str, *values: int) -> str:
        """Add a list of axes or places."""
        return self.constant(name, values, np.int64)

    def int8_product(self, values: str, name: str, matrix: Floats) -> str:
        """Append the product of values [..., d_in] with a matrix [d_out, d_in], computed in int8.

        A row of the values has a scale of its own, its greatest number, and so has a row of the
        matrix (Dettmers et al. 2022). So a product does not depend on what runs beside it, unlike
        one whose scale is that of a whole batch.
        """
        scales = np.abs(matrix).max(axis=1) / _WEIGHT_STEPS
        scales[scales == 0] = 1
        steps = np.rint(matrix / scales[:, None]).astype(np.int8)
        greatest, rounded = self._rounded(values)
        product = self.add(
            "MatMulIntegerToFloat",
            rounded,
            self.constant(name, steps.T, np.int8),
            self.constant("step", 1 / _TOKEN_STEPS, np.float32),
            self.constant(f"{name}_scales", scales, np.float32),
            self.constant("zero", _TOKEN_STEPS + 1, np.uint8),
            domain=MICROSOFT,
        )
        return self.add("Mul", product, greatest)

    def _rounded(self, values: str) -> tuple[str, str]:
        """Return the greatest number of each row, and the rows in uint8; once for each value."""
        if values not in self._quantized:
            greatest = self.add("ReduceMax", self.add("Abs", values), self.places("last", -1))
            least = self.constant("least", np.finfo(np.float32).tiny, np.float32)
            divisors = self.add("Max", greatest, least)
            rounded = self.add(
                "QuantizeLinear",
                self.add("Div", values, divisors),
                self.constant("step", 1 / _TOKEN_STEPS, np.float32),
                self.constant("zero", _TOKEN_STEPS + 1, np.uint8),
            )
            self._quantized[values] = divisors, rounded
        return self._quantized[values]


def vectors_model(
    parts: GraphParts, inputs: Sequence[str], width: int, domains: Sequence[str]
) -> Any:
    """Return a graph that gives a vector a text as an onnx.ModelProto.

    Args:
        parts: of which one is called `embedding`, float [batch, width].
        inputs: names of what it reads, int64 [batch, tokens].
        width: of a vector.
        domains: of operators that are not ONNX's own, each in its first version.
    """
    require("onnx")
    from onnx import TensorProto, helper

    columns = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in inputs
    ]
    vectors = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", width])
    constants = list(parts.constants.values())
    return helper.make_model(
        helper.make_graph(parts.nodes, "encoder", columns, [vectors], constants),
        opset_imports=[
            helper.make_opsetid("", _OPSET),
            *(helper.make_opsetid(domain, 1) for domain in domains),
        ],
        ir_version=_IR,
        producer_name="labelmend",
        producer_version=__version__,
    )
