"""What a text's other labels say of one: labels that go together, and labels that exclude others.

The evidence on a label reads the text alone. Which labels are believed beside it tells more: of a
text that surely is about a card and about a loss, that it is a complaint. A logistic regression a
label on the log-odds of its evidence and on what is believed of all others, out of fold, learns by
how much (stacking, Wolpert 1992; for several labels Godbole & Sarawagi 2004, "Discriminative
methods for multi-labeled classification"). A label's own being given is in none of it.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from labelmend.parallel import Executor
from labelmend.types import Doubles, Floats, Ints

_LEAST = 1e-4
"""A probability is no nearer to 0 or 1."""

_NATS = 2.0
"""The prior's deviation of what a label that surely holds says for or against another; that of the
evidence's weight around 1 is half of it. Chosen by hand."""

_HEARD = 0.5
"""What the other labels move the log-odds by counts as far: they are believed as labels were given,
and so share the errors of those that gave them. Chosen on NLU++ with the seeds 10 to 13: heard in
full, more is mended and more broken than the budget allows; so, no more is broken than without
them."""

_ITERATIONS = 40
"""Of the solver at most."""

_MOST = 500_000_000
"""Texts times pairs of labels up to which this is learned: half a minute on two cores."""


def with_others(evidence: Doubles, holds: Doubles, fold_of: Ints, executor: Executor) -> Doubles:
    """Return float64 [n, L], the probability that each label holds, the other labels heard.

    Very many labels are left as they are.

    Args:
        evidence: float64 [n, L], the same by the text alone, the label's own being given left out.
        holds: float64 [n, L], what is believed, with what was given.
        fold_of: int64 [n].
        executor: trains folds side by side.
    """
    labels = evidence.shape[1]
    if len(evidence) * labels**2 > _MOST:
        return evidence
    sure = logit(np.clip(evidence, _LEAST, 1 - _LEAST)).astype(np.float32)
    others = (_NATS * (holds - holds.mean(axis=0))).astype(np.float32)
    target = holds.astype(np.float32)

    def trained(fold: int) -> Floats:
        rows = fold_of != fold
        return _trained(sure[rows], others[rows], target[rows])

    found = np.empty(evidence.shape)
    folds = range(int(fold_of.max()) + 1)
    for fold, weights in enumerate(executor.map_blocks(trained, folds, one_core=True)):
        rows = fold_of == fold
        moved = _logits(weights, sure[rows], others[rows]) - sure[rows]
        found[rows] = expit(sure[rows] + _HEARD * moved)
    return found


def _logits(weights: Floats, sure: Floats, others: Floats) -> Floats:
    """Return float32 [b, L]: of weights [L + 2, L] the last two are evidence's, and the offset."""
    return np.asarray(others @ weights[:-2] + weights[-2] * sure + weights[-1], dtype=np.float32)


def _trained(sure: Floats, others: Floats, target: Floats) -> Floats:
    """Return float32 [L + 2, L], weights of all labels at once, by L-BFGS (Liu and Nocedal 1989).

    No label has a weight for itself.
    """
    labels = sure.shape[1]
    apart = 1 - np.eye(labels, dtype=np.float32)
    before = np.zeros((labels + 2, labels), dtype=np.float32)
    before[-2] = 1.0
    penalty = np.ones_like(before)
    penalty[-1] = 0.0

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        weights = flat.reshape(before.shape).astype(np.float32)
        weights[:-2] *= apart
        logits = _logits(weights, sure, others)
        wrong = expit(logits) - target
        off = weights - before
        slopes = penalty * off
        slopes[:-2] += others.T @ wrong
        slopes[:-2] *= apart
        slopes[-2] += (wrong * sure).sum(axis=0)
        slopes[-1] += wrong.sum(axis=0)
        fit = (np.logaddexp(0, logits) - target * logits).sum(dtype=np.float64)
        total = fit + (penalty * off**2).sum(dtype=np.float64) / 2
        return float(total), slopes.astype(np.float64).ravel()

    first = before.astype(np.float64).ravel()
    found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS})
    weights: Floats = found.x.reshape(before.shape).astype(np.float32)
    weights[:-2] *= apart
    return weights
