"""How facts stand in a sentence: numbers by the signs of a language, and words by their plurals.

A sentence is what `str.format` takes. Besides its formats, a field has some of our own:

- `{rows:one=row|other=rows}` is the form that goes with a number, by the plural categories of CLDR:
  one and other in English; one, few and many in Russian, and other for fractions.
- `{verdict:words}` is a sentence of ours inside another one, and said in the same language;
  `{source:name}` may be one, or a name that stays as it is.
"""

import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from numbers import Integral, Real
from typing import Any

WORDS, NAME = "words", "name"
"""The formats of fields that hold a sentence of ours, or maybe one."""

FORMS = re.compile(r"\w+=[^|]*(\|\w+=[^|]*)*")
"""The format of a field that holds the forms of a word."""

_SPEC = re.compile(r"(?P<align>[<>^]?)(?P<width>\d*)(?P<rest>\+?,?(\.\d+)?[a-z%]?)")
"""Formats of numbers: those of Python that sentences use."""


@dataclass(frozen=True)
class Signs:
    """The signs of numbers, by CLDR.

    Attributes:
        group: between thousands.
        decimal: before the fraction.
        percent: behind a percentage.
    """

    group: str
    decimal: str
    percent: str

    def number(self, value: object, spec: str) -> str:
        """Return a number as Python's format has it, in these signs; what is none stays."""
        found = _SPEC.fullmatch(spec)
        if found is None or isinstance(value, bool) or not isinstance(value, Real):
            return format(value, spec)
        signs = {",": self.group, ".": self.decimal, "%": self.percent}
        plain = format(value, found["rest"])
        said = "".join(signs.get(sign, sign) for sign in plain)
        return format(said, f"{found['align'] or '>'}{found['width']}") if found["width"] else said


@cache
def without_marks(sentence: str) -> str | None:
    """Return a sentence as `str.format` takes it, in English; None where it has forms of words."""
    made = []
    for literal, name, spec, conversion in string.Formatter().parse(sentence):
        made.append(literal.replace("{", "{{").replace("}", "}}"))
        if name is None:
            continue
        if spec and FORMS.fullmatch(spec):
            return None
        field = f"{name}!{conversion}" if conversion else name
        made.append(f"{{{field}}}" if spec in {"", WORDS, NAME} else f"{{{field}:{spec}}}")
    return "".join(made)


def forms_of(spec: str) -> dict[str, str]:
    """Return the forms of a word by category."""
    return dict(form.split("=", 1) for form in spec.split("|"))


class Speaker(string.Formatter):
    """Fills facts into sentences of one language."""

    def __init__(
        self,
        signs: Signs | None,
        category: Callable[[int], str],
        retell: Callable[[str], str] = str,
    ) -> None:
        """Take what a language has of its own.

        Args:
            signs: of its numbers; None for Python's own.
            category: returns the plural category of a whole number.
            retell: says a sentence of ours inside another one in this language.
        """
        self._signs = signs
        self._category = category
        self._retell = retell

    def say(self, sentence: str, facts: Mapping[str, object]) -> str:
        """Return a sentence with its facts."""
        return self.vformat(sentence, (), facts)

    def number(self, value: object, spec: str) -> str:
        """Return a number in the signs of the language."""
        return format(value, spec) if self._signs is None else self._signs.number(value, spec)

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a fact as its format asks."""
        if format_spec in {WORDS, NAME}:
            return self._retell(str(value))
        if FORMS.fullmatch(format_spec):
            return self._form(value, forms_of(format_spec))
        return self.number(value, format_spec)

    def _form(self, value: object, forms: Mapping[str, str]) -> str:
        # A fraction has a form of its own; where a word has none, it is that of few.
        category = "other"
        if isinstance(value, Integral) or (isinstance(value, float) and value.is_integer()):
            category = self._category(int(value))
        for name in (category, "other", "few"):
            if name in forms:
                return forms[name]
        raise KeyError(category)
