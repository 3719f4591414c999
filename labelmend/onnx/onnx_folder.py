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
from labelmend.onnx.onnx_encoder import ExportedEncoder
from labelmend.onnx.onnx_graph import embedding_input
from labelmend.retrieval.encode import OnnxModel
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
    """The encoders of an exported folder; texts run singly, as in `OnnxModel`."""

    def __init__(self, folder: Path, encoders: Sequence[ExportedEncoder]) -> None:
        """Open them.

        Args:
            folder: that was exported.
            encoders: what is in it.

        Raises:
            ModelError: one can't be opened.
        """
        self._encoders = tuple(encoders)
        self._models = [
            OnnxModel(folder / encoder_folder(i), encoder.max_tokens)
            for i, encoder in enumerate(encoders)
        ]

    def vectors(self, texts: Sequence[str]) -> dict[str, Floats]:
        """Return float32 [b, d_i] of each encoder, by the classifier's name for it."""
        return {
            embedding_input(i): np.stack(model.run([encoder.query_prefix + t for t in texts]))
            for i, (model, encoder) in enumerate(zip(self._models, self._encoders, strict=True))
        }


class OnnxClassifier:
    """An exported classifier's graph, from the encoders' vectors on."""

    def __init__(self, model: Any) -> None:
        """Open a graph.

        Args:
            model: an onnx.ModelProto, or the path of a file.
        """
        import onnxruntime

        source = str(model) if isinstance(model, Path) else model.SerializeToString()
        self._session: Any = onnxruntime.InferenceSession(
            source, providers=["CPUExecutionProvider"]
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
        "Texts run singly: int8 takes its scale from the whole batch, padding included.",
        "",
    ]
    return "\n".join(lines)


_SNIPPET = '''import json
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


def predict(text):
    """Return the label, its probability, and whether the text fits no label."""
    vectors = {}
    for i, (encoder, tokenizer, session) in enumerate(encoders):
        tokens = tokenizer.encode(encoder["query_prefix"] + text[: card["max_text_chars"]])
        columns = {
            "input_ids": tokens.ids,
            "attention_mask": tokens.attention_mask,
            "token_type_ids": tokens.type_ids,
        }
        feed = {i.name: np.array([columns[i.name]], np.int64) for i in session.get_inputs()}
        vectors[f"embedding_{i}"] = session.run(["embedding"], feed)[0]
    label, probability, is_oos = classifier.run(["label", "probability", "is_oos"], vectors)
    return str(label[0]), float(probability[0]), bool(is_oos[0])


for text in sys.argv[1:] or ["I can't find my card"]:
    print(*predict(text), sep="\\t")'''
