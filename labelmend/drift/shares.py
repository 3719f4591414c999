"""Shares of labels: whether each is asked for as often as before."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmend.evaluation.compare import holm
from labelmend.types import Doubles, Ints

DRAWS = 1999
"""Random tables of the label test: with the observed one 2,000, so that p goes down to 0.0005."""

_BLOCK = 1 << 22
"""Counts of random tables that are held at a time: memory depends on it, and no outcome."""

_ROUNDING = 1e-9
"""Relative; a statistic that is less by no more is the same table's."""


@dataclass(frozen=True)
class ShareChange:
    """How often something was before and is now.

    Attributes:
        name: of the label; "" where it is no label's.
        before: texts of the reference that have it.
        before_of: texts of the reference.
        now: texts of the log that have it.
        now_of: texts of the log.
        p_value: of the same share in both, two-sided; over labels after Holm's (1979) correction.
    """

    name: str
    before: int
    before_of: int
    now: int
    now_of: int
    p_value: float

    @property
    def share_before(self) -> float:
        """Of the reference, 0 to 1."""
        return self.before / self.before_of

    @property
    def share_now(self) -> float:
        """Of the log, 0 to 1."""
        return self.now / self.now_of


@dataclass(frozen=True)
class LabelChange:
    """Whether labels are spread as before.

    Attributes:
        statistic: G, the likelihood-ratio statistic of the two rows of counts.
        p_value: of the same shares in both: twice the less of G's and of that of the surest label,
            after Bonferroni.
        distance: Jensen and Shannon's, to the base of 2: 0 for the same shares, 1 for no label in
            common.
        labels: all of them, the surest change first; ties by name.
    """

    statistic: float
    p_value: float
    distance: float
    labels: tuple[ShareChange, ...]


def label_change(
    before: Sequence[str], now: Sequence[str], seed: int, draws: int = DRAWS
) -> LabelChange:
    """Compare the labels of the reference with those of the log.

    G is held against tables that have the same sums and are random otherwise, so p is exact
    however rare labels are; its chi-square limit is wrong for small counts.

    Args:
        before: of the reference's texts; at least one.
        now: of the log's; at least one.
        seed: of the random tables.
        draws: how many there are.
    """
    names = sorted({*before, *now})
    counts = np.array([_counts(before, names), _counts(now, names)])
    statistic = float(_g(counts[None, 1], counts.sum(axis=0), len(now))[0])
    rng = np.random.default_rng(seed)
    least, greater = statistic * (1 - _ROUNDING), 0
    size = max(1, min(draws, _BLOCK // len(names)))
    for start in range(0, draws, size):
        random = rng.multivariate_hypergeometric(
            counts.sum(axis=0), len(now), size=min(size, draws - start), method="marginals"
        )
        greater += int((_g(random, counts.sum(axis=0), len(now)) >= least).sum())
    changes = [
        share_change(int(b), len(before), int(n), len(now), name)
        for name, b, n in zip(names, *counts, strict=True)
    ]
    adjusted = holm([one.p_value for one in changes])
    spread = (1 + greater) / (1 + draws)
    found = [
        ShareChange(one.name, one.before, one.before_of, one.now, one.now_of, p)
        for one, p in zip(changes, adjusted, strict=True)
    ]
    return LabelChange(
        statistic,
        # G sees what many labels lose and win a little, the surest label what one does alone.
        min(1.0, 2 * min(spread, *adjusted)),
        jensen_shannon(counts[0], counts[1]),
        tuple(sorted(found, key=lambda one: (one.p_value, one.name))),
    )


def share_change(before: int, before_of: int, now: int, now_of: int, name: str = "") -> ShareChange:
    """Compare two shares by Fisher's exact test.

    Args:
        before: texts of the reference that have it.
        before_of: texts of the reference.
        now: texts of the log that have it.
        now_of: texts of the log.
        name: of what is compared.
    """
    from scipy.stats import fisher_exact

    table = np.array([[before, before_of - before], [now, now_of - now]])
    return ShareChange(name, before, before_of, now, now_of, float(fisher_exact(table).pvalue))


def jensen_shannon(before: Ints, now: Ints) -> float:
    """Return the distance of two rows of counts [K], 0 to 1; higher is farther."""
    from scipy.spatial.distance import jensenshannon

    found = float(jensenshannon(before, now, base=2))
    return 0.0 if np.isnan(found) else found  # rounding below zero under the root


def _counts(labels: Sequence[str], names: Sequence[str]) -> list[int]:
    found = Counter(labels)
    return [found[name] for name in names]


def _g(now: npt.NDArray[np.int64], both: Ints, total: int) -> Doubles:
    """Return G of tables whose second row is `now` [t, K] and whose sums are `both` [K]."""
    from scipy.special import xlogy

    whole = both.sum()
    shares = np.array([whole - total, total]) / whole
    rows = np.stack([both - now, now])
    expected = shares[:, None] * both
    parts: Doubles = 2 * (xlogy(rows, rows) - xlogy(rows, expected[:, None, :])).sum(axis=(0, 2))
    return parts
