"""Risk control: how many of the changes an audit allows, so that the harm budget is a guarantee.

The rows that may be changed are taken in the order of their quality. For growing sets of them the
number of good labels among them is bounded from above by the audit's rows that lie in the set, at
5 % error each, until the bound is over the budget for the first time. As the sets grow and the sets
before all held, the last one that held keeps the budget with 95 % confidence: fixed-sequence
testing, as in Learn-then-Test (Angelopoulos et al. 2021) and risk-controlling prediction sets
(Bates et al. 2021). Sets in which so few rows were looked at that nothing could be shown are not
tested. Of an answered row counts what would be done with it without its answer.

Where the audit is too small for that, the budget is kept in expectation, and the audit has its say
there too: the most certain changes are those that a posterior learned from few answers errs about
most. The good labels of a set are expected by the rows of it that were looked at, and one row more
that is as good as those of all wanted changes: few rows lie in the small sets (empirical Bayes).
"""

from dataclasses import dataclass, replace

import numpy as np

from labelmend.configs.schema import DecisionConfig
from labelmend.intervals import Cells, upper_total
from labelmend.relabel.labelmodel.answered import Answered
from labelmend.relabel.labelmodel.decisions import decide, spendable
from labelmend.relabel.labelmodel.types import Decisions
from labelmend.relabel.noise_interval import NoiseInterval
from labelmend.types import NO_LABEL, Bools, Dataset, Doubles, Ints
from labelmend.voice.speak import note

_STEPS = 8
"""Sets that are tested beside the first. More would test the small ones more often, which few
audited rows lie in. Chosen by hand."""


@dataclass(frozen=True)
class Audited:
    """The rows that an audit drew and a person answered, one a text.

    Attributes:
        quality: float64 [a], of the given label, from the answers on other rows.
        open: bool [a], whether the row could be changed without its answer.
        good: bool [a], the person says what was given.
        weight: float64 [a], how many rows of the table each stands for, itself among them.
    """

    quality: Doubles
    open: Bools
    good: Bools
    weight: Doubles


@dataclass(frozen=True)
class Guarantee:
    """What an audit allows.

    Attributes:
        threshold: the greatest quality of a row that may be changed; below all where none may.
        rows: that may be changed at it.
        wanted: rows that would be changed if the budget were kept as the posterior expects it.
        bound: good labels among `rows`, at most, with 95 % confidence.
        expected: as `threshold`, with the budget kept as the audit expects it.
    """

    threshold: float
    rows: int
    wanted: int
    bound: float
    expected: float

    @property
    def holds(self) -> bool:
        """Whether it allows enough to be of use: half of what is wanted."""
        return 2 * self.rows >= self.wanted


def guarantee(
    wanted: Doubles, audited: Audited, allowed: float, to_spend: float, seed: int
) -> Guarantee:
    """Find out how many of the wanted changes the audit allows.

    Args:
        wanted: float64 [m], qualities of the rows that would be changed, in any order; nobody has
            answered them.
        audited: what the audit knows.
        allowed: good labels that may be broken.
        to_spend: good labels that may be expected to break.
        seed: of the bounds' draws.
    """
    values, counts = np.unique(wanted, return_counts=True)
    rows = np.cumsum(counts)
    # So few rows can't break more than is allowed, whatever they are.
    free = int(np.searchsorted(rows, allowed, side="right"))
    found = Guarantee(-1.0, 0, len(wanted), 0.0, -1.0)
    if free:
        surely = float(values[free - 1])
        found = Guarantee(surely, int(rows[free - 1]), len(wanted), allowed, surely)
    places = _steps(rows, free)
    # Where nobody looked at any of them, half are good as far as is known.
    of_all = _share_good(float(values[-1]), audited, 0.5)
    for place in places:
        share = _share_good(float(values[place]), audited, of_all)
        if share * rows[place] > to_spend:
            break
        found = replace(found, expected=float(values[place]))
    spotless = replace(audited, good=np.zeros_like(audited.good))
    for place in places:
        if _bound(float(values[place]), int(rows[place]), spotless, seed) > allowed:
            continue
        bound = _bound(float(values[place]), int(rows[place]), audited, seed)
        if bound > allowed:
            break
        found = replace(found, threshold=float(values[place]), rows=int(rows[place]), bound=bound)
    return found


def _steps(rows: np.ndarray, free: int) -> list[int]:
    """Return places in the values, ascending, that cut the rows beyond the first in equal parts."""
    if free == len(rows):
        return []
    start = rows[free - 1] if free else 0
    aims = start + (rows[-1] - start) * np.arange(1, _STEPS + 1) / _STEPS
    return sorted(set(np.searchsorted(rows, aims).tolist()))


def _share_good(threshold: float, audited: Audited, before: float) -> float:
    """Return the expected share of good labels among the rows up to a threshold.

    Args:
        threshold: the greatest quality.
        audited: what the audit knows.
        before: the share that is expected where nobody looked; it counts as one row.
    """
    inside = audited.open & (audited.quality <= threshold)
    unseen = audited.weight[inside] - 1
    # Weights make a sample worth fewer rows than it has (Kish 1965).
    seen = unseen.sum() ** 2 / max((unseen**2).sum(), _LEAST)
    good = unseen[audited.good[inside]].sum() / max(unseen.sum(), _LEAST) * seen
    return float((good + before) / (seen + 1))


