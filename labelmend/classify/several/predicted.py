"""What `labelmend predict` says of texts that may have several labels."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.classify.several.classifier import SetClassifier
from labelmend.data.sets.label_sets import SetShape
from labelmend.data.table import Value
from labelmend.parallel import LOCAL, Executor, blocks_of
from labelmend.protocols import Progress
from labelmend.retrieval.space import TextSpace
from labelmend.types import Bools, Doubles

LABELS, PROBABILITIES, PROBABILITY = "predicted_labels", "probabilities", "probability"
"""What our columns are called; the last begins the names of one a label."""

_PREDICTED = "predicted"
"""Begins the names of the columns of 0 and 1."""

_DIGITS = 3
"""Of a probability in an object. What rounds to 0 is left out."""


@dataclass(frozen=True)
class PredictedSets:
    """Predictions of texts.

    Attributes:
        labels: the label set, [L].
        probabilities: float32 [b, L], calibrated.
        called: bool [b, L].
    """

    labels: tuple[str, ...]
    probabilities: Doubles
    called: Bools

    def columns(self, shape: SetShape) -> dict[str, list[Value]]:
        """Return our columns and their values, as the model's table writes labels.

        Of a table with a column a label: 0 or 1 and the probability, a column a label each. Of
        others, the labels of each row as a list or joined, and an object of probabilities, the
        most probable first in both.
        """
        if shape.column is None:
            said: dict[str, list[Value]] = {
                f"{_PREDICTED}_{shape.columns[label]}": self.called[:, k].astype(int).tolist()
                for k, label in enumerate(self.labels)
            }
            return said | {
                f"{PROBABILITY}_{shape.columns[label]}": self.probabilities[:, k].tolist()
                for k, label in enumerate(self.labels)
            }
        rows = list(self._rows())
        return {
            LABELS: [shape.cell([label for label, _, called in row if called]) for row in rows],
            PROBABILITIES: [
                json.dumps({label: p for label, p, _ in row if p}, ensure_ascii=False)
                for row in rows
            ],
        }

    def _rows(self) -> Iterator[list[tuple[str, float, bool]]]:
        """Yield of each row its labels, probabilities and whether they are called, in order.

        Labels that are not called and have next to no probability are left out.
        """
        least = 0.5 * 10**-_DIGITS
        for row, called in zip(self.probabilities, self.called, strict=True):
            worth = np.flatnonzero(called | (row >= least))
            order = worth[np.argsort(-row[worth], kind="stable")]
            yield [(self.labels[k], round(float(row[k]), _DIGITS), bool(called[k])) for k in order]


def column_names(labels: Sequence[str], shape: SetShape) -> tuple[str, ...]:
    """Return what our columns are called."""
    nothing = np.zeros((0, len(labels)))
    return tuple(PredictedSets(tuple(labels), nothing, nothing > 0).columns(shape))


def predict_sets(
    classifier: SetClassifier,
    space: TextSpace,
    texts: Sequence[str],
    batch_rows: int,
    progress: Progress,
    executor: Executor = LOCAL,
) -> PredictedSets:
    """Predict the labels of texts.

    Args:
        classifier: of a model.
        space: that it reads.
        texts: cut to what the model reads.
        batch_rows: predicted at a time.
        progress: hears how far the work is.
        executor: encodes the texts.

    Raises:
        ModelError: an encoder can't load.
    """
    progress.start("predict", len(texts))
    shape = len(texts), len(classifier.labels)
    probabilities, called = np.empty(shape), np.empty(shape, dtype=np.bool_)
    blocks = list(blocks_of(len(texts), batch_rows))
    encoded = space.queries_by_block((texts[block] for block in blocks), executor)
    for block, vectors in zip(blocks, encoded, strict=True):
        found = classifier.predict(vectors)
        probabilities[block], called[block] = found.probabilities, found.called
        progress.advance(block.stop - block.start)
    return PredictedSets(classifier.labels, probabilities, called)
