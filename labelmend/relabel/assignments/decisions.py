"""Which labels are taken away and which are added, within the harm budget."""

import numpy as np

from labelmend.relabel.assignments.types import AssignmentChanges
from labelmend.types import Bools, Doubles, Ints

_EVEN = 0.5
"""Nothing is changed that is likelier as it is."""


def decide_assignments(holds: Doubles, given: Bools, max_harm: float) -> AssignmentChanges:
    """Change the surest assignments until the expected harm has reached the budget.

    Both kinds of harm have the budget by themselves: labels that hold and are taken away, and
    labels that do not hold and are added, each as a share of the labels that hold. Ties do not
    depend on the order of rows or labels: they are changed together or not at all.

    Args:
        holds: float64 [n, L], probability that a label holds.
        given: bool [n, L].
        max_harm: the budget, a share.
    """
    budget = max_harm * holds.sum()
    removed = _surest(np.where(given, holds, 1.0), budget)
    added = _surest(np.where(given, 1.0, 1 - holds), budget)
    return AssignmentChanges(
        removed=removed,
        added=added,
        expected_broken=float(holds[removed].sum()),
        expected_false=float((1 - holds[added]).sum()),
    )


def _surest(harm: Doubles, budget: float) -> Bools:
    """Return the changes of least harm, bool like `harm`, whose sum is within the budget."""
    chosen = np.zeros(harm.size, dtype=np.bool_)
    flat = harm.ravel()
    order: Ints = np.argsort(flat, kind="stable")
    order = order[flat[order] < _EVEN]
    within = np.cumsum(flat[order]) <= budget
    count = int(within.sum())
    if 0 < count < len(order):
        # Of equal harm, all or none.
        count = int(np.searchsorted(flat[order], flat[order[count]], side="left"))
    chosen[order[:count]] = True
    return chosen.reshape(harm.shape)
