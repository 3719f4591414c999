"""Nodes and constants of an ONNX graph in the making."""

from typing import Any

import numpy as np
import numpy.typing as npt

from labelmend.extras import require


class GraphParts:
    """Nodes and constants in the making; a method that adds a node returns its output's name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

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
