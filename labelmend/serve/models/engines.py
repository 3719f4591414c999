"""What computes predictions: the ONNX export of a model, or the model as `predict` runs it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from labelmend.onnx.onnx_folder import OnnxEncoders, OnnxGraph, Outputs
from labelmend.retrieval.space import TextSpace
from labelmend.types import Doubles, Floats

Vectors = Mapping[str, Floats]
"""Float32 [b, d_i] of each encoder, by a name that the engine gives it."""

_PLACED = "placed"

Found = TypeVar("Found")
Found_co = TypeVar("Found_co", covariant=True)


class Engine(Protocol[Found_co]):
    """Computes predictions; called by one thread at a time.

    Attributes:
        name: `onnx` or `plain`.
        space: engines of the same one embed texts alike, so that it need be done only once.
    """

    name: str
    space: str

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts, which depend on no other text."""
        ...

    def classify(self, vectors: Vectors) -> Found_co:
        """Return what the model says of texts, by their vectors."""
        ...

    def placed(self, vectors: Vectors) -> Floats:
        """Return float32 [b, d], unit rows: the texts in the space that the model reads."""
        ...


class OnnxEngine(Generic[Found]):
    """The export of a model."""

    name = "onnx"

    def __init__(
        self,
        encoders: OnnxEncoders,
        space: str,
        graph: OnnxGraph,
        read: Callable[[Outputs], Found],
        means: Sequence[Doubles],
    ) -> None:
        """Take an export that is open.

        Args:
            encoders: of the export.
            space: tells them from others.
            graph: behind them.
            read: tells what its outputs say.
            means: float64 [d_i], what the model takes away from each encoder's vectors.
        """
        self.space = space
        self._encoders, self._graph, self._read = encoders, graph, read
        self._means = tuple(means)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of each encoder."""
        return self._encoders.vectors(texts)

    def classify(self, vectors: Vectors) -> Found:
        """Run the graph."""
        return self._read(self._graph.run(vectors))

    def placed(self, vectors: Vectors) -> Floats:
        """Centre, scale and join the vectors, as `TextSpace` does."""
        return TextSpace((), self._means).placed(list(vectors.values()))


class PlainEngine(Generic[Found]):
    """A model as `labelmend predict` runs it."""

    name = "plain"

    def __init__(self, space: TextSpace, name: str, predict: Callable[[Floats], Found]) -> None:
        """Take a model.

        Args:
            space: that it reads texts in.
            name: tells it from others.
            predict: what the model says of texts, from their places float32 [b, d].
        """
        self.space = name
        self._space, self._predict = space, predict

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Place the texts."""
        return {_PLACED: self._space.queries(texts)}

    def classify(self, vectors: Vectors) -> Found:
        """Ask the model."""
        return self._predict(vectors[_PLACED])

    def placed(self, vectors: Vectors) -> Floats:
        """Return the vectors as they are."""
        return vectors[_PLACED]
