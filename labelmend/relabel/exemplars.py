"""The texts that show a voter what each label is like.

The most typical texts of a label say one thing over and over, and the rest of what it covers shows
in none of them. So exemplars are spread over a label's surest texts instead of being the first few.
What is sure is the posterior's say, not the given label's: a wrong exemplar speaks against every
text that the label is right for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from labelmend.types import Ints, LabelCard, Posterior

_SUREST = 40
"""Texts of a label that its exemplars are spread over."""

_LEAST = 0.5
"""Probability of a label below which a text is no exemplar of it."""


def with_exemplars(
    cards: Sequence[LabelCard],
    texts: Sequence[str],
    posterior: Posterior,
    asked: Ints,
    written: Mapping[str, LabelCard],
    oos: int | None,
    count: int,
) -> tuple[LabelCard, ...]:
    """Return the cards as ballots show them.

    A user's own exemplars come first. A label without any sure text keeps what its card has, and
    the out-of-scope label gets none: its texts have nothing in common.

    Args:
        cards: one a label.
        texts: the distinct ones, [u].
        posterior: of the texts.
        asked: int64 [a], the texts that are voted on. They are no exemplars: each would need label
            prefixes of its own, which take longer to read than the text.
        written: the user's cards, by label.
        oos: index of the out-of-scope label, or None.
        count: exemplars a label.
    """
    labels, probabilities = posterior.best()
    unasked = np.ones(len(texts), dtype=bool)
    unasked[asked] = False
    sure = np.flatnonzero((probabilities >= _LEAST) & unasked)
    sure = sure[np.lexsort((sure, -probabilities[sure], labels[sure]))]
    shown = list(cards)
    for label, card in enumerate(cards):
        own = sure[labels[sure] == label][:_SUREST]
        if label != oos and len(own):
            first = written[card.label].exemplars if card.label in written else ()
            places = np.linspace(0, len(own) - 1, min(count, len(own))).astype(int)
            ours = (texts[text] for text in own[places])
            shown[label] = replace(card, exemplars=tuple(dict.fromkeys((*first, *ours))))
    return tuple(shown)
