"""From what a graph or a classifier says of a batch to what is served of it, by task."""

from collections.abc import Sequence

import numpy as np

from labelmend.classify.classifier import Classifier
from labelmend.classify.several.classifier import SetClassifier
from labelmend.classify.soft.scorer import SoftScorer
from labelmend.onnx.onnx_folder import OnnxPredictions, Outputs
from labelmend.onnx.several import set_predictions
from labelmend.serve.models.scored import Scored, SetsScored, SoftScored
from labelmend.types import Floats


class Labelled:
    """Reads the outputs of a graph of one label a text."""

    def __init__(self, labels: Sequence[str]) -> None:
        """Take the labels in the order of its probabilities."""
        self._place = {label: k for k, label in enumerate(labels)}

    def __call__(self, outputs: Outputs) -> Scored:
        """Return what they say."""
        found = OnnxPredictions.of(outputs)
        labels = np.array([self._place[label] for label in found.labels], dtype=np.int64)
        return Scored(labels, found.is_oos, found.probabilities)


def read_sets(outputs: Outputs) -> SetsScored:
    """Return what the outputs of a graph of several labels a text say."""
    found = set_predictions(outputs)
    return SetsScored(found.probabilities, found.called)


def read_soft(outputs: Outputs) -> SoftScored:
    """Return what the outputs of a graph of soft targets say."""
    return SoftScored(outputs["values"].astype(np.float64))


def said(classifier: Classifier, placed: Floats) -> Scored:
    """Return what a classifier says of texts, by their places float32 [b, d]."""
    found = classifier.predict(placed)
    return Scored(found.labels, found.is_oos, found.probabilities)


def said_sets(classifier: SetClassifier, placed: Floats) -> SetsScored:
    """Return what a classifier of several labels says."""
    found = classifier.predict(placed)
    return SetsScored(found.probabilities, found.called)


def said_soft(scorer: SoftScorer, placed: Floats) -> SoftScored:
    """Return what a model of soft targets of one text says."""
    return SoftScored(scorer.predict([placed]))
