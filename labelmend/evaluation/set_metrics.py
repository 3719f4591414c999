"""How good predictions of label sets are, where the truth is known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from labelmend.parallel import blocks_of
from labelmend.types import Bools, Doubles, Ints
from labelmend.voice.speak import meant

if TYPE_CHECKING:
    from scipy.sparse import csr_array

RESAMPLES = 1000
"""Of the bootstrap over texts (Efron and Tibshirani 1993); its ends are at 2.5 and 97.5 %."""

_ENDS = (0.025, 0.975)
"""Of a 95 % interval."""

_LEAST_RESAMPLES = 100
"""With fewer there is no interval: too few lie beyond its ends."""

_MOST_LOOKS = 5e8
"""Texts times labels times resamples that areas under curves are worked out of, in some seconds;
where there are more, there are fewer resamples."""

_BATCH, _MOST_DRAWN = 50, 1 << 24
"""Resamples that are held in memory at a time, and what they draw: 128 MiB of it."""


@dataclass(frozen=True)
class Figure:
    """A figure and its 95 % interval.

    Attributes:
        value: 0 to 1, higher is better.
        low: lower end; None where there is nothing to draw from.
        high: upper end.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class SetLabelScores:
    """One label's scores.

    Attributes:
        precision: of the texts called so, those that are; 0 where none is.
        recall: of the texts that are so, those called so.
        f1: their harmonic mean.
        rows: texts that are so.
        roc_auc: of its probability; None where all texts are so, or the classifier lacks the label.
        average_precision: of its probability; None where the classifier lacks the label.
    """

    precision: float
    recall: float
    f1: Figure
    rows: int
    roc_auc: Figure | None
    average_precision: Figure | None


@dataclass(frozen=True)
class SetMetrics:
    """How good predictions of label sets are.

    Attributes:
        rows: of the test set.
        texts: distinct ones, which the intervals draw from.
        micro_f1: of all assignments.
        macro_f1: mean over the labels that some row carries.
        subset_accuracy: rows whose labels are called without one too many or too few.
        ranking: label ranking average precision: of the labels that are as probable as one that
            holds, or more so, those that hold; mean over the labels of a row, and over rows, where
            1 counts for a row that has no label or all.
        roc_auc: mean over the labels that have one, or None.
        average_precision: the same.
        labels: scores of each label that some row carries.
    """

    rows: int
    texts: int
    micro_f1: Figure
    macro_f1: Figure
    subset_accuracy: Figure
    ranking: Figure
    roc_auc: float | None
    average_precision: float | None
    labels: Mapping[str, SetLabelScores]


def evaluate_sets(
    truth: Bools,
    called: Bools,
    probabilities: Doubles,
    labels: tuple[str, ...],
    *,
    text_of: Ints | None = None,
    seed: int = 0,
    draws: int = RESAMPLES,
) -> SetMetrics:
    """Compare predictions with the truth.

    Args:
        truth: bool [n, L]; at least one row, and one label that some row carries.
        called: bool [n, K], the labels as predicted.
        probabilities: float64 [n, K].
        labels: the label set, [L]; the classifier's K come first, in their order, and the truth
            may have more, which count as never called.
        text_of: int64 [n], the text of each row, numbered from 0; None where each has its own.
        seed: of the intervals.
        draws: resamples that the intervals are of; 0 for none.
    """
    rows, count = truth.shape
    known = called.shape[1]
    text_of = np.arange(rows) if text_of is None else text_of
    whole, likely = called, probabilities
    if known < count:
        whole = np.pad(called, ((0, 0), (0, count - known)))
        likely = np.pad(probabilities, ((0, 0), (0, count - known)))
    there: Bools = np.asarray(truth.any(axis=0))
    counts = SetCounts.of(truth, whole, text_of)
    exact = (truth == whole).all(axis=1)
    ranked = ranking_precision(truth, likely)
    means = _sums_of_texts(np.column_stack([exact, ranked, np.ones(rows)]), text_of)
    drawn: list[list[Doubles]] = [[], [], [], [], []]
    for weights in resamples(len(means), seed, draws):
        each = counts.f1_by_label(weights)
        sums = weights @ means
        for place, found in zip(
            drawn,
            (
                *(counts.micro_f1(weights), counts.macro_f1(weights), each),
                *(sums[:, 0] / sums[:, 2], sums[:, 1] / sums[:, 2]),
            ),
            strict=True,
        ):
            place.append(found)
    once = np.ones((1, len(means)))
    each = counts.f1_by_label(once)[0]
    micro, macro, ends, subset, ranking = (
        _ends(np.concatenate(found)) if found else None for found in drawn
    )
    areas = _areas(truth, likely, text_of, np.flatnonzero(there[:known]), seed, draws)
    hits, said, true = (truth & whole).sum(axis=0), whole.sum(axis=0), truth.sum(axis=0)
    scores = {
        labels[k]: SetLabelScores(
            float(hits[k] / said[k]) if said[k] else 0.0,
            float(hits[k] / true[k]),
            Figure(float(each[k]), *_pair(ends, k)),
            int(true[k]),
            *areas.get(k, (None, None)),
        )
        for k in range(count)
        if there[k]
    }
    return SetMetrics(
        rows,
        len(means),
        Figure(float(counts.micro_f1(once)[0]), *_pair(micro)),
        Figure(float(counts.macro_f1(once)[0]), *_pair(macro)),
        Figure(float(exact.mean()), *_pair(subset)),
        Figure(float(ranked.mean()), *_pair(ranking)),
        _mean([scores_of.roc_auc for scores_of in scores.values()]),
        _mean([scores_of.average_precision for scores_of in scores.values()]),
        scores,
    )


