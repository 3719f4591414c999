"""Calibration: scores become probabilities that mean what they say, and a bar for out-of-scope.

Everything here is learned from out-of-fold scores: of texts that the scoring model has not seen.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit, log_softmax, logsumexp

from labelmend.configs.schema import ClassifyConfig
from labelmend.errors import ConfigError
from labelmend.types import Bools, Doubles, Ints

Goal = Literal["in-scope-loss", "in-scope-accuracy", "oos-recall"]
OosSource = Literal["oos texts", "left-out labels", "equal weights"]

LEAST_OOS_TEXTS = 20
"""Out-of-scope texts from which their signs can be learned; with fewer, labels are left out."""

_FOLD_TOLERANCE = 1e-9
"""Relative margin that makes up for the rounding of sums."""

_FLATTEST, _SHARPEST = -5.0, 5.0
"""Bounds of the log of the temperature's inverse."""

LEAST_PROBABILITY = 1e-7
"""No probability of out-of-scope is nearer to 0 or 1."""


@dataclass(frozen=True)
class OperatingPoint:
    """What is asked of the bar for out-of-scope, on held-out texts.

    Attributes:
        goal: `in-scope-loss`: flag as much as loses at most this share of the in-scope texts that
            are right; `in-scope-accuracy`: as much as leaves this share of in-scope texts right;
            `oos-recall`: as little as flags this share of the out-of-scope texts.
        value: a share, 0 to 1.
    """

    goal: Goal
    value: float


@dataclass(frozen=True)
class OosDetector:
    """Tells what fits no label, by a weighted sum of a text's signs.

    Attributes:
        centre: float64 [s], each sign's mean.
        weights: float64 [s], each sign's weight; a sign is higher where out-of-scope is likelier.
        slope: of the log-odds of out-of-scope in the score; None where no probability was learned.
        offset: of the same.
        threshold: a text with a higher score is out of scope.
        source: what the weights were learned from.
    """

    centre: Doubles
    weights: Doubles
    slope: float | None
    offset: float | None
    threshold: float
    source: OosSource

    def scores(self, signs: Doubles) -> Doubles:
        """Return float64 [b], higher where out-of-scope is likelier, from signs [b, s]."""
        return np.asarray((signs - self.centre) @ self.weights, dtype=np.float64)

    def probabilities(self, scores: Doubles) -> Doubles | None:
        """Return float64 [b], the probability of out-of-scope; None where none was learned."""
        if self.slope is None or self.offset is None:
            return None
        odds = expit(self.slope * scores + self.offset)
        return np.asarray(np.clip(odds, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY))


@dataclass(frozen=True)
class TradeOff:
    """What each bar for out-of-scope costs and gains, on held-out texts, strictest bar first.

    Attributes:
        thresholds: float64 [t].
        in_scope_accuracy: float64 [t], in-scope texts that keep their right label.
        oos_recall: float64 [t], out-of-scope texts that are flagged; NaN where there are none.
    """

    thresholds: Doubles
    in_scope_accuracy: Doubles
    oos_recall: Doubles


def fit_inverse_temperature(scores: Doubles, labels: Ints, weights: Doubles) -> float:
    """Return the inverse temperature that makes softmax(inverse_temperature * scores) likeliest.

    Temperature scaling (Guo et al. 2017, "On calibration of modern neural networks"), which leaves
    the order of labels alone. Where no text is wrong, the likelihood would have it without bounds;
    so one text more than there are counts as carrying any other label (as in Platt 1999). That of
    scikit-learn (`CalibratedClassifierCV(method="temperature")`) has no such text, and where no
    held-out text is wrong it sharpens thirty times as much.

    Args:
        scores: float64 [p, K], out-of-fold.
        labels: int64 [p].
        weights: float64 [p].
    """
    from scipy.optimize import minimize_scalar

    rows, count = np.arange(len(labels)), scores.shape[1]
    doubt = 1 / (len(labels) + 2)

    def loss(log_sharpness: float) -> float:
        logs = log_softmax(np.exp(log_sharpness) * scores, axis=1)
        own = logs[rows, labels]
        others = (logs.sum(axis=1) - own) / max(count - 1, 1)
        return float(-(weights @ ((1 - doubt) * own + doubt * others)) / weights.sum())

    found = minimize_scalar(loss, bounds=(_FLATTEST, _SHARPEST), method="bounded")
    return float(np.exp(found.x))


def oos_signs(log_probabilities: Doubles, oos: int | None, nearness: Doubles) -> Doubles:
    """Return float64 [b, s], the signs of out-of-scope, higher where it is likelier.

    They are the log-odds against the best in-scope label, how little resembles the text among what
    is in scope, and, where there is an out-of-scope label, its own log-odds.

    Args:
        log_probabilities: float64 [b, K].
        oos: index of the out-of-scope label, or None.
        nearness: float64 [b], mean cosine of the nearest in-scope texts.
    """
    inside = log_probabilities
    if oos is not None:
        inside = np.delete(log_probabilities, oos, axis=1)
    best = inside.max(axis=1)
    signs = [-_log_odds(best), -nearness]
    if oos is not None:
        signs.append(log_probabilities[:, oos] - logsumexp(inside, axis=1))
    return np.column_stack(signs)


