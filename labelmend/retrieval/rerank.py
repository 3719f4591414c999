"""Cross-encoders behind the `Reranker` Protocol. All give raw logits: no sigmoid, no scaling."""

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.configs.schema import RerankerConfig
from labelmend.errors import ConfigError, ModelError
from labelmend.extras import require
from labelmend.protocols import Reranker
from labelmend.retrieval.encode import (
    OnnxModel,
    once_each,
    one_line_error,
    quiet_offline,
    require_files,
)
from labelmend.types import Floats


class FlagEmbeddingReranker:
    """bge rerankers through FlagEmbedding's `FlagReranker`; half precision on a GPU only."""

    def __init__(self, folder: Path, *, batch_size: int, max_tokens: int) -> None:
        """Load the model, from the folder and nowhere else.

        Raises:
            ModelError: FlagEmbedding is not installed, or the folder holds no cross-encoder.
        """
        _require_one_logit(folder)
        require("FlagEmbedding", "torch", by="reranker.backend flag")
        with quiet_offline():
            try:
                from FlagEmbedding import FlagReranker
            except ImportError as error:
                raise ModelError(
                    "reranker.backend flag needs FlagEmbedding, which can't be imported"
                    f" ({error}); run: pip install 'labelmend[hub]'"
                ) from error
            import torch

            cuda = torch.cuda.is_available()
            with one_line_error(folder):
                # One device: on several the library would start processes of its own.
                self._model: Any = FlagReranker(
                    str(folder), use_fp16=cuda, devices="cuda:0" if cuda else "cpu"
                )
        self._batch_size = batch_size
        self._max_tokens = min(max_tokens, self._model.tokenizer.model_max_length)

    def score(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        """Return one logit a (query, passage) pair, float32 [p]; higher is more relevant."""

        def run(unique: list[tuple[str, str]]) -> Floats:
            with quiet_offline(), _no_bars(type(self._model)):
                logits = self._model.compute_score(
                    unique,
                    batch_size=self._batch_size,
                    max_length=self._max_tokens,
                    normalize=False,
                )
            return np.asarray(logits, dtype=np.float32)

        return once_each(pairs, run) if pairs else np.empty(0, dtype=np.float32)


class CrossEncoderReranker:
    """A sequence classifier with one logit through sentence-transformers' `CrossEncoder`."""

    def __init__(self, folder: Path, *, batch_size: int, max_tokens: int) -> None:
        """Load the model, from the folder and nowhere else.

        Raises:
            ModelError: the folder holds no cross-encoder, or one that can't load.
        """
        _require_one_logit(folder)
        require("torch", "sentence_transformers", by="reranker.backend cross-encoder")
        with quiet_offline(), one_line_error(folder):
            import torch
            from sentence_transformers import CrossEncoder

            self._model: Any = CrossEncoder(
                str(folder), activation_fn=torch.nn.Identity(), local_files_only=True
            ).float()
            known = self._model.max_seq_length
            self._model.max_seq_length = max_tokens if known is None else min(known, max_tokens)
        self._batch_size = batch_size

    def score(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        """Return one logit a (query, passage) pair, float32 [p]; higher is more relevant."""

        def run(unique: list[tuple[str, str]]) -> Floats:
            with quiet_offline():
                logits = self._model.predict(
                    unique, prompt="", batch_size=self._batch_size, show_progress_bar=False
                )
            return np.asarray(logits, dtype=np.float32)

        return once_each(pairs, run) if pairs else np.empty(0, dtype=np.float32)


class OnnxReranker:
    """A cross-encoder as ONNX, on the CPU; pairs run singly, see `OnnxModel`."""

    def __init__(self, folder: Path, *, max_tokens: int) -> None:
        """Load the model.

        Raises:
            ModelError: the folder holds no ONNX cross-encoder.
        """
        self._model = OnnxModel(folder, max_tokens)
        shape = self._model.run([("", "")])[0].shape
        if shape != (1,):
            raise ModelError(
                f"{folder / 'model.onnx'} gives {list(shape)} numbers a pair, a reranker gives one;"
                " name a cross-encoder"
            )

    def score(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        """Return one logit a (query, passage) pair, float32 [p]; higher is more relevant."""

        def run(unique: list[tuple[str, str]]) -> Floats:
            return np.concatenate(self._model.run(unique))

        return once_each(pairs, run) if pairs else np.empty(0, dtype=np.float32)


def load_reranker(config: RerankerConfig, folder: Path) -> Reranker:
    """Load the reranker that `config` names from `folder`.

    Raises:
        ConfigError: the configuration goes without a reranker.
        ModelError: the folder holds no model of the configured backend.
    """
    if config.backend == "none":
        raise ConfigError("reranker.backend is none: there is no reranker to load")
    if config.backend == "onnx":
        return OnnxReranker(folder, max_tokens=config.max_tokens)
    adapter = FlagEmbeddingReranker if config.backend == "flag" else CrossEncoderReranker
    return adapter(folder, batch_size=config.batch_size, max_tokens=config.max_tokens)


def _require_one_logit(folder: Path) -> None:
    """Check that a folder holds a classifier with one output.

    From a bare encoder the libraries would make one with a random head, and only warn.

    Raises:
        ModelError: it does not.
    """
    require_files(folder, "config.json")
    with one_line_error(folder):
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kinds = config.get("architectures") or ["nothing"]
        outputs = len(config.get("id2label", ("LABEL_0", "LABEL_1")))  # transformers' default
    if not kinds[0].endswith("ForSequenceClassification") or outputs != 1:
        raise ModelError(
            f"{folder} holds {kinds[0]} with {outputs} outputs, a reranker is a sequence"
            " classifier with one; name a cross-encoder"
        )


@contextlib.contextmanager
def _no_bars(library_class: type) -> Iterator[None]:
    """Take FlagEmbedding's progress bars away; it has no setting for them."""
    module: Any = sys.modules[library_class.__module__]
    bars = module.tqdm, module.trange
    module.tqdm = lambda steps, **_: steps
    module.trange = lambda *span, **_: range(*span)
    try:
        yield
    finally:
        module.tqdm, module.trange = bars
