"""A classifier as an ONNX graph: the encoders' vectors in, what `Classifier.predict` says out.

Sums and logarithms run in double precision, as they do in Python, so that a text that is next to
the out-of-scope bar lands on the same side of it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmend.classify.calibrate import LEAST_PROBABILITY, OosDetector
from labelmend.classify.classifier import Classifier, Nearness
from labelmend.classify.scorer import FEATURES, OnnxScorer
from labelmend.errors import ModelError
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


def classifier_graph(classifier: Classifier, means: Sequence[Doubles]) -> Any:
    """Return an onnx.ModelProto that does what `TextSpace` and `Classifier` do.

    Inputs are `embedding_0`, `embedding_1` ...: float [batch, d_i], unit vectors of each encoder.
    Outputs are `label`: string [batch]; `probability`: float [batch], the label's; `is_oos`: bool
    [batch]; `oos_score`: float [batch], higher where out-of-scope is likelier; `probabilities`:
    float [batch, K], in the order of the metadata's `labels`, which are JSON.

    Args:
        classifier: the classifier.
        means: float64 [d_i], what is taken away from each encoder's vectors.

    Raises:
        ModelError: its kind can't be exported.
    """
    require("onnx")
    from onnx import TensorProto, checker, helper

    graph = _Graph()
    texts = _place(graph, means)
    scores = _scores(graph, classifier, texts)
    sharpened = graph.add(
        "Mul", scores, graph.double("inverse_temperature", classifier.inverse_temperature)
    )
    logs = graph.add("LogSoftmax", sharpened, axis=1)
    nearness = _nearness(graph, classifier.nearness, texts)
    _assemble(graph, classifier, logs, nearness)
    body = helper.make_graph(
        graph.nodes,
        "classifier",
        [
            helper.make_tensor_value_info(
                embedding_input(i), TensorProto.FLOAT, ["batch", len(mean)]
            )
            for i, mean in enumerate(means)
        ],
        [
            helper.make_tensor_value_info("label", TensorProto.STRING, ["batch"]),
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch"]),
            helper.make_tensor_value_info("is_oos", TensorProto.BOOL, ["batch"]),
            helper.make_tensor_value_info("oos_score", TensorProto.FLOAT, ["batch"]),
            helper.make_tensor_value_info(
                "probabilities", TensorProto.FLOAT, ["batch", len(classifier.labels)]
            ),
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
    helper.set_model_props(model, {"labels": json.dumps(classifier.labels)})
    checker.check_model(model)
    return model


def with_features(model: Any) -> Any:
    """Return a graph that also says what its trees split on; one without trees as it is."""
    require("onnx")
    from onnx import ModelProto, TensorProto, helper

    if not any(FEATURES in node.output for node in model.graph.node):
        return model
    copy = ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.append(helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, None))
    return copy


class _Graph(GraphParts):
    """A classifier's nodes and constants in the making."""

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


def _place(graph: _Graph, means: Sequence[Doubles]) -> str:
    """Centre, scale and join the encoders' vectors, as `TextSpace` does."""
    scale = graph.double("scale", 1 / math.sqrt(len(means)))
    placed = []
    for i, mean in enumerate(means):
        vectors = graph.cast(embedding_input(i), np.float64)
        centred = graph.add("Sub", vectors, graph.double("mean", mean))
        unit = graph.unit_rows(centred, np.float64)
        placed.append(graph.cast(graph.add("Mul", unit, scale), np.float32))
    return graph.add("Concat", *placed, axis=1)


def _scores(graph: _Graph, classifier: Classifier, texts: str) -> str:
    """Add the scorer; what comes out is double [batch, K]."""
    scorer = classifier.scorer
    if not isinstance(scorer, OnnxScorer):
        raise ModelError(
            f"a classifier of the kind {classifier.kind!r} can't be exported as ONNX; train another"
        )
    return scorer.to_onnx(graph, texts)


