"""Saying a sentence in the language of whoever reads it.

`tell` is for what is shown at once. What is kept in files, such as the notes in run.json, is always
English, so that programs can rely on it: `note` makes it, and `retell` says it in the language of
whoever reads the file, by finding the sentence that it was made of.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from labelmend.voice.catalogue import ENGLISH, LANGUAGES, Language, catalogue
from labelmend.voice.forms import Signs, Speaker, without_marks
from labelmend.voice.recall import recalled_one_by_one

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "Language",
    "meant",
    "note",
    "number",
    "retell",
    "speaking",
    "spoken",
    "tell",
]

_SIGNS = {"ru": Signs(group="\N{NO-BREAK SPACE}", decimal=",", percent="\N{NO-BREAK SPACE}%")}
"""Those of CLDR 46; a test holds them against Babel's."""

_spoken: ContextVar[Language] = ContextVar("labelmend language", default=ENGLISH)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Speak a language from now on, until the block is left."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> Language:
    """Return the language that is spoken: English unless somebody has asked for another one."""
    return _spoken.get()


def tell(sentence: str, /, **facts: object) -> str:
    """Say a sentence in the language that is spoken.

    Args:
        sentence: in English, with fields as `labelmend.voice.forms` has them; a literal, so that it
            is found in the source.
        facts: of its fields.
    """
    language = spoken()
    if language != ENGLISH:
        sentence = catalogue(language).gettext(sentence)
    return _speaker(language).say(sentence, facts)


def meant(sentence: str) -> str:
    """Return a sentence as it is: it is told elsewhere, and found in the source here.

    Args:
        sentence: as in `tell`, of which a name is then the argument.
    """
    return sentence


def note(sentence: str, /, **facts: object) -> str:
    """Say a sentence in English, whatever is spoken: it is kept, and told again by `retell`.

    Args:
        sentence: as in `tell`.
        facts: of its fields.
    """
    # Of hundreds of thousands of rows, most need nothing that Python's own format hasn't.
    plain = without_marks(sentence)
    return _speaker(ENGLISH).say(sentence, facts) if plain is None else plain.format(**facts)


def number(value: float, spec: str) -> str:
    """Return a number in the signs of the language that is spoken.

    Args:
        value: the number.
        spec: a format of Python's.
    """
    return _speaker(spoken()).number(value, spec)


def retell(text: str) -> str:
    """Say a sentence that was kept in the language that is spoken; one that is unknown stays.

    Args:
        text: what `note` returned.
    """
    language = spoken()
    if language == ENGLISH:
        return text
    found = recalled_one_by_one(text, language)
    return text if found is None else " ".join(tell(one.sentence, **one.facts) for one in found)


@cache
def _speaker(language: Language) -> Speaker:
    if language == ENGLISH:
        return Speaker(None, lambda count: "one" if count == 1 else "other")
    return Speaker(_SIGNS[language], catalogue(language).category, retell)
