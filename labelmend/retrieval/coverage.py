"""What encoders can read of texts: where they cut them, and what they don't know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from labelmend.configs.load import load_config
from labelmend.configs.profiles import MULTILINGUAL, PROFILES
from labelmend.configs.schema import EncoderConfig
from labelmend.data.language.detect import TableLanguage
from labelmend.data.language.names import language_name
from labelmend.extras import require
from labelmend.voice.speak import note
from labelmend.weights.locate import LocatedModel
from labelmend.weights.registry import ModelEntry, load_registry

_FOREIGN = 0.25
"""Share of unknown words from which on a script is not read: 0 % in German and 14 % in Vietnamese,
50 % in Japanese, 80 % to 100 % in Chinese, Russian, Greek, Arabic and Hindi, for an English one."""

_READ_TEXTS = 1000
"""Texts looked at before the work: enough for a share, and read in a second."""

_FEW = 3
"""Languages from which on those of an encoder are not named."""

_TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class Coverage:
    """How much of texts an encoder can read.

    Attributes:
        texts: that were looked at.
        cut: of them, those longer than the encoder takes.
        words: in all of them.
        unknown: of the words, those that the vocabulary has neither whole nor in parts of more than
            one character.
    """

    texts: int
    cut: int
    words: int
    unknown: int

    @property
    def foreign(self) -> bool:
        """Tell whether the encoder can't read the script of these texts."""
        return self.unknown > _FOREIGN * self.words

    @property
    def lacking(self) -> bool:
        """Tell whether there is something to say: a hundredth of texts or words is lost."""
        return self.cut * 100 >= self.texts > 0 or self.unknown * 100 >= self.words > 0

    def in_words(self, encoder: str) -> str:
        """Return one sentence.

        Args:
            encoder: its name.
        """
        unknown = self.unknown / max(self.words, 1)
        return note(
            "encoder {encoder}: {cut:,} of {texts:,} texts are cut, and {unknown:.0%} of their "
            "words are unknown to it; another encoder may read them better (see docs/settings.md, "
            "encoders)",
            encoder=encoder,
            cut=self.cut,
            texts=self.texts,
            unknown=unknown,
        )


def read_coverage(folder: Path, max_tokens: int, texts: Sequence[str]) -> Coverage | None:
    """Read texts as the encoder in a folder does; None where it has no tokenizer.json.

    Args:
        folder: of the model.
        max_tokens: longer texts are cut.
        texts: to read.
    """
    if not (folder / _TOKENIZER).is_file():
        return None
    require("tokenizers")
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    unknown_id = tokenizer.token_to_id("[UNK]")
    added = tokenizer.num_special_tokens_to_add(is_pair=False)
    cut = words = unknown = 0
    for read in tokenizer.encode_batch(list(texts), add_special_tokens=False):
        cut += len(read.ids) + added > max_tokens
        pieces = zip(read.word_ids, read.ids, read.offsets, strict=True)
        for _, parts in groupby(pieces, key=lambda piece: piece[0]):
            word = [(token, end - start) for _, token, (start, end) in parts]
            words += 1
            letters = len(word) > 1 and all(length <= 1 for _, length in word)
            unknown += letters or any(token == unknown_id for token, _ in word)
    return Coverage(len(texts), cut, words, unknown)


def notes_on_reading(
    encoders: Sequence[EncoderConfig],
    models: Sequence[LocatedModel],
    texts: Sequence[str],
    found: TableLanguage,
) -> tuple[str, ...]:
    """Return a note if encoders can't read the script or the language of texts; at most one.

    A profile reads the languages of its first encoder: those after it help where they can. Nothing
    is encoded for it. Languages of encoders are those of models.yaml, and of an encoder that isn't
    there nothing is said but what its tokenizer shows.

    Args:
        encoders: of the profile.
        models: their files, in the same order.
        texts: of the table; of many some are looked at, whatever their order.
        found: what they are in.
    """
    entries = [_entry(encoder) for encoder in encoders]
    distinct = sorted(set(texts))
    some = distinct[:: -(-len(distinct) // _READ_TEXTS) or 1]
    read = [
        (model.name, read_coverage(model.path, encoder.max_tokens, some))
        for encoder, model in zip(encoders, models, strict=True)
    ]
    blind = {name: each for name, each in read if each is not None and each.foreign}
    main = entries[0]
    said = {code: main and main.reads(code) for code in found.parts}
    unsure = [code for code, reads in said.items() if not reads]
    if blind and (unsure or not found.parts or len(blind) == len(read)):
        share = min(each.unknown / each.words for each in blind.values())
        return (_on_words(tuple(blind), share, found, unsure),)
    unread = [code for code in unsure if said[code] is not None]
    if not unread:
        return ()
    strangers = [
        entry for entry in entries if entry and any(not entry.reads(code) for code in unread)
    ]
    return (_on_language(strangers, found, unread),)


def _on_words(
    blind: Sequence[str], share: float, found: TableLanguage, languages: Sequence[str]
) -> str:
    """Return a note on encoders to which that share of the words is unknown."""
    facts = {"encoders": _encoders(blind), "count": len(blind), "share": share}
    if not languages:
        return note(
            "{encoders:words} {count:one=does|other=do} not read the script of these texts: "
            "{share:.0%} of their words are unknown, so little can be found; use one that does, "
            "such as those of --profile {profile}",
            **facts,
            profile=MULTILINGUAL,
        )
    return note(
        "{found:words}, and {encoders:words} {count:one=does|other=do} not read all of them: "
        "{share:.0%} of their words are unknown, so little can be found; {remedy:words}"
        if found.mixed
        else "{found:words}, and {encoders:words} {count:one=does|other=do} not read them: "
        "{share:.0%} of their words are unknown, so little can be found; {remedy:words}",
        **facts,
        found=found.note,
        remedy=_remedy(found, languages),
    )


def _on_language(
    encoders: Sequence[ModelEntry], found: TableLanguage, unread: Sequence[str]
) -> str:
    """Return a note on languages of which encoders know some words, but were not made for."""
    known = sorted({code for entry in encoders for code in entry.languages or ()})
    few = " and ".join(map(language_name, known)) if len(known) < _FEW else "other languages"
    return note(
        "{found:words}, and {encoders:words} {count:one=was|other=were} made for {few:name}: "
        "{remedy:words}",
        found=found.note,
        encoders=_encoders([entry.name for entry in encoders]),
        count=len(encoders),
        few=few,
        remedy=_remedy(found, unread),
    )


def _remedy(found: TableLanguage, languages: Sequence[str]) -> str:
    profile = profile_that_reads(languages)
    *first, last = map(found.name, languages)
    named = f"{', '.join(first)} and {last}" if first else last
    if profile is None:
        return note("no profile reads {languages:name}", languages=named)
    return note("--profile {profile} reads {languages:name}", profile=profile, languages=named)


def _encoders(names: Sequence[str]) -> str:
    return note(
        "encoder {name}" if len(names) == 1 else "encoders {name}", name=" and ".join(names)
    )


def profile_that_reads(languages: Sequence[str]) -> str | None:
    """Return the first of labelmend's profiles that reads all languages, if any does.

    Args:
        languages: by their ISO 639 codes.
    """
    for profile in PROFILES:
        main = _entry(load_config(profile).encoders[0])
        if main is not None and all(main.reads(code) for code in languages):
            return profile
    return None


def _entry(encoder: EncoderConfig) -> ModelEntry | None:
    return next((entry for entry in load_registry() if entry.name == encoder.model), None)
