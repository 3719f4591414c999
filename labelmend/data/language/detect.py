"""The languages and scripts of a table, from a sample of its texts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.data.language.identify import MOST, identify
from labelmend.data.language.names import language_name
from labelmend.data.language.scripts import LATIN, script_of
from labelmend.voice.speak import note

_SAMPLE = 500
"""Distinct texts that are looked at: a share of them is right to 2 points, and it takes 0.1 s."""

_FEWEST = 3
"""Texts whose language is known, below which nothing is said of the table: fewer may be chance."""

_KNOWN = 0.4
"""Share of texts whose language must be known: of texts in one language it is 0.58 (comments in
code) to 1, of lines of code 0.23, of Hindi in Latin letters 0.1, of names and single words 0."""

_MAIN = 0.8
"""Share, among texts whose language is known, of the table's one language: 0.93 or more in each of
xSID's languages once close ones are counted together."""

_PART = 0.1
"""Share from which on a further language makes a table mixed: what a wrong guess leaves there is
5 % at most (Norwegian among Danish)."""

_PAIRS = (("da", "no"), ("cs", "sk"), ("af", "nl"), ("kk", "ky"), ("es", "gl"))
"""Languages so close that some texts in one are taken for the other."""

_OF_PAIR = 0.5
"""Of the more frequent one of such a pair, below which the other is taken for a wrong guess: of
xSID's Danish, 0.05 as many texts seem to be Norwegian, in tables of ten texts up to 0.3."""

_NAMED = 0.01
"""Share from which on a part of a mixed table is named."""

_MOST_NAMED = 4
"""Languages that are named: more are a list, not a sentence."""


@dataclass(frozen=True)
class TableLanguage:
    """What a table's texts are in, as far as it is sure.

    Attributes:
        texts: that were looked at and have letters.
        known: of them, those whose own language is sure.
        languages: by ISO 639 code, the share of those; most frequent first. Serbian, Croatian and
            Bosnian are all "sr", Indonesian and Malay "id".
        scripts: by name, such as "Latin" or "Han", the share of texts with letters; likewise.
        main: the one language of the table; None where it is mixed, or nothing is sure.
        mixed: whether the table has parts in several languages.
    """

    texts: int
    known: int
    languages: Mapping[str, float]
    scripts: Mapping[str, float]
    main: str | None
    mixed: bool

    @property
    def parts(self) -> tuple[str, ...]:
        """The languages that the table is in, most frequent first; none where nothing is sure."""
        if self.mixed:
            return tuple(code for code, share in self.languages.items() if share >= _PART)
        return () if self.main is None else (self.main,)

    @property
    def script(self) -> str | None:
        """The script of most texts; None where there are no letters."""
        return next(iter(self.scripts), None)

    @property
    def phrase(self) -> str:
        """What the texts are in, to stand behind "texts are ": "in Russian (Cyrillic)"."""
        if self.mixed:
            named = [c for c, share in self.languages.items() if share >= _NAMED][:_MOST_NAMED]
            shares = [f"{self.languages[code]:.0%} {self.name(code)}" for code in named]
            rest = 1 - sum(self.languages[code] for code in named)
            shares += [f"{rest:.0%} others"] if rest >= _NAMED else []
            return note("mixed: {shares}", shares=", ".join(shares))
        scripts = self._scripts_in_words
        if self.main is None:
            return note(
                "in {scripts:name} script; their language is not sure"
                if scripts
                else "without letters",
                scripts=scripts,
            )
        return note(
            "in {language:name}"
            if scripts == self.name(self.main)
            else "in {language:name} ({scripts:name})",
            language=self.name(self.main),
            scripts=scripts,
        )

    @property
    def in_words(self) -> str:
        """One sentence."""
        return note("Texts are {phrase:words}", phrase=self.phrase)

    @property
    def note(self) -> str:
        """The same, to stand among notes."""
        return note("texts are {phrase:words}", phrase=self.phrase)

    def name(self, code: str) -> str:
        """Return the name of one of its languages."""
        if code == "sr" and LATIN in self.scripts:
            return "Serbian, Croatian or Bosnian"
        return "Indonesian or Malay" if code == "id" else language_name(code)

    @property
    def _scripts_in_words(self) -> str:
        large = [script for script, share in self.scripts.items() if share >= _PART]
        if len(large) > 1:
            return note("{one:name} and {other:name}", one=large[0], other=large[1])
        return " ".join(large)


def detect_language(texts: Sequence[str], seed: int = 0) -> TableLanguage:
    """Find out what the texts of a table are in.

    Args:
        texts: of the table; their order doesn't matter, and a text that stands twice counts once.
        seed: of the sample, where there are more than 500 distinct ones.
    """
    sample = [text[:MOST] for text in _sample(texts, seed)]
    written = [(text, script) for text in sample if (script := script_of(text)) is not None]
    guesses = [guess for guess in (identify(text) for text, _ in written) if guess.sure]
    counts = _without_near_misses(Counter(guess.language for guess in guesses))
    known = len(guesses)
    told = known >= _FEWEST and known >= _KNOWN * len(written)
    languages = _shares(counts)
    first = next(iter(languages.values()), 0.0)
    second = sorted(counts.values())[-2] if len(counts) > 1 else 0
    mixed = told and second >= max(_FEWEST, _PART * known)
    return TableLanguage(
        texts=len(written),
        known=known,
        languages=languages,
        scripts=_shares(Counter(script for _, script in written)),
        main=next(iter(languages)) if told and not mixed and first >= _MAIN else None,
        mixed=mixed,
    )


def _sample(texts: Iterable[str], seed: int) -> list[str]:
    distinct = sorted(set(texts))
    if len(distinct) <= _SAMPLE:
        return distinct
    chosen = np.random.default_rng(seed).choice(len(distinct), _SAMPLE, replace=False)
    return [distinct[place] for place in chosen]


def _without_near_misses(counts: Counter[str]) -> Counter[str]:
    """Return the counts, the rarer one of two close languages counted as the other if it is few."""
    counts = counts.copy()
    for pair in _PAIRS:
        rare, frequent = sorted(pair, key=lambda code: (counts[code], code))
        if 0 < counts[rare] < _OF_PAIR * counts[frequent]:
            counts[frequent] += counts.pop(rare)
    return +counts


def _shares(counts: Counter[str]) -> dict[str, float]:
    """Return shares, the largest first, equal ones by name."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    total = counts.total()
    return {name: round(count / total, 4) for name, count in ordered}
