"""Which labels are taken away and which are added, within the harm budget."""

import numpy as np
from scipy.special import expit, logit

from labelmend.relabel.assignments.types import AssignmentChanges
from labelmend.types import Bools, Doubles, Ints

_LEAST = 1e-12
"""A probability is no nearer to 0 or 1."""

_CARE = 0.25
"""Standard deviations by which beliefs may be off. Chosen by hand on NLU++ with 150 answers, with
other seeds than are reported: with none, half as many labels again as the budget allows are added
in error; with half of one, the answers mend hardly more than without them."""

_EVEN = 0.5
"""Nothing is changed that is likelier as it is."""


def decide_assignments(
    holds: Doubles, given: Bools, said: Doubles, max_harm: float, spread: Doubles | float = 0.0
) -> AssignmentChanges:
    """Change the surest assignments until the expected harm has reached the budget.

    Both kinds of harm have the budget by themselves: labels that hold and are taken away, and
    labels that do not hold and are added, each as a share of the labels that hold. Ties do not
    depend on the order of rows or labels: they are changed together or not at all. What people said
    is done, and costs nothing of the budget. Where few answers teach what is believed, changes cost
    as much as if beliefs were off by a quarter of a standard deviation in the harmful way: such
    errors are common to many changes, and so don't cancel out.

    Args:
        holds: float64 [n, L], probability that a label holds.
        given: bool [n, L].
        said: float64 [n, L], 1 for labels that people say hold, 0 for those that they say don't;
            NaN in rows that nobody answered.
        max_harm: the budget, a share.
        spread: float64 [n, L], the standard deviation of the log-odds that a label holds.
    """
    budget = max_harm * holds.sum()
    known = ~np.isnan(said)
    sure = logit(np.clip(holds, _LEAST, 1 - _LEAST))
    breaks, fakes = expit(sure + _CARE * spread), expit(_CARE * spread - sure)
    removed = _surest(np.where(given & ~known, breaks, 1.0), budget)
    added = _surest(np.where(given | known, 1.0, fakes), budget)
    broken, false = float(holds[removed].sum()), float((1 - holds[added]).sum())
    return AssignmentChanges(
        removed=removed | (known & given & (said == 0)),
        added=added | (known & ~given & (said == 1)),
        expected_broken=broken,
        expected_false=false,
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
