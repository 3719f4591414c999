"""The multilingual Universal Sentence Encoder as a graph that onnxruntime runs."""

from pathlib import Path
from typing import Any

import numpy as np

from labelmend.retrieval.encoders.graph_parts import MICROSOFT, GraphParts, vectors_model
from labelmend.retrieval.encoders.use_file import BRANCHES, UseWeights, read_use


def use_graph(folder: Path) -> Any:
    """Return the encoder as an onnx.ModelProto; see `bert_graph` for its output.

    Its vectors are of averaged words and word groups (Yang et al. 2020). It reads the whole of a
    text, however long. Inputs are `input_ids` and `attention_mask`: int64 [batch, tokens].

    Raises:
        ModelError: the files can't be used.
        OSError: they can't be read.
    """
    return use_model(Int8Use(read_use(folder)))


def use_model(layers: "Use") -> Any:
    """Return the graph of layers as an onnx.ModelProto."""
    return vectors_model(layers, ("input_ids", "attention_mask"), layers.vectors(), [MICROSOFT])


class Use(GraphParts):
    """The layers, each named by its weights, in float32."""

    def __init__(self, weights: UseWeights) -> None:
        super().__init__()
        self._weights = weights
        last = self.places("last", 2)
        self._mask = self.add("Unsqueeze", self.cast("attention_mask", np.float32), last)

    def vectors(self) -> int:
        """Append all; return how many numbers `embedding` has."""
        words = self._words()
        branches = [self._branch(words, order, before) for order, before in BRANCHES.items()]
        joined = self._normed(self.add("Concat", words, *branches, axis=2), "ln_g", "ln_b")
        tokens = self.places("tokens", 1)
        total = self.add("ReduceSum", self.add("Mul", joined, self._mask), tokens, keepdims=0)
        count = self.add("ReduceSum", self._mask, tokens, keepdims=0)
        # The sum of the tokens' projections is the projection of their sum.
        biases = self.add("Mul", count, self._layer("cnn_b"))
        projected = self.add("Add", self._times(total, "cnn_W"), biases)
        text = self.add("Div", projected, self.add("Sqrt", count))
        first = self.add("Relu", self._times(text, "d0"))
        second = self.add("Relu", self._sum(self._times(text, "p1"), self._times(first, "d1")))
        third = self.add("Relu", self._times(second, "d2"))
        ends = self.add("Tanh", self._sum(self._times(second, "p3"), self._times(third, "d3")))
        self.add("LpNormalization", ends, called="embedding", axis=1, p=2)
        return int(self._weights.layers["d3"].shape[1])

    def _words(self) -> str:
        """Append the words' vectors, [batch, tokens, d]."""
        columns = {"scales": self._weights.scales, "lows": self._weights.lows}
        scale, low = (
            self.add("Gather", self.constant(name, values[:, None], np.float32), "input_ids")
            for name, values in columns.items()
        )
        table = self.constant("words", self._weights.words, np.uint8)
        stored = self.cast(self.add("Gather", table, "input_ids"), np.float32)
        return self._sum(self.add("Mul", stored, scale), low)

    def _branch(self, words: str, order: int, before: int) -> str:
        """Append two convolutions over groups of words, each added to what it reads."""
        projected = self._sum(self._times(words, f"proj{order}"), self._layer(f"proj_b{order}"))
        found = self._normed(projected, f"ln_g{order}", f"ln_b{order}")
        for turn in (1, 2):
            # What lies outside of a text is zeros.
            inside = self.add("Mul", found, self._mask)
            groups = self._times(self._groups(inside, order, before), f"w{turn}_{order}")
            heard = self.add("Relu", self._sum(groups, self._layer(f"b{turn}_{order}")))
            found = self._sum(heard, inside)
        return found

    def _groups(self, values: str, order: int, before: int) -> str:
        """Put the vectors of a word and of its neighbours side by side."""
        pads = self.places("pads", 0, before, 0, 0, order - 1 - before, 0)
        padded = self.add("Pad", values, pads)
        axis, whole = self.places("axis", 1), np.iinfo(np.int64).max
        parts = [
            self.add(
                "Slice",
                padded,
                self.places("start", i),
                self.places("end", i + 1 - order or whole),
                axis,
            )
            for i in range(order)
        ]
        return self.add("Concat", *parts, axis=2)

    def _normed(self, values: str, scale: str, shift: str) -> str:
        return self.add(
            "LayerNormalization",
            values,
            self._layer(scale),
            self._layer(shift),
            axis=-1,
            epsilon=self._weights.epsilon,
        )

    def _times(self, values: str, name: str) -> str:
        return self.add("MatMul", values, self._layer(name))

    def _sum(self, one: str, other: str) -> str:
        return self.add("Add", one, other)

    def _layer(self, name: str) -> str:
        return self.constant(name, self._weights.layers[name], np.float32)


class Int8Use(Use):
    """The same with matrices of int8; see `GraphParts.int8_product`."""

    def _times(self, values: str, name: str) -> str:
        return self.int8_product(values, name, self._weights.layers[name].T)