def _nearness(graph: _Graph, nearness: Nearness, texts: str) -> str:
    """Add the mean cosine of the nearest references, double [batch, 1]."""
    references = graph.constant("references", nearness.references.T, np.float16)
    cosines = graph.add("MatMul", texts, graph.cast(references, np.float32))
    count = min(nearness.count, len(nearness.references))
    nearest = graph.top(cosines, graph.places("count", count))
    return graph.add("ReduceMean", graph.cast(nearest, np.float64), graph.places("last", 1))


def _assemble(graph: _Graph, classifier: Classifier, logs: str, nearness: str) -> None:
    """Add what `classifier.assemble` does with log-probabilities and nearness."""
    oos, detector = classifier.oos, classifier.detector
    others = [k for k in range(len(classifier.labels)) if k != oos]
    inside = logs
    own = None
    if oos is not None:
        inside = graph.add("Gather", logs, graph.places("in_scope", *others), axis=1)
        own = graph.add("Gather", logs, graph.places("oos", oos), axis=1)
    score = _oos_score(graph, detector, inside, own, nearness)
    graph.cast(graph.add("Squeeze", score, graph.places("last", 1)), np.float32, "oos_score")
    above = graph.add("Greater", score, graph.double("threshold", detector.threshold))
    flagged = graph.add("Squeeze", above, graph.places("last", 1), called="is_oos")
    if oos is None or own is None:
        shares = graph.add("Exp", logs)
        best = graph.add("ArgMax", shares, axis=1, keepdims=0)
    else:
        outside = _outside(graph, detector, score, own)
        rest = graph.add("Sub", graph.double("one", 1), outside)
        rescaled = graph.add("Exp", graph.add("LogSoftmax", inside, axis=1))
        within = graph.add("Mul", rescaled, rest)
        # In-scope columns, then out-of-scope's; each label then takes its own.
        joined = graph.add("Concat", within, outside, axis=1)
        order = np.argsort([*others, oos]).tolist()
        shares = graph.add("Gather", joined, graph.places("order", *order), axis=1)
        place = graph.add("ArgMax", within, axis=1, keepdims=0)
        best = graph.add("Gather", graph.places("in_scope", *others), place, axis=0)
        best = graph.add("Where", flagged, graph.places("oos", oos), best)
    graph.cast(shares, np.float32, "probabilities")
    names = graph.strings("labels", classifier.labels)
    graph.add("Gather", names, best, axis=0, called="label")
    column = graph.add("Unsqueeze", best, graph.places("last", 1))
    chosen = graph.add("GatherElements", "probabilities", column, axis=1)
    graph.add("Squeeze", chosen, graph.places("last", 1), called="probability")


def _oos_score(
    graph: _Graph, detector: OosDetector, inside: str, own: str | None, nearness: str
) -> str:
    """Add `oos_signs` and `OosDetector.scores`, double [batch, 1]."""
    last = graph.places("last", 1)
    best = graph.add("ReduceMax", inside, last)
    rest = graph.add("Sub", graph.double("one", 1), graph.add("Exp", best))
    least = graph.add("Max", rest, graph.double("least", LEAST_PROBABILITY))
    signs = [graph.add("Sub", graph.add("Log", least), best), graph.add("Neg", nearness)]
    if own is not None:
        signs.append(graph.add("Sub", own, graph.add("ReduceLogSumExp", inside, last)))
    joined = graph.add("Concat", *signs, axis=1)
    centred = graph.add("Sub", joined, graph.double("centre", detector.centre))
    return graph.add("MatMul", centred, graph.double("heft", detector.weights[:, None]))


def _outside(graph: _Graph, detector: OosDetector, score: str, own: str) -> str:
    """Add the probability of out-of-scope, double [batch, 1]."""
    if detector.slope is None or detector.offset is None:
        return graph.add("Exp", own)
    odds = graph.add("Mul", score, graph.double("slope", detector.slope))
    odds = graph.add("Add", odds, graph.double("offset", detector.offset))
    least = graph.double("least", LEAST_PROBABILITY)
    most = graph.double("most", 1 - LEAST_PROBABILITY)
    return graph.add("Clip", graph.add("Sigmoid", odds), least, most)
