"""Long texts: an encoder cuts them at its limit, so they are read in overlapping windows.

A short text goes through the very calls that it went through before there were windows, so its
vector is the same to the last bit. Of a long one these calls read the first window, for the encoder
cuts it as ever; the others follow, and the text's vector is the mean of theirs, at unit length.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.configs.schema import EncoderConfig
from labelmend.protocols import Encoder
from labelmend.regular_file import parsed_json
from labelmend.retrieval.encoders.bert_graph import is_weights_alone
from labelmend.retrieval.encoders.tokenizer import has_tokenizer, whole_text_tokenizer
from labelmend.retrieval.encoders.use_file import is_use
from labelmend.types import Floats
from labelmend.voice.speak import note
from labelmend.weights.locate import LocatedModel

_MARKS = 4
"""Tokens that a tokenizer adds to a text at most: two marks or three, and a space before it."""

_TOKENS = 512
"""Tokens that a model takes which doesn't say: as BERT's do."""

ALL_TOKENS = 2**31 - 1
"""The limit of an encoder that has none."""


class Windows:
    """Where an encoder's texts are divided.

    A window has as many tokens as the encoder takes, less its marks and the prefix, which is read
    before each. All are of the same length and lie at equal distances from the first token to the
    last, and share `window_overlap` of their tokens with the next one or more. Where that takes
    more than `max_windows`, they share less, then nothing, and then what lies between them is not
    read: of a mail both ends are.
    """

    def __init__(self, folder: Path, config: EncoderConfig) -> None:
        """Remember the settings; the tokenizer is read once a text may be long.

        Args:
            folder: of the encoder; without a tokenizer in it no text is divided.
            config: its settings.
        """
        self.limit = most_tokens(folder, config)
        self._most, self._overlap = config.max_windows, config.window_overlap
        self._folder = folder
        self._tokenizer: Any = None

    @property
    def settings(self) -> bytes:
        """What tells vectors of long texts from those made with other settings."""
        return f"{self._most} windows, {self._overlap!r} shared".encode()

    @property
    def capacity(self) -> int:
        """Tokens, marks and all, of the longest text without a prefix that is read whole."""
        if self._most == 1 or not has_tokenizer(self._folder):
            return self.limit
        marks = self._loaded().num_special_tokens_to_add(is_pair=False)
        return int(self.limit + (self._most - 1) * (self.limit - marks))

    def further(self, text: str, prefix: str) -> tuple[str, ...]:
        """Return the windows of a text after the first; none of a short one.

        Args:
            text: that is read.
            prefix: that is read before it, and before each window.
        """
        if self._most == 1:
            return ()
        return tuple(text[start:end] for start, end in self._spans(text, prefix)[0][1:])

    def is_long(self, text: str, prefix: str) -> bool:
        """Tell whether a text is read in more than one window."""
        return self._most > 1 and len(self._spans(text, prefix)[0]) > 1

    def is_cut(self, text: str, prefix: str) -> bool:
        """Tell whether a part of a text is not read."""
        if fits_surely(prefix + text, self.limit):
            return False
        whole = not prefix and fits_surely(text, self.capacity)
        return not whole and self._spans(text, prefix)[1]

    def _spans(self, text: str, prefix: str) -> tuple[list[tuple[int, int]], bool]:
        """Return the windows of a long text, in characters, and whether they leave a part out."""
        if fits_surely(prefix + text, self.limit) or not has_tokenizer(self._folder):
            return [], False
        tokenizer = self._loaded()
        marks = tokenizer.num_special_tokens_to_add(is_pair=False)
        offsets = tokenizer.encode(text, add_special_tokens=False).offsets
        whole = len(tokenizer.encode(prefix + text).ids) if prefix else len(offsets) + marks
        size = self.limit - (len(tokenizer.encode(prefix).ids) if prefix else marks)
        if whole <= self.limit or not 0 < size < len(offsets):
            return [], False
        step = max(1.0, size * (1 - self._overlap))
        count = min(1 + math.ceil((len(offsets) - size) / step), self._most)
        distance = (len(offsets) - size) / max(count - 1, 1)
        starts = [round(i * distance) for i in range(count)]
        spans = [(offsets[start][0], offsets[start + size - 1][1]) for start in starts]
        return spans, len(offsets) > size * self._most

    def _loaded(self) -> Any:
        if self._tokenizer is None:
            self._tokenizer = whole_text_tokenizer(self._folder)
        return self._tokenizer


class WindowedEncoder:
    """An encoder that reads long texts window by window, and short ones as it ever did."""

    def __init__(self, encoder: Encoder, windows: Windows, query_prefix: str) -> None:
        """Wrap an encoder.

        Args:
            encoder: that cuts long texts.
            windows: of its texts.
            query_prefix: what it reads before row texts.
        """
        self._encoder = encoder
        self._windows = windows
        self._query_prefix = query_prefix

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], unit vectors of row texts, read after the prefix."""
        return self._vectors(texts, self._query_prefix, self._encoder.encode)

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], unit vectors of texts read as they are."""
        return self._vectors(texts, "", self._encoder.encode_passages)

    def _vectors(
        self, texts: Sequence[str], prefix: str, run: Callable[[Sequence[str]], Floats]
    ) -> Floats:
        vectors = run(texts)
        found = ((i, self._windows.further(text, prefix)) for i, text in enumerate(texts))
        further = {i: parts for i, parts in found if parts}
        if further:
            read = iter(run([part for parts in further.values() for part in parts]))
            for i, parts in further.items():
                vectors[i] = mean_direction(np.stack([vectors[i], *(next(read) for _ in parts)]))
        return vectors


def mean_direction(windows: Floats) -> Floats:
    """Return float32 [d], of unit length: the mean of unit vectors [w, d]."""
    total = windows.sum(axis=0, dtype=np.float64)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def fits_surely(text: str, tokens: int) -> bool:
    """Tell without a tokenizer that a text has no more tokens, for it has no more bytes.

    A token has a byte at least, so that most texts are seen to be short at once.
    """
    return len(text.encode(errors="replace")) + _MARKS <= tokens


def share_longer(folder: Path, tokens: int, texts: Sequence[str]) -> float:
    """Return the share of texts that have more tokens, marks included.

    Args:
        folder: of a model; 0 where it has no tokenizer.
        tokens: that fit.
        texts: to read.
    """
    if not texts or not has_tokenizer(folder):
        return 0.0
    tokenizer = whole_text_tokenizer(folder)
    maybe = [text for text in texts if not fits_surely(text, tokens)]
    return sum(len(tokenizer.encode(text).ids) > tokens for text in maybe) / len(texts)


def notes_on_cut(
    encoders: Sequence[EncoderConfig],
    models: Sequence[LocatedModel],
    texts: Sequence[str],
    *,
    at: str = "",
) -> tuple[str, ...]:
    """Return a sentence on each encoder that does not read the whole of some texts.

    Args:
        encoders: their settings.
        models: theirs, in the same order.
        texts: that are read.
        at: whose settings they are, "of the training"; those of this command if not given.
    """
    notes = []
    for i, (encoder, model) in enumerate(zip(encoders, models, strict=True)):
        windows = Windows(model.path, encoder)
        cut = sum(windows.is_cut(text, encoder.query_prefix) for text in texts)
        if cut:
            notes.append(
                note(
                    "encoder {encoder}: {cut:,} of {texts:,} texts are longer than {windows} "
                    "{windows:one=window|other=windows} of {tokens} tokens, so parts of them are "
                    "not read; {setting} sets how many are",
                    encoder=model.name,
                    cut=cut,
                    texts=len(texts),
                    windows=encoder.max_windows,
                    tokens=windows.limit,
                    setting=f"encoders.{i}.max_windows{f' {at}' * bool(at)}",
                )
            )
    return tuple(notes)


def most_tokens(folder: Path, config: EncoderConfig) -> int:
    """Return the tokens, marks and all, at which an encoder cuts a text.

    That is `config.max_tokens` or what the model's own files say, if it is less; the multilingual
    Universal Sentence Encoder cuts none.

    Args:
        folder: of the model.
        config: its settings.
    """
    if is_use(folder):
        return ALL_TOKENS
    longest = longest_input(folder)
    if config.backend == "sentence-transformers" or is_weights_alone(folder):
        # As the library has it: its own file first, then what the model's positions allow.
        own = _said(folder / "sentence_bert_config.json", "max_seq_length")
        positions = _said(folder / "config.json", "max_position_embeddings") or longest
        longest = own or min(longest, positions if positions > 0 else longest)
    return min(config.max_tokens, longest)


def longest_input(folder: Path) -> int:
    """Return the most tokens that a model takes, by its tokenizer_config.json; 512 without one."""
    if is_use(folder):
        return ALL_TOKENS
    return _said(folder / "tokenizer_config.json", "model_max_length") or _TOKENS


def _said(path: Path, name: str) -> int | None:
    """Return a number of a model's settings; None where they are missing or no settings."""
    try:
        return int(parsed_json(path.read_text(encoding="utf-8"))[name])
    except (OSError, ValueError, LookupError, TypeError):
        return None