def fit_detector(
    signs: Doubles,
    is_oos: Bools,
    weights: Doubles,
    source: OosSource,
    trust: float = ClassifyConfig.oos_trust,
) -> OosDetector:
    """Learn how much each sign counts; the bar is set later.

    The weights come from a logistic regression in which both sides count the same, for what is out
    of scope is rare in training and may not be in use. It is pulled towards equal weights of signs
    of unit spread, the harder the fewer out-of-scope texts there are: they are a hundred at most as
    a rule, some are labelled wrongly, and such a plain sum is hard to beat (Dawes 1979, "The robust
    beauty of improper linear models"). The probability, which must know how rare it is, comes from
    a second one on the score alone (Platt 1999); none is learned where the out-of-scope texts only
    stand in for real ones.

    Args:
        signs: float64 [p, s], out-of-fold.
        is_oos: bool [p]; both sides are there, unless the source is `equal weights`.
        weights: float64 [p].
        source: what the out-of-scope texts are.
        trust: inverse strength of the pull, times the share of the out-of-scope texts.
    """
    centre = np.average(signs, axis=0, weights=weights)
    spread = np.sqrt(np.average((signs - centre) ** 2, axis=0, weights=weights))
    spread = np.where(spread > 0, spread, 1.0)
    if source == "equal weights":
        return OosDetector(centre, 1 / spread, None, None, np.inf, source)
    from sklearn.linear_model import LogisticRegression

    standard = (signs - centre) / spread
    # What all signs share is next to free, what one has beyond that is not.
    shared = _FREE * standard.sum(axis=1, keepdims=True)
    share = float(weights[is_oos].sum() / weights.sum())
    balanced = LogisticRegression(C=trust * share, class_weight="balanced", max_iter=1000)
    balanced.fit(np.hstack([shared, standard]), is_oos, sample_weight=weights)
    # A sign that counts against what it is a sign of is noise of a small sample.
    heft = np.maximum(_FREE * balanced.coef_[0, 0] + balanced.coef_[0, 1:], 0.0)
    if not heft.any():
        heft = np.ones_like(heft)
    detector = OosDetector(centre, heft / spread, None, None, np.inf, source)
    if source != "oos texts":
        return detector
    scores = detector.scores(signs)
    odds = LogisticRegression(C=_HARDLY_REGULARIZED, max_iter=1000)
    odds.fit(scores[:, None], is_oos, sample_weight=weights)
    slope, offset = float(odds.coef_[0, 0]), float(odds.intercept_[0])
    return OosDetector(detector.centre, detector.weights, slope, offset, np.inf, source)


_HARDLY_REGULARIZED = 1e4
"""Inverse strength at which two numbers are learned as if there were no penalty."""

_FREE = 100.0
"""Factor that makes a weight ten thousand times cheaper to learn than the others."""


def choose_threshold(
    scores: Doubles, is_oos: Bools, is_right: Bools, weights: Doubles, point: OperatingPoint
) -> float:
    """Return the bar for out-of-scope at an operating point; a text above it is flagged.

    Args:
        scores: float64 [p], out-of-fold.
        is_oos: bool [p].
        is_right: bool [p], in-scope texts whose best in-scope label is theirs.
        weights: float64 [p].
        point: what is asked.

    Raises:
        ConfigError: it can't be had.
    """
    if point.goal == "oos-recall":
        return _threshold_of_recall(scores[is_oos], weights[is_oos], point.value)
    total = float(weights[~is_oos].sum())
    right = ~is_oos & is_right
    reached = float(weights[right].sum()) / total
    spare = point.value * reached
    if point.goal == "in-scope-accuracy":
        spare = reached - point.value
        if spare < 0:
            raise ConfigError(
                f"--in-scope-accuracy {point.value:g}: held-out accuracy is {reached:.4f} even "
                "where nothing is called out of scope; ask for less"
            )
    order = np.argsort(-scores[right], kind="stable")
    lost = np.cumsum(weights[right][order]) / total
    # The first right text, by descending score, that would be one too many keeps its label.
    first_kept = int(np.searchsorted(lost, spare * (1 + _FOLD_TOLERANCE), side="right"))
    if first_kept == len(order):
        return -np.inf
    return float(scores[right][order][first_kept])


def trade_off(
    scores: Doubles, is_oos: Bools, is_right: Bools, weights: Doubles, points: int
) -> TradeOff:
    """Return what bars at evenly spread quantiles of the scores would do.

    Args:
        scores: float64 [p], out-of-fold.
        is_oos: bool [p].
        is_right: bool [p], as in `choose_threshold`.
        weights: float64 [p].
        points: t.
    """
    thresholds = np.quantile(scores, np.linspace(1, 0, points))
    inside, outside = weights * ~is_oos, weights * is_oos
    kept = scores[None, :] <= thresholds[:, None]
    accuracy = (kept & is_right) @ inside / max(float(inside.sum()), 1e-12)
    total = float(outside.sum())
    recall = ~kept @ outside / total if total > 0 else np.full(points, np.nan)
    return TradeOff(thresholds, accuracy, recall)


def _threshold_of_recall(scores: Doubles, weights: Doubles, recall: float) -> float:
    if not len(scores):
        raise ConfigError(
            "--oos-recall needs rows of an out-of-scope label to be measured on; name the label "
            "with --oos-label, or give --in-scope-accuracy"
        )
    order = np.argsort(-scores, kind="stable")
    flagged = np.cumsum(weights[order]) / weights.sum()
    last = int(np.searchsorted(flagged, recall * (1 - _FOLD_TOLERANCE)))
    lowest = scores[order][min(last, len(order) - 1)]
    return float(np.nextafter(lowest, -np.inf))


def _log_odds(log_probabilities: Doubles) -> Doubles:
    """Return log(p / (1 - p)), cut where p is next to 1."""
    rest = -np.expm1(log_probabilities)
    odds: Doubles = log_probabilities - np.log(np.maximum(rest, LEAST_PROBABILITY))
    return odds
