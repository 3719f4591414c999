"""What `labelmend predict` says of texts, for whoever else is to say the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from labelmend.classify.classifier import Classifier, Predictions
from labelmend.parallel import LOCAL, Executor, blocks_of
from labelmend.protocols import NoProgress, Progress
from labelmend.retrieval.space import TextSpace

COLUMNS = ("predicted_label", "probability", "is_oos", "top_3")
"""What the columns of predictions are called."""

_TOP = 3
"""Labels that the predictions have of each row."""


@dataclass(frozen=True)
class Predicted:
    """Predictions of texts, a value each.

    Attributes:
        labels: the label; where the text is flagged, the out-of-scope label if there is one.
        probabilities: of that label, calibrated, 0 to 1.
        flags: the text is called out of scope.
        tops: the three likeliest labels with their probabilities, as `relabel` shows candidates.
    """

    labels: list[str] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)
    flags: list[bool] = field(default_factory=list)
    tops: list[str] = field(default_factory=list)

    def columns(self) -> tuple[Sequence[str | float | bool], ...]:
        """Return the values of `COLUMNS`."""
        return (self.labels, self.probabilities, self.flags, self.tops)


def predict_texts(
    classifier: Classifier,
    space: TextSpace,
    texts: Sequence[str],
    batch_rows: int,
    progress: Progress | None = None,
    executor: Executor = LOCAL,
) -> Predicted:
    """Predict texts.

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
    progress = progress or NoProgress()
    progress.start("predict", len(texts))
    blocks = blocks_of(len(texts), batch_rows)
    predicted = Predicted()
    for vectors in space.queries_by_block((texts[block] for block in blocks), executor):
        found = classifier.predict(vectors)
        count = len(found.labels)
        predicted.labels.extend(classifier.labels[k] for k in found.labels)
        predicted.probabilities.extend(found.probabilities[np.arange(count), found.labels].tolist())
        predicted.flags.extend(found.is_oos.tolist())
        predicted.tops.extend(_top_labels(found, classifier.labels))
        progress.advance(count)
    return predicted


def _top_labels(found: Predictions, labels: tuple[str, ...]) -> Iterator[str]:
    """Yield each row's most probable labels as `relabel` shows its candidates."""
    for row, top in enumerate(found.top(_TOP).tolist()):
        yield " | ".join(f"{labels[k]} {found.probabilities[row, k]:.3f}" for k in top)
