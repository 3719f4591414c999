"""What two models say of every label of a table in which a row may have several, crossed."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from labelmend.classify.several.calibrate import choose_thresholds
from labelmend.classify.several.data import SetTraining
from labelmend.classify.several.linear import train_regressions
from labelmend.classify.several.train import train_sets
from labelmend.configs.schema import ClassifyConfig, LinearConfig
from labelmend.data.duplicates import text_groups
from labelmend.data.sets.label_sets import LabelSets
from labelmend.evaluation.error_analysis.kinds import Kind, backing, kinds_of, usual_backing
from labelmend.evaluation.error_analysis.learners import (
    drawn_texts,
    feature_counts,
    most_telling,
    scaled_features,
)
from labelmend.protocols import Progress
from labelmend.types import Bools, Doubles, Floats, Ints
from labelmend.voice.speak import meant, note

_UNFETTERED = LinearConfig(C=1e9, max_iter=300)
"""Regressions without regularisation, trained to the end."""

_LEAST = 1e-6
"""A probability is no nearer to 0 or 1: a label that no threshold calls has 1 for its own."""

_YES_OR_NO = 2
"""What each regression tells apart."""


@dataclass(frozen=True)
class SetErrorAnalysis:
    """What stands behind each label of each text, and behind labels that texts lack.

    Judged are the labels that a text has in some row, and those that it has in none although both
    models call them: these may have been forgotten.

    Attributes:
        labels: the label set.
        text_of: int64 [p], the text of each assignment, ascending.
        label_of: int64 [p], its label.
        carried: bool [p], the text has the label.
        learned: float64 [p], the probability of what the table says, by the overfitted models.
        held_out: float64 [p], the same by models that have not seen the text, calibrated.
        is_learned: bool [p], whether the overfitted ones say what the table says.
        is_right: bool [p], whether the held-out ones do.
        backed: float64 [p], how near other texts with the label are; higher is nearer.
        usual: how near they usually are; below it, they are far.
        is_only: bool [p], no other text has the label.
        kinds: of each assignment.
        called: bool [u, L], the labels that the held-out models call.
        features: that the overfitted models read.
        by_heart: share of labels planted wrong that they would learn.
    """

    labels: tuple[str, ...]
    text_of: Ints
    label_of: Ints
    carried: Bools
    learned: Doubles
    held_out: Doubles
    is_learned: Bools
    is_right: Bools
    backed: Doubles
    usual: float
    is_only: Bools
    kinds: tuple[Kind, ...]
    called: Bools
    features: int
    by_heart: float

    @property
    def doubt(self) -> Doubles:
        """float64 [p], 0 to 1, higher where the table is likelier to be wrong."""
        return 1 - (self.learned + self.held_out) / 2

    def reason(self, pair: int) -> str:
        """Return one sentence on why an assignment is of its kind."""
        kind = self.kinds[pair]
        if not self.carried[pair]:
            sentence = _LACKS
        elif self.is_only[pair]:
            sentence = _ONLY
        elif kind == "hard":
            sentence = _BORDER if self.is_right[pair] else _NEAR
        else:
            sentence = {"label error": _ERROR, "missing data": _FAR, "fine": _FINE}[kind]
        return note(
            sentence,
            label=self.labels[self.label_of[pair]],
            backed=float(self.backed[pair]),
            usual=self.usual,
        )

    def of_rows(self, sets: LabelSets) -> tuple[Ints, Ints]:
        """Return int64 [a] twice: a row, ascending, and an assignment that is judged of it.

        Those are the labels that the row has, and those that no row of its text has.

        Args:
            sets: the rows.
        """
        text_of_row = text_groups(sets.texts)
        label = {name: i for i, name in enumerate(self.labels)}
        known = np.array([label.get(name, -1) for name in sets.labels], dtype=np.int64)
        given = np.zeros((len(sets), len(self.labels)), dtype=bool)
        given[:, known[known >= 0]] = sets.given[:, known >= 0]
        start = np.searchsorted(self.text_of, text_of_row)
        end = np.searchsorted(self.text_of, text_of_row, side="right")
        rows = np.repeat(np.arange(len(sets)), end - start)
        first = np.repeat(start - np.concatenate([[0], np.cumsum(end - start)[:-1]]), end - start)
        pairs = first + np.arange(len(rows))
        kept = given[rows, self.label_of[pairs]] | ~self.carried[pairs]
        return rows[kept], pairs[kept]


_ERROR = meant("{label!r} can't be learned even where it is shown, and is not called held out")
_LACKS = meant("{label!r} is called held out, and even where its lack is shown")
_BORDER = meant(
    "{label!r} is called held out too, but it can't be learned: texts without it are near"
)
_NEAR = meant("{label!r} is learned, but not called held out, and texts with it are near")
_FAR = meant(
    "{label!r} is learned by heart, and not called held out: other texts with it are far (cosine "
    "{backed:.2f}, usual {usual:.2f})"
)
_ONLY = meant("no other text has {label!r}")
_FINE = meant("{label!r} is learned, and called held out")


def analyse_sets(
    data: SetTraining,
    given: Bools,
    embeddings: Floats,
    config: ClassifyConfig,
    seed: int,
    progress: Progress,
) -> SetErrorAnalysis:
    """Cross what overfitted models can't learn with what held-out ones get wrong, label by label.

    Args:
        data: distinct texts and their labels.
        given: bool [u, L], the labels that any row of a text has.
        embeddings: float32 [u, d], unit rows, of the texts.
        config: the classifier's settings.
        seed: of the folds, and of what is planted.
        progress: hears how far the work is.

    Raises:
        ConfigError: the kind of the settings can't learn several labels.
    """
    held_out = train_sets(data, embeddings, config, config.kind, seed, progress).held_out
    fitted, features, by_heart = _overfit(data, embeddings, held_out.called, seed, progress)
    shown = _called(fitted, data.carried, data.weights)
    lacks = ~given & shown & held_out.called
    text_of, label_of = np.nonzero(given | lacks)
    carried = given[text_of, label_of]
    is_learned = shown[text_of, label_of] == carried
    is_right = held_out.called[text_of, label_of] == carried
    backed = np.zeros(len(text_of))
    backed[carried] = backing(embeddings, text_of[carried], label_of[carried])
    usual = usual_backing(backed[carried], is_right[carried]) if carried.any() else 0.0
    is_only = carried & (given.sum(axis=0)[label_of] == 1)
    kinds = kinds_of(is_learned, is_right, backed < usual, is_only)
    holds, sure = fitted[text_of, label_of], held_out.probabilities[text_of, label_of]
    return SetErrorAnalysis(
        labels=data.labels,
        text_of=text_of,
        label_of=label_of,
        carried=carried,
        learned=np.where(carried, holds, 1 - holds),
        held_out=np.where(carried, sure, 1 - sure),
        is_learned=is_learned,
        is_right=is_right,
        backed=backed,
        usual=usual,
        is_only=is_only,
        kinds=tuple(kinds),
        called=held_out.called,
        features=features,
        by_heart=by_heart,
    )


def _overfit(
    data: SetTraining, embeddings: Floats, called: Bools, seed: int, progress: Progress
) -> tuple[Doubles, int, float]:
    """Return float64 [u, L], what overfitted regressions say, their features, and what they plant.

    In texts all of whose labels are called held out, one label more is planted; see
    `learners.overfit`.
    """
    counts = feature_counts(len(embeddings), _YES_OR_NO, embeddings.shape[1])
    features = scaled_features(embeddings, counts[-1])
    trusted = (called == data.carried).all(axis=1) & ~data.carried.all(axis=1)
    rng = np.random.default_rng(seed)
    rounds = []
    for texts in drawn_texts(trusted, rng):
        # The label of the largest of random numbers, among those that the text lacks.
        lots = np.where(data.carried[texts], -1.0, rng.random((len(texts), len(data.labels))))
        rounds.append((texts, lots.argmax(axis=1)))

    def shares(count: int) -> tuple[float, float]:
        found = [_learned(features[:, :count], data, trusted, *one) for one in rounds]
        by_heart, others = np.mean(found, axis=0).tolist()
        return by_heart, others

    chosen, by_heart = most_telling(counts, shares, progress)
    fitted = _fitted(features[:, :chosen], data.carried, data.weights)
    progress.advance()
    return fitted, chosen, by_heart


def _learned(
    features: Doubles, data: SetTraining, trusted: Bools, texts: Ints, labels: Ints
) -> tuple[float, float]:
    """Return the shares of planted labels, and of the others of trusted texts, that are learned."""
    carried = data.carried.copy()
    carried[texts, labels] = True
    called = _called(_fitted(features, carried, data.weights), carried, data.weights)
    others = data.carried & trusted[:, None]
    right = float(called[others].mean()) if others.any() else 0.0
    return float(called[texts, labels].mean()), right


def _fitted(features: Doubles, carried: Bools, weights: Doubles) -> Doubles:
    """Return float64 [u, L], probabilities of labels by regressions that saw them."""
    inputs: Floats = features.astype(np.float32)
    lines, bias = train_regressions(inputs, carried, weights / weights.mean(), _UNFETTERED)
    return np.asarray(np.clip(expit(features @ lines + bias), _LEAST, 1 - _LEAST))


def _called(probabilities: Doubles, carried: Bools, weights: Doubles) -> Bools:
    """Return bool [u, L], the labels that are called at the thresholds of the best F1."""
    bars = choose_thresholds(probabilities, carried, weights)
    return np.greater_equal(probabilities, bars)
