"""How far the texts of a log lie from those of the reference, and whether that is chance."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from labelmend.types import Bools, Doubles, Floats

Test = Literal["mmd", "classifier"]
"""What embeddings are compared by."""

PERMUTATIONS = 499
"""Of the texts over both sides: with the observed one 500, so that p goes down to 0.002."""

MOST_ROWS = 1000
"""Texts of a side that embeddings are compared on; with more, tests find what nobody would mind,
and time grows by the square."""


@dataclass(frozen=True)
class Distance:
    """How far two samples of embeddings are from each other.

    Attributes:
        test: by which they were compared.
        value: of `mmd`, the unbiased square of the maximum mean discrepancy, about 0 without drift;
            of `classifier`, the area under its ROC curve, 0.5 without drift. Higher is farther.
        p_value: of the same distribution on both sides.
        before: texts of the reference that were compared.
        now: texts of the log that were.
    """

    test: Test
    value: float
    p_value: float
    before: int
    now: int


def compare_embeddings(
    before: Floats, now: Floats, test: Test, seed: int, permutations: int = PERMUTATIONS
) -> Distance:
    """Compare two samples of embeddings.

    Args:
        before: float32 [b, d], of the reference; at least four.
        now: float32 [n, d], of the log; at least four.
        test: which one.
        seed: of what it draws.
        permutations: of `mmd`.
    """
    if test == "mmd":
        value, p = _mmd(before, now, seed, permutations)
    else:
        value, p = _classified(before, now, seed)
    return Distance(test, value, p, len(before), len(now))


def _mmd(before: Floats, now: Floats, seed: int, permutations: int) -> tuple[float, float]:
    """Return the squared maximum mean discrepancy and its p by permutation.

    Gretton et al. 2012, "A kernel two-sample test", with Gaussian kernels as wide as the median
    distance of all texts together, and narrower ones, which see what changed in a corner. The
    greatest of their discrepancies counts, each in its own standard deviations, as in Schrab et
    al. 2023, "MMD aggregated two-sample test". No permutation changes widths and deviations, so
    the test is exact. The value that comes back is that of the widest kernel.
    """
    whole = np.concatenate([before, now]).astype(np.float64)
    squares = (whole * whole).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares - 2 * whole @ whole.T, 0)
    width = float(np.median(distances[np.triu_indices(len(whole), 1)])) or 1.0
    rng = np.random.default_rng(seed)
    own = np.arange(len(whole)) >= len(before)
    sides = np.stack([own, *(rng.permutation(own) for _ in range(permutations))])
    values = np.empty((len(_WIDTHS), len(sides)))
    for place, part in enumerate(_WIDTHS):
        kernel = np.exp(-distances / (part * width))
        np.fill_diagonal(kernel, 0.0)
        values[place] = _discrepancies(kernel, sides)
    spread = values.std(axis=1, keepdims=True)
    scaled = (values - values.mean(axis=1, keepdims=True)) / np.where(spread > _NONE, spread, 1)
    greatest = scaled.max(axis=0)
    # What ties with the observed one counts, or texts that are all the same would be drift.
    greater = int((greatest[1:] >= greatest[0] - _ROUNDING).sum())
    return float(values[0, 0]), (1 + greater) / (1 + permutations)


_WIDTHS = (1.0, 0.25, 0.0625)
"""Of kernels, in median distances: halved twice and four times, a factor of two being too little to
see anything else."""

_ROUNDING = 1e-9
"""Standard deviations; a discrepancy that is less by no more is the same."""

_NONE = 1e-15
"""A spread that is less is rounding alone: all permutations are the same."""


def _discrepancies(kernel: Doubles, sides: Bools) -> Doubles:
    """Return float64 [p], the unbiased estimate of each way to part the texts.

    Args:
        kernel: [N, N], zero on the diagonal.
        sides: bool [p, N], the texts of the second side.
    """
    chosen = sides.astype(np.float64)
    n = chosen.sum(axis=1)
    m = chosen.shape[1] - n
    within = ((chosen @ kernel) * chosen).sum(axis=1)
    rows = chosen @ kernel.sum(axis=1)
    across = rows - within
    others = kernel.sum() - 2 * across - within
    found: Doubles = within / (n * (n - 1)) + others / (m * (m - 1)) - 2 * across / (n * m)
    return found


def _classified(before: Floats, now: Floats, seed: int) -> tuple[float, float]:
    """Return how well a classifier tells the sides apart, and the p of that being chance.

    A classifier two-sample test (Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample
    tests"): it learns from a half of the texts, and its scores of the other half are compared by
    the rank test of Mann and Whitney (1947), one-sided.
    """
    from scipy.stats import mannwhitneyu
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    parts = [_halves(side, rng) for side in (before, now)]
    learn = np.concatenate([first for first, _ in parts])
    sides = np.repeat([0, 1], [len(first) for first, _ in parts])
    fitted = LogisticRegression(max_iter=1000, class_weight="balanced").fit(learn, sides)
    (_, theirs), (_, ours) = parts
    found = mannwhitneyu(
        *(fitted.decision_function(ours), fitted.decision_function(theirs)), alternative="greater"
    )
    return float(found.statistic) / (len(ours) * len(theirs)), float(found.pvalue)


def _halves(side: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    order = rng.permutation(len(side))
    middle = len(side) // 2
    return side[order[:middle]], side[order[middle:]]
