"""The noise of assignments: how often a label that holds is forgotten, and one is added.

A label has both rates of its own. They are drawn towards those of all labels as if a few more
texts had been seen that follow these, so a rare label has about the common ones.
"""

import numpy as np

from labelmend.relabel.assignments.types import Channel
from labelmend.types import Bools, Doubles

_HOLDING = 20.0
"""Texts at which the label holds, by which a label's rate of forgetting is drawn. Chosen by hand on
NLU++ with other seeds than are reported."""

_OTHERS = 500.0
"""The same of texts at which it does not hold, for the rate of adding."""

_STEPS = 30
"""Of expectation maximisation; the rates no longer move by then."""

_SETTLED = 1e-7
"""Or when no rate moves by more."""

_LEAST = 1e-6
"""A rate is no nearer to 0 or 1."""

_USUAL = (0.1, 0.002)
"""Rates of forgetting and of adding to begin with, towards which those of all labels are drawn in
the same way: a table of a few rows can't tell that it has no errors."""


def learn_channel(evidence: Doubles, given: Doubles | Bools) -> Channel:
    """Learn the rates by expectation maximisation (Dempster et al. 1977).

    Args:
        evidence: float64 [n, L], probability that a label holds by all but its own being given.
        given: float64 [n, L], the share of a text's copies that were given the label.
    """
    labels = given.shape[1]
    channel = Channel(np.full(labels, _USUAL[0]), np.full(labels, _USUAL[1]))
    for _ in range(_STEPS):
        before, channel = channel, _maximal(channel.posterior(evidence, given), given)
        moved = np.abs(channel.forgotten - before.forgotten) + np.abs(channel.added - before.added)
        if moved.max(initial=0.0) <= _SETTLED:
            break
    return channel


def _maximal(holds: Doubles, given: Doubles | Bools) -> Channel:
    missed, extra = (1 - given) * holds, given * (1 - holds)
    here, absent = holds.sum(axis=0), (1 - holds).sum(axis=0)
    common = (
        (missed.sum() + _HOLDING * _USUAL[0]) / (here.sum() + _HOLDING),
        (extra.sum() + _OTHERS * _USUAL[1]) / (absent.sum() + _OTHERS),
    )
    forgotten = (missed.sum(axis=0) + _HOLDING * common[0]) / (here + _HOLDING)
    added = (extra.sum(axis=0) + _OTHERS * common[1]) / (absent + _OTHERS)
    return Channel(np.clip(forgotten, _LEAST, 1 - _LEAST), np.clip(added, _LEAST, 1 - _LEAST))
