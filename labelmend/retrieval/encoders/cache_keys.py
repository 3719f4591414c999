"""Which file holds a model's vectors, under which key each text's is kept, and what was found."""

import hashlib
import importlib.metadata
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labelmend.configs.schema import EncoderConfig
from labelmend.retrieval.encoders.windows import Windows
from labelmend.types import Floats
from labelmend.weights.home import cache_home
from labelmend.weights.locate import LocatedModel

_VERSION = 2
"""Of the file's layout and of the keys; another version is another file."""

_LIBRARIES = {
    "sentence-transformers": ("sentence-transformers", "transformers", "tokenizers", "torch"),
    "onnx": ("onnxruntime", "tokenizers"),
}
"""What turns texts into vectors, by backend: a release may tokenize or pool otherwise."""


@dataclass(frozen=True)
class Lookup:
    """What a file knows of a block of distinct texts.

    Attributes:
        texts: in order.
        keys: theirs; none without a file.
        is_known: bool [len(texts)].
        vectors: float32 [len(texts), d], of those that are known.
    """

    texts: list[str]
    keys: list[bytes]
    is_known: npt.NDArray[np.bool_]
    vectors: Floats

    @property
    def missing(self) -> list[str]:
        """The texts whose vectors are to be computed."""
        return [self.texts[i] for i in np.flatnonzero(~self.is_known)]


def cache_file(config: EncoderConfig, model: LocatedModel) -> Path:
    """Return the path of the file for a model and all settings that change its vectors.

    `batch_size` and the device are not among them: they change no more than the last bits. Neither
    are the windows of long texts: these are part of such a text's key.
    """
    identity = {
        "version": _VERSION,
        "digest": model.digest,
        # The digest is that of the weights; tokenizer and pooling come with the release.
        "source": model.source,
        "backend": config.backend,
        "max_tokens": config.max_tokens,
        "query_prefix": config.query_prefix,
        "libraries": {name: _installed(name) for name in _LIBRARIES[config.backend]},
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return cache_home() / "embeddings" / f"{digest[:32]}.sqlite"


def key_of(prefix: str, text: str, windows: Windows | None) -> bytes:
    """Return the hash of a text as the model reads it.

    With a prefix a row text and an equal passage have two keys, without one they share theirs. A
    text that is read in windows has another key than when it was cut, one for each way to do it.
    """
    # A text cut in the middle of a surrogate pair can't be encoded otherwise.
    read = prefix.encode("utf-8", "surrogatepass"), text.encode("utf-8", "surrogatepass")
    key = hashlib.sha256(len(read[0]).to_bytes(8, "big") + read[0] + read[1])
    if windows is not None and windows.is_long(text, prefix):
        key.update(windows.settings)
    return key.digest()


def _installed(package: str) -> str | None:
    """Return a package's version without importing it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