@dataclass(frozen=True)
class SetCounts:
    """What F1 is made of, by text and label, sparse [u, L] each: a text has few of the labels.

    Attributes:
        hits: rows of which the label is called, and holds.
        true: rows of which it holds.
        both: rows of which it is called, and those where it holds, added up.
    """

    hits: "csr_array"
    true: "csr_array"
    both: "csr_array"

    @classmethod
    def of(cls, truth: Bools, called: Bools, text_of: Ints) -> "SetCounts":
        """Count the rows of each text."""
        true, said = _rows_of_texts(truth, text_of), _rows_of_texts(called, text_of)
        return cls(_rows_of_texts(truth & called, text_of), true, true + said)

    def micro_f1(self, weights: Doubles) -> Doubles:
        """Return float64 [s], of weights [s, u] of the texts; 0 where nothing holds or is called.

        As scikit-learn's with `average="micro"` and weights of rows.
        """
        hits, both = (np.asarray(part.sum(axis=1)) for part in (self.hits, self.both))
        return _f1(weights @ hits, weights @ both)

    def macro_f1(self, weights: Doubles) -> Doubles:
        """Return float64 [s], the mean over the labels that some row carries that has a weight."""
        there = _weighed(weights, self.true) > 0
        sums = (self.f1_by_label(weights) * there).sum(axis=1)
        return np.asarray(sums / np.maximum(there.sum(axis=1), 1))

    def f1_by_label(self, weights: Doubles) -> Doubles:
        """Return float64 [s, L], the same by label."""
        return _f1(_weighed(weights, self.hits), _weighed(weights, self.both))


