"""The noise of assignments: how often a label that holds is forgotten, and one is added.

A label has both rates of its own. They are drawn towards those of all labels as if a few more
texts had been seen that follow these, so a rare label has about the common ones.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from labelmend.types import Bools, Doubles

_HOLDING = 20.0
"""Texts at which the label holds, by which a label's rate of forgetting is drawn. Chosen by hand on
NLU++ with other seeds than are reported."""

_OTHERS = 500.0
"""The same of texts at which it does not hold, for the rate of adding."""

_STEPS = 30
"""Of expectation maximisation; the rates no longer move by then."""

_BEGIN = (0.1, 0.002)
"""Rates of forgetting and of adding to begin with."""

_LEAST = 1e-6
"""A probability is no nearer to 0 or 1."""


@dataclass(frozen=True)
class Channel:
    """What is known of the noise.

    Attributes:
        forgotten: float64 [L], probability that a label that holds is not given.
        added: float64 [L], probability that one that does not hold is given.
    """

    forgotten: Doubles
    added: Doubles

    def posterior(self, evidence: Doubles, given: Bools) -> Doubles:
        """Return float64 [n, L], the probability that a label holds, the given ones known.

        Args:
            evidence: float64 [n, L], the same without them.
            given: bool [n, L].
        """
        said = np.log1p(-self.forgotten) - np.log(self.added)
        unsaid = np.log(self.forgotten) - np.log1p(-self.added)
        sure = logit(np.clip(evidence, _LEAST, 1 - _LEAST))
        return np.asarray(expit(sure + np.where(given, said, unsaid)))


def learn_channel(evidence: Doubles, given: Bools) -> Channel:
    """Learn the rates by expectation maximisation (Dempster et al. 1977).

    Args:
        evidence: float64 [n, L], probability that a label holds by all but its own being given.
        given: bool [n, L].
    """
    labels = given.shape[1]
    channel = Channel(np.full(labels, _BEGIN[0]), np.full(labels, _BEGIN[1]))
    for _ in range(_STEPS):
        holds = channel.posterior(evidence, given)
        channel = _maximal(holds, given)
    return channel


def _maximal(holds: Doubles, given: Bools) -> Channel:
    missed, extra = np.where(given, 0, holds), np.where(given, 1 - holds, 0)
    here, absent = holds.sum(axis=0), (1 - holds).sum(axis=0)
    common = missed.sum() / here.sum(), extra.sum() / absent.sum()
    forgotten = (missed.sum(axis=0) + _HOLDING * common[0]) / (here + _HOLDING)
    added = (extra.sum(axis=0) + _OTHERS * common[1]) / (absent + _OTHERS)
    return Channel(np.clip(forgotten, _LEAST, 1 - _LEAST), np.clip(added, _LEAST, 1 - _LEAST))
