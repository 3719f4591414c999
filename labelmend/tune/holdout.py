"""Which texts are trained on, how much each counts, and which are held out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.classify.data import TrainingSet, training_set
from labelmend.data.duplicates import text_key
from labelmend.errors import InputError
from labelmend.types import Bools, Dataset, Doubles, Ints

_LEAST_TRAINED = 2
"""Texts of a label that stay to be trained on: a text needs another one of its label."""

_LEAST_LABELS = 2
"""A text is set against the texts of another label."""


@dataclass(frozen=True)
class TuningTexts:
    """The distinct texts of a table, in the order of their keys.

    Attributes:
        data: texts and the labels that they carry.
        labels: int64 [u], each text's main label.
        weights: float64 [u], 0 to 1, the posterior of that label: the mean confidence of the text's
            rows with it, times their share of its rows.
        held_out: bool [u], texts that are never trained on.
        trained: bool [u], texts that are: neither held out, nor made from these, nor out of scope.
    """

    data: TrainingSet
    labels: Ints
    weights: Doubles
    held_out: Bools
    trained: Bools

    def measured(self, least: float) -> Ints:
        """Return int64 [m], the held-out texts whose label is at least so probable."""
        return np.flatnonzero(self.held_out & (self.weights >= least))

    def training_texts(self) -> Dataset:
        """Return what is not held out as a dataset of one row a text."""
        kept = np.flatnonzero(~(self.held_out | self.data.descends_from(self.held_out)))
        return Dataset(
            ids=tuple(str(i + 1) for i in kept.tolist()),
            texts=tuple(self.data.texts[i] for i in kept.tolist()),
            given=self.labels[kept],
            labels=self.data.labels,
            oos=self.data.oos,
        )


def hold_out(
    dataset: Dataset,
    confidence: Doubles,
    *,
    share: float,
    known: Sequence[str],
    seed: int,
    where: str,
) -> TuningTexts:
    """Draw the held-out texts, label by label.

    Out-of-scope texts are on neither side: their label has no description that could be found.

    Args:
        dataset: the rows and the labels to train on; rows without one are left out.
        confidence: float64 [n], the posterior of each row's label.
        share: of each label's texts that is held out.
        known: texts that stand in label cards, which are not held out: retrieval would find a text
            by itself.
        seed: of the draw.
        where: what the message calls the table and its column.

    Raises:
        InputError: too few texts or labels to train on and to measure.
    """
    data = training_set(dataset, confidence)
    rows = training_set(dataset, (confidence > 0).astype(np.float64))
    total = np.bincount(rows.text_of, weights=rows.weights, minlength=len(data.texts))
    labels = data.main_labels()
    weights = np.zeros(len(data.texts))
    main = data.label_of == labels[data.text_of]
    weights[data.text_of[main]] = data.weights[main]
    weights /= total
    inside = labels != data.oos if data.oos is not None else np.ones(len(labels), dtype=bool)
    cards = {text_key(text) for text in known}
    free = (
        inside
        & data.real()
        & np.array([text_key(text) not in cards for text in data.texts], dtype=bool)
    )
    held_out = np.zeros(len(labels), dtype=bool)
    generator = np.random.default_rng(seed)
    for label in range(len(data.labels)):
        own = np.flatnonzero(free & (labels == label))
        room = int((inside & data.real() & (labels == label)).sum()) - _LEAST_TRAINED
        count = min(max(round(share * len(own)), 1), len(own), room)
        if count > 0:
            held_out[generator.choice(own, count, replace=False)] = True
    trained = inside & ~held_out & ~data.descends_from(held_out)
    found = TuningTexts(data, labels, weights, held_out, trained)
    if len(np.unique(labels[found.trained])) < _LEAST_LABELS or not held_out.any():
        raise InputError(
            f"{where}: tuning needs two labels or more, and three texts or more of a label to hold "
            "one out; give more rows"
        )
    return found
