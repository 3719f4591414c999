"""What people's answers teach about assignments that nobody looked at.

How often given labels are wrong, and how much the evidence deserves, can't be seen from a table
alone. Answers are truth on some texts, for each of which the evidence has not seen the text's own
labels; so they show by how much the beliefs are off.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from labelmend.arrays import row_blocks
from labelmend.relabel.assignments.answers import AnsweredTexts
from labelmend.types import Bools, Doubles, Ints

_LEAST = 1e-6
"""A probability is no nearer to 0 or 1."""

_SPREADS = (0.5, 1.5)
"""Of the normal prior: of the slopes' logarithms, so that evidence may well count two thirds more
or less, and of the offsets in nats, a factor of four in the odds. Chosen by hand before any answer
was looked at."""

_EDGE = 10
"""Answers that are as extreme as evidence may be at least; fewer say little of what is there."""

_OF_LABEL = 0.7
"""The same of a single label's offset: half of what all labels' may be."""


def recalibrated(
    holds: Doubles, evidence: Doubles, given: Bools, answers: AnsweredTexts
) -> tuple[Doubles, Doubles]:
    """Return float64 [n, L], the probability that a label holds, by what answers teach.

    The log-odds of a label that was given, and of one that was not, each get a slope for what the
    evidence says, and an offset; and each label two offsets of its own. Their prior leaves all as
    it is, so few answers change little. (Platt scaling of 1999, with a prior.) What the answers
    leave open is averaged out by Laplace's method (MacKay 1992), so that the surest of many changes
    are not those of which least is known.

    Args:
        holds: float64 [n, L], what is believed.
        evidence: float64 [n, L], the same without the label's own being given or not.
        given: bool [n, L].
        answers: on some of the texts, which `holds` and `evidence` do not know.

    Returns:
        the probabilities, and float64 [n, L], the standard deviation that is left of their
        log-odds.
    """
    told = logit(np.clip(evidence, _LEAST, 1 - _LEAST))
    shift = logit(np.clip(holds, _LEAST, 1 - _LEAST)) - told
    said = _within_what_was_seen(told, given, answers.texts)
    model = _Model(said + shift, said, given)
    best = minimize(
        model.loss,
        np.zeros(4 + 2 * given.shape[1]),
        args=(answers.texts, answers.holds),
        jac=True,
        method="L-BFGS-B",
    ).x
    variance = model.variance(best, answers.texts)
    holds = np.asarray(expit(model.logits(best) / np.sqrt(1 + np.pi / 8 * variance)))
    return holds, np.sqrt(variance)


def _within_what_was_seen(said: Doubles, given: Bools, rows: Ints) -> Doubles:
    """Return float64 [n, L], evidence that is no more extreme than that of some answers.

    What holds beyond is not known, and that is where the surest changes are: people's errors on
    texts that seem clear are no rarer for seeming clearer still.
    """
    bounded = said.copy()
    for kind in (False, True):
        seen = np.sort(said[rows][given[rows] == kind])
        if len(seen) >= 2 * _EDGE:
            which = given == kind
            bounded[which] = np.clip(said[which], seen[_EDGE - 1], seen[-_EDGE])
    return bounded


class _Model:
    """Log-odds as a function of theta: two slopes' logarithms, two offsets, 2 * L offsets.

    Of each two, the first is of labels that were not given.
    """

    def __init__(self, sure: Doubles, said: Doubles, given: Bools) -> None:
        self._sure, self._said = sure, said
        self._kind = given.astype(np.int64)
        self._label = np.arange(given.shape[1])
        self._prior = np.repeat(_SPREADS, 2) ** 2, _OF_LABEL**2

    def logits(self, theta: Doubles, rows: Ints | slice = slice(None)) -> Doubles:
        """Return float64 [r, L]."""
        kind = self._kind[rows]
        own = theta[4:].reshape(2, -1)[kind, self._label]
        moved = np.expm1(theta[:2])[kind] * self._said[rows] + theta[2:4][kind]
        return np.asarray(self._sure[rows] + moved + own)

    def loss(self, theta: Doubles, rows: Ints, answered: Doubles) -> tuple[float, Doubles]:
        """Return minus the penalised log-likelihood of answers, and its gradient."""
        found = self.logits(theta, rows)
        value = np.logaddexp(0, found).sum() - (answered * found).sum()
        wrong = expit(found) - answered
        gradient, own = self._summed(wrong[:, :, None] * self._slopes(theta, rows), rows, wrong)
        common, single = self._prior
        value += 0.5 * ((theta[:4] ** 2 / common).sum() + (theta[4:] ** 2).sum() / single)
        gradient += theta[:4] / common
        own = own.ravel() + theta[4:] / single
        return float(value), np.concatenate([gradient, own])

    def variance(self, theta: Doubles, rows: Ints) -> Doubles:
        """Return float64 [n, L], the variance of log-odds that the answers leave.

        The inverse of the Hessian, in which a label's own offsets meet only the common numbers.
        """
        chance = expit(self.logits(theta, rows))
        weight = chance * (1 - chance)
        slopes = self._slopes(theta, rows)
        common, single = self._prior
        whole = np.einsum("rl,rli,rlj->ij", weight, slopes, slopes) + np.diag(1 / common)
        crossed = np.zeros((2, len(self._label), 4))
        np.add.at(crossed, (self._kind[rows], self._label), weight[:, :, None] * slopes)
        alone = np.full(crossed.shape[:2], 1 / single)
        np.add.at(alone, (self._kind[rows], np.broadcast_to(self._label, weight.shape)), weight)
        pull = crossed / alone[:, :, None]
        whole -= np.einsum("kli,klj->ij", crossed, pull)
        inverse = np.linalg.inv(whole)
        found = np.empty(self._sure.shape)
        for part in row_blocks(len(found), 4 * len(self._label)):
            kind = self._kind[part]
            left = self._slopes(theta, part) - pull[kind, self._label]
            found[part] = np.einsum("rli,ij,rlj->rl", left, inverse, left)
            found[part] += 1 / alone[kind, self._label]
        return found

    def _slopes(self, theta: Doubles, rows: Ints | slice) -> Doubles:
        """Return float64 [r, L, 4], the slopes of log-odds by the common numbers."""
        kind, said = self._kind[rows], self._said[rows]
        found = np.zeros((*kind.shape, 4))
        for k in (0, 1):
            found[..., k] = np.where(kind == k, np.exp(theta[k]) * said, 0)
            found[..., 2 + k] = kind == k
        return found

    def _summed(self, common: Doubles, rows: Ints, own: Doubles) -> tuple[Doubles, Doubles]:
        """Return the sums of what moves the common numbers, [4], and each label's own, [2, L]."""
        kind = self._kind[rows]
        by_label = np.stack([np.where(kind == k, own, 0).sum(axis=0) for k in (0, 1)])
        return np.asarray(common.sum(axis=(0, 1))), by_label
