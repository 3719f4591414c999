"""What a student reads texts by: words of the table, words of the encoders, and pieces of words."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from labelmend.configs.schema import StaticConfig
from labelmend.extras import require
from labelmend.retrieval.encoders.tokenizer import TOKENIZER, has_tokenizer, whole_text_tokenizer
from labelmend.types import Floats
from labelmend.weights.locate import LocatedModel

UNKNOWN, START, END = "[UNK]", "[CLS]", "[SEP]"
_MARKS = (UNKNOWN, START, END)
INSIDE = "##"
"""Begins a piece that goes on with a word."""

LONGEST = 4096
"""Tokens of a text that are read: more than 4,000 characters have, which is where texts are cut."""

_LIMITS = "tokenizer_config.json"
_LONGEST_WORD = 100
"""Characters of a word that is divided into pieces, as BERT's tokenizers have it."""

_LEAST_COUNT = 2
"""Rows in which a word of the table stands at least to be a token of its own. One that stands in a
single row is read in pieces, which are met again in words that no row has: with the demo in Russian
and one row, 80 % of its test texts are right, with two 84 %."""


@runtime_checkable
class WordSpace(Protocol):
    """A space that knows the words of its encoders, and can place any text."""

    def words(self) -> tuple[str, ...]:
        """Return the words, the most frequent first, and pieces of words after `INSIDE`."""
        ...

    def queries(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d]."""
        ...


def encoder_words(models: Iterable[LocatedModel]) -> tuple[str, ...]:
    """Return the words and pieces of the encoders' tokenizers, those of the first one first.

    A tokenizer's vocabulary begins with what is frequent, as a rule.
    """
    found: dict[str, None] = {}
    for model in models:
        if has_tokenizer(model.path):
            vocabulary = whole_text_tokenizer(model.path).get_vocab()
            tokens = sorted(vocabulary, key=lambda token: (vocabulary[token], token))
            found |= dict.fromkeys(_words(tokens))
    return tuple(found)


def _words(tokens: Sequence[str]) -> list[str]:
    """Return words, from tokens of WordPiece, SentencePiece or bytes; marks are left out."""
    if any(token.startswith(_SPACES) for token in tokens):
        return [token[1:] for token in tokens if token.startswith(_SPACES) and len(token) > 1]
    return [token for token in tokens if token[:1] != "[" or token[-1:] != "]"]


_SPACES = ("▁", "Ġ")
"""What SentencePiece and tokenizers of bytes write for a space; it begins a word."""


def student_tokenizer(
    texts: Sequence[str], words: Sequence[str], config: StaticConfig
) -> tuple[Any, tuple[str, ...]]:
    """Make a tokenizer from what a table's texts say.

    Words of the table are tokens if they are frequent enough; others are read in pieces, which are
    learned from the table by the merges of byte pair encoding (Sennrich et al. 2016). Words of the
    encoders that are written in the table's characters are added: what they mean is known though
    no row has them.

    Args:
        texts: of the table.
        words: of the encoders (`WordSpace.words`).
        config: how many of either.

    Returns:
        a tokenizers.Tokenizer, which puts a text between two marks; and its tokens by their ids.
    """
    require("tokenizers")
    from tokenizers import models, trainers

    learner = _plain(models.WordPiece(unk_token=UNKNOWN))
    letters = sorted(
        {letter for text in texts for letter in learner.normalizer.normalize_str(_utf8(text))}
    )
    # Named beforehand: else they are numbered by chance, and so are the merges that tie.
    inside = [INSIDE + letter for letter in letters if not letter.isspace()]
    trainer = trainers.WordPieceTrainer(
        vocab_size=config.words,
        min_frequency=_LEAST_COUNT,
        special_tokens=[*_MARKS, *inside],
        show_progress=False,
    )
    known = {*letters, *INSIDE}
    learner.train_from_iterator(map(_utf8, texts), trainer)
    learned = learner.get_vocab()
    tokens = dict.fromkeys(_MARKS) | dict.fromkeys(sorted(learned, key=lambda t: (learned[t], t)))
    written = (learner.normalizer.normalize_str(word) for word in words)
    fitting = dict.fromkeys(word for word in written if word and known.issuperset(word))
    new = [word for word in fitting if word not in tokens and " " not in word]
    tokens |= dict.fromkeys(new[: config.encoder_words])
    whole = tuple(tokens)
    numbers = {token: i for i, token in enumerate(whole)}
    made = _plain(
        models.WordPiece(numbers, unk_token=UNKNOWN, max_input_chars_per_word=_LONGEST_WORD)
    )
    return _marked(made), whole


def token_ids(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Return each text's ids, marks included."""
    return [found.ids for found in tokenizer.encode_batch([_utf8(text) for text in texts])]


def _utf8(text: str) -> str:
    """Return a text that is UTF-8: one that was cut in the middle of a surrogate pair is none."""
    return text.encode("utf-8", "replace").decode()


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Write a tokenizer as an encoder's folder has it."""
    tokenizer.save(str(folder / TOKENIZER))
    (folder / _LIMITS).write_text(json.dumps({"model_max_length": LONGEST}) + "\n", "utf-8")


def _plain(model: Any) -> Any:
    require("tokenizers")
    from tokenizers import Tokenizer, normalizers, pre_tokenizers

    tokenizer = Tokenizer(model)
    # Chinese characters stand alone; accents stay, as they tell words apart in most languages.
    letters = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=True
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), letters])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _marked(tokenizer: Any) -> Any:
    require("tokenizers")
    from tokenizers import processors

    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        pair=f"{START} $A {END} $B {END}",
        special_tokens=[(mark, _MARKS.index(mark)) for mark in (START, END)],
    )
    return tokenizer
