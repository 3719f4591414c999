"""How good predictions are, where the truth is known."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labelmend.classify.calibrate import TradeOff
from labelmend.classify.classifier import Predictions
from labelmend.types import Bools, Doubles, Ints

BINS = 15
"""Of equal width, as Guo et al. (2017) have them for the expected calibration error."""

_LEAST_PROBABILITY = 1e-15
"""A numerical floor of the log loss."""


@dataclass(frozen=True)
class LabelScores:
    """One label's scores.

    Attributes:
        precision: of the texts called so, those that are; 0 where none is.
        recall: of the texts that are so, those called so.
        f1: their harmonic mean.
        rows: texts that are so.
    """

    precision: float
    recall: float
    f1: float
    rows: int


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin of the reliability curve.

    Attributes:
        low: its lower bound.
        high: its upper bound.
        rows: texts whose highest probability is in it.
        confidence: mean of these probabilities.
        accuracy: share of these texts whose most probable label is theirs.
    """

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Metrics:
    """How good predictions are; shares are from 0 to 1, None where nothing was to be measured.

    Attributes:
        rows: of the test set.
        accuracy: of the labels as predicted, out-of-scope flags included.
        plain_accuracy: of the most probable labels, whatever the flag says.
        macro_f1: mean over the labels of the test set.
        weighted_f1: the same weighted by their rows.
        roc_auc: one against the rest, mean over the labels of the test set.
        in_scope_accuracy: of in-scope rows; one that is flagged is wrong.
        oos_recall: out-of-scope rows that are flagged.
        oos_precision: flagged rows that are out of scope.
        oos_auroc: of the out-of-scope score.
        log_loss: mean of -log of the true label's probability, over rows whose label has one.
        ece: expected calibration error of the highest probability, 15 bins of equal width.
        labels: scores of each label of the test set.
        reliability: the bins that hold rows.
    """

    rows: int
    accuracy: float
    plain_accuracy: float
    macro_f1: float
    weighted_f1: float
    roc_auc: float | None
    in_scope_accuracy: float | None
    oos_recall: float | None
    oos_precision: float | None
    oos_auroc: float | None
    log_loss: float | None
    ece: float
    labels: Mapping[str, LabelScores]
    reliability: tuple[ReliabilityBin, ...]


def evaluate(
    truth: Ints, predictions: Predictions, labels: tuple[str, ...], oos: int | None
) -> Metrics:
    """Compare predictions with the truth.

    Args:
        truth: int64 [b], indices into `labels`.
        predictions: of the same rows.
        labels: the label set; the classifier's labels come first, in their order, and the test set
            may have more, which count as never predicted.
        oos: index of the out-of-scope label, or None.
    """
    from sklearn.metrics import f1_score, precision_recall_fscore_support

    called = called_labels(predictions, oos)
    present = np.unique(truth)
    each = precision_recall_fscore_support(truth, called, labels=present, zero_division=0.0)
    is_oos = truth == (-1 if oos is None else oos)
    right = called == truth
    known = truth < predictions.probabilities.shape[1]
    rows = np.flatnonzero(known)
    likelihood = predictions.probabilities[rows, truth[rows]]
    top = predictions.probabilities.argmax(axis=1)
    reliability = reliability_curve(predictions.probabilities.max(axis=1), top == truth)
    return Metrics(
        rows=len(truth),
        accuracy=float(right.mean()),
        plain_accuracy=float((top == truth).mean()),
        macro_f1=_f1(f1_score, truth, called, present, "macro"),
        weighted_f1=_f1(f1_score, truth, called, present, "weighted"),
        roc_auc=_roc_auc(truth, predictions.probabilities, present),
        in_scope_accuracy=_share(right, ~is_oos),
        oos_recall=_share(predictions.is_oos, is_oos),
        oos_precision=_share(is_oos, predictions.is_oos) if is_oos.any() else None,
        oos_auroc=_auroc(is_oos, predictions.oos_scores),
        log_loss=float(-np.log(np.maximum(likelihood, _LEAST_PROBABILITY)).mean())
        if len(rows)
        else None,
        ece=sum(b.rows * abs(b.confidence - b.accuracy) for b in reliability) / len(truth),
        labels={
            labels[k]: LabelScores(float(p), float(r), float(f), int(n))
            for k, p, r, f, n in zip(present, *each, strict=True)
        },
        reliability=reliability,
    )


def called_labels(predictions: Predictions, oos: int | None) -> Ints:
    """Return int64 [b], the labels as used: the test set's out-of-scope label where flagged."""
    if oos is None:
        return predictions.labels
    return np.where(predictions.is_oos, oos, predictions.labels)


def reliability_curve(confidence: Doubles, right: Bools) -> tuple[ReliabilityBin, ...]:
    """Return the bins of equal width that hold rows.

    Args:
        confidence: float64 [b], 0 to 1.
        right: bool [b].
    """
    place = np.clip((confidence * BINS).astype(np.int64), 0, BINS - 1)
    return tuple(
        ReliabilityBin(
            low=int(k) / BINS,
            high=(int(k) + 1) / BINS,
            rows=int((place == k).sum()),
            confidence=float(confidence[place == k].mean()),
            accuracy=float(right[place == k].mean()),
        )
        for k in np.unique(place)
    )


def _f1(score: object, truth: Ints, called: Ints, present: Ints, average: str) -> float:
    assert callable(score)
    return float(score(truth, called, labels=present, average=average, zero_division=0.0))


def _roc_auc(truth: Ints, probabilities: Doubles, present: Ints) -> float | None:
    """Return the mean over labels that some rows carry and others do not, and that have a column.

    scikit-learn's own `multi_class="ovr"` refuses a test set that lacks a label.
    """
    from sklearn.metrics import roc_auc_score

    columns = [k for k in present if k < probabilities.shape[1]]
    if not columns or len(present) < _TWO:
        return None
    return float(roc_auc_score(truth[:, None] == columns, probabilities[:, columns]))


_TWO = 2
"""A curve needs both kinds of cases."""


def _auroc(is_oos: Bools, scores: Doubles) -> float | None:
    from sklearn.metrics import roc_auc_score

    if not is_oos.any() or is_oos.all():
        return None
    return float(roc_auc_score(is_oos, scores))


def _share(hits: Bools, among: Bools) -> float | None:
    return float(hits[among].mean()) if among.any() else None


def curve_record(curve: TradeOff) -> list[dict[str, float | None]]:
    """Return a trade-off curve as JSON has it, which knows no NaN."""
    return [
        {
            "threshold": float(threshold),
            "in_scope_accuracy": round(float(accuracy), 6),
            "oos_recall": None if np.isnan(recall) else round(float(recall), 6),
        }
        for threshold, accuracy, recall in zip(
            curve.thresholds, curve.in_scope_accuracy, curve.oos_recall, strict=True
        )
    ]


def headline(metrics: Metrics) -> dict[str, float | None]:
    """Return the figures that a summary shows, by what they are called."""
    return {
        "accuracy": metrics.accuracy,
        "macro-F1": metrics.macro_f1,
        "in-scope accuracy": metrics.in_scope_accuracy,
        "oos recall": metrics.oos_recall,
        "oos precision": metrics.oos_precision,
        "oos AUROC": metrics.oos_auroc,
        "log loss": metrics.log_loss,
        "expected calibration error": metrics.ece,
    }
