"""What two models say of every label of a table, crossed."""

from dataclasses import dataclass

import numpy as np

from labelmend.classify.data import TrainingSet
from labelmend.classify.train import Learner
from labelmend.configs.schema import ClassifyConfig
from labelmend.data.duplicates import text_key
from labelmend.evaluation.error_analysis.kinds import (
    Kind,
    backing,
    kinds_of,
    reason,
    usual_backing,
)
from labelmend.evaluation.error_analysis.learners import (
    held_out_probabilities,
    overfit,
)
from labelmend.protocols import Progress
from labelmend.types import NO_LABEL, Bools, Dataset, Doubles, Floats, Ints


@dataclass(frozen=True)
class ErrorAnalysis:
    """What stands behind each pair of text and label.

    Attributes:
        data: the pairs; what follows is NaN, or no label, of texts that were made from others.
        learned: float64 [p], the probability of its label by the overfitted model, which saw it.
        held_out: float64 [p], the same by one that has not seen the text, calibrated.
        overfitted: int64 [p], the overfitted model's most probable label.
        predicted: int64 [p], the held-out one's.
        backed: float64 [p], how near other texts with its label are; higher is nearer.
        usual: how near they usually are; below it, they are far.
        is_only: bool [p], no other text has its label.
        kinds: of each pair; None of those that are not measured.
        features: that the overfitted model reads.
        by_heart: share of labels planted wrong that it would learn; the less, the more what it
            can't learn says.
    """

    data: TrainingSet
    learned: Doubles
    held_out: Doubles
    overfitted: Ints
    predicted: Ints
    backed: Doubles
    usual: float
    is_only: Bools
    kinds: tuple[Kind | None, ...]
    features: int
    by_heart: float

    @property
    def doubt(self) -> Doubles:
        """float64 [p], 0 to 1, higher where the label is likelier to be wrong: both models' say."""
        return 1 - (self.learned + self.held_out) / 2

    @property
    def is_learned(self) -> Bools:
        """Bool [p], whether the overfitted model gives the text its label."""
        return np.equal(self.overfitted, self.data.label_of)

    @property
    def is_right(self) -> Bools:
        """Bool [p], whether the held-out one does."""
        return np.equal(self.predicted, self.data.label_of)

    def reason(self, pair: int) -> str:
        """Return one sentence on why a measured pair is of its kind."""
        kind = self.kinds[pair]
        assert kind is not None, "nothing is said of pairs that are not measured"
        return reason(
            kind,
            self.data.labels,
            int(self.overfitted[pair]),
            int(self.predicted[pair]),
            is_right=bool(self.is_right[pair]),
            is_only=bool(self.is_only[pair]),
            backed=float(self.backed[pair]),
            usual=self.usual,
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The label set."""
        return self.data.labels

    @property
    def label_of(self) -> Ints:
        """int64 [p], the label of each pair."""
        return self.data.label_of

    def pair_of(self, dataset: Dataset) -> Ints:
        """Return int64 [n], the pair of each row; -1 where it has no label, or isn't measured."""
        data = self.data
        place = {text_key(text): i for i, text in enumerate(data.texts)}
        label = {name: k for k, name in enumerate(data.labels)}
        pair = {
            code: i
            for i, code in enumerate(
                zip(data.text_of.tolist(), data.label_of.tolist(), strict=True)
            )
            if self.kinds[i] is not None
        }
        found = np.full(len(dataset), -1, dtype=np.int64)
        for row in np.flatnonzero(dataset.given != NO_LABEL).tolist():
            name = dataset.labels[dataset.given[row]]
            code = place.get(text_key(dataset.texts[row]), -1), label.get(name, -1)
            found[row] = pair.get(code, -1)
        return found


def analyse_errors(
    data: TrainingSet,
    embeddings: Floats,
    config: ClassifyConfig,
    learner: Learner,
    seed: int,
    progress: Progress,
) -> ErrorAnalysis:
    """Cross what an overfitted model can't learn with what a held-out one gets wrong.

    Args:
        data: at least two labels, each of two texts; others may have one (`data.trainable_set` with
            `keep`).
        embeddings: float32 [u, d], unit rows, of the distinct texts.
        config: the classifier's settings.
        learner: the kind of the held-out models.
        seed: of the folds, and of whatever the learner draws.
        progress: hears how far the work is.
    """
    held_out = held_out_probabilities(data, embeddings, config, learner, seed, progress)
    text_of, label_of = data.text_of, data.label_of
    called = np.where(data.real(), np.nan_to_num(held_out).argmax(axis=1), NO_LABEL)
    overfitted = overfit(data, embeddings, called == data.main_labels(), seed, progress)
    real, predicted = data.real()[text_of], called[text_of]
    fitted = overfitted.probabilities.argmax(axis=1)[text_of]
    backed = backing(embeddings, text_of, label_of)
    is_right = predicted == label_of
    is_only = np.bincount(label_of, minlength=len(data.labels))[label_of] == 1
    usual = usual_backing(backed[real], is_right[real])
    kinds = kinds_of(fitted == label_of, is_right, backed < usual, is_only)
    return ErrorAnalysis(
        data=data,
        learned=overfitted.probabilities[text_of, label_of],
        held_out=held_out[text_of, label_of],
        overfitted=fitted,
        predicted=predicted,
        backed=backed,
        usual=usual,
        is_only=is_only,
        kinds=tuple(k if real[i] else None for i, k in enumerate(kinds)),
        features=overfitted.features,
        by_heart=overfitted.by_heart,
    )
