"""How wide the intervals will be, before people have answered."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from labelmend.audit.figures import Effort, Figure, Sample, Which, figures
from labelmend.audit.strata import DOUBT_FACTORS, Kind, Stratum, allocate, drawn_to_doubt
from labelmend.types import Doubles, Ints

SIZES = (50, 100, 200)
"""Sampled rows of which is told beforehand what they are worth."""

_TRIALS = 12
"""Made-up samples that a width is the mean of: it is told in whole points."""

_DRAWS = 1000
"""Of each of their fiducial distributions."""

_BROKEN_SHARE = 0.5
"""Of the wrong changes, those that break a good label; the others change a wrong one to another."""


def widths(strata: tuple[Stratum, ...], rows: int, seed: int) -> dict[str, float]:
    """Return how wide each 95 % interval will be about, by the figure's name.

    The mean over what is believed and over beliefs that have up to ten times the odds of an error.

    Args:
        strata: of the table.
        rows: that will be looked at.
        seed: of the made-up samples.
    """
    counts = allocate(strata, rows)
    doubt = np.array([s.doubt for s in strata])
    made = []
    rng = np.random.default_rng(seed)
    for trial in range(_TRIALS):
        rate = drawn_to_doubt(doubt, DOUBT_FACTORS[trial % len(DOUBT_FACTORS)])
        sizes = np.array([len(s) for s in strata], dtype=np.int64)
        kind = np.array([s.kind for s in strata], dtype=np.int64)
        made.append(_made_up((kind, sizes, doubt), counts, rate, rng))
    return mean_widths((figures(one, forecast(seed)) for one in made), "fixed_95")


def further_widths(sample: Sample, further: int, headline: Which, seed: int) -> dict[str, float]:
    """Return how wide each interval would be after so many more answers, by the figure's name.

    Args:
        sample: what was seen.
        further: answers more.
        headline: of the two intervals, the one to foresee.
        seed: of the made-up samples.
    """
    left = sample.rows - sample.seen
    usable = np.isin(sample.kind, (Kind.KEPT, Kind.CHANGED, Kind.FILLED))
    more = in_proportion(np.where(usable, left, 0), sample.seen, further)
    made = []
    rng = np.random.default_rng(seed)
    for _ in range(_TRIALS):
        given, mended = (
            rng.binomial(more, rng.beta(positive + 0.5, sample.seen - positive + 0.5))
            for positive in (sample.given_wrong, sample.mended_wrong)
        )
        kept = sample.kind == Kind.KEPT
        made.append(
            Sample(
                sample.kind,
                sample.rows,
                sample.seen + more,
                sample.given_wrong + given,
                sample.mended_wrong + np.where(kept, given, mended),
                sample.doubt,
                sample.known,
            )
        )
    effort = forecast(seed, headline)
    return mean_widths((figures(one, effort) for one in made), headline)


def in_proportion(left: Ints, seen: Ints, further: int) -> Ints:
    """Return int64 [c], further rows of each cell, as the ones before were taken.

    Args:
        left: int64 [c], rows that can still be looked at.
        seen: int64 [c], rows that were.
        further: rows more.
    """
    share = np.where(left > 0, seen + 0.5, 0.0)
    if not share.sum():
        return np.zeros_like(left)
    more: Ints = np.minimum(np.round(further * share / share.sum()).astype(np.int64), left)
    return more


def _made_up(
    cells: tuple[Ints, Ints, Doubles], counts: Ints, rate: Doubles, rng: np.random.Generator
) -> Sample:
    kind, rows, doubt = cells
    wrong = rng.binomial(counts, rate)
    right_as_given = rng.binomial(wrong, _BROKEN_SHARE)
    given_wrong = np.where(kind == Kind.CHANGED, counts - right_as_given, wrong)
    return Sample(kind, rows, counts, given_wrong, wrong, doubt)


def forecast(seed: int, headline: Which = "fixed_95") -> Effort:
    """Return what is worked out of a made-up sample."""
    return Effort(seed, _DRAWS, headline)


def mean_widths(made: Iterable[Sequence[Figure]], headline: Which) -> dict[str, float]:
    """Return how wide each figure's interval is in the mean over made-up samples, by its name."""
    found: Mapping[str, list[float]] = defaultdict(list)
    for several in made:
        for figure in several:
            found[figure.name].append(width(figure, headline))
    return {name: float(np.mean(widths)) for name, widths in found.items()}


def width(figure: Figure, headline: Which) -> float:
    """Return the width of one of a figure's intervals."""
    low, high = figure.anytime_95 if headline == "anytime_95" else figure.fixed_95
    return high - low
