"""The texts that show a voter what each label is like.

The most typical texts of a label say one thing over and over, and the rest of what it covers shows
in none of them. So exemplars are spread over a label's surest texts instead of being the first few.
What is sure is the posterior's say, not the given label's: a wrong exemplar speaks against every
text that the label is right for. Texts that may be voted on are none, whatever the budget: each
would need label prefixes of its own, which take longer to read than the text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from labelmend.relabel.labelmodel.types import Posterior
from labelmend.types import Bools, Doubles, Ints, LabelCard


def with_exemplars(
    cards: Sequence[LabelCard],
    texts: Sequence[str],
    posterior: Posterior,
    settled: Bools,
    own: Mapping[str, tuple[str, ...]],
    oos: int | None,
    count: int,
    surest_texts: int,
) -> tuple[LabelCard, ...]:
    """Return the cards as ballots show them.

    A user's own exemplars come first. A label without a settled text keeps what its card has; so
    does the out-of-scope label, whose texts have nothing in common.

    Args:
        cards: one a label.
        texts: the distinct ones, [u].
        posterior: of the texts.
        settled: bool [u], the texts that nobody is asked about.
        own: the user's exemplars, by label.
        oos: index of the out-of-scope label, or None.
        count: exemplars a label.
        surest_texts: of a label, over which its exemplars are spread.
    """
    labels, probabilities = posterior.best()
    # So that what is equal on paper keeps the order of the texts.
    sureness = np.round(probabilities, _DIGITS)
    known = np.flatnonzero(settled)
    known = known[np.lexsort((known, -sureness[known], labels[known]))]
    starts = np.searchsorted(labels[known], np.arange(len(cards) + 1))
    shown = list(cards)
    for label, card in enumerate(cards):
        surest = known[starts[label] : starts[label + 1]][:surest_texts]
        if label == oos or not len(surest):
            continue
        shown[label] = _spread(card, texts, surest, own.get(card.label, ()), count)
    return tuple(shown)


def with_exemplars_of_sets(
    cards: Sequence[LabelCard],
    texts: Sequence[str],
    holds: Doubles,
    settled: Bools,
    own: Mapping[str, tuple[str, ...]],
    count: int,
    surest_texts: int,
) -> tuple[LabelCard, ...]:
    """Do the same where a text may have several labels.

    Args:
        cards: one a label.
        texts: the distinct ones, [u].
        holds: float64 [u, K], probability that each label holds.
        settled: bool [u], the texts that nobody is asked about.
        own: the user's exemplars, by label.
        count: exemplars a label.
        surest_texts: of a label, over which its exemplars are spread.
    """
    known = np.flatnonzero(settled)
    sureness = np.round(holds[known], _DIGITS)
    # Of equal ones first those that say least besides.
    besides = np.round(sureness.sum(axis=1, keepdims=True) - sureness, _DIGITS)
    shown = list(cards)
    for label, card in enumerate(cards):
        order = np.lexsort((known, besides[:, label], -sureness[:, label]))[:surest_texts]
        surest = known[order[sureness[order, label] > _EVEN]]
        if len(surest):
            shown[label] = _spread(card, texts, surest, own.get(card.label, ()), count)
    return tuple(shown)


def _spread(
    card: LabelCard, texts: Sequence[str], surest: Ints, first: tuple[str, ...], count: int
) -> LabelCard:
    """Return a card with the user's exemplars and some of its label's surest texts."""
    places = np.linspace(0, len(surest) - 1, min(count, len(surest))).astype(int)
    spread = (texts[text] for text in surest[places])
    # One more than is shown: the text that is voted on may be one of the user's.
    room = count + 1 if first else count
    return replace(card, exemplars=tuple(dict.fromkeys((*first, *spread)))[:room])


_DIGITS = 9
"""Digits of a probability that are no matter of rounding."""

_EVEN = 0.5
"""A text shows what a label is like only where that likelier holds than not."""
