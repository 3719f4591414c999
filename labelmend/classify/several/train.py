"""Training: out-of-fold scores calibrate what is then trained on all texts."""

from dataclasses import dataclass

import numpy as np

from labelmend.classify.several.calibrate import choose_thresholds, fit_lines
from labelmend.classify.several.classifier import SetClassifier, SetPredictions
from labelmend.classify.several.data import SetTraining
from labelmend.classify.several.linear import LinearScorer, learn_lines, require_kind
from labelmend.classify.train import stratified_folds
from labelmend.configs.schema import ClassifyConfig
from labelmend.parallel import LOCAL, Executor
from labelmend.protocols import Progress
from labelmend.types import Floats, Ints


@dataclass(frozen=True)
class TrainedSets:
    """A trained classifier and what held-out texts say of it.

    Attributes:
        classifier: trained on all texts.
        held_out: predictions by models that have not seen the text. The few numbers that calibrate
            the classifier were learned on the same texts.
        tested: int64, the texts of `held_out`.
    """

    classifier: SetClassifier
    held_out: SetPredictions
    tested: Ints


def train_sets(
    data: SetTraining,
    embeddings: Floats,
    config: ClassifyConfig,
    kind: str,
    seed: int,
    progress: Progress,
    *,
    wish: float | None = None,
    executor: Executor = LOCAL,
) -> TrainedSets:
    """Train and calibrate a classifier a label.

    Args:
        data: distinct texts; a label that all have, or none, is learned as such.
        embeddings: float32 [u, d], unit rows, of the texts.
        config: the classifier's settings.
        kind: one of `linear.KINDS`.
        seed: of the folds.
        progress: advances one step a model.
        wish: precision that each label is to have, 0 to 1; None for the best F1.
        executor: trains the folds side by side.

    Raises:
        ConfigError: the kind can't learn several labels.
    """
    require_kind(kind)
    fold_of = stratified_folds(data.rarest(), config.folds, seed)
    weights = data.weights / data.weights.mean()

    def learn(fold: int) -> LinearScorer:
        rows = fold_of != fold
        return learn_lines(embeddings[rows], data.carried[rows], weights[rows], kind, config)

    # The first one is no fold, so all texts lie outside it. A fold of a small table may be empty.
    parts = [-1, *np.unique(fold_of).tolist()]
    progress.start(f"train {kind}", len(parts))
    scorers = []
    for scorer in executor.map_blocks(learn, parts, one_core=True):
        scorers.append(scorer)
        progress.advance()
    scores = np.empty(data.carried.shape)
    for fold, scorer in zip(parts[1:], scorers[1:], strict=True):
        rows = fold_of == fold
        scores[rows] = scorer.scores(embeddings[rows])
    lines = fit_lines(scores, data.carried, data.weights)
    bars = choose_thresholds(lines.probabilities(scores), data.carried, data.weights, wish)
    classifier = SetClassifier(kind, data.labels, scorers[0], lines, bars)
    every = np.arange(len(scores), dtype=np.int64)
    return TrainedSets(classifier, classifier.called(scores), every)
