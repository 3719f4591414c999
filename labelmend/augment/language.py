"""Whether a draft is in a language of the table, and which one the LLM is to be told."""

from collections.abc import Callable, Sequence

from labelmend.data.language.detect import detect_language
from labelmend.data.language.identify import identify

Speaks = Callable[[str], bool]
"""Tells whether a text is in a language of the table, as far as that is sure."""

_SURE_OF_ONE = 0.8
"""Probability from which on a single text's language counts: a wrong guess on a few words is often
surer than the table as a whole allows. Chosen by hand."""

_OF_THE_PROMPTS = "en"
"""A table in this language needs no word on it."""


def any_language(_text: str) -> bool:
    """Tell nothing: scripts alone are looked at."""
    return True


def languages_of(texts: Sequence[str], seed: int) -> tuple[Speaks, str]:
    """Return what tells the languages of a table from others, and the name of its one language.

    The name is empty where the table is in English, or in several, or where nothing is sure. Then,
    but for English and several, nothing is told from anything.

    Args:
        texts: of the table.
        seed: of the sample of them.
    """
    found = detect_language(texts, seed)
    if not found.parts:
        return any_language, ""
    known = frozenset(found.languages)

    def speaks(text: str) -> bool:
        guess = identify(text)
        strange = guess.sure and guess.language not in known
        return not (strange and guess.probability >= _SURE_OF_ONE)

    told = found.main is not None and found.main != _OF_THE_PROMPTS
    return speaks, found.name(found.main) if told and found.main else ""