def resamples(texts: int, seed: int, count: int = RESAMPLES) -> Iterator[Doubles]:
    """Yield float64 [s, texts], how often each resample of the bootstrap draws each text."""
    rng = np.random.default_rng(seed)
    for part in blocks_of(count, max(1, min(_BATCH, _MOST_DRAWN // texts))):
        drawn = rng.integers(0, texts, (part.stop - part.start, texts))
        flat = drawn + texts * np.arange(len(drawn))[:, None]
        times = np.bincount(flat.ravel(), minlength=len(drawn) * texts)
        yield times.reshape(len(drawn), texts).astype(np.float64)


def ranking_precision(truth: Bools, likely: Doubles) -> Doubles:
    """Return float64 [n], the label ranking average precision of each row.

    As scikit-learn's `label_ranking_average_precision_score`, whose mean it is.
    """
    found = np.ones(len(truth))
    for row in np.flatnonzero(truth.any(axis=1) & ~truth.all(axis=1)).tolist():
        own = np.sort(likely[row, truth[row]])
        every = np.sort(likely[row])
        above = len(every) - np.searchsorted(every, own, side="left")
        found[row] = ((len(own) - np.searchsorted(own, own, side="left")) / above).mean()
    return found


@dataclass(frozen=True)
class _Ordered:
    """One label's texts, the likeliest first; those of equal probability are one step."""

    order: Ints
    starts: Ints
    truth: Bools

    @classmethod
    def of(cls, truth: Bools, likely: Doubles) -> "_Ordered":
        order = np.argsort(-likely, kind="stable")
        sorted_likely = likely[order]
        starts = np.flatnonzero(np.append(True, sorted_likely[1:] != sorted_likely[:-1]))
        return cls(order, starts, truth[order])

    def areas(self, weights: npt.NDArray[np.uint8]) -> tuple[Doubles, Doubles]:
        """Return ROC AUC and average precision, float64 [s], of weights uint8 [s, n] of the rows.

        As scikit-learn's with weights of rows; NaN where a resample lacks what they need.
        """
        heavy = weights[:, self.order].astype(np.float64)
        right = np.add.reduceat(heavy * self.truth, self.starts, axis=1)
        wrong = np.add.reduceat(heavy * ~self.truth, self.starts, axis=1)
        hits, misses = right.cumsum(axis=1), wrong.cumsum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            halves = (wrong * (hits - right / 2)).sum(axis=1)
            auc = halves / (hits[:, -1] * misses[:, -1])
            precision = np.where(hits > 0, hits / (hits + misses), 0.0)
            average = (right * precision).sum(axis=1) / hits[:, -1]
        return auc, average


def _areas(
    truth: Bools, likely: Doubles, text_of: Ints, chosen: Ints, seed: int, draws: int
) -> dict[int, tuple[Figure | None, Figure | None]]:
    """Return ROC AUC and average precision of some labels; with fewer resamples of large tables."""
    count = int(min(draws, _MOST_LOOKS / max(1, len(truth) * len(chosen))))
    if count < _LEAST_RESAMPLES:
        count = 0
    # No text is drawn as often as 255 times.
    drawn = [
        weights.astype(np.uint8)[:, text_of]
        for weights in resamples(int(text_of.max()) + 1, seed, count)
    ]
    found: dict[int, tuple[Figure | None, Figure | None]] = {}
    for k in chosen.tolist():
        ordered = _Ordered.of(truth[:, k], likely[:, k])
        (auc,), (average,) = ordered.areas(np.ones((1, len(truth)), dtype=np.uint8))
        parts = [ordered.areas(weights) for weights in drawn]
        aucs, averages = (
            [np.concatenate(side) for side in zip(*parts, strict=True)] if parts else (None, None)
        )
        is_both = bool(np.isfinite(auc))  # texts that are so, and others
        found[k] = (
            Figure(float(auc), *_pair(None if aucs is None else _ends(aucs))) if is_both else None,
            Figure(float(average), *_pair(None if averages is None else _ends(averages))),
        )
    return found


def _f1(hits: Doubles, both: Doubles) -> Doubles:
    return np.divide(2 * hits, both, out=np.zeros_like(both), where=both > 0)


def _rows_of_texts(values: Bools, text_of: Ints) -> "csr_array":
    """Return float64 sparse [u, L], in how many rows of each text a value of [n, L] is true."""
    from scipy.sparse import coo_array

    rows, labels = np.nonzero(values)
    shape = int(text_of.max()) + 1, values.shape[1]
    return coo_array((np.ones(len(rows)), (text_of[rows], labels)), shape=shape).tocsr()


def _weighed(weights: Doubles, counts: "csr_array") -> Doubles:
    """Return float64 [s, L], the product of weights [s, u] and counts [u, L]."""
    return np.asarray((counts.T @ weights.T).T)


def _sums_of_texts(values: Doubles, text_of: Ints) -> Doubles:
    """Return float64 [u, c], the sums of rows [n, c] of the same text."""
    sums = np.zeros((int(text_of.max()) + 1, values.shape[1]))
    np.add.at(sums, text_of, values)
    return sums


def _ends(drawn: Doubles) -> Doubles:
    """Return float64 [2, ...], the ends of the middle 95 %; what is NaN was not drawn."""
    return np.asarray(np.nanquantile(drawn, _ENDS, axis=0))


def _pair(ends: Doubles | None, label: int | None = None) -> tuple[float | None, float | None]:
    if ends is None:
        return None, None
    low, high = ends if label is None else ends[:, label]
    return float(low), float(high)


def _mean(figures: list[Figure | None]) -> float | None:
    values = [figure.value for figure in figures if figure is not None]
    return float(np.mean(values)) if values else None


def set_headline(metrics: SetMetrics) -> dict[str, Figure]:
    """Return the figures that a summary shows, by what they are called."""
    found = {
        meant("micro-F1"): metrics.micro_f1,
        meant("macro-F1"): metrics.macro_f1,
        meant("subset accuracy"): metrics.subset_accuracy,
        meant("label ranking average precision"): metrics.ranking,
    }
    if metrics.roc_auc is not None:
        found[meant("ROC AUC, mean over labels")] = Figure(metrics.roc_auc)
    if metrics.average_precision is not None:
        found[meant("average precision, mean over labels")] = Figure(metrics.average_precision)
    return found
