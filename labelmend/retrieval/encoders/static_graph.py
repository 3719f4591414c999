"""An encoder of static vectors: one for each token and for each known pair of neighbours, added up.

Where `train-classifier --kind static` puts what it learns. Its folder holds a tokenizer and the
vectors; the graph is made here, so that a folder holds nothing that could run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.errors import ModelError
from labelmend.retrieval.encoders.graph_parts import GraphParts, vectors_model
from labelmend.types import Bools, Floats, Ints
from labelmend.weights.array_file import read_arrays

VECTORS = "static.npz"

_AXES = {"tokens": 2, "pairs": 2, "pair_tokens": 2, "mean": 1}

_FACTOR = 1_000_003
"""Of a pair's first token in its slot: a large prime scatters pairs that share a token."""

_SLOTS_A_PAIR = 8
"""Slots for each pair at least: one pair in twenty shares its slot with another, and is left
out."""

_MOST_TOKENS = 1 << 24
"""Of a vocabulary, so that a pair's slot is no larger than 64 bits hold."""

_MEAN_WEIGHT = 1e-4
"""Of the mean direction beside a text's own vectors: it counts where no token is known, and where
they cancel out, since a vector of zeros has no direction."""


@dataclass(frozen=True)
class StaticVectors:
    """What a text's vector is made of: the sum of those of its tokens and pairs, at unit length.

    Attributes:
        tokens: float [n, d], by the tokenizer's ids.
        pairs: float [m, d].
        pair_tokens: int64 [m, 2], the ids of each pair's tokens, in the order of the text.
        mean: float [d], of unit length, the vector of a text without any known token.
    """

    tokens: Floats
    pairs: Floats
    pair_tokens: Ints
    mean: Floats

    def save(self, folder: Path) -> None:
        """Write them, in half precision, beside the tokenizer."""
        held: dict[str, Any] = {
            "tokens": self.tokens.astype(np.float16),
            "pairs": self.pairs.astype(np.float16),
            "pair_tokens": self.pair_tokens.astype(np.float64),
            "mean": self.mean.astype(np.float16),
        }
        np.savez(folder / VECTORS, allow_pickle=False, **held)


def is_static(folder: Path) -> bool:
    """Tell whether a folder holds static vectors."""
    return (folder / VECTORS).is_file()


def read_static(folder: Path) -> StaticVectors:
    """Read what `StaticVectors.save` wrote.

    Raises:
        ModelError: it is something else.
        OSError: it can't be read.
    """
    path = folder / VECTORS
    try:
        held = read_arrays(path, _AXES)
        wrong = _misfit(held)
    except (ValueError, LookupError) as error:
        wrong = str(error)
    if wrong:
        raise ModelError(f"{path}: holds no static vectors ({wrong}); train it again")
    pairs = held["pair_tokens"].astype(np.int64)
    return StaticVectors(held["tokens"], held["pairs"], pairs, held["mean"])


def kept_pairs(pairs: Ints, counts: Ints) -> Bools:
    """Return bool [m], the pairs whose slot no other pair has that is more frequent.

    Of equally frequent ones the first token's id decides, then the second's.

    Args:
        pairs: int64 [m, 2], distinct.
        counts: int64 [m].
    """
    kept = np.arange(len(pairs))
    while True:  # once as a rule; fewer pairs may have fewer slots
        slots = _slots_of(pairs[kept], len(kept))
        order = np.lexsort((*pairs[kept].T[::-1], -counts[kept], slots))
        first = np.ones(len(kept), dtype=bool)
        first[1:] = slots[order][1:] != slots[order][:-1]
        if first.all():
            break
        kept = np.sort(kept[order[first]])
    found = np.zeros(len(pairs), dtype=bool)
    found[kept] = True
    return found


