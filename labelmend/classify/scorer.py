"""What a trained head is to the rest: scores of labels, written to a folder, and drawn as ONNX."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from labelmend.types import Bools, Doubles, Floats, Ints


@dataclass(frozen=True)
class Examples:
    """What a head is trained on.

    Attributes:
        embeddings: float32 [p, d], unit rows; float64 where a caller of `TextClassifier` gave such.
        labels: int64 [p], indices below `label_count`, each carried by some row.
        weights: float64 [p], with a mean of about 1.
        label_count: K, at least 2.
        seed: of whatever the head draws.
    """

    embeddings: Floats
    labels: Ints
    weights: Doubles
    label_count: int
    seed: int


class Scorer(Protocol):
    """A trained head."""

    def scores(self, embeddings: Floats) -> Doubles:
        """Return float64 [b, K], unnormalised log-scores of embeddings [b, d]; higher is likelier.

        A text's scores don't depend on the other texts of the batch.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write all that it needs into an empty folder, in formats that execute nothing."""
        ...


class OnnxGraph(Protocol):
    """An ONNX graph in the making; a method that adds a node returns its output's name."""

    def add(self, operator: str, *inputs: str, called: str = "", **attributes: Any) -> str:
        """Append a node of one output, which is `called` so or gets a name of its own."""
        ...

    def cast(self, value: str, to: type[np.generic]) -> str:
        """Turn a value into another type."""
        ...

    def unit_rows(self, value: str, kind: type[np.generic]) -> str:
        """Divide rows by their lengths; a row of zeros stays one."""
        ...

    def linear(self, values: str, weights: npt.ArrayLike, bias: npt.ArrayLike) -> str:
        """Multiply float [batch, d] by weights [d, m], and add the bias [m]."""
        ...

    def trees(self, values: str, targets: int, attributes: Mapping[str, Any]) -> str:
        """Append a TreeEnsembleRegressor that reads doubles [batch, m]."""
        ...


@runtime_checkable
class OnnxScorer(Scorer, Protocol):
    """A scorer that can be exported."""

    def to_onnx(self, graph: OnnxGraph, texts: str) -> str:
        """Draw `scores`: from float [batch, d] to the name of a double [batch, K]."""
        ...


FEATURES = "features"
"""Inner value of a graph: what a `SplitScorer` splits on, float [batch, m]."""


@runtime_checkable
class SplitScorer(Scorer, Protocol):
    """A scorer that jumps where a feature crosses a split, such as trees; its graph has `FEATURES`.

    Two ways to compute the same vector differ in its last bits, which decide on a split.
    """

    def on_edge(self, embeddings: Floats, features: Floats) -> Bools:
        """Return bool [b], the texts for which the last bits decide.

        Args:
            embeddings: float32 [b, d].
            features: float32 [b, m], of the same texts as somebody else computed them.
        """
        ...
