"""What can be told of a draft by its letters: refusals, answers to the prompt, other scripts.

A sign of a refusal that stands in a real text as well is no sign in this table: customers write "I
am sorry" and "I can't", too.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from labelmend.augment.questions import lines_in
from labelmend.data.duplicates import text_key

# Russian letters look like Latin ones: that is meant.
# ruff: noqa: RUF001
_REFUSALS = (
    r"\bas an? (ai|artificial|language|large language)\b",
    r"\b(ai|virtual) (language model|assistant)\b|\blanguage model\b",
    r"\bi(['\u2019]m| am) (very |so |really )?sorry,? (but|i)\b",
    r"^(sorry|apologies|unfortunately),? (but )?i\b",
    r"\bi(['\u2019]m| am) (unable|not able|not allowed) to\b",
    r"\bi (can(no|['\u2019])t|won['\u2019]t|will not) "
    r"(help|assist|provide|fulfil|comply|create|generate|write|produce|rewrite|reword)",
    r"\bit (is|would be) (not appropriate|inappropriate)\b",
    r"\bкак (языковая модель|искусственный интеллект|ии)\b",
    r"\b(извините|простите|к сожалению),? (но )?я\b",
    r"\bя не могу (помочь|выполнить|создать|предоставить|написать|ответить|сгенерировать)",
)

_ANSWERS = (
    r"^(sure|certainly|of course|absolutely|great|okay)[,!.:]",
    r"^here (are|is|['\u2019]s)\b.*(:|messages?|versions?|examples?|texts?)",
    r"^(note|answer|output|explanation|response|message|messages|other messages|about|meaning|"
    r"label|example|examples|versions?|rewording|reworded)\s*:",
    r"\b(let me know if|feel free to|i hope this helps|how (can|may) i (help|assist) you)\b",
    # Names of labels, which descriptions speak of.
    r"\b[^\W_]+_[^\W_]+\b",
    r"\b(rewording|reworded|rephrased|paraphrased|other messages)\b",
    r"\[[a-z][a-z _/'-]*\]|<[a-z][a-z _/-]*>|\{+[a-z][a-z _]*\}+|_{3,}|\bx{3,}\b",
    r"^(конечно|вот (ещё|еще|несколько|другие)|сообщение|сообщения|примечание|ответ)\b.*:",
    r"(:|\.\.\.|\u2026|,)$",
)

_LEAST_LETTERS = 2
"""Letters or digits of a text: one sign is no message."""

_LONGER = 1.5
"""Times the longest real text of the label that a draft may have. Chosen by hand."""

_ROOM = 80
"""Characters that a draft may have in any case: that much a person types at once."""

_RARE_SCRIPT = 0.01
"""Share of the letters from which on a script is one of the table's. Chosen by hand."""

_STRANGE = 0.1
"""Share of a draft's letters that may be of other scripts, such as a name. Chosen by hand."""

REFUSAL, ANSWER, LENGTH, PROMPT = "refusal", "answer to the prompt", "length", "from the prompt"


class Rules:
    """Tells what is no message by its letters."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Learn what real texts hold.

        Args:
            texts: of the table.
        """
        self._refusals = _unheard(_REFUSALS, texts)
        self._answers = _unheard(_ANSWERS, texts)

    def broken(self, text: str, opening: str, longest: int) -> str | None:
        """Return which rule a draft breaks; None for none.

        Args:
            text: of the draft.
            opening: of the prompt that it answers.
            longest: characters of the longest real text of its label; 0 where it has none.
        """
        if any(pattern.search(text) for pattern in self._refusals):
            return REFUSAL
        if any(pattern.search(text) for pattern in self._answers) or "\ufffd" in text:
            return ANSWER
        if text_key(text) in _lines_of(opening):
            return PROMPT
        letters = sum(sign.isalnum() for sign in text)
        if letters < _LEAST_LETTERS or len(text) > max(_ROOM, _LONGER * longest):
            return LENGTH
        return None


def is_refusal(text: str) -> bool:
    """Tell whether a whole reply refuses; used where no real text is at hand."""
    return any(re.search(pattern, text, _FLAGS) for pattern in _REFUSALS)


def scripts_of(texts: Iterable[str]) -> Counter[str]:
    """Return how many letters texts have of each script, by the first word of a letter's name."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update(filter(None, map(_script, text)))
    return found


def is_in_scripts(text: str, known: Counter[str]) -> bool:
    """Tell whether a text is written in scripts that a table has.

    Args:
        text: any; one without letters is in all.
        known: letters of the table, by script.
    """
    own, total = scripts_of([text]), known.total()
    strange = sum(n for script, n in own.items() if known[script] < _RARE_SCRIPT * total)
    return strange <= _STRANGE * own.total()


_FLAGS = re.IGNORECASE | re.MULTILINE


def _unheard(patterns: Sequence[str], texts: Sequence[str]) -> tuple[re.Pattern[str], ...]:
    """Return the patterns that no real text has."""
    compiled = [re.compile(pattern, _FLAGS) for pattern in patterns]
    return tuple(p for p in compiled if not any(p.search(text) for text in texts))


def _lines_of(opening: str) -> set[str]:
    return {text_key(line) for line in lines_in(opening.replace("\n\n", "\n"), len(opening))}


def _script(sign: str) -> str:
    if not sign.isalpha():
        return ""
    return "LATIN" if sign.isascii() else unicodedata.name(sign, "").partition(" ")[0]
