"""Training on soft targets: held-out groups choose penalties, and calibrate the final model."""

from dataclasses import dataclass
from typing import get_args

import numpy as np
from scipy.special import expit, logit

from labelmend.classify.soft.features import BLOCKS_OF_PAIR, Axes
from labelmend.classify.soft.folds import group_folds
from labelmend.classify.soft.linear import Kind, calibrated, fit_linear
from labelmend.classify.soft.scorer import SoftScorer
from labelmend.configs.schema import ClassifyConfig
from labelmend.errors import ConfigError
from labelmend.protocols import Progress
from labelmend.types import Doubles, Floats, Ints

LINEAR: tuple[Kind, ...] = get_args(Kind)
"""Kinds that read embeddings as they are."""

FINETUNE = "finetune"
"""The kind that tunes an encoder."""

_NEVER = 1e-6
"""What is predicted instead of 0, and of 1 as far below it, where a target is always so."""


@dataclass(frozen=True)
class SoftExamples:
    """Embedded rows with soft targets.

    Attributes:
        parts: float32 [n, d] of unit rows, one, or of pairs two.
        values: float64 [n, T], from 0 to 1.
        groups: int64 [n], from 0, each number taken; two at least.
    """

    parts: tuple[Floats, ...]
    values: Doubles
    groups: Ints

    def of(self, rows: Ints) -> "SoftExamples":
        """Return some of the rows, with groups that are numbered anew."""
        groups = np.unique(self.groups[rows], return_inverse=True)[1].astype(np.int64)
        return SoftExamples(tuple(part[rows] for part in self.parts), self.values[rows], groups)


@dataclass(frozen=True)
class SoftTraining:
    """A trained model of soft targets, and what it says of rows that it has not seen.

    Attributes:
        scorer: trained on all rows.
        held_out: float64 [n, T], predictions by models that have not seen the row's group. The
            penalties were chosen on the same rows; what calibrates a fold was learned on the
            others.
        tested: int64 [n], the rows of `held_out`.
        folds: groups of rows that were held out in turn.
        penalties: float64 [T], chosen; NaN of a target that is constant.
    """

    scorer: SoftScorer
    held_out: Doubles
    tested: Ints
    folds: int
    penalties: Doubles


def linear_kind(kind: str) -> Kind:
    """Return a kind of classifier that learns soft targets from embeddings as they are.

    Raises:
        ConfigError: it can't.
    """
    for one in LINEAR:
        if kind == one:
            return one
    known = " or ".join((*LINEAR, FINETUNE))
    raise ConfigError(f"--kind {kind} can't learn soft targets; give --kind {known}")


def mean_logits(values: Doubles) -> Doubles:
    """Return float64 [T], the log-odds of the targets' means, finite where all are 0 or 1."""
    return np.asarray(logit(np.clip(values.mean(axis=0), _NEVER, 1 - _NEVER)), dtype=np.float64)


def train_soft(
    data: SoftExamples, kind: Kind, config: ClassifyConfig, seed: int, progress: Progress
) -> SoftTraining:
    """Train a linear model of soft targets on embeddings.

    Args:
        data: rows; their order does not matter but to the last bits of a sum.
        kind: ridge, or logistic regression with cross-entropy on soft targets.
        config: folds, and the components that are read.
        seed: of the folds.
        progress: advances one step a part.
    """
    progress.start(f"train {kind}", 3)
    axes = Axes.of(data.parts, config.components * BLOCKS_OF_PAIR)
    read = axes.project(data.parts)
    fold_of = group_folds(data.groups, config.folds, seed)
    progress.advance()
    count = data.values.shape[1]
    varied = np.flatnonzero(np.ptp(data.values, axis=0) > 0)
    values = data.values[:, varied]
    fitted = fit_linear(kind, read, values, fold_of)
    progress.advance()
    bias = mean_logits(data.values)
    held_out = np.tile(expit(bias), (len(values), 1))
    folds = int(fold_of.max()) + 1
    for fold in range(folds):
        rows = fold_of == fold
        slopes, offsets = calibrated(fitted.held_out[~rows], values[~rows])
        held_out[np.ix_(rows, varied)] = expit(slopes * fitted.held_out[rows] + offsets)
    slopes, offsets = calibrated(fitted.held_out, values)
    weights = np.zeros((read.shape[1], count))
    penalties = np.full(count, np.nan)
    weights[:, varied] = fitted.weights * slopes
    bias[varied] = fitted.bias * slopes + offsets
    penalties[varied] = fitted.penalties
    progress.advance()
    scorer = SoftScorer(*axes.folded_back(weights, bias))
    return SoftTraining(scorer, held_out, np.arange(len(values)), folds, penalties)
