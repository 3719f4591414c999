"""Decisions: the most certain changes first, until the harm budget is spent.

The expected harm of a set of changes is the expected number of good labels in it, as a share of
the expected number of good labels in the whole table: the sum of q_i(g_i) over the one by that over
the other. A part of the budget is kept back. Where the evidence is weak, a change costs what it
does if the evidence errs as much as it may (see `NoiseInterval`).
"""

import numpy as np

from labelmend.configs.schema import DecisionConfig
from labelmend.relabel.labelmodel.answered import Spoken
from labelmend.relabel.labelmodel.types import Decision, Decisions, Posterior
from labelmend.relabel.noise_interval import NoiseInterval
from labelmend.types import NO_LABEL, Bools, Dataset, Doubles, Ints


def decide(
    dataset: Dataset,
    text_of: Ints,
    posterior: Posterior,
    config: DecisionConfig,
    *,
    trusted: bool = True,
    spoken: Spoken | None = None,
    interval: NoiseInterval | None = None,
    most_quality: float = 1.0,
    disputed: Ints | None = None,
) -> Decisions:
    """Decide on each row.

    Rows with equal posteriors share their fate, so the budget's end never depends on row order.

    Args:
        dataset: n rows.
        text_of: int64 [n], the posterior's text of each row.
        posterior: of each text.
        config: the harm budget.
        trusted: False where the given labels taught nothing: no row changes or gets a label. The
            posterior is as worthless as they are, so it can't say either which row to review: those
            with a label stay as they are, those without one are all under review.
        spoken: what people said; their rows carry it, and cost nothing of the budget. Where they
            contradict each other, and no answer is likelier than not, the row goes to review.
        disputed: int64 [n], what all other annotators say against the given label, or `NO_LABEL`:
            such a row is never kept in silence.
        interval: what the table leaves open of its noise; None where people's answers tell it.
        most_quality: rows whose given label is more probable than this are not changed.
    """
    best_of_text, probability_of_text = posterior.best()
    best_probability = probability_of_text[text_of]
    quality = given_probability(dataset.given, text_of, posterior)
    # No label is better than one that is as probable: what was given stays.
    best = np.where(quality >= best_probability, dataset.given, best_of_text[text_of])
    labelled = dataset.given != NO_LABEL
    answered, torn, said = _said(spoken, text_of)
    best = np.where(answered & (said != NO_LABEL), said, best)
    runner_up = _runner_up(dataset.given, best, text_of, posterior)
    confident = (best_probability >= config.min_confidence) & (
        best_probability >= config.min_lead * runner_up
    )
    confident &= trusted & ~answered & ~torn
    wrong = labelled & (best != dataset.given)
    open_to_change = wrong & confident & (quality <= min(config.max_row_harm, most_quality))
    cost = quality if interval is None else interval.cautious(quality)
    budget = spendable(config) * quality[labelled & ~answered].sum()
    changed = open_to_change & within_budget(cost, quality, open_to_change, budget)
    in_doubt = wrong | (quality < config.review_below)
    if interval is not None:
        in_doubt |= interval.contradicted & (interval.severe(quality) < config.review_below)
    review = trusted & labelled & ~changed & in_doubt
    # A text of which nothing is known has probability 0 for all, and gets no label.
    filled = ~labelled & confident & (best_probability > 0)
    review |= (~labelled & ~filled) | torn
    against = np.full(len(dataset), NO_LABEL) if disputed is None else disputed
    review = (review | (against != NO_LABEL) & ~changed) & ~answered
    best = np.where(review & (best == dataset.given) & (against != NO_LABEL), against, best)

    likely = ~labelled & (best_probability > 0) & config.fill_all
    mended = np.where(answered, said, np.where(changed | filled | likely, best, dataset.given))
    told = quality if interval is None else interval.middle(quality)
    surely = best_probability * np.where(changed, _rescaled(1 - told, 1 - quality), 1.0)
    confidence = np.where(changed | answered | ~labelled, surely, told)
    # Once answers tell the level, a look gains what the label lacks to certainty.
    sure = confidence if spoken is not None else np.where(labelled, quality, best_probability)
    chosen = (answered, filled, review, changed)
    actions: list[Decision] = np.select(chosen, _ACTIONS, "keep").tolist()
    return Decisions(
        actions=tuple(actions),
        mended=mended,
        proposed=best,
        confidence=confidence,
        quality=told,
        review_order=_by_doubt(dataset, answered, sure),
        expected_harm=float(cost[changed].sum()),
        expected_good=float(quality[labelled].sum()),
        cost=None if interval is None else cost,
    )


