"""From scores to the best labels, with ties that never depend on row order."""

import numpy as np

from labelmend.arrays import largest_places
from labelmend.types import NO_LABEL, Floats, Ints, Ranking


def rank_labels(labels: Ints, scores: Floats, limit: int) -> Ranking:
    """Return each row's best distinct labels.

    A label that stands several times in a row counts with its best score. Ties go to the smaller
    label index.

    Args:
        labels: int64 [b, m], with `NO_LABEL` where there is none.
        scores: float32 [b, m]; NaN is read as "none".
        limit: labels to keep.
    """
    found = (labels != NO_LABEL) & ~np.isnan(scores)
    ranked = np.where(found, scores, -np.inf).astype(np.float32)
    by_label = np.lexsort((-ranked, labels), axis=1)
    labels_sorted = np.take_along_axis(labels, by_label, axis=1)
    repeated = np.zeros(labels.shape, dtype=bool)
    repeated[:, 1:] = labels_sorted[:, 1:] == labels_sorted[:, :-1]
    distinct_scores = np.where(repeated, -np.inf, np.take_along_axis(ranked, by_label, axis=1))
    best = np.lexsort((labels_sorted, -distinct_scores), axis=1)[:, :limit]
    top_scores = np.take_along_axis(distinct_scores, best, axis=1)
    top_labels = np.take_along_axis(labels_sorted, best, axis=1)
    return Ranking(np.where(np.isneginf(top_scores), NO_LABEL, top_labels), top_scores)


def top_columns(scores: Floats, limit: int) -> Ints:
    """Return each row's best columns, in the order of score, then of the columns.

    These are the first of a stable sort of whole rows, which it does without.

    Args:
        scores: float32 [b, m], without NaN.
        limit: columns to find; all where there are fewer.

    Returns:
        int64 [b, min(limit, m)].
    """
    total = scores.shape[1]
    if limit >= total:
        return np.argsort(-scores, axis=1, kind="stable")
    largest = np.take_along_axis(scores, largest_places(scores, limit), axis=1)
    least: Floats = largest.min(axis=1, initial=np.inf, keepdims=True)
    keep = scores > least
    # Of those that tie for the last places the first columns get them.
    row, column = np.divmod(np.flatnonzero(scores == least), total)
    place = np.arange(len(row)) - np.searchsorted(row, row)
    first = place < (limit - keep.sum(axis=1))[row]
    keep[row[first], column[first]] = True
    columns = (np.flatnonzero(keep) % total).reshape(len(scores), limit)
    kept: Floats = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-kept, axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
