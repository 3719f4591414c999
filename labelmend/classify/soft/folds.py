"""Folds by groups: rows that go together are on one side."""

import heapq

import numpy as np

from labelmend.types import Ints


def group_folds(groups: Ints, folds: int, seed: int) -> Ints:
    """Return int64 [n], a fold of each row: that of its group, about as many rows a fold.

    The largest groups are dealt out first, each to the fold with the fewest rows; equal ones in an
    order that the seed draws. There are no more folds than groups.

    Args:
        groups: int64 [n], from 0, each number taken.
        folds: at most.
        seed: of the order.
    """
    sizes = np.bincount(groups)
    drawn = np.random.default_rng(seed).permutation(len(sizes))
    heap = [(0, fold) for fold in range(min(folds, len(sizes)))]
    fold_of = np.empty(len(sizes), dtype=np.int64)
    for group in np.lexsort((drawn, -sizes)).tolist():
        rows, fold = heapq.heappop(heap)
        fold_of[group] = fold
        heapq.heappush(heap, (rows + int(sizes[group]), fold))
    return fold_of[groups]
