"""Scores of labels become probabilities, and a threshold a label says which are called.

Everything is learned from out-of-fold scores, and shrunk: a label of few texts has about the
numbers that all labels have.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from labelmend.parallel import blocks_of
from labelmend.types import Bools, Doubles, Ints

_PULL = 4.0
"""Precision of what is known of a label's line before its texts are seen: half a unit up or down
of the common line, in its offset as in its slope, is usual. Chosen by hand."""

_STEPS = 30
"""Of Newton's method at most; it moves no more by then."""

_LONGEST = 1.0
"""A step of Newton's method is no longer, so that it can't leave the bowl."""

_FLATTEST = 0.1
"""A label's slope is no flatter, as a share of the common one: none may turn its order around."""

_FARTHEST = 30.0
"""Log-odds are no farther from even."""

_PAIRS = 1 << 22
"""Texts times labels that are worked on at a time: 32 MiB an array."""

LEAST = 1e-6
"""A probability is no nearer to 0 or 1."""

_STEPS_OF_BAR = 200
"""Thresholds that are tried: every half per cent."""

_TEXTS = 100.0
"""Texts with the label by which a threshold is shrunk, as if so many more had been seen that follow
all labels. Chosen by hand on NLU++ with other seeds than are reported."""

NEVER = 1.0
"""Threshold of a label that is never called: no probability reaches it."""


@dataclass(frozen=True)
class Lines:
    """What turns scores into log-odds, a line a label.

    Attributes:
        slopes: float64 [L], > 0.
        offsets: float64 [L].
    """

    slopes: Doubles
    offsets: Doubles

    def probabilities(self, scores: Doubles) -> Doubles:
        """Return float64 [b, L], from scores [b, L]."""
        logits = self.slopes * scores + self.offsets
        return np.asarray(np.clip(expit(logits), LEAST, 1 - LEAST))


def fit_lines(scores: Doubles, carried: Bools, weights: Doubles) -> Lines:
    """Learn the log-odds of labels in their scores (Platt 1999), each drawn towards the common one.

    The common line is that of all labels at once. A label's own is the likeliest where such lines
    lie about it, normally; so one that all texts have, or none, has one too.

    Args:
        scores: float64 [u, L], out of fold.
        carried: bool [u, L].
        weights: float64 [u].
    """
    labels = scores.shape[1]
    width = max(1, _PAIRS // max(1, len(scores)))
    parts = list(blocks_of(labels, width))
    slope, offset = _common(scores, carried, weights, parts)
    slopes, offsets = np.empty(labels), np.empty(labels)
    for part in parts:
        logits = np.clip(slope * scores[:, part] + offset, -_FARTHEST, _FARTHEST)
        turn, shift = _newton(logits, carried[:, part], weights)
        slopes[part], offsets[part] = slope * turn, offset * turn + shift
    return Lines(slopes, offsets)


def choose_thresholds(
    probabilities: Doubles, carried: Bools, weights: Doubles, wish: float | None = None
) -> Doubles:
    """Return float64 [L], the thresholds; a label is called whose probability reaches its own.

    Each is the best for the label's texts together with some that follow all labels, so a rare
    label has about the threshold of all.

    Args:
        probabilities: float64 [u, L], out of fold.
        carried: bool [u, L].
        weights: float64 [u].
        wish: precision, 0 to 1: as much is called as keeps it; None for the best F1.
    """
    hits, called = _reached(probabilities, carried, weights)
    positives = weights @ carried
    total = max(float(positives.sum()), LEAST)
    hits += _TEXTS * hits.sum(axis=1, keepdims=True) / total
    called += _TEXTS * called.sum(axis=1, keepdims=True) / total
    if wish is None:
        first: Ints = (2 * hits / (called + positives + _TEXTS)).argmax(axis=0)
    else:
        kept = (called > 0) & (hits >= wish * called - LEAST)
        kept[-1] = True
        first = kept.argmax(axis=0)
    return np.asarray((first + 1) / _STEPS_OF_BAR)


def _reached(probabilities: Doubles, carried: Bools, weights: Doubles) -> tuple[Doubles, Doubles]:
    """Return what each threshold calls, rightly and at all, float64 [steps, L] both.

    The first threshold is one step above 0, the last is 1, which nothing reaches.
    """
    labels = probabilities.shape[1]
    found = np.zeros((2, _STEPS_OF_BAR + 1, labels))
    width = max(1, _PAIRS // max(1, len(probabilities)))
    for part in blocks_of(labels, width):
        count = part.stop - part.start
        step = (probabilities[:, part] * _STEPS_OF_BAR).astype(np.int64)
        places: Ints = (step * count + np.arange(count)).ravel()
        for i, heavy in enumerate((carried[:, part] * weights[:, None], weights[:, None])):
            spread = np.broadcast_to(heavy, step.shape).ravel()
            sums = np.bincount(places, spread, minlength=(_STEPS_OF_BAR + 1) * count)
            found[i, :, part] = sums.reshape(-1, count)
    above = found[:, ::-1].cumsum(axis=1)[:, ::-1]
    return above[0, 1:], above[1, 1:]


def _common(
    scores: Doubles, carried: Bools, weights: Doubles, parts: Sequence[slice]
) -> tuple[float, float]:
    """Return slope, > 0, and offset of the likeliest line for all labels at once."""
    from scipy.optimize import minimize

    total = float(weights.sum()) * scores.shape[1]
    # So that a numerical solver has numbers about 1 to look at, whatever the scores are.
    unit = max(float(np.abs(scores).mean()), LEAST)

    def loss(line: Doubles) -> tuple[float, Doubles]:
        slope, found, slopes = np.exp(line[0]) / unit, 0.0, np.zeros(2)
        for part in parts:
            logits = slope * scores[:, part] + line[1]
            found += float(weights @ (np.logaddexp(0, logits) - carried[:, part] * logits).sum(1))
            wrong = weights[:, None] * (expit(logits) - carried[:, part])
            slopes += (wrong * slope * scores[:, part]).sum(), wrong.sum()
        # No label of all or none of the texts sends it off to infinity.
        return (found + line @ line / 2) / total, (slopes + line) / total

    best = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B").x
    return float(np.exp(best[0]) / unit), float(best[1])


def _newton(logits: Doubles, carried: Bools, weights: Doubles) -> tuple[Doubles, Doubles]:
    """Return the slope and offset of each label's line in the common log-odds, [m] both."""
    turn, shift = np.ones(logits.shape[1]), np.zeros(logits.shape[1])
    squares = logits * logits
    for _ in range(_STEPS):
        says = expit(turn * logits + shift)
        wrong = weights[:, None] * (says - carried)
        loose = weights[:, None] * says * (1 - says)
        down = (wrong * logits).sum(axis=0) + _PULL * (turn - 1), wrong.sum(axis=0) + _PULL * shift
        bend = (loose * squares).sum(axis=0) + _PULL, loose.sum(axis=0) + _PULL
        both = (loose * logits).sum(axis=0)
        area = bend[0] * bend[1] - both**2
        step = np.stack([bend[1] * down[0] - both * down[1], bend[0] * down[1] - both * down[0]])
        step /= area
        step /= np.maximum(np.hypot(*step) / _LONGEST, 1)
        turn = np.maximum(turn - step[0], _FLATTEST)
        shift = shift - step[1]
    return turn, shift
