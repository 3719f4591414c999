"""Indicator matrices, as scikit-learn has them where a row may have several labels."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_consistent_length

from labelmend.classify.several.data import SetTraining
from labelmend.types import Bools, Doubles, Ints

_TWO = 2
"""Axes of a matrix; and points, one to learn from and one to be calibrated on."""


def is_indicator(y: Any) -> bool:
    """Tell whether targets are a matrix of several columns; a single one is a column of labels."""
    if hasattr(y, "shape"):
        return len(y.shape) == _TWO and y.shape[1] > 1
    first = y[0] if isinstance(y, list | tuple) and len(y) else None
    return isinstance(first, list | tuple | np.ndarray) and len(first) > 1


def indicators(y: Any, rows: int) -> npt.NDArray[Any]:
    """Return an indicator matrix [n, L], checked; a sparse one as a dense one.

    Raises:
        ValueError: it holds something else than 0 and 1, or has another number of rows.
    """
    dense = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
    check_consistent_length(dense, np.empty(rows))
    is_matrix = type_of_target(dense, input_name="y") == "multilabel-indicator"
    if not is_matrix or not np.isin(dense, (0, 1)).all():
        raise ValueError(
            "y has several columns and holds other values than 0 and 1: give one label a row, or "
            "an indicator matrix"
        )
    found: npt.NDArray[Any] = dense
    return found


def gathered_sets(
    names: tuple[str, ...], of_row: Ints, given: npt.NDArray[Any], weights: Doubles
) -> SetTraining:
    """Gather rows that count into distinct points, with the labels that half of a point's carry.

    Args:
        names: of the points.
        of_row: int64 [n], the point of each row.
        given: [n, L], 0 or 1.
        weights: float64 [n], at least 0.

    Raises:
        ValueError: there are fewer than two points.
    """
    kept = np.flatnonzero(weights > 0)
    points, place = np.unique(of_row[kept], return_inverse=True)
    if len(points) < _TWO:
        raise ValueError(
            "fewer than two distinct rows, one to learn from and one to be calibrated on: give more"
        )
    totals: Doubles = np.bincount(place, weights[kept]).astype(np.float64)
    carried = np.zeros((len(points), given.shape[1]))
    np.add.at(carried, place, given[kept] * weights[kept, None])
    most: Bools = 2 * carried >= totals[:, None]
    labels = tuple(map(str, range(given.shape[1])))
    return SetTraining(tuple(names[point] for point in points), labels, most, totals, "")
