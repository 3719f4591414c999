"""Folders of exported classifiers: what is in them, and how they are run.

A folder holds `export.json` (the card: labels, encoders, parity, hashes of all other files),
`classifier.onnx`, a folder an encoder (`encoder_0/model.onnx` and its `tokenizer.json`), and a
`README.md` with a few lines of Python that need onnxruntime, tokenizers and numpy only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from labelmend.classify.scorer import FEATURES
from labelmend.configs.schema import EncoderConfig
from labelmend.extras import require
from labelmend.onnx.model_graph import embedding_input
from labelmend.onnx.onnx_encoder import ExportedEncoder
from labelmend.retrieval.encode import OnnxModel
from labelmend.retrieval.encoders.windows import WindowedEncoder, Windows
from labelmend.types import Bools, Doubles, Floats

Outputs = Mapping[str, npt.NDArray[Any]]
"""What a graph says of texts, by the names of its outputs: each [b, ...]."""

CARD = "export.json"
CLASSIFIER = "classifier.onnx"
README = "README.md"


def encoder_folder(encoder: int) -> str:
    """Return the name of an encoder's folder."""
    return f"encoder_{encoder}"


def folder_names(encoders: int) -> tuple[str, ...]:
    """Return all names in the folder of a classifier with so many encoders."""
    return CARD, CLASSIFIER, README, *(encoder_folder(i) for i in range(encoders))


@dataclass(frozen=True)
class OnnxPredictions:
    """What an exported classifier says of texts.

    Attributes:
        labels: the label of each, [b].
        is_oos: bool [b], flagged as fitting no label.
        probabilities: float64 [b, K].
        features: float32 [b, m], what trees split on; None where there are none.
    """

    labels: tuple[str, ...]
    is_oos: Bools
    probabilities: Doubles
    features: Floats | None

    @classmethod
    def of(cls, found: Outputs) -> Self:
        """Return what the graph's outputs say."""
        return cls(
            labels=tuple(found["label"].tolist()),
            is_oos=found["is_oos"],
            probabilities=found["probabilities"].astype(np.float64),
            features=found.get(FEATURES),
        )


class OnnxEncoders:
    """The encoders of an exported folder."""

    def __init__(self, folder: Path, encoders: Sequence[ExportedEncoder]) -> None:
        """Open them.

        Args:
            folder: that was exported.
            encoders: what is in it.

        Raises:
            ModelError: one can't be opened.
        """
        self._encoders = [
            _windowed(folder / encoder_folder(i), encoder) for i, encoder in enumerate(encoders)
        ]

    def vectors(
        self, texts: Sequence[str], named: Callable[[int], str] = embedding_input
    ) -> dict[str, Floats]:
        """Return float32 [b, d_i] of each encoder, by the graph's name for it.

        Args:
            texts: of any number.
            named: the names, by the encoder's number; those of pairs' second texts are others.
        """
        return {named(i): encoder.encode(texts) for i, encoder in enumerate(self._encoders)}


def _windowed(folder: Path, encoder: ExportedEncoder) -> WindowedEncoder:
    """Open an encoder, which reads long texts in the windows that the card says."""
    config = EncoderConfig(
        backend="onnx",
        model=encoder.model,
        max_tokens=encoder.max_tokens,
        max_windows=encoder.max_windows,
        window_overlap=encoder.window_overlap,
    )
    pooled = _Pooled(OnnxModel(folder, encoder.max_tokens), encoder, config.batch_size)
    return WindowedEncoder(pooled, Windows(folder, config), encoder.query_prefix)


class _Pooled:
    """An exported graph, whose one output is a text's vector of unit length."""

    def __init__(self, model: OnnxModel, encoder: ExportedEncoder, batch_size: int) -> None:
        self._model = model
        self._query_prefix = encoder.query_prefix
        self._batch_size = 1 if encoder.is_apart else batch_size

    def encode(self, texts: Sequence[str]) -> Floats:
        return self.encode_passages([self._query_prefix + text for text in texts])

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        return self._model.run_alike(texts, self._batch_size)


class OnnxGraph:
    """An exported model's graph, from the encoders' vectors on."""

    def __init__(self, model: Any, *, threads: int = 0) -> None:
        """Open a graph.

        Args:
            model: an onnx.ModelProto, or the path of a file.
            threads: that a batch is computed by; 0 for one a core, which wait for the next batch by
                spinning: of small batches that takes more time than it saves.
        """
        require("onnxruntime")
        import onnxruntime

        source = str(model) if isinstance(model, Path) else model.SerializeToString()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session: Any = onnxruntime.InferenceSession(
            source, options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, vectors: Mapping[str, Floats]) -> Outputs:
        """Return all that it says of texts, by their vectors (`OnnxEncoders.vectors`)."""
        values = self._session.run(None, dict(vectors))
        return dict(zip(self._outputs, values, strict=True))


class OnnxClassifier(OnnxGraph):
    """The graph of a classifier of one label a text."""

    def predict(self, vectors: Mapping[str, Floats]) -> OnnxPredictions:
        """Classify texts by their vectors."""
        return OnnxPredictions.of(self.run(vectors))
