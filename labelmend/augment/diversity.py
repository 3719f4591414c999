"""How varied the texts of a label are: distinct n-grams, and how far apart their vectors lie.

Distinct-n is the share of n-grams that are not repeated (Li et al. 2016, "A diversity-promoting
objective function for neural conversation models"). It falls with the number of texts, so the
numbers of texts stand beside it.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.types import Floats

_TWO = 2
"""Fewer texts have no distance from each other."""

_NO_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
"""Scripts, as Unicode's names of their letters begin, that put no spaces between words."""

Gram = tuple[str, ...]


@dataclass(frozen=True)
class Diversity:
    """How varied some texts are; higher is more.

    Attributes:
        texts: how many.
        distinct_1: share of their words that are distinct, 0 to 1; None without a word.
        distinct_2: of pairs of words that follow each other.
        distance: mean of 1 - cosine over all pairs of texts; None of fewer than two.
    """

    texts: int
    distinct_1: float | None
    distinct_2: float | None
    distance: float | None


def diversity_of(texts: Sequence[str], vectors: Floats) -> Diversity:
    """Return how varied some texts are.

    Args:
        texts: any.
        vectors: float32 [len(texts), d], unit rows.
    """
    return Diversity(
        texts=len(texts),
        distinct_1=_distinct(texts, 1),
        distinct_2=_distinct(texts, _TWO),
        distance=mean_distance(vectors),
    )


def mean_distance(vectors: Floats) -> float | None:
    """Return the mean of 1 - cosine over all pairs of unit rows; None of fewer than two."""
    count = len(vectors)
    if count < _TWO:
        return None
    whole = vectors.astype(np.float64)
    total = whole.sum(axis=0)
    # The sum of all cosines but those of each with itself.
    among = float(total @ total) - float((whole * whole).sum())
    return 1 - among / (count * (count - 1))


def new_grams(text: str, known: set[Gram]) -> float:
    """Return the share of a text's words and pairs of words that are not known, 0 to 1."""
    own = grams_of(text)
    return len(own - known) / len(own) if own else 0.0


def grams_of(text: str) -> set[Gram]:
    """Return the distinct words of a text, and its pairs of words that follow each other."""
    words = words_of(text)
    return {*_grams(words, 1), *_grams(words, _TWO)}


def words_of(text: str) -> list[str]:
    """Return words in lower case; of scripts without spaces between them, single characters."""
    found: list[str] = []
    word = ""
    for sign in unicodedata.normalize("NFKC", text).casefold():
        joins = sign.isalnum() or unicodedata.category(sign).startswith("M")
        alone = joins and ord(sign) > _LAST_SPACED and _stands_alone(sign)
        if alone or not joins:
            found += [word] if word else []
            word = ""
        if alone:
            found.append(sign)
        elif joins:
            word += sign
    return [*found, word] if word else found


_LAST_SPACED = 0x0E00
"""Before this letter, the first of Thai, all scripts have spaces: their names need no look-up."""


def _stands_alone(sign: str) -> bool:
    return unicodedata.name(sign, "").startswith(_NO_SPACES)


def _distinct(texts: Iterable[str], size: int) -> float | None:
    every = [gram for text in texts for gram in _grams(words_of(text), size)]
    return len(set(every)) / len(every) if every else None


def _grams(words: Sequence[str], size: int) -> list[Gram]:
    return [tuple(words[i : i + size]) for i in range(len(words) - size + 1)]
