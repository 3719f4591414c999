"""Models of soft targets as ONNX: their graph, and the check that it says the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelmend.classify.folder import SOFT
from labelmend.classify.soft.model_folder import SoftModel
from labelmend.classify.soft.scorer import SoftScorer
from labelmend.extras import require
from labelmend.onnx.model_graph import (
    ModelGraph,
    embedding_input,
    finished,
    placed,
    second_input,
)
from labelmend.onnx.onnx_folder import Outputs
from labelmend.onnx.task import CheckTexts, sizes_in_words
from labelmend.retrieval.space import TextSpace
from labelmend.types import Doubles


def soft_graph(
    scorer: SoftScorer, means: Sequence[Doubles], targets: Sequence[str], *, is_pair: bool
) -> Any:
    """Return an onnx.ModelProto that does what `TextSpace` and `SoftScorer` do.

    Inputs are those of `classifier_graph`; of pairs also `second_embedding_0` ..., the vectors of
    the second texts. The output is `values`: float [batch, T], from 0 to 1, in the order of the
    metadata's `targets`, which are JSON.

    Args:
        scorer: the model.
        means: float64 [d_i], what is taken away from each encoder's vectors.
        targets: their names.
        is_pair: whether it reads two texts as a pair.
    """
    require("onnx")
    from onnx import TensorProto

    graph = ModelGraph()
    inputs = (embedding_input, second_input) if is_pair else (embedding_input,)
    parts = [placed(graph, means, names) for names in inputs]
    read = parts[0]
    if is_pair:
        apart = graph.add("Abs", graph.add("Sub", *parts))
        read = graph.add("Concat", *parts, apart, graph.add("Mul", *parts), axis=1)
    product = graph.add("MatMul", read, graph.constant("weights", scorer.weights, np.float32))
    logits = graph.add("Add", graph.cast(product, np.float64), graph.double("bias", scorer.bias))
    graph.cast(graph.add("Sigmoid", logits), np.float32, "values")
    outputs = {"values": (TensorProto.FLOAT, [len(targets)])}
    return finished(graph, means, outputs, {"targets": targets}, inputs)


@dataclass(frozen=True)
class SoftParity:
    """How well an exported model agrees with the model on the same texts.

    Attributes:
        texts: that were compared; of pairs, pairs.
        max_difference: the greatest difference of a value.
    """

    texts: int
    max_difference: float

    def in_words(self) -> tuple[str, ...]:
        """Say it to people, a line each."""
        return (
            f"Parity with predict on {self.texts:,} texts: values differ by at most "
            f"{self.max_difference:.1e}",
        )


@dataclass(frozen=True)
class SoftInt8Cost:
    """What int8 encoders cost, on the same texts.

    Attributes:
        texts: that were compared.
        max_difference: the greatest difference of a value.
        mean_difference: the mean difference of all values.
        bytes: of the encoders, unquantized.
        int8_bytes: of the encoders, quantized.
    """

    texts: int
    max_difference: float
    mean_difference: float
    bytes: int
    int8_bytes: int

    def in_words(self) -> tuple[str, ...]:
        """Say it to people, a line each."""
        return (
            f"int8: values move by {self.mean_difference:.3f} on average and by "
            f"{self.max_difference:.3f} at most; {sizes_in_words(self)}",
        )


@dataclass(frozen=True)
class SoftExport:
    """A model, see `ExportTask`."""

    model: SoftModel

    values = "values"

    @property
    def kind(self) -> str:
        """Of what was trained."""
        return self.model.kind

    @property
    def size(self) -> str:
        """How many targets it has, in words."""
        return f"{len(self.model.targets)} soft targets"

    def graph(self) -> Any:
        """Return `soft_graph` of it."""
        model = self.model
        return soft_graph(model.scorer, model.means, model.targets, is_pair=model.is_pair)

    def asked(self, graph: Any) -> Any:
        """Return the graph as it is."""
        return graph

    def parity(self, space: TextSpace, texts: CheckTexts, found: Outputs) -> SoftParity:
        """Hold values against the model's."""
        ours = self.model.scorer.predict(texts.placed(space))
        return SoftParity(len(ours), float(np.abs(ours - found["values"]).max()))

    def cost(
        self, texts: CheckTexts, before: Outputs, after: Outputs, sizes: tuple[int, int]
    ) -> SoftInt8Cost:
        """Compare values."""
        moved = np.abs(before["values"] - after["values"])
        return SoftInt8Cost(len(texts.texts), float(moved.max()), float(moved.mean()), *sizes)

    def facts(self) -> Mapping[str, Any]:
        """Return task, kind and targets, and whether it reads pairs."""
        model = self.model
        return {
            "task": SOFT,
            "kind": model.kind,
            "targets": list(model.targets),
            "is_pair": model.is_pair,
        }
