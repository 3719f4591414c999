"""Which label a text carries, by an encoder that the measured classifiers do not read.

A label is the mean of its real texts' vectors, its description one of them. How far a text lies
from it is judged by a squared distance that the number of texts does not bias: the mean of n
vectors that scatter about m lies off m by a n-th of their variance, so that of a stranger to it is
1 + 1 / n times as large as to m, and is divided by that. Without this, a label of three texts would
lose against one of a hundred. What a text was made from has no say in it, nor has a real text on
itself (leave-one-out).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from labelmend.types import Bools, Doubles, Floats, Ints

_BLOCK = 1024
"""Texts that are compared with all labels at a time; no outcome depends on it."""

_MOST_MEASURED = 5000
"""Real texts, evenly of all, by which it is learned what is usual: more tell nothing else, and
their scores of thousands of labels would fill the memory."""

_SHARPEST = 1e3
"""Inverse temperature at most: distances of unit vectors are below 4."""


@dataclass(frozen=True)
class Nearness:
    """How near texts are to labels.

    Attributes:
        scores: float64 [b, K], minus the squared distance; -inf where nothing is known of a label.
        own: float64 [b], that of each text's own label; NaN where nothing but the text is known.
    """

    scores: Doubles
    own: Doubles


class LabelSpace:
    """The labels of a table in the judge's space.

    Attributes:
        usual: score of its own label below which a real text is unusual.
        sure: probability of its label below which one is unusual that is nearest to it.
    """

    def __init__(
        self, vectors: Floats, label_of: Ints, cards: Floats, has_card: Bools, unusual: float
    ) -> None:
        """Learn the labels, and how far real texts lie from theirs.

        Args:
            vectors: float32 [u, d], unit rows, of the distinct real texts, in the order of their
                keys.
            label_of: int64 [u], their labels; -1 for none.
            cards: float32 [K, d], unit rows, of the descriptions.
            has_card: bool [K], whether there is one.
            unusual: share of the real texts that lie further from their label than is usual.
        """
        self._vectors = vectors.astype(np.float64)
        self._label_of = label_of
        self._sums = np.where(has_card[:, None], cards.astype(np.float64), 0.0)
        self._counts = has_card.astype(np.int64)
        labelled = np.flatnonzero(label_of >= 0)
        np.add.at(self._sums, label_of[labelled], self._vectors[labelled])
        np.add.at(self._counts, label_of[labelled], 1)
        measured = labelled[:: -(-len(labelled) // _MOST_MEASURED) or 1]
        known, scores = [], []
        for first in range(0, len(measured), _BLOCK):
            rows = measured[first : first + _BLOCK]
            near = self.nearness(vectors[rows], label_of[rows], [(row,) for row in rows.tolist()])
            kept = np.isfinite(near.own)
            known.append(label_of[rows][kept])
            scores.append(near.scores[kept])
        self.usual, self.sure, self._inverse_temperature = _learned(known, scores, unusual)

    @property
    def labels(self) -> int:
        """How many labels something is known of."""
        return int((self._counts > 0).sum())

    def nearness(
        self, vectors: Floats, labels: Ints, parents: Sequence[tuple[int, ...]]
    ) -> Nearness:
        """Return how near texts are to all labels.

        Args:
            vectors: float32 [b, d], unit rows.
            labels: int64 [b], the label that each is to have.
            parents: by text, the real texts that have no say in it.
        """
        whole = vectors.astype(np.float64)
        scores = _minus_distances(whole, self._sums, self._counts)
        own = np.full(len(whole), np.nan)
        for i, (label, left_out) in enumerate(zip(labels.tolist(), parents, strict=True)):
            for k in {label, *(int(self._label_of[p]) for p in left_out)} - {-1}:
                gone = [p for p in left_out if self._label_of[p] == k]
                total = self._sums[k] - self._vectors[gone].sum(axis=0)
                count = self._counts[k] - len(gone)
                scores[i, k] = _minus_distances(whole[i : i + 1], total[None], np.array([count]))[
                    0, 0
                ]
            if np.isfinite(scores[i, label]):
                own[i] = scores[i, label]
            elif left_out:
                # Nothing but the parents is known of the label: then they are all there is to say.
                scores[i, label] = _minus_distances(
                    whole[i : i + 1], self._sums[[label]], self._counts[[label]]
                )[0, 0]
        return Nearness(scores, own)

    def probabilities(self, near: Nearness) -> Doubles:
        """Return float64 [b, K], the probability of each label, as learned on the real texts."""
        found: Doubles = softmax(self._inverse_temperature * near.scores, axis=1)
        return found


def _minus_distances(vectors: Doubles, sums: Doubles, counts: Ints) -> Doubles:
    """Return float64 [b, K], minus the unbiased squared distances from the labels' means."""
    there = counts > 0
    sizes = np.maximum(counts, 1)
    means = sums / sizes[:, None]
    squares = (
        (vectors * vectors).sum(axis=1)[:, None]
        - 2 * vectors @ means.T
        + (means * means).sum(axis=1)
    )
    return np.where(there, -squares * sizes / (sizes + 1), -np.inf)


def _learned(
    labels: Sequence[Ints], scores: Sequence[Doubles], unusual: float
) -> tuple[float, float, float]:
    """Return the score and the probability below which real texts are unusual, and the sharpness.

    The last is the inverse temperature at which the probabilities are likeliest.
    """
    if not labels or not sum(map(len, labels)):
        return -np.inf, 0.0, 1.0
    own, every = np.concatenate(labels), np.concatenate(scores)
    places = np.arange(len(own))
    usual = float(np.quantile(every[places, own], unusual))

    def loss(log_sharpness: float) -> float:
        logs = log_softmax(np.exp(log_sharpness) * every, axis=1)
        return float(-logs[places, own].mean())

    found = minimize_scalar(loss, bounds=(0.0, np.log(_SHARPEST)), method="bounded")
    sharpness = float(np.exp(found.x))
    chances = softmax(sharpness * every, axis=1)[places, own]
    right = every.argmax(axis=1) == own
    sure = float(np.quantile(chances[right], unusual)) if right.any() else 0.0
    return usual, sure, sharpness
