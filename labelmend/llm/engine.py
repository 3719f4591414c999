"""One GGUF model in llama.cpp, by llama-cpp-python's low-level API.

Each sequence has a stream of the KV cache to itself (`kv_unified` off). In a unified cache a token
runs past the cells of all other sequences, so that speed falls with every cached prefix; and what
it adds up, and in which order, depends on where its own cells lie. In its own stream it sees its
own cells only, in their own order: a score depends on nothing but its sequence.
"""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from labelmend.errors import ModelError
from labelmend.extras import require
from labelmend.llm.load_gguf import load_model
from labelmend.llm.token_batch import TokenBatch
from labelmend.parallel import usable_cores
from labelmend.types import Floats, Ints

State = npt.NDArray[np.uint8]
"""A sequence's part of the KV cache, as llama.cpp writes it down."""

_CELLS = 256
"""llama.cpp gives each stream a multiple of so many cells."""

_ROWS = 8
"""Rows of logits that are normalised at a time: they stay in the processor's cache."""

_SMALL_HEAD = 64
"""Attention heads of at most so many numbers gain nothing from llama.cpp's flash attention on a
processor: ten short texts behind long prefixes take 1.2 to 1.3 times as long with it, and with
heads of 128 or 256 numbers 0.96 times."""


Rule = Callable[[str, str | None, int], Literal["take", "skip", "end"]]
"""Judges what may continue a reply, from its text so far, a token's text (None for one that ends
replies, empty for other control tokens) and the number of tokens that it may still have."""


class DecodeError(Exception):
    """llama.cpp could not decode a batch; the rows in it get no vote."""


@dataclass(frozen=True)
class Span:
    """Tokens to decode in one sequence.

    Attributes:
        sequence: its number. Spans of one call run together where their sequences follow each
            other from 0.
        start: position of the first token.
        tokens: to decode, at least one.
    """

    sequence: int
    start: int
    tokens: Sequence[int]