_ACTIONS: tuple[Decision, ...] = ("answered", "label", "review", "change")
"""What is done with a row that several hold for: the first of them."""


def _rescaled(part: Doubles, whole: Doubles) -> Doubles:
    """Return float64 [n], part / whole, at most 1; 1 where there is no whole."""
    divided = np.divide(part, whole, out=np.ones_like(whole), where=whole > 0)
    return np.minimum(divided, 1.0)


def _said(spoken: Spoken | None, text_of: Ints) -> tuple[Bools, Bools, Ints]:
    """Return bool [n] twice, where people settled or left open a row, and what they said, int64."""
    label, probability = np.full(len(text_of), NO_LABEL), np.zeros(len(text_of))
    if spoken is not None and len(spoken):
        place = np.minimum(np.searchsorted(spoken.texts, text_of), len(spoken) - 1)
        heard = spoken.texts[place] == text_of
        label = np.where(heard, spoken.label[place], NO_LABEL)
        probability = np.where(heard, spoken.probability[place], 0.0)
    likelier = probability > _LIKELIER
    return likelier, (probability > 0) & ~likelier, label


_LIKELIER = 0.5
"""An answer that is more probable than this is likelier than all others together."""


def given_probability(given: Ints, text_of: Ints, posterior: Posterior) -> Doubles:
    """Return float64 [n], each row's posterior of its given label; NaN where it has none."""
    same = posterior.candidates[text_of] == given[:, None]
    probability = np.where(same, posterior.probabilities[text_of], 0.0).sum(axis=1)
    return np.where(given != NO_LABEL, probability, np.nan)


def _runner_up(given: Ints, best: Ints, text_of: Ints, posterior: Posterior) -> Doubles:
    """Return float64 [n], the greatest posterior of a label that is neither the best nor given."""
    labels = posterior.candidates[text_of]
    other = (labels != best[:, None]) & (labels != given[:, None])
    rest: Doubles = np.where(other, posterior.probabilities[text_of], 0.0).max(axis=1, initial=0.0)
    return rest


def within_budget(cost: Doubles, quality: Doubles, open_to_change: Bools, budget: float) -> Bools:
    """Return bool [n]: the rows, cheapest first, whose cost together is within the budget.

    Args:
        cost: float64 [n], in good labels.
        quality: float64 [n]; of rows that cost the same, those of lower quality come first.
        open_to_change: bool [n].
        budget: in good labels.
    """
    pairs = np.stack([cost[open_to_change], quality[open_to_change]])
    values, inverse, counts = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    affordable = np.cumsum(values[0] * counts) <= budget
    chosen = np.zeros(len(quality), dtype=bool)
    chosen[open_to_change] = affordable[inverse.ravel()]
    return chosen


def spendable(config: DecisionConfig) -> float:
    """Return the share of good labels that may be expected to break.

    The posterior can be a little surer than the truth bears out, so part of the budget is kept
    back. A budget of 1 is none.
    """
    return config.spend * config.max_harm if config.max_harm < 1 else 1.0


def _by_doubt(dataset: Dataset, answered: Bools, quality: Doubles) -> Ints:
    """Order all rows by doubt of their label, those last that people have settled.

    Args:
        dataset: n rows.
        answered: bool [n], rows that people have settled.
        quality: float64 [n], probability of the given label, or of the best one where none is.
    """
    settled, probable = answered.tolist(), quality.tolist()
    rows = range(len(dataset))
    columns = zip(settled, probable, dataset.texts, dataset.ids, rows, strict=True)
    return np.array([row for *_, row in sorted(columns)], dtype=np.int64)
