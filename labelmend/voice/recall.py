"""Finding the sentence that a text was made of, and its facts.

Each sentence of the catalogue is a pattern: what stands in it as it is must stand in the text, and
what is read in the place of its fields are the facts. Those of most letters come first.
"""

import ast
import re
import string
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from labelmend.voice.catalogue import Language, catalogue
from labelmend.voice.forms import FORMS, NAME, WORDS, forms_of

_LEAST_LETTERS = 4
"""Of a sentence with fields that may hold anything: one of fewer could be any text. By hand."""

_NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?%?|nan%?|inf%?"
"""A number in any of the formats that sentences use, as English has it."""


@dataclass(frozen=True)
class Recalled:
    """A sentence in English, and its facts."""

    sentence: str
    facts: Mapping[str, object]


def recalled_one_by_one(text: str, language: Language) -> list[Recalled] | None:
    """Return what each sentence of a text was made of, None where one of them is unknown."""
    for stop in re.finditer(r"(?<=\.) ", text):
        first = recalled(text[: stop.start()], language)
        rest = None if first is None else recalled_one_by_one(text[stop.end() :], language)
        if first is not None and rest is not None:
            return [first, *rest]
    whole = recalled(text, language)
    return None if whole is None else [whole]


def recalled(text: str, language: Language) -> Recalled | None:
    """Return what a text was made of, None where no sentence of the catalogue gives it."""
    plain, patterns = _sentences(language)
    if text in plain:
        return Recalled(plain[text], {})
    if re.fullmatch(_NUMBER, text):
        return Recalled(f"{{number:{_spec(text)}}}", {"number": _value(text)})
    for pattern in patterns:
        facts = pattern.facts(text)
        if facts is None:
            continue
        if all(said == "" or recalled(str(said), language) for said in pattern.words(facts)):
            return Recalled(pattern.sentence, facts)
    return None


@cache
def _sentences(language: Language) -> tuple[Mapping[str, str], tuple["_Pattern", ...]]:
    """Return sentences without fields by what they say, and patterns of the others."""
    plain, patterns = {}, []
    for sentence in catalogue(language).sentences():
        parts = list(string.Formatter().parse(sentence))
        if all(name is None for _, name, _, _ in parts):
            plain["".join(literal for literal, *_ in parts)] = sentence
            continue
        pattern = _Pattern(sentence)
        if pattern.letters >= _LEAST_LETTERS or not pattern.takes_all:
            patterns.append(pattern)
    return plain, tuple(sorted(patterns, key=lambda p: (-p.letters, p.sentence)))


class _Pattern:
    """A sentence with fields; its pattern is made when a text first looks like it."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        self._parts = list(string.Formatter().parse(sentence))
        literals = [literal for literal, *_ in self._parts]
        forms = [spec for _, _, spec, _ in self._parts if spec and FORMS.fullmatch(spec)]
        written = [*literals, *(max(forms_of(spec).values(), key=len) for spec in forms)]
        self.letters = sum(sign.isalpha() for part in written for sign in part)
        self._longest = max(literals, key=len)
        specs = [(name, spec) for _, name, spec, _ in self._parts if name is not None]
        self._words = {name for name, spec in specs if spec == WORDS}
        if self.letters < _LEAST_LETTERS:  # too little to know it by, so names must be known ones
            self._words |= {name for name, spec in specs if spec == NAME}
        self.takes_all = any(not spec for _, spec in specs)
        self._made: re.Pattern[str] | None = None
        self._numbers: set[str] = set()
        self._repr = {name for _, name, _, conversion in self._parts if conversion == "r"}
        self._forms: dict[str, Mapping[str, str]] = {}

    def facts(self, text: str) -> Mapping[str, object] | None:
        """Return the facts that make the sentence this text; None where none do."""
        if self._longest not in text:
            return None
        self._made = self._made or re.compile(self._pattern(), re.DOTALL)
        found = self._made.fullmatch(text)
        if found is None:
            return None
        return {name: self._fact(name, said) for name, said in found.groupdict().items()}

    def _fact(self, name: str, said: str) -> object:
        if name in self._repr:
            with suppress(SyntaxError, ValueError):
                return ast.literal_eval(said)
        if name in self._forms:
            return 1 if said == self._forms[name].get("one") else 2
        return _value(said) if name in self._numbers or said.isdecimal() else said

    def words(self, facts: Mapping[str, object]) -> list[object]:
        """Return the facts that must be sentences of ours."""
        return [facts[name] for name in sorted(self._words)]

    def _pattern(self) -> str:
        # A field may stand in a sentence twice: the first that says all of it is read.
        written: list[str] = []
        seen: set[str] = set()
        shown = {name for _, name, spec, _ in self._parts if not FORMS.fullmatch(spec or "")}
        for literal, name, spec, _ in self._parts:
            written.append(re.escape(literal))
            if name is None:
                continue
            if spec and FORMS.fullmatch(spec):
                either = "|".join(map(re.escape, forms_of(spec).values()))
                # A number that only its form tells of: whether it is one.
                alone = name not in shown | seen
                written.append(f"(?P<{name}>{either})" if alone else f"(?:{either})")
                self._forms |= {name: forms_of(spec)} if alone else {}
                seen.add(name)
                continue
            words = spec in {"", WORDS, NAME}
            inside = ".*?" if words else rf" *(?:{_NUMBER}) *"
            self._numbers |= set() if words else {name}
            written.append(f"(?:{inside})" if name in seen else f"(?P<{name}>{inside})")
            seen.add(name)
        return "".join(written)


def _value(said: str) -> float:
    plain = said.strip().replace(",", "")
    if plain.endswith("%"):
        return float(plain[:-1]) / 100
    return int(plain) if plain.lstrip("+-").isdecimal() else float(plain)


def _spec(said: str) -> str:
    """Return the format that a number was written with."""
    digits = len(said.rstrip("%").partition(".")[2])
    return f"{',' * (',' in said)}{f'.{digits}' if digits else '.0'}{'%' if '%' in said else 'f'}"