_LEAST = 1e-9
"""Keeps a quotient finite."""


def _bound(threshold: float, rows: int, audited: Audited, seed: int) -> float:
    """Return how many of the rows up to a threshold are good, at most, with 95 % confidence."""
    inside = audited.open & (audited.quality <= threshold)
    weights, of = np.unique(audited.weight[inside], return_inverse=True)
    seen = np.bincount(of, minlength=len(weights)).astype(np.int64)
    good = np.bincount(of, audited.good[inside], minlength=len(weights)).astype(np.int64)
    # How many rows of each stratum lie in the set is what those that were drawn there stand for.
    # Of a stratum that was drawn whole none is left that nobody looked at.
    stand_for = seen * (weights - 1)
    unseen = np.round(stand_for / max(stand_for.sum(), _LEAST) * rows).astype(np.int64)
    if not unseen.any():
        return float(rows)
    found = upper_total(Cells(unseen + seen, seen, good), seed) - good.sum()
    return float(found * rows / unseen.sum())


def audited_rows(
    dataset: Dataset,
    text_of: Ints,
    answered: Answered,
    config: DecisionConfig,
    seed: int,
    interval: NoiseInterval | None = None,
) -> Audited:
    """Return what an audit knows of the rows that it drew.

    Args:
        dataset: n rows.
        text_of: int64 [n], the text of each row.
        answered: what people said, and what would be believed of their texts without it.
        config: when a row may be changed.
        seed: of the choice among copies.
        interval: what the table leaves open; None where the answers tell it.
    """
    spoken = answered.spoken
    texts = np.flatnonzero(spoken.audit)
    rows = _one_row_each(spoken.texts[texts], text_of, dataset.given, seed)
    labelled = dataset.given[rows] != NO_LABEL
    texts, rows = texts[labelled], rows[labelled]
    lifted = decide(
        dataset, text_of, answered.held_out, replace(config, max_harm=1.0), interval=interval
    )
    return Audited(
        quality=lifted.quality[rows],
        open=lifted.changed[rows],
        good=spoken.label[texts] == dataset.given[rows],
        weight=spoken.weight[texts],
    )


def _one_row_each(texts: Ints, text_of: Ints, given: Ints, seed: int) -> Ints:
    """Return int64 [t], a row of each text.

    An audit draws rows. The copies of a drawn row share its answer, but were not drawn: to count
    them would make one row that was looked at many. Which of them counts is left to chance, and the
    order of rows doesn't matter.
    """
    by_text = np.lexsort((given, text_of))
    in_order = text_of[by_text]
    first = np.searchsorted(in_order, texts)
    copies = np.searchsorted(in_order, texts, side="right") - first
    chosen = np.random.default_rng(seed).random(len(texts)) * copies
    rows: Ints = by_text[first + chosen.astype(np.int64)]
    return rows


def guarantee_of(
    dataset: Dataset,
    text_of: Ints,
    answered: Answered,
    decisions: Decisions,
    config: DecisionConfig,
    seed: int,
    interval: NoiseInterval | None = None,
) -> Guarantee | None:
    """Return what an audit allows of a run's changes; None without an audit, budget or change.

    Args:
        dataset: n rows.
        text_of: int64 [n], the text of each row.
        answered: what people said.
        decisions: within the budget as the posterior expects it.
        config: the budget.
        seed: of the bounds' draws, and of the choice among copies.
        interval: what the table leaves open; None where the answers tell it.
    """
    changed = decisions.changed
    if not answered.spoken.audit.any() or config.max_harm >= 1 or not changed.any():
        return None
    return guarantee(
        decisions.quality[changed],
        audited_rows(dataset, text_of, answered, config, seed, interval),
        config.max_harm * decisions.expected_good,
        spendable(config) * decisions.expected_good,
        seed,
    )


def most_quality(found: Guarantee | None) -> float:
    """Return the quality up to which rows may be changed."""
    if found is None:
        return 1.0
    return found.threshold if found.holds else found.expected


def notes_on_guarantee(found: Guarantee | None, config: DecisionConfig) -> tuple[str, ...]:
    """Return one sentence on whether the budget is a guarantee; none where no audit could tell."""
    if found is None:
        return ()
    told = note(
        "with 95 % confidence the changes break at most {budget:g} % of the good labels: by the "
        "audit, at most {bound:.0f} good labels are among {rows:,} changed rows"
        if found.holds
        else "the audit is too small to guarantee that the changes break at most {budget:g} % of "
        "the good labels (it allows {rows:,} of {wanted:,} changes): the budget is kept in "
        "expectation; answer more rows of labelmend audit",
        budget=100 * config.max_harm,
        bound=found.bound,
        rows=found.rows,
        wanted=found.wanted,
    )
    return (told,)
