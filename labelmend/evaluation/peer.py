"""What cleanlab makes of the same labels, for comparison."""

from typing import Literal

import numpy as np

from labelmend.extras import require
from labelmend.types import NO_LABEL, Doubles, Ints

Peer = Literal["cleanlab"]
PEERS: tuple[Peer, ...] = ("cleanlab",)


def cleanlab_labels(given: Ints, probabilities: Doubles) -> tuple[Ints, Ints]:
    """Let cleanlab find label issues (confident learning, Northcutt et al. 2021).

    Args:
        given: int64 [n], each label below K carried by some row.
        probabilities: float64 [n, K], out-of-fold.

    Returns:
        int64 [n] twice: with `NO_LABEL` for the rows that it flags, and with their most probable
        labels instead.
    """
    require("cleanlab", by="--peer cleanlab")
    from cleanlab.filter import find_label_issues

    flagged = np.asarray(find_label_issues(given, probabilities, n_jobs=1), dtype=bool)
    best = probabilities.argmax(axis=1)
    return np.where(flagged, NO_LABEL, given), np.where(flagged, best, given)