class LlamaEngine:
    """A loaded model with one context, which is divided among sequences."""

    def __init__(
        self,
        path: Path,
        *,
        context_tokens: int,
        batch_tokens: int,
        gpu_layers: int,
        threads: int = 0,
        sequences: int = 1,
    ) -> None:
        """Load the model.

        Args:
            path: the GGUF file.
            context_tokens: cells of the KV cache, divided evenly among the sequences.
            batch_tokens: decoded at a time.
            gpu_layers: layers put on the GPU; -1 for all.
            threads: of the processor; 0 for all cores that this process may use.
            sequences: see `divide`.

        Raises:
            ModelError: llama.cpp can't load the file, or it is no generative model.
        """
        require("llama_cpp")
        import llama_cpp

        self._lib = llama_cpp
        self._path = path
        self._context: Any = None
        self._model = load_model(path, n_gpu_layers=gpu_layers if gpu_layers >= 0 else 2**31 - 1)
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._model)
        self.vocabulary_size = int(llama_cpp.llama_vocab_n_tokens(self._vocabulary))
        width = llama_cpp.llama_model_n_embd(self._model)
        # A model without attention has no heads.
        small = width <= _SMALL_HEAD * llama_cpp.llama_model_n_head(self._model)
        on_gpu = gpu_layers != 0 and llama_cpp.llama_supports_gpu_offload()
        self._flash_attention = (
            llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
            if small and not on_gpu
            else llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO
        )
        self.context_tokens = context_tokens
        self.batch_tokens = batch_tokens
        self.threads = threads or usable_cores()
        self.sequences = 0
        self.decoded_tokens = 0
        self.divide(sequences)

    def divide(self, sequences: int) -> None:
        """Divide the context among so many sequences; all that was decoded is forgotten.

        llama.cpp has a limit of sequences and needs a cell for each: there may be fewer after it.

        Raises:
            ModelError: there is no room for the context.
        """
        most = min(self._lib.llama_max_parallel_sequences(), self.context_tokens)
        sequences = max(1, min(sequences, most))
        if sequences == self.sequences:
            self.clear()
            return
        self._free_context()
        # Beyond the context that it was trained with, a model rambles.
        trained = int(self._lib.llama_model_n_ctx_train(self._model))
        tokens = min(self.context_tokens // sequences, trained)
        cells = -(-tokens // _CELLS) * _CELLS
        # llama.cpp aborts the process where a batch is larger than the context, or where there are
        # more sequences than tokens in a batch.
        batch = max(min(self.batch_tokens, cells * sequences), sequences)
        params = self._lib.llama_context_default_params()
        params.n_ctx = cells * sequences
        params.n_batch = params.n_ubatch = batch
        params.n_seq_max = sequences
        params.kv_unified = False
        params.flash_attn_type = self._flash_attention
        params.n_threads = params.n_threads_batch = self.threads
        self._context = self._lib.llama_init_from_model(self._model, params)
        if self._context is None:
            self.close()
            raise ModelError(
                f"{self._path}: no room for a context of {self.context_tokens} tokens; "
                "give the voter a smaller context_tokens with --set"
            )
        self._memory = self._lib.llama_get_memory(self._context)
        self._batch = TokenBatch(self._lib, batch)
        self.sequences = sequences
        self.sequence_tokens = tokens

    def close(self) -> None:
        """Free the model; it can't be used any more."""
        self._free_context()
        if self._model is not None:
            self._lib.llama_model_free(self._model)
            self._model = None

    def tokenize(self, text: str, *, start: bool = False, special: bool = False) -> list[int]:
        """Return token ids.

        Args:
            text: any text.
            start: begin with the model's begin-of-sequence token, where it wants one; once, where
                the text begins with it, too.
            special: read control tokens such as `<|im_start|>` in the text as such.
        """
        raw = text.encode()
        room = len(raw) + 8
        buffer = (self._lib.llama_token * room)()
        count = self._lib.llama_tokenize(
            self._vocabulary, raw, len(raw), buffer, room, start, special
        )
        found = list(buffer[:count])
        begin = self._lib.llama_vocab_bos(self._vocabulary)
        return found[1:] if start and found[:2] == [begin, begin] else found

    def detokenize(self, tokens: Sequence[int]) -> str:
        """Return the text of token ids; control tokens are left out."""
        pieces = []
        for token in tokens:
            buffer = ctypes.create_string_buffer(256)
            size = self._lib.llama_token_to_piece(
                self._vocabulary, token, buffer, len(buffer), 0, False
            )
            pieces.append(buffer.raw[: max(size, 0)])
        return b"".join(pieces).decode(errors="replace")

    def is_end(self, token: int) -> bool:
        """Tell whether a token ends a reply."""
        return bool(self._lib.llama_vocab_is_eog(self._vocabulary, token))

    @cached_property
    def chat_template(self) -> str | None:
        """The Jinja chat template in the GGUF; None for a base model."""
        raw = self._lib.llama_model_chat_template(self._model, None)
        return raw.decode() if raw else None

    def special_token(self, which: str) -> str:
        """Return the text of the `bos` or `eos` token; empty where the model has none."""
        token = getattr(self._lib, f"llama_vocab_{which}")(self._vocabulary)
        raw = self._lib.llama_vocab_get_text(self._vocabulary, token) if token >= 0 else b""
        return str(raw.decode()) if raw else ""

    def save(self, sequence: int) -> State:
        """Return what a sequence holds, to be continued later, in any sequence."""
        size = self._lib.llama_state_seq_get_size(self._context, sequence)
        state = np.empty(size, dtype=np.uint8)
        self._lib.llama_state_seq_get_data(self._context, _bytes(state), size, sequence)
        return state

    def restore(self, state: State, sequence: int) -> None:
        """Let a sequence hold what was saved, and nothing else.

        Raises:
            DecodeError: the sequence has no room for it.
        """
        read = self._lib.llama_state_seq_set_data(
            self._context, _bytes(state), len(state), sequence
        )
        if read == 0:
            raise DecodeError("the context is full")

    def clear(self) -> None:
        """Forget all sequences."""
        self._lib.llama_memory_clear(self._memory, False)

    def read(self, spans: Sequence[Span]) -> None:
        """Decode spans of which nothing is asked.

        Raises:
            DecodeError: the context is full or llama.cpp failed; all sequences are forgotten.
        """
        for _ in self._decode(spans, np.zeros(sum(len(s.tokens) for s in spans), dtype=np.int8)):
            pass

    def score(self, spans: Sequence[Span], targets: Sequence[Sequence[int]]) -> list[Floats]:
        """Decode spans, and return the log-probability of what follows each token.

        Args:
            spans: to decode.
            targets: by span, the token that follows each of its tokens; -1 where nobody asks.

        Returns:
            by span, float32 [tokens], in nats; NaN where nobody asked.

        Raises:
            DecodeError: the context is full or llama.cpp failed; all sequences are forgotten.
        """
        if not spans:
            return []
        wanted = np.concatenate([np.asarray(t, dtype=np.int64) for t in targets])
        scores = np.full(len(wanted), np.nan, dtype=np.float32)
        for part, logits in self._decode(spans, (wanted >= 0).astype(np.int8)):
            asked = np.flatnonzero(wanted[part] >= 0)
            chosen = logits[np.arange(len(logits)), wanted[part][asked]]
            scores[part][asked] = chosen - log_normalisers(logits)
        return np.split(scores, np.cumsum([len(span.tokens) for span in spans])[:-1])

    def following(self, spans: Sequence[Span], wanted: Ints | None = None) -> Floats:
        """Decode spans, and return the log-probabilities of what follows each one's last token.

        Args:
            spans: to decode.
            wanted: int64 [w], the tokens in question; None for the whole vocabulary.

        Returns:
            float32 [spans, w] or [spans, vocabulary], in nats.

        Raises:
            DecodeError: the context is full or llama.cpp failed; all sequences are forgotten.
        """
        asked = np.zeros(sum(len(span.tokens) for span in spans), dtype=np.int8)
        asked[np.cumsum([len(span.tokens) for span in spans]) - 1] = 1
        rows: list[Floats] = []
        for _, logits in self._decode(spans, asked):
            if len(logits):
                chosen = logits if wanted is None else logits[:, wanted]
                rows.append(chosen - log_normalisers(logits)[:, None])
        return np.concatenate(rows)

    def complete(
        self, prompts: Sequence[Sequence[int]], max_tokens: int, rule: Rule | None = None
    ) -> list[list[int]]:
        """Continue prompts greedily, all at once; what they begin with in common is decoded once.

        A reply ends before an end token, and after `max_tokens`. With a rule it takes at each step
        the likeliest token that the rule lets through, and ends where the rule says so. Nothing is
        drawn at random: a reply depends on its prompt and the rule alone.

        Raises:
            DecodeError: there are more prompts than sequences, or a prompt and its reply don't fit
                into one.
        """
        if len(prompts) > self.sequences:
            raise DecodeError("more prompts than sequences")
        self.clear()
        replies: list[list[int]] = [[] for _ in prompts]
        shared = _common(prompts) if len(prompts) > 1 else 0
        if shared:
            self.read([Span(0, 0, prompts[0][:shared])])
            state = self.save(0)
            for sequence in range(1, len(prompts)):
                self.restore(state, sequence)
        spans = [Span(i, shared, prompt[shared:]) for i, prompt in enumerate(prompts)]
        for _ in range(max_tokens):
            following = []
            for span, scores in zip(spans, self.following(spans), strict=True):
                reply = replies[span.sequence]
                token = self._likeliest(scores, reply, max_tokens - len(reply), rule)
                if token is not None:
                    reply.append(token)
                    following.append(Span(span.sequence, span.start + len(span.tokens), [token]))
            spans = following
            if not spans:
                break
        self.clear()
        return replies

    def _likeliest(
        self, scores: Floats, reply: Sequence[int], left: int, rule: Rule | None
    ) -> int | None:
        """Return the token that continues a reply, None where it ends.

        Args:
            scores: float32 [vocabulary], log-probabilities; what the rule refuses is struck out.
            reply: its tokens so far.
            left: tokens that it may still have.
            rule: None for the likeliest token.
        """
        said = self.detokenize(reply)
        while True:
            token = int(scores.argmax())
            if np.isneginf(scores[token]):
                return None
            if rule is None:
                return None if self.is_end(token) else token
            piece = None if self.is_end(token) else self.detokenize([token])
            verdict = rule(said, piece, left)
            if verdict != "skip":
                return token if verdict == "take" else None
            scores[token] = -np.inf

    def _decode(
        self, spans: Sequence[Span], asked: npt.NDArray[np.int8]
    ) -> Iterator[tuple[slice, Floats]]:
        """Decode spans batch by batch.

        Args:
            spans: to decode.
            asked: int8 [tokens], 1 where logits are wanted.

        Yields:
            which of the tokens were decoded, and the logits asked for, float32 [asked, vocabulary],
            which hold until the next batch.
        """
        for span in spans:
            if span.start + len(span.tokens) > self.sequence_tokens:
                self.clear()
                raise DecodeError("the context is full")
        lengths = [len(span.tokens) for span in spans]
        tokens = np.concatenate([np.asarray(span.tokens, dtype=np.int32) for span in spans])
        places = np.concatenate([np.arange(s.start, s.start + len(s.tokens)) for s in spans])
        sequences = np.repeat([span.sequence for span in spans], lengths)
        for first in range(0, len(tokens), self._batch.size):
            part = slice(first, min(first + self._batch.size, len(tokens)))
            batch = self._batch.filled(tokens[part], places[part], sequences[part], asked[part])
            code = self._lib.llama_decode(self._context, batch)
            if code != 0:
                self.clear()
                raise DecodeError(
                    "the context is full" if code == 1 else f"llama.cpp returned {code}"
                )
            self.decoded_tokens += len(tokens[part])
            yield part, self._logits(int(asked[part].sum()))

    def _logits(self, rows: int) -> Floats:
        if not rows:
            return np.empty((0, self.vocabulary_size), dtype=np.float32)
        pointer = self._lib.llama_get_logits(self._context)
        view: Floats = np.ctypeslib.as_array(pointer, shape=(rows, self.vocabulary_size))
        return view

    def _free_context(self) -> None:
        if self._context is not None:
            self._lib.llama_free(self._context)
            self._context = None
            self.sequences = 0


def log_normalisers(logits: Floats) -> Floats:
    """Return float32 [r], the log of the sum of exp over each row of logits [r, vocabulary]."""
    normalisers = np.empty(len(logits), dtype=np.float32)
    for first in range(0, len(logits), _ROWS):
        rows = slice(first, first + _ROWS)
        top = logits[rows].max(axis=1)
        normalisers[rows] = top + np.log(np.exp(logits[rows] - top[:, None]).sum(axis=1))
    return normalisers


def _common(prompts: Sequence[Sequence[int]]) -> int:
    """Return how many tokens all prompts begin with, less one where that is all of a prompt."""
    length = min(map(len, prompts)) - 1
    first = prompts[0]
    return next(
        (i for i in range(length) if any(prompt[i] != first[i] for prompt in prompts)), length
    )


def _bytes(state: State) -> Any:
    return state.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
