"""A classifier as an ONNX graph: the encoders' vectors in, what `Classifier.predict` says out.

Sums and logarithms run in double precision, as they do in Python, so that a text that is next to
the out-of-scope bar lands on the same side of it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelmend.classify.calibrate import LEAST_PROBABILITY, OosDetector
from labelmend.classify.classifier import Classifier, Nearness
from labelmend.classify.scorer import FEATURES, OnnxScorer
from labelmend.errors import ModelError
from labelmend.extras import require
from labelmend.onnx.model_graph import ModelGraph, finished, placed
from labelmend.types import Doubles


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
    from onnx import TensorProto

    graph = ModelGraph()
    texts = placed(graph, means)
    scores = _scores(graph, classifier, texts)
    sharpened = graph.add(
        "Mul", scores, graph.double("inverse_temperature", classifier.inverse_temperature)
    )
    logs = graph.add("LogSoftmax", sharpened, axis=1)
    nearness = _nearness(graph, classifier.nearness, texts)
    _assemble(graph, classifier, logs, nearness)
    outputs = {
        "label": (TensorProto.STRING, []),
        "probability": (TensorProto.FLOAT, []),
        "is_oos": (TensorProto.BOOL, []),
        "oos_score": (TensorProto.FLOAT, []),
        "probabilities": (TensorProto.FLOAT, [len(classifier.labels)]),
    }
    return finished(graph, means, outputs, {"labels": classifier.labels})


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


def _scores(graph: ModelGraph, classifier: Classifier, texts: str) -> str:
    """Add the scorer; what comes out is double [batch, K]."""
    scorer = classifier.scorer
    if not isinstance(scorer, OnnxScorer):
        raise ModelError(
            f"a classifier of the kind {classifier.kind!r} can't be exported as ONNX; train another"
        )
    return scorer.to_onnx(graph, texts)


def _nearness(graph: ModelGraph, nearness: Nearness, texts: str) -> str:
    """Add the mean cosine of the nearest references, double [batch, 1]."""
    references = graph.constant("references", nearness.references.T, np.float16)
    cosines = graph.add("MatMul", texts, graph.cast(references, np.float32))
    count = min(nearness.count, len(nearness.references))
    nearest = graph.top(cosines, graph.places("count", count))
    return graph.add("ReduceMean", graph.cast(nearest, np.float64), graph.places("last", 1))


def _assemble(graph: ModelGraph, classifier: Classifier, logs: str, nearness: str) -> None:
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
    graph: ModelGraph, detector: OosDetector, inside: str, own: str | None, nearness: str
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


def _outside(graph: ModelGraph, detector: OosDetector, score: str, own: str) -> str:
    """Add the probability of out-of-scope, double [batch, 1]."""
    if detector.slope is None or detector.offset is None:
        return graph.add("Exp", own)
    odds = graph.add("Mul", score, graph.double("slope", detector.slope))
    odds = graph.add("Add", odds, graph.double("offset", detector.offset))
    least = graph.double("least", LEAST_PROBABILITY)
    most = graph.double("most", 1 - LEAST_PROBABILITY)
    return graph.add("Clip", graph.add("Sigmoid", odds), least, most)
