"""Heads in model folders of format 1, which labelmend wrote until version 0.1."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from labelmend.classify.heads.estimator import linear_scorer
from labelmend.classify.heads.lightgbm import read_trees
from labelmend.classify.scorer import Scorer

BOOSTER = "booster.txt"
ARRAYS_OF_FORMAT_1 = ({"weights": 2, "bias": 1}, {"axes": 2, "offset": 1})
"""The head's arrays and how many axes each has: of linear kinds, and of lightgbm."""

SHARPNESS = "sharpness"
"""What the inverse temperature was called."""


def scorer_of_format_1(folder: Path, kind: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Scorer:
    """Read the head of a folder whose files have the hashes that its card says.

    Args:
        folder: of the model.
        kind: of the classifier; all but lightgbm were linear.
        arrays: of `arrays.npz`.

    Raises:
        LookupError: an array is missing.
        ModelError: the trees can't be read.
    """
    if kind == "lightgbm":
        return read_trees(folder / BOOSTER, arrays["axes"], arrays["offset"])
    from sklearn.linear_model import LogisticRegression

    return linear_scorer(LogisticRegression(), arrays["weights"], arrays["bias"])
