"""Several labels by fine-tuning: an encoder that learns with a linear model on its vectors.

The loss is binary cross-entropy, a label by itself (`classify.soft.finetune`). Texts that were
never trained on calibrate the labels and choose their thresholds.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelmend.classify.several.calibrate import choose_thresholds, fit_lines
from labelmend.classify.several.classifier import SetClassifier
from labelmend.classify.several.data import SetTraining
from labelmend.classify.several.linear import FINETUNE, LinearScorer
from labelmend.classify.several.train import TrainedSets
from labelmend.classify.soft.data import SoftRows
from labelmend.classify.soft.finetune import Tuned, tune_rows
from labelmend.configs.schema import ClassifyConfig
from labelmend.protocols import Progress
from labelmend.weights.locate import LocatedModel


@dataclass(frozen=True)
class TunedSets:
    """An encoder that has learned, and the classifier on its vectors.

    Attributes:
        trained: the classifier, and what it says of the texts that were held out.
        tuned: the encoder.
    """

    trained: TrainedSets
    tuned: Tuned


def tune_sets(
    data: SetTraining,
    config: ClassifyConfig,
    base: LocatedModel,
    seed: int,
    work: Path,
    progress: Progress,
    *,
    wish: float | None = None,
) -> TunedSets:
    """Fine-tune an encoder on labels, or go on with a training that was interrupted.

    In the training each distinct text counts once.

    Args:
        data: distinct texts; a label that all have, or none, is learned as such.
        config: `finetune`, and what `logreg` reads, with which the linear model begins.
        base: the encoder (`check_tunable`).
        seed: of what is held out, batches, dropout and adapters.
        work: folder for checkpoints, which are gone on with if they are of this very training.
        progress: advances one step a step.
        wish: precision that each label is to have, 0 to 1; None for the best F1.

    Raises:
        ModelError: the encoder can't be loaded or trained.
        OutputError: the folder holds something else.
    """
    alone = np.arange(len(data.texts), dtype=np.int64)
    rows = SoftRows([data.texts], data.carried.astype(np.float64), alone)
    tuned = tune_rows(rows, config, base, seed, work, progress)
    carried, weights = data.carried[tuned.tested], data.weights[tuned.tested]
    lines = fit_lines(tuned.logits, carried, weights)
    bars = choose_thresholds(lines.probabilities(tuned.logits), carried, weights, wish)
    scorer = LinearScorer(tuned.scorer.weights, tuned.scorer.bias.astype(np.float32))
    classifier = SetClassifier(FINETUNE, data.labels, scorer, lines, bars)
    held_out = classifier.called(tuned.logits)
    return TunedSets(TrainedSets(classifier, held_out, tuned.tested), tuned)
