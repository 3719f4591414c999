"""Whether an exported classifier predicts what the model predicts, and what int8 costs.

This is of one label a text; `several` and `soft` say the same of the other tasks.
"""

from dataclasses import dataclass

import numpy as np

from labelmend.classify.classifier import Classifier, Predictions
from labelmend.classify.scorer import SplitScorer
from labelmend.onnx.onnx_folder import OnnxPredictions
from labelmend.onnx.task import CheckTexts, sizes_in_words
from labelmend.types import Bools, Doubles, Floats


@dataclass(frozen=True)
class Parity:
    """How well the exported classifier agrees with the model on the same texts.

    Attributes:
        texts: that were compared.
        max_difference: the greatest difference of a probability.
        labels_agree: texts that get the same label.
        flags_agree: texts that get the same out-of-scope flag.
        on_edges: texts that stand on a tree's split, so that the last bits of a vector decide
            which leaf they reach; they are left out of `max_difference`.
        edge_difference: the greatest difference of a probability among them, or 0.
    """

    texts: int
    max_difference: float
    labels_agree: int
    flags_agree: int
    on_edges: int
    edge_difference: float

    def in_words(self) -> tuple[str, ...]:
        """Say it to people, a line each."""
        said = (
            f"Parity with predict on {self.texts:,} texts: probabilities differ by at most "
            f"{self.max_difference:.1e}; {self.labels_agree:,} labels and {self.flags_agree:,} "
            "out-of-scope flags agree"
        )
        if not self.on_edges:
            return (said,)
        edges = (
            f"Note: {self.on_edges:,} of them stand on a split of a tree, where the last bits of "
            f"a vector decide; they differ by up to {self.edge_difference:.1e}"
        )
        return said, edges


@dataclass(frozen=True)
class Int8Cost:
    """What int8 encoders cost, on the same texts.

    Attributes:
        texts: that were compared.
        labels_agree: texts whose label is that of the unquantized classifier.
        max_difference: the greatest difference of a probability.
        labelled: texts whose label is known to the model; the accuracies are over them.
        accuracy: of the unquantized classifier; None where no text has a label.
        int8_accuracy: of the quantized one.
        bytes: of the encoders, unquantized.
        int8_bytes: of the encoders, quantized.
    """

    texts: int
    labels_agree: int
    max_difference: float
    labelled: int
    accuracy: float | None
    int8_accuracy: float | None
    bytes: int
    int8_bytes: int

    def in_words(self) -> tuple[str, ...]:
        """Say it to people, a line each."""
        said = (
            f"int8: {self.labels_agree:,} of {self.texts:,} texts keep their label, probabilities "
            f"move by at most {self.max_difference:.3f}; {sizes_in_words(self)}"
        )
        if self.accuracy is None or self.int8_accuracy is None:
            return (said,)
        accuracy = (
            f"int8: accuracy {self.int8_accuracy:.2%}, before {self.accuracy:.2%} "
            f"({self.int8_accuracy - self.accuracy:+.2%}), on {self.labelled:,} labelled texts"
        )
        return said, accuracy


def parity_of(classifier: Classifier, embeddings: Floats, exported: OnnxPredictions) -> Parity:
    """Hold an exported classifier against the model.

    Trees jump where a feature crosses a split. Two ways to compute the same vector differ in its
    last bits, so on a text that stands on a split they may disagree by a whole leaf. Such texts,
    whose features agree and whose leaves don't, are counted apart.

    Args:
        classifier: the model's.
        embeddings: float32 [b, d], of the texts, as the model encodes them.
        exported: what the exported classifier says of the same texts.
    """
    ours = classifier.predict(embeddings)
    differences = np.abs(ours.probabilities - exported.probabilities).max(axis=1)
    on_edge = np.zeros(len(embeddings), dtype=bool)
    if isinstance(classifier.scorer, SplitScorer) and exported.features is not None:
        on_edge = classifier.scorer.on_edge(embeddings, exported.features)
    names = np.array(_names(classifier, ours))
    return Parity(
        texts=len(embeddings),
        max_difference=_greatest(differences, ~on_edge),
        labels_agree=int((names == np.array(exported.labels)).sum()),
        flags_agree=int((ours.is_oos == exported.is_oos).sum()),
        on_edges=int(on_edge.sum()),
        edge_difference=_greatest(differences, on_edge),
    )


def int8_cost(
    labels: tuple[str, ...],
    texts: CheckTexts,
    before: OnnxPredictions,
    after: OnnxPredictions,
    sizes: tuple[int, int],
) -> Int8Cost:
    """Compare an exported classifier with itself on quantized encoders.

    Args:
        labels: that the model knows.
        texts: of the comparison.
        before: what the unquantized one says of them.
        after: what the quantized one says.
        sizes: bytes of the encoders before and after.
    """
    truth, one, two = (np.array(names) for names in (texts.labels, before.labels, after.labels))
    known = np.isin(truth, labels)
    return Int8Cost(
        texts=len(one),
        labels_agree=int((one == two).sum()),
        max_difference=float(np.abs(before.probabilities - after.probabilities).max()),
        labelled=int(known.sum()),
        accuracy=float((one == truth)[known].mean()) if known.any() else None,
        int8_accuracy=float((two == truth)[known].mean()) if known.any() else None,
        bytes=sizes[0],
        int8_bytes=sizes[1],
    )


def _names(classifier: Classifier, found: Predictions) -> list[str]:
    return [classifier.labels[k] for k in found.labels]


def _greatest(values: Doubles, among: Bools) -> float:
    return float(values[among].max()) if among.any() else 0.0
