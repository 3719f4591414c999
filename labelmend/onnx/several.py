"""Classifiers of several labels a text as ONNX: their graph, and the check that it says the same.

As in Python, products run in single precision and what follows in double, so that a probability
that is next to its label's threshold lands on the same side of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelmend.classify.folder import SEVERAL
from labelmend.classify.several.calibrate import LEAST
from labelmend.classify.several.classifier import SetClassifier, SetPredictions
from labelmend.classify.several.model_folder import SavedSets
from labelmend.extras import require
from labelmend.onnx.model_graph import ModelGraph, finished, placed
from labelmend.onnx.onnx_folder import Outputs
from labelmend.onnx.task import CheckTexts, sizes_in_words
from labelmend.retrieval.space import TextSpace
from labelmend.types import Doubles


def sets_graph(classifier: SetClassifier, means: Sequence[Doubles]) -> Any:
    """Return an onnx.ModelProto that does what `TextSpace` and `SetClassifier` do.

    Inputs are those of `classifier_graph`. Outputs are `probabilities`: float [batch, K], each
    label by itself, in the order of the metadata's `labels`, which are JSON; and `called`: bool
    [batch, K], whether the label's probability reaches its threshold, before it is rounded.

    Args:
        classifier: the classifier.
        means: float64 [d_i], what is taken away from each encoder's vectors.
    """
    require("onnx")
    from onnx import TensorProto

    graph = ModelGraph()
    scorer, lines = classifier.scorer, classifier.lines
    scores = graph.linear(placed(graph, means), scorer.weights, scorer.bias)
    logits = graph.add("Mul", graph.cast(scores, np.float64), graph.double("slopes", lines.slopes))
    logits = graph.add("Add", logits, graph.double("offsets", lines.offsets))
    least, most = graph.double("least", LEAST), graph.double("most", 1 - LEAST)
    shares = graph.add("Clip", graph.add("Sigmoid", logits), least, most)
    graph.cast(shares, np.float32, "probabilities")
    bars = graph.double("thresholds", classifier.thresholds)
    graph.add("GreaterOrEqual", shares, bars, called="called")
    count = len(classifier.labels)
    outputs = {
        "probabilities": (TensorProto.FLOAT, [count]),
        "called": (TensorProto.BOOL, [count]),
    }
    return finished(graph, means, outputs, {"labels": classifier.labels})


def set_predictions(found: Outputs) -> SetPredictions:
    """Return what the graph's outputs say."""
    return SetPredictions(found["probabilities"].astype(np.float64), found["called"])


@dataclass(frozen=True)
class SetParity:
    """How well an exported classifier agrees with the model on the same texts.

    Attributes:
        texts: that were compared.
        max_difference: the greatest difference of a probability.
        sets_agree: texts of which the same labels are called.
    """

    texts: int
    max_difference: float
    sets_agree: int

    def in_words(self) -> tuple[str, ...]:
        """Say it to people, a line each."""
        return (
            f"Parity with predict on {self.texts:,} texts: probabilities differ by at most "
            f"{self.max_difference:.1e}; {self.sets_agree:,} texts have the same labels called",
        )


@dataclass(frozen=True)
class SetInt8Cost:
    """What int8 encoders cost, on the same texts.

    Attributes:
        texts: that were compared.
        sets_agree: texts of which the same labels are called as before.
        max_difference: the greatest difference of a probability.
        bytes: of the encoders, unquantized.
        int8_bytes: of the encoders, quantized.
    """

    texts: int
    sets_agree: int
    max_difference: float
    bytes: int
    int8_bytes: int

    def in_words(self) -> tuple[str, ...]:
        """Say it to people, a line each."""
        return (
            f"int8: {self.sets_agree:,} of {self.texts:,} texts keep all of their labels, "
            f"probabilities move by at most {self.max_difference:.3f}; {sizes_in_words(self)}",
        )


@dataclass(frozen=True)
class SetsExport:
    """A model, see `ExportTask`."""

    model: SavedSets

    values = "probabilities"

    @property
    def kind(self) -> str:
        """Of the classifier."""
        return self.model.classifier.kind

    @property
    def size(self) -> str:
        """How many labels it has, in words."""
        return f"{len(self.model.classifier.labels)} labels, of which a text may have several"

    def graph(self) -> Any:
        """Return `sets_graph` of it."""
        return sets_graph(self.model.classifier, self.model.means)

    def asked(self, graph: Any) -> Any:
        """Return the graph as it is."""
        return graph

    def parity(self, space: TextSpace, texts: CheckTexts, found: Outputs) -> SetParity:
        """Hold probabilities and what is called against the model's."""
        (embeddings,) = texts.placed(space)
        ours, theirs = self.model.classifier.predict(embeddings), set_predictions(found)
        return SetParity(len(embeddings), _moved(ours, theirs), _agree(ours, theirs))

    def cost(
        self, texts: CheckTexts, before: Outputs, after: Outputs, sizes: tuple[int, int]
    ) -> SetInt8Cost:
        """Compare probabilities and what is called."""
        one, two = set_predictions(before), set_predictions(after)
        return SetInt8Cost(len(texts.texts), _agree(one, two), _moved(one, two), *sizes)

    def facts(self) -> Mapping[str, Any]:
        """Return task, kind, labels and their thresholds."""
        classifier = self.model.classifier
        return {
            "task": SEVERAL,
            "kind": classifier.kind,
            "labels": list(classifier.labels),
            "thresholds": classifier.thresholds.tolist(),
        }


def _moved(one: SetPredictions, two: SetPredictions) -> float:
    return float(np.abs(one.probabilities - two.probabilities).max())


def _agree(one: SetPredictions, two: SetPredictions) -> int:
    return int((one.called == two.called).all(axis=1).sum())
