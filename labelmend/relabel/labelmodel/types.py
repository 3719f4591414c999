"""What the label model learns, believes and decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labelmend.types import Bools, Doubles, Ints

Decision = Literal["keep", "change", "review", "label", "answered"]
"""What is done with a row: `label` marks a row that came without a label and got one, `answered`
one whose label a person settled."""


@dataclass(frozen=True)
class NoiseChannel:
    """P(given label | true label): the annotator's errors.

    P(g | k) = keep_rate if g = k, else (1 - keep_rate) * [(1 - similar_share - oos_share) / (K - 1)
    + similar_share * S(g | k) + oos_share * [g is out of scope]], where S(. | k) is the softmax of
    prototype similarity / temperature over the labels other than k.

    Attributes:
        keep_rate: probability that the annotator writes the true label.
        similar_share: share of the errors that go to similar labels.
        oos_share: share of the errors that call a text out of scope; the rest is uniform.
        temperature: of S, in units of cosine similarity.
        pair_strength: pseudo-count of the Dirichlet prior on each label's errors; None where the
            data show no pairs that are confused more often than the rest.
        label_strength: pseudo-count of the Beta prior on each label's keep rate; None where all
            labels share one.
    """

    keep_rate: float
    similar_share: float
    oos_share: float
    temperature: float
    pair_strength: float | None
    label_strength: float | None


@dataclass(frozen=True)
class Posterior:
    """What fusion believes of each text.

    Attributes:
        candidates: int64 [u, c], label indices; a text's are distinct.
        probabilities: float64 [u, c]; what a row lacks to 1 belongs to labels beyond these.
        channel: the noise channel that was learned.
        weights: each source's weight, >= 0, in nats per unit of its scores.
        oos_bias: nats by which out-of-scope is favoured before a text is looked at.
        channel_nats: float64 [u, c], log-likelihood of the given labels under each candidate.
        given_share: float64 [u, c], the given labels of each text as shares.
    """

    candidates: Ints
    probabilities: Doubles
    channel: NoiseChannel
    weights: Mapping[str, float]
    oos_bias: float
    channel_nats: Doubles
    given_share: Doubles

    def best(self) -> tuple[Ints, Doubles]:
        """Return the most probable label of each text and its probability.

        Ties go to the candidate with the smaller label index, whatever the order of candidates.
        """
        top = self.probabilities.max(axis=1, keepdims=True)
        tied = np.where(self.probabilities >= top, self.candidates, np.iinfo(np.int64).max)
        return tied.min(axis=1), top[:, 0]


@dataclass(frozen=True)
class Decisions:
    """What is done with each row.

    Attributes:
        actions: one of keep, change, review, label, answered a row.
        mended: int64 [n], the label to use; `NO_LABEL` for an unlabelled row under review,
            and where a person said that none fits.
        proposed: int64 [n], the most probable label.
        confidence: float64 [n], posterior of `mended` (of `proposed` where `mended` is missing).
        quality: float64 [n], posterior of the given label, at the middle of what the table leaves
            open (see `NoiseInterval`); NaN for rows without one.
        review_order: int64 [n], all rows, most worth a look first.
        expected_harm: expected number of good labels among the changed ones; where the evidence is
            weak, at that extreme at which they are most.
        expected_good: expected number of good labels in the whole table.
        cost: float64 [n], what a row's change takes of the budget, in good labels; None where that
            is its quality.
    """

    actions: tuple[Decision, ...]
    mended: Ints
    proposed: Ints
    confidence: Doubles
    quality: Doubles
    review_order: Ints
    expected_harm: float
    expected_good: float
    cost: Doubles | None = None

    @property
    def changed(self) -> Bools:
        """Return bool [n], the rows whose label is changed."""
        return np.array([action == "change" for action in self.actions], dtype=bool)

    @property
    def harm(self) -> Doubles:
        """Return float64 [n], what a row's change takes of the budget; NaN without a label."""
        return self.quality if self.cost is None else self.cost
