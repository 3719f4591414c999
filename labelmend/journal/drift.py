"""Labels that are given more often than before.

Of each label, the share of what was asked in the last window is held against the share before, by
Fisher's exact test (one-sided); over labels, Benjamini and Hochberg (1995) keep the false ones
among those that are named at 5 % on average. A sender's copies of one text count once: who repeats
a question is no new trend.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from labelmend.journal.entries import days
from labelmend.journal.read import Logged
from labelmend.journal.sets import labels_in

_LEVEL = 0.05
"""The expected share of false ones among the labels that are named."""


@dataclass(frozen=True)
class Drift:
    """A label whose share rose.

    Attributes:
        label: that the served model gives.
        before: its share before the window, 0 to 1.
        now: its share in the window, 0 to 1, higher.
        p_value: adjusted.
    """

    label: str
    before: float
    now: float
    p_value: float


def rising_labels(
    requests: Iterable[Logged], window_days: float, *, of_sets: bool = False
) -> tuple[Drift, ...]:
    """Return the labels that are given more often in the last window, the surest first.

    Args:
        requests: of the log, in any order.
        window_days: length of the window, which ends with the newest request.
        of_sets: a text may have several labels; each counts.
    """
    from scipy.stats import false_discovery_control, fisher_exact

    asked = {(one.sender, one.text_hash, one.guesses[0].label): one.at for one in requests}
    if not asked:
        return ()
    since = max(asked.values()) - days(window_days) * 1000
    given_now = [label for (_, _, label), at in asked.items() if at > since]
    given_before = [label for (_, _, label), at in asked.items() if at <= since]
    now, before = (_counted(given, of_sets=of_sets) for given in (given_now, given_before))
    total_now, total_before = len(given_now), len(given_before)
    if not total_before:
        return ()
    labels = sorted(now)
    tables = [
        np.array([[now[k], total_now - now[k]], [before[k], total_before - before[k]]])
        for k in labels
    ]
    values = [float(fisher_exact(table, alternative="greater").pvalue) for table in tables]
    adjusted = [float(p) for p in false_discovery_control(values, method="bh")]
    found = [
        Drift(label, before[label] / total_before, now[label] / total_now, p)
        for label, p in zip(labels, adjusted, strict=True)
        if p < _LEVEL
    ]
    return tuple(sorted(found, key=lambda one: (one.p_value, one.label)))


def _counted(given: Iterable[str], *, of_sets: bool) -> Counter[str]:
    """Return how often each label was given."""
    if of_sets:
        return Counter(label for one in given for label in labels_in(one))
    return Counter(given)
