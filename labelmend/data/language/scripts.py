"""Which script a text is written in, by the names that Unicode gives its letters."""

import unicodedata
from collections import Counter
from functools import lru_cache

LATIN = "Latin"
JAPANESE = "Japanese"

_OTHER_NAMES = {
    "Cjk": "Han",
    "Hiragana": JAPANESE,
    "Katakana": JAPANESE,
    "Katakana-hiragana": JAPANESE,
    "Ideographic": "Han",
}
"""Scripts by the first word of their letters' names, where that is not what people call them."""

_NO_SCRIPTS = frozenset({"Mathematical", "Modifier", "Feminine", "Masculine", "Micro"})
"""First words of the names of letters that texts in any script hold."""

_WIDTHS = ("FULLWIDTH ", "HALFWIDTH ")

_KANA = 0.1
"""Share of kana among kana and Han from which on a text is Japanese: sentences have about a half,
and a Chinese text with a の in a brand's name has less. Chosen by hand."""

_BESIDE_LATIN = 0.25
"""Share of letters from which on a text is in another script than Latin: brands, addresses and
commands are Latin in texts of any script. Chosen by hand."""


@lru_cache(maxsize=4096)
def script_of_letter(letter: str) -> str | None:
    """Return the script of a character, None where it is no letter or of any script."""
    if unicodedata.category(letter)[0] != "L":
        return None
    name = unicodedata.name(letter, "")
    for width in _WIDTHS:
        name = name.removeprefix(width)
    first = name.partition(" ")[0].capitalize()
    if not first or first in _NO_SCRIPTS:
        return None
    return _OTHER_NAMES.get(first, first)


def script_of(text: str) -> str | None:
    """Return the script of most letters of a text, such as "Latin", "Cyrillic" or "Han".

    Han beside kana is "Japanese". Latin letters are left out where a text has enough others.

    Args:
        text: any.

    Returns:
        None where it has no letters.
    """
    counts = Counter(script for script in map(script_of_letter, text) if script is not None)
    if not counts:
        return None
    kana, han = counts[JAPANESE], counts["Han"]
    if kana and kana >= _KANA * (kana + han):
        counts[JAPANESE] += counts.pop("Han", 0)
    letters = counts.total()
    others = {script: count for script, count in counts.items() if script != LATIN}
    if sum(others.values()) < _BESIDE_LATIN * letters:
        return LATIN
    return min(others, key=lambda script: (-others[script], script))
