"""The README of an exported model, with the lines of Python that run it without labelmend."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labelmend.classify.folder import SEVERAL, SINGLE, SOFT


def readme(card: Mapping[str, Any]) -> str:
    """Return the folder's README in Markdown."""
    model, parity = card["model"], card["parity"]
    size = "int8" if card["int8"] else "float32"
    words = _WORDS[model.get("task", SINGLE)]
    snippet = _EMBED + (_PAIR if model.get("is_pair") else words.predict)
    lines = [
        f"# {words.title} as ONNX, exported by labelmend",
        "",
        f"{model['kind']} with {len(model[words.names])} {words.names} on "
        f"{', '.join(e['model'] for e in card['encoders'])} ({size}). `export.json` has its "
        f"{words.names}, hashes and what was checked.",
        "",
        f"On {parity['texts']} texts its {words.values} differed by at most "
        f"{parity['max_difference']:.1e} from `labelmend predict`"
        + (", before the encoders were quantized." if card["int8"] else "."),
        "",
        "With `pip install numpy onnxruntime tokenizers`, in this folder:",
        "",
        "```python",
        snippet,
        "```",
        "",
        "Texts run singly here. They may run together, filled up or not, in an encoder that is "
        "not `is_apart` in `export.json`; such a one takes the scale of its numbers from the whole "
        "batch, padding included. Long texts are read in windows, as in training; the vector of "
        "one is the mean of theirs.",
        "",
    ]
    return "\n".join(lines)


@dataclass(frozen=True)
class _Words:
    """What a README says of the models of one task.

    Attributes:
        title: what they are.
        names: key of the card with what they tell apart.
        values: what they give.
        predict: lines of Python that ask the graph.
    """

    title: str
    names: str
    values: str
    predict: str


_EMBED = '''import json
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


'''
"""How a text is read, whatever the task."""

_ONE_LABEL = '''def predict(text):
    """Return the label, its probability, and whether the text fits no label."""
    text = text[: card["max_text_chars"]]
    vectors = {f"embedding_{i}": embedding(*e, text) for i, e in enumerate(encoders)}
    label, probability, is_oos = classifier.run(["label", "probability", "is_oos"], vectors)
    return str(label[0]), float(probability[0]), bool(is_oos[0])


for text in sys.argv[1:] or ["I can't find my card"]:
    print(*predict(text), sep="\\t")'''

_SEVERAL_LABELS = '''def predict(text):
    """Return the labels that are called, and the probabilities of all labels."""
    text = text[: card["max_text_chars"]]
    vectors = {f"embedding_{i}": embedding(*e, text) for i, e in enumerate(encoders)}
    probabilities, called = classifier.run(["probabilities", "called"], vectors)
    labels = card["model"]["labels"]
    said = dict(zip(labels, probabilities[0].tolist()))
    return [label for label, is_called in zip(labels, called[0]) if is_called], said


for text in sys.argv[1:] or ["I can't find my card"]:
    labels, probabilities = predict(text)
    print(json.dumps({"labels": labels, "probabilities": probabilities}, ensure_ascii=False))'''

_SOFT_TARGETS = '''def predict(text):
    """Return the value of each target, from 0 to 1."""
    text = text[: card["max_text_chars"]]
    vectors = {f"embedding_{i}": embedding(*e, text) for i, e in enumerate(encoders)}
    (values,) = classifier.run(["values"], vectors)
    return dict(zip(card["model"]["targets"], values[0].tolist()))


for text in sys.argv[1:] or ["I can't find my card"]:
    print(json.dumps(predict(text), ensure_ascii=False))'''

_PAIR = '''def predict(first, second):
    """Return the value of each target, from 0 to 1, of a pair of texts."""
    vectors = {}
    for name, text in (("embedding", first), ("second_embedding", second)):
        text = text[: card["max_text_chars"]]
        vectors |= {f"{name}_{i}": embedding(*e, text) for i, e in enumerate(encoders)}
    (values,) = classifier.run(["values"], vectors)
    return dict(zip(card["model"]["targets"], values[0].tolist()))


asked = sys.argv[1:] or ["Where is my card?", "It is on its way."]
for first, second in zip(asked[::2], asked[1::2]):
    print(json.dumps(predict(first, second), ensure_ascii=False))'''

_WORDS = {
    SINGLE: _Words("A text classifier", "labels", "probabilities", _ONE_LABEL),
    SEVERAL: _Words(
        "A classifier of texts that may have several labels",
        "labels",
        "probabilities",
        _SEVERAL_LABELS,
    ),
    SOFT: _Words("A model of soft targets", "targets", "values", _SOFT_TARGETS),
}