def static_graph(folder: Path) -> Any:
    """Return the encoder as an onnx.ModelProto; see `bert_graph` for its output.

    It reads the whole of a text, however long; neither company nor padding counts. Inputs are
    `input_ids` and `attention_mask`: int64 [batch, tokens], padded on the right.

    Raises:
        ModelError: the file can't be used.
        OSError: it can't be read.
    """
    held = read_static(folder)
    layers = _StaticLayers()
    layers.append(held)
    return vectors_model(layers, ("input_ids", "attention_mask"), len(held.mean), [])


class _StaticLayers(GraphParts):
    """The nodes."""

    def append(self, held: StaticVectors) -> None:
        """Append all, up to `embedding`."""
        mask = self.cast("attention_mask", np.float32)
        total = self._summed(held.tokens, "input_ids", mask)
        if len(held.pairs):
            rows, are_known = self._pairs(held)
            total = self.add("Add", total, self._summed(held.pairs, rows, are_known))
        mean = self.constant("mean", _MEAN_WEIGHT * held.mean.astype(np.float64), np.float32)
        self.add("LpNormalization", self.add("Add", total, mean), called="embedding", axis=1, p=2)

    def _summed(self, vectors: Floats, rows: str, weights: str) -> str:
        """Add up the vectors of each text's rows, [batch, d], by their weights [batch, rows]."""
        table = self.constant("vectors", vectors, np.float16)
        found = self.cast(self.add("Gather", table, rows), np.float32)
        beside = self.add("Unsqueeze", weights, self.places("beside", 1))
        product = self.add("MatMul", beside, found)
        return self.add("Squeeze", product, self.places("beside", 1))

    def _pairs(self, held: StaticVectors) -> tuple[str, str]:
        """Return the row of each pair of neighbours, and 1.0 for those that are known."""
        pairs = held.pair_tokens
        count = _slot_count(len(pairs))
        slots = np.zeros(count, dtype=np.int64)
        slots[_slots_of(pairs, len(pairs))] = np.arange(len(pairs))
        start, end = self.places("start", 0), self.places("end", np.iinfo(np.int64).max)
        second, last = self.places("second", 1), self.places("last", -1)
        one = self.places("axis", 1)
        left = self.add("Slice", "input_ids", start, last, one)
        right = self.add("Slice", "input_ids", second, end, one)
        scattered = self.add("Add", self.add("Mul", left, self._number(_FACTOR)), right)
        slot = self.add("Mod", scattered, self._number(count))
        rows = self.add("Gather", self.constant("slots", slots, np.int64), slot)
        keys = pairs[:, 0] * len(held.tokens) + pairs[:, 1]
        asked = self.add("Add", self.add("Mul", left, self._number(len(held.tokens))), right)
        known = self.add("Gather", self.constant("keys", keys, np.int64), rows)
        there = self.add("Slice", "attention_mask", second, end, one)
        are_known = self.cast(self.add("Equal", known, asked), np.float32)
        return rows, self.add("Mul", are_known, self.cast(there, np.float32))

    def _number(self, value: int) -> str:
        return self.constant("number", value, np.int64)


def _slots_of(pairs: Ints, count: int) -> Ints:
    found: Ints = (pairs[:, 0] * _FACTOR + pairs[:, 1]) % _slot_count(count)
    return found


def _slot_count(pairs: int) -> int:
    """Return a power of two."""
    return _SLOTS_A_PAIR << max(pairs - 1, 0).bit_length()


def _misfit(held: Mapping[str, Floats]) -> str:
    """Return why arrays are no static vectors; nothing where they are."""
    tokens, pairs, keys = held["tokens"], held["pairs"], held["pair_tokens"]
    wide = {tokens.shape[1], pairs.shape[1], len(held["mean"])}
    if len(wide) > 1 or keys.shape != (len(pairs), 2) or not tokens.size or not held["mean"].any():
        return "its arrays don't fit each other"
    if len(tokens) > _MOST_TOKENS:
        return "it has too many tokens"
    if not ((keys == np.floor(keys)) & (keys >= 0) & (keys < len(tokens))).all():
        return "it has pairs of tokens that are not there"
    return ""
