"""The words that set some texts apart from all others."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from labelmend.retrieval.words import tokenise

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")

_LEAST = 3.0
"""Standard deviations from which on a word is one of theirs: 1 in 700 of others reaches it."""

_OFTEN = 0.02
"""Share of their texts that a word of theirs is in, at least: names are in one or two."""

_WEIGHT = 0.1
"""Occurrences that the prior of each word adds for one in all texts: words of all texts, such as
"my", need more to stand out."""


def distinctive_words(
    ours: Sequence[str], others: Sequence[str], most: int, language: str | None = None
) -> tuple[str, ...]:
    """Return the words of texts that others have less often, the most telling first.

    Log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, "Fightin'
    Words"). Stems are compared, and shown by their most frequent form. A text counts a word once.

    Args:
        ours: distinct texts.
        others: distinct texts to hold them against.
        most: words that are returned.
        language: of the texts, as an ISO 639 code; see `tokenise`.
    """
    forms: dict[str, Counter[str]] = {}
    counts: Counter[str] = Counter()
    for text in ours:
        stems: dict[str, str] = {}
        for word in _WORD.findall(text.casefold()):
            for stem in tokenise(word, language):
                stems.setdefault(stem, word)
        counts.update(stems.keys())
        for stem, word in stems.items():
            forms.setdefault(stem, Counter())[word] += 1
    if not counts:
        return ()
    theirs: Counter[str] = Counter()
    for text in others:
        theirs.update({stem for stem in tokenise(text, language) if stem in counts})
    names = sorted(counts)
    a = np.array([counts[name] for name in names], dtype=np.float64)
    b = np.array([theirs[name] for name in names], dtype=np.float64)
    prior = _WEIGHT * (a + b)
    odds_ours = np.log((a + prior) / (len(ours) - a + prior.max()))
    odds_theirs = np.log((b + prior) / (len(others) - b + prior.max()))
    z = (odds_ours - odds_theirs) / np.sqrt(1 / (a + prior) + 1 / (b + prior))
    ranked = sorted(zip((-z).tolist(), names, strict=True))
    often = max(2, _OFTEN * len(ours))
    chosen = [n for value, n in ranked if -value >= _LEAST and counts[n] >= often]
    chosen = chosen or [ranked[0][1]]
    return tuple(_commonest(forms[name]) for name in chosen[:most])


def _commonest(forms: Counter[str]) -> str:
    return min(forms, key=lambda form: (-forms[form], form))
