"""What an encoder can read of texts: where it cuts them, and which words its vocabulary lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from labelmend.configs.schema import EncoderConfig
from labelmend.extras import require
from labelmend.weights.locate import LocatedModel

_FOREIGN = 0.25
"""Share of unknown words from which on a script is not read: 0 % in German and 14 % in Vietnamese,
50 % in Japanese, 80 % to 100 % in Chinese, Russian, Greek, Arabic and Hindi, for an English one."""

_READ_TEXTS = 1000
"""Texts looked at before the work: enough for a share, and read in a second."""

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
        return (
            f"encoder {encoder}: {self.cut:,} of {self.texts:,} texts are cut, and {unknown:.0%} "
            "of their words are unknown to it; another encoder may read them better "
            "(see docs/settings.md, encoders)"
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


def notes_on_script(
    encoders: Sequence[EncoderConfig], models: Sequence[LocatedModel], texts: Sequence[str]
) -> tuple[str, ...]:
    """Return a note on the encoders that can't read the script of texts, before any is encoded.

    Args:
        encoders: of the profile.
        models: their files, in the same order.
        texts: of the table; of many some are looked at, whatever their order.
    """
    distinct = sorted(set(texts))
    some = distinct[:: -(-len(distinct) // _READ_TEXTS) or 1]
    read = [
        (model.name, read_coverage(model.path, encoder.max_tokens, some))
        for encoder, model in zip(encoders, models, strict=True)
    ]
    blind = [(name, found) for name, found in read if found is not None and found.foreign]
    if not blind:
        return ()
    names = " and ".join(name for name, _ in blind)
    share = min(found.unknown / found.words for _, found in blind)
    dont = "encoder {} does not" if len(blind) == 1 else "encoders {} do not"
    return (
        f"{dont.format(names)} read the script of these texts: {share:.0%} of their words are "
        "unknown, so little can be found; use one that does, such as that of --profile "
        "multilingual",
    )
