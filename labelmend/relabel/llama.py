"""One GGUF model in llama.cpp, by llama-cpp-python's low-level API.

Many sequences share one KV cache, so that a prefix decoded once can be continued many times.
"""

import ctypes
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from labelmend.errors import ModelError
from labelmend.retrieval.encode import usable_cores
from labelmend.types import Floats, Ints

ALL_TOKENS = None
"""As a target: the log-probabilities of the whole vocabulary."""


class DecodeError(Exception):
    """llama.cpp could not decode a batch; the rows in it get no vote."""


@dataclass(frozen=True)
class Span:
    """Tokens to decode in one sequence.

    Attributes:
        sequence: its number.
        start: position of the first token.
        tokens: to decode, at least one.
        targets: by place in `tokens`: the next-token ids whose log-probabilities are wanted, or
            `ALL_TOKENS`.
    """

    sequence: int
    start: int
    tokens: Sequence[int]
    targets: dict[int, Ints | None]


class LlamaEngine:
    """A loaded model with one context."""

    def __init__(
        self, path: Path, *, context_tokens: int, batch_tokens: int, gpu_layers: int
    ) -> None:
        """Load the model.

        Args:
            path: the GGUF file.
            context_tokens: cells of the KV cache, shared by all sequences.
            batch_tokens: decoded at a time, at most `context_tokens`.
            gpu_layers: layers put on the GPU; -1 for all.

        Raises:
            ModelError: llama.cpp can't load the file.
        """
        import llama_cpp

        self._lib = llama_cpp
        logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL + 1)
        model_params = llama_cpp.llama_model_default_params()
        model_params.n_gpu_layers = gpu_layers if gpu_layers >= 0 else 2**31 - 1
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), model_params)
        if self._model is None:
            raise ModelError(
                f"{path}: llama.cpp can't load this model: the file is damaged or of an "
                "architecture that this version doesn't know; get another GGUF"
            )
        # llama.cpp aborts the process where a batch is larger than the context, or where there are
        # more sequences than tokens in a batch.
        batch_tokens = min(batch_tokens, context_tokens)
        self.sequences = min(llama_cpp.llama_max_parallel_sequences(), batch_tokens)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = context_tokens
        params.n_batch = params.n_ubatch = batch_tokens
        params.n_seq_max = self.sequences
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = usable_cores()
        self._context = llama_cpp.llama_init_from_model(self._model, params)
        if self._context is None:
            llama_cpp.llama_model_free(self._model)
            raise ModelError(
                f"{path}: no room for a context of {context_tokens} tokens; "
                "give the voter a smaller context_tokens with --set"
            )
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._model)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(batch_tokens, 0, 1)
        self.context_tokens = context_tokens
        self.batch_tokens = batch_tokens
        self.vocabulary_size = int(llama_cpp.llama_vocab_n_tokens(self._vocabulary))
        self.decoded_tokens = 0

    def close(self) -> None:
        """Free the model; it can't be used any more."""
        if self._context is not None:
            self._lib.llama_batch_free(self._batch)
            self._lib.llama_free(self._context)
            self._lib.llama_model_free(self._model)
            self._context = None

    def tokenize(self, text: str, *, start: bool = False, special: bool = False) -> list[int]:
        """Return token ids.

        Args:
            text: any text.
            start: begin with the model's begin-of-sequence token, where it has one.
            special: read control tokens such as `<|im_start|>` in the text as such.
        """
        raw = text.encode()
        room = len(raw) + 8
        buffer = (self._lib.llama_token * room)()
        count = self._lib.llama_tokenize(
            self._vocabulary, raw, len(raw), buffer, room, start, special
        )
        return list(buffer[:count])

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

    def copy(self, source: int, target: int) -> None:
        """Let sequence `target` begin as `source` stands; nothing is computed."""
        self._lib.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def remove(self, sequence: int) -> None:
        """Forget a sequence; cells that others share stay."""
        self._lib.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def clear(self) -> None:
        """Forget all sequences."""
        self._lib.llama_memory_clear(self._memory, True)

    def decode(self, spans: Sequence[Span]) -> list[dict[int, Floats]]:
        """Decode spans, and return the log-probabilities that their targets ask for.

        Returns:
            by span and place: float32 [len(target)], or [vocabulary] for `ALL_TOKENS`.

        Raises:
            DecodeError: the cache is full or llama.cpp failed.
        """
        results: list[dict[int, Floats]] = [{} for _ in spans]
        flat = [
            (index, place, token, span)
            for index, span in enumerate(spans)
            for place, token in enumerate(span.tokens)
        ]
        for first in range(0, len(flat), self.batch_tokens):
            part = flat[first : first + self.batch_tokens]
            for i, (_, place, token, span) in enumerate(part):
                self._batch.token[i] = token
                self._batch.pos[i] = span.start + place
                self._batch.n_seq_id[i] = 1
                self._batch.seq_id[i][0] = span.sequence
                self._batch.logits[i] = place in span.targets
            self._batch.n_tokens = len(part)
            code = self._lib.llama_decode(self._context, self._batch)
            if code != 0:
                reason = "the context is full" if code == 1 else f"llama.cpp returned {code}"
                raise DecodeError(reason)
            self.decoded_tokens += len(part)
            wanted = [
                (index, place, span) for index, place, _, span in part if place in span.targets
            ]
            logits = self._logits(len(wanted))
            for (index, place, span), row in zip(wanted, logits, strict=True):
                results[index][place] = _log_probabilities(row, span.targets[place])
        return results

    def complete(
        self, prompts: Sequence[Sequence[int]], max_tokens: int, stop: str | None = None
    ) -> list[list[int]]:
        """Continue prompts greedily, all at once.

        A reply ends before an end token or a token that holds `stop`, and after `max_tokens`.

        Raises:
            DecodeError: the prompts and replies don't fit into the context together.
        """
        self.clear()
        replies: list[list[int]] = [[] for _ in prompts]
        spans = [
            Span(i, 0, prompt, {len(prompt) - 1: ALL_TOKENS}) for i, prompt in enumerate(prompts)
        ]
        for _ in range(max_tokens):
            following = []
            for span, result in zip(spans, self.decode(spans), strict=True):
                token = int(np.argmax(result[len(span.tokens) - 1]))
                stopped = stop is not None and stop in self.detokenize([token])
                if not stopped and not self.is_end(token):
                    replies[span.sequence].append(token)
                    after = span.start + len(span.tokens)
                    following.append(Span(span.sequence, after, [token], {0: ALL_TOKENS}))
            spans = following
            if not spans:
                break
        self.clear()
        return replies

    def _logits(self, rows: int) -> Floats:
        if not rows:
            return np.empty((0, self.vocabulary_size), dtype=np.float32)
        pointer = self._lib.llama_get_logits(self._context)
        view: Floats = np.ctypeslib.as_array(pointer, shape=(rows, self.vocabulary_size))
        return view


def _log_probabilities(logits: Floats, target: Ints | None) -> Floats:
    top = logits.max()
    normaliser = top + np.log(np.exp(logits - top).sum())
    wanted = logits if target is None else logits[target]
    log_probabilities: Floats = (wanted - normaliser).astype(np.float32)
    return log_probabilities
