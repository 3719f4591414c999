"""What an export has to know of a model, whatever its task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from labelmend.onnx.model_graph import embedding_input, second_input
from labelmend.onnx.onnx_folder import OnnxEncoders, Outputs
from labelmend.retrieval.space import TextSpace
from labelmend.types import Floats


@dataclass(frozen=True)
class CheckTexts:
    """Texts on which an exported model is held against the model.

    Attributes:
        texts: cut as the model cuts them.
        labels: what each is, "" where that is not known.
        source: what messages call them.
        sha256: of their file, or None.
        second: of pairs, the text that each stands with; else none.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    source: str
    sha256: str | None
    second: tuple[str, ...] = ()

    def vectors(self, encoders: OnnxEncoders, rows: slice) -> dict[str, Floats]:
        """Return the vectors of some of them, by the graph's names."""
        found = encoders.vectors(self.texts[rows], embedding_input)
        if self.second:
            found |= encoders.vectors(self.second[rows], second_input)
        return found

    def placed(self, space: TextSpace) -> list[Floats]:
        """Return float32 [b, d] as the model reads them; of pairs two."""
        parts = (self.texts, self.second) if self.second else (self.texts,)
        return [space.queries(part) for part in parts]


class AnyParity(Protocol):
    """How well an exported model agrees with the model on the same texts; a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def texts(self) -> int:
        """That were compared."""
        ...

    @property
    def max_difference(self) -> float:
        """The greatest difference of a number that both give."""
        ...

    def in_words(self) -> Sequence[str]:
        """Say it to people, a line each."""
        ...


class AnyCost(Protocol):
    """What int8 encoders cost on the same texts; a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def bytes(self) -> int:
        """Of the encoders, unquantized."""
        ...

    @property
    def int8_bytes(self) -> int:
        """Of the encoders, quantized."""
        ...

    def in_words(self) -> Sequence[str]:
        """Say it to people, a line each."""
        ...


class ExportTask(Protocol):
    """A model as far as its task goes."""

    @property
    def kind(self) -> str:
        """Of what was trained."""
        ...

    @property
    def size(self) -> str:
        """How many labels or targets it has, in words."""
        ...

    @property
    def values(self) -> str:
        """What messages call the numbers that it gives."""
        ...

    def graph(self) -> Any:
        """Return it as an onnx.ModelProto, from the encoders' vectors on.

        Raises:
            ModelError: its kind can't be exported.
        """
        ...

    def asked(self, graph: Any) -> Any:
        """Return the graph that the check asks, which may say more than that which is written."""
        ...

    def parity(self, space: TextSpace, texts: CheckTexts, found: Outputs) -> AnyParity:
        """Hold what the graph says of texts against what the model says."""
        ...

    def cost(
        self, texts: CheckTexts, before: Outputs, after: Outputs, sizes: tuple[int, int]
    ) -> AnyCost:
        """Compare what the graph says on encoders before and after they were quantized.

        Args:
            texts: of both.
            before: what it says on those as they were.
            after: what it says on quantized ones.
            sizes: bytes of the encoders before and after.
        """
        ...

    def facts(self) -> Mapping[str, Any]:
        """Return what the export's card says of the model."""
        ...


def sizes_in_words(cost: AnyCost) -> str:
    """Say how large the encoders are."""
    return f"encoders take {cost.int8_bytes / 1e6:.0f} MB, before {cost.bytes / 1e6:.0f} MB"
