"""Folders of exported classifiers: what is in them, and how they are run.

A folder holds `export.json` (the card: labels, encoders, parity, hashes of all other files),
`classifier.onnx`, a folder an encoder (`encoder_0/model.onnx` and its `tokenizer.json`), and a
`README.md` with a few lines of Python that need onnxruntime, tokenizers and numpy only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.classify.scorer import FEATURES
from labelmend.configs.schema import EncoderConfig
from labelmend.extras import require
from labelmend.onnx.onnx_encoder import ExportedEncoder
from labelmend.onnx.onnx_graph import embedding_input
from labelmend.retrieval.encode import OnnxModel
from labelmend.retrieval.encoders.windows import WindowedEncoder, Windows
from labelmend.types import Bools, Doubles, Floats

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

    def vectors(self, texts: Sequence[str]) -> dict[str, Floats]:
        """Return float32 [b, d_i] of each encoder, by the classifier's name for it."""
        found = enumerate(self._encoders)
        return {embedding_input(i): encoder.encode(texts) for i, encoder in found}


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


class OnnxClassifier:
    """An exported classifier's graph, from the encoders' vectors on."""

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

    def predict(self, vectors: Mapping[str, Floats]) -> OnnxPredictions:
        """Classify texts by their vectors (`OnnxEncoders.vectors`)."""
        values = self._session.run(None, dict(vectors))
        found = dict(zip(self._outputs, values, strict=True))
        return OnnxPredictions(
            labels=tuple(found["label"].tolist()),
            is_oos=found["is_oos"],
            probabilities=found["probabilities"].astype(np.float64),
            features=found.get(FEATURES),
        )


def joined(parts: Sequence[OnnxPredictions]) -> OnnxPredictions:
    """Return the predictions of several batches as those of one."""
    features = [part.features for part in parts if part.features is not None]
    return OnnxPredictions(
        labels=tuple(label for part in parts for label in part.labels),
        is_oos=np.concatenate([part.is_oos for part in parts]),
        probabilities=np.concatenate([part.probabilities for part in parts]),
        features=np.concatenate(features) if features else None,
    )


def readme(card: Mapping[str, Any]) -> str:
    """Return the folder's README in Markdown."""
    model, parity = card["model"], card["parity"]
    size = "int8" if card["int8"] else "float32"
    lines = [
        "# A text classifier as ONNX, exported by labelmend",
        "",
        f"{model['kind']} with {len(model['labels'])} labels on "
        f"{', '.join(e['model'] for e in card['encoders'])} ({size}). `export.json` has its "
        "labels, hashes and what was checked.",
        "",
        f"On {parity['texts']} texts its probabilities differed by at most "
        f"{parity['max_difference']:.1e} from `labelmend predict`"
        + (", before the encoders were quantized." if card["int8"] else "."),
        "",
        "With `pip install numpy onnxruntime tokenizers`, in this folder:",
        "",
        "```python",
        _SNIPPET,
        "```",
        "",
        "Texts run singly here. They may run together, filled up or not, in an encoder that is "
        "not `is_apart` in `export.json`; such a one takes the scale of its numbers from the whole "
        "batch, padding included. Long texts are read in windows, as in training; the vector of "
        "one is the mean of theirs.",
        "",
    ]
    return "\n".join(lines)


_SNIPPET = '''import json
import math
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

card = json.loads(Path("export.json").read_text("utf-8"))
encoders = [
    (
        encoder,
        Tokenizer.from_file(f"{encoder['folder']}/tokenizer.json"),
        onnxruntime.InferenceSession(f"{encoder['folder']}/model.onnx"),
    )
    for encoder in card["encoders"]
]
classifier = onnxruntime.InferenceSession("classifier.onnx")


def windows(encoder, tokenizer, text):
    """Return the parts of a text that are read: the text itself, where it is short."""
    most, prefix = encoder["max_tokens"], encoder["query_prefix"]
    tokenizer.no_truncation()
    tokens = len(tokenizer.encode(prefix + text).ids)
    size = most - len(tokenizer.encode(prefix).ids)
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    tokenizer.enable_truncation(most)
    rest = len(offsets) - size
    if tokens <= most or rest <= 0 or size <= 0 or encoder["max_windows"] == 1:
        return [text]
    step = max(1.0, size * (1 - encoder["window_overlap"]))
    count = min(1 + math.ceil(rest / step), encoder["max_windows"])
    starts = [round(i * rest / (count - 1)) for i in range(1, count)]
    return [text] + [text[offsets[s][0] : offsets[s + size - 1][1]] for s in starts]


def embedding(encoder, tokenizer, session, text):
    """Return the vector of a text, float32 [1, d]."""
    total = 0
    for part in windows(encoder, tokenizer, text):
        tokens = tokenizer.encode(encoder["query_prefix"] + part)
        columns = {
            "input_ids": tokens.ids,
            "attention_mask": tokens.attention_mask,
            "token_type_ids": tokens.type_ids,
        }
        feed = {i.name: np.array([columns[i.name]], np.int64) for i in session.get_inputs()}
        total = total + session.run(["embedding"], feed)[0]
    return (total / np.linalg.norm(total)).astype(np.float32)


def predict(text):
    """Return the label, its probability, and whether the text fits no label."""
    text = text[: card["max_text_chars"]]
    vectors = {f"embedding_{i}": embedding(*e, text) for i, e in enumerate(encoders)}
    label, probability, is_oos = classifier.run(["label", "probability", "is_oos"], vectors)
    return str(label[0]), float(probability[0]), bool(is_oos[0])


for text in sys.argv[1:] or ["I can't find my card"]:
    print(*predict(text), sep="\\t")'''
