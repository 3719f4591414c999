"""An ONNX graph in Triton's Python backend, for servers without the ONNX one and for int8.

A quantized encoder takes its scale from the whole batch, padding included, so it has to run a
window at a time and without padding: `"singly": true` in `settings.json`.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[Any]


class Graph:
    """A model's graph."""

    def __init__(self, folder: Path) -> None:
        """Open it from a model's folder of a version."""
        import onnxruntime

        settings = json.loads((folder / "settings.json").read_text("utf-8"))
        self._singly: bool = settings["singly"]
        self._session: Any = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), providers=["CPUExecutionProvider"]
        )
        self.inputs: tuple[str, ...] = tuple(settings["inputs"])
        self.outputs: tuple[str, ...] = tuple(settings["outputs"])

    def run(self, feed: Mapping[str, _Array]) -> list[_Array]:
        """Return the outputs [b, ...] for inputs [b, ...]."""
        if not self._singly:
            found = self._session.run(list(self.outputs), dict(feed))
            # A rank of its own for what is a value a text, as the configuration says.
            return [value[:, None] if value.ndim == 1 else value for value in found]
        return [np.stack([self._vector(feed, row) for row in range(len(feed["lengths"]))])]

    def _vector(self, feed: Mapping[str, _Array], row: int) -> _Array:
        """Return float32 [d], of unit length: the mean of a text's windows."""
        total = np.zeros(1)
        for window, count in enumerate(feed["lengths"][row].tolist()):
            if count:
                names = [name for name in self.inputs if name != "lengths"]
                one = {name: feed[name][row, window, :count][None] for name in names}
                total = total + self._session.run(["embedding"], one)[0][0]
        return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


class TritonPythonModel:
    """What Triton calls."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the graph."""
        self._graph = Graph(Path(args["model_repository"]) / args["model_version"])

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Return a response a request; they run in one batch, as Triton put them together."""
        import triton_python_backend_utils as triton

        graph = self._graph
        feeds = [
            {name: triton.get_input_tensor_by_name(r, name).as_numpy() for name in graph.inputs}
            for r in requests
        ]
        whole = {name: np.concatenate([feed[name] for feed in feeds]) for name in graph.inputs}
        sizes = [len(feed[graph.inputs[0]]) for feed in feeds]
        found = graph.run(whole)
        parts = [np.split(values, np.cumsum(sizes)[:-1]) for values in found]
        return [
            triton.InferenceResponse(
                output_tensors=[
                    triton.Tensor(name, values[at])
                    for name, values in zip(graph.outputs, parts, strict=True)
                ]
            )
            for at in range(len(requests))
        ]
