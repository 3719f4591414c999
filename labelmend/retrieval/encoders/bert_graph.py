"""A BERT encoder's weights as a graph that onnxruntime runs: its vectors without torch.

The folder is one that sentence-transformers saved. Its vectors are those of that library to the
last bits: on the 2,000 first texts of the demo no number of all-MiniLM-L6-v2's differs by more than
3e-7, for sums are taken in another order.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.errors import ModelError, shown
from labelmend.extras import require
from labelmend.regular_file import parsed_json
from labelmend.retrieval.encoders.graph_parts import GraphParts, vectors_model
from labelmend.types import Floats

WEIGHTS = "model.safetensors"

BERT_FILES = ("config.json", "modules.json", "1_Pooling/config.json")
"""What a folder says of its weights."""

_SETTINGS = {"model_type": "bert", "hidden_act": "gelu"}
_ABSOLUTE = "absolute"
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_STEPS = ("Transformer", "Pooling", "Normalize")
"""Of sentence-transformers, by the last part of their classes' names; the last may be missing,
for vectors are of unit length anyway."""

_POOLED = ("cls_token", "mean_tokens")


def is_weights_alone(folder: Path) -> bool:
    """Tell whether a folder has a model's weights and no graph."""
    return (folder / WEIGHTS).is_file() and not (folder / "model.onnx").is_file()


def bert_graph(folder: Path) -> Any:
    """Return an encoder as an onnx.ModelProto, weights and all.

    Inputs are `input_ids`, `attention_mask` and `token_type_ids`: int64 [batch, tokens]. The output
    is `embedding`: float [batch, d], pooled and of unit length.

    Args:
        folder: with config.json, modules.json, 1_Pooling/config.json and model.safetensors.

    Raises:
        ModelError: it is no BERT, or pools otherwise than by [CLS] or the mean.
    """
    require("safetensors")
    from safetensors.numpy import load_file

    config = parsed_json((folder / "config.json").read_text("utf-8"))
    _check(folder, config)
    return encoder_model(Bert(config, load_file(folder / WEIGHTS)), pooling_of(folder))


def encoder_model(encoder: "Bert", pooling: str, domains: Sequence[str] = ()) -> Any:
    """Return an encoder's layers and pooling as an onnx.ModelProto; see `bert_graph`.

    Args:
        encoder: to which nothing was appended yet.
        pooling: `cls_token` or `mean_tokens`.
        domains: see `vectors_model`.
    """
    encoder.pooled(encoder.states(), pooling)
    return vectors_model(encoder, _INPUTS, encoder.width, domains)


def _check(folder: Path, config: Mapping[str, Any]) -> None:
    """Make sure that a folder's model is a BERT, read as sentence-transformers would.

    Raises:
        ModelError: it is another.
    """
    other = unlike_bert(config)
    modules = parsed_json((folder / "modules.json").read_text("utf-8"))
    steps = tuple(str(module["type"]).rpartition(".")[2] for module in modules)
    if steps not in (_STEPS, _STEPS[:2]):
        other.append(f"the steps {', '.join(steps)}")
    sentence = folder / "sentence_bert_config.json"
    if sentence.is_file() and parsed_json(sentence.read_text("utf-8")).get("do_lower_case"):
        other.append("texts in lower case")
    if other:
        raise ModelError(
            f"{folder}: backend onnx runs the weights of BERT encoders, and this one has "
            f"{', '.join(other)}; give this encoder the backend sentence-transformers"
        )


def unlike_bert(config: Mapping[str, Any]) -> list[str]:
    """Return in what a model differs from the layers here, by its config.json."""
    other = [
        f"{name} {shown(config.get(name))}"
        for name in _SETTINGS
        if config.get(name) != _SETTINGS[name]
    ]
    if config.get("position_embedding_type", _ABSOLUTE) != _ABSOLUTE:
        other.append("positions that are not absolute")
    return other


def pooling_of(folder: Path) -> str:
    """Return how a model pools: by `cls_token`, as bge's do, unless it says `mean_tokens`.

    Raises:
        ModelError: otherwise, or in several ways at once.
    """
    path = folder / "1_Pooling" / "config.json"
    if not path.is_file():
        return _POOLED[0]
    said = json.loads(path.read_text("utf-8"))
    ways = [
        name for name, value in said.items() if name.startswith("pooling_mode_") and value is True
    ]
    if "pooling_mode" in said:
        ways = [f"pooling_mode_{said['pooling_mode']}"]
    for way in _POOLED:
        if ways in ([f"pooling_mode_{way}"], [f"pooling_mode_{way.partition('_')[0]}"]):
            return way
    raise ModelError(
        f"{path} asks for other pooling than [CLS] or the mean, which backend onnx does not do;"
        " give this encoder the backend sentence-transformers"
    )


class Bert(GraphParts):
    """The layers of BERT (Devlin et al. 2019), each named by its weights."""

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, Floats]) -> None:
        super().__init__()
        self._config = config
        self._weights = weights
        self._mask = self.cast("attention_mask", np.float32)
        absent = self.add("Sub", self._number("one", 1), self._mask)
        unseen = self.add("Mul", absent, self._number("lowest", float(np.finfo(np.float32).min)))
        self._unseen = self.add("Unsqueeze", unseen, self.places("heads", 1, 2))

    @property
    def width(self) -> int:
        """Dimensions of a vector."""
        return int(self._config["hidden_size"])

    def states(self) -> str:
        """Append all layers; return the name of the tokens' vectors, [batch, tokens, d]."""
        found = self._normed(self._embedded(), "embeddings.LayerNorm")
        for i in range(self._config["num_hidden_layers"]):
            layer = f"encoder.layer.{i}"
            heard = self._linear(self._attention(found, layer), f"{layer}.attention.output.dense")
            found = self._normed(
                self.add("Add", heard, found), f"{layer}.attention.output.LayerNorm"
            )
            wide = self._gelu(self._linear(found, f"{layer}.intermediate.dense"))
            narrow = self._linear(wide, f"{layer}.output.dense")
            found = self._normed(self.add("Add", narrow, found), f"{layer}.output.LayerNorm")
        return found

    def pooled(self, states: str, way: str) -> str:
        """Append pooling; return the name of the texts' vectors, of unit length."""
        tokens = self.places("tokens", 1)
        if way == "cls_token":
            first = self.add("Gather", states, self.places("first", 0), axis=1)
            vectors = self.add("Squeeze", first, tokens)
        else:
            mask = self.add("Unsqueeze", self._mask, self.places("last", 2))
            total = self.add("ReduceSum", self.add("Mul", states, mask), tokens, keepdims=0)
            count = self.add("ReduceSum", mask, tokens, keepdims=0)
            vectors = self.add("Div", total, count)
        return self.add("LpNormalization", vectors, called="embedding", axis=1, p=2)

    def _embedded(self) -> str:
        """Add up what stands for a token, for its place and for the text's number."""
        kinds = self._weight("embeddings.token_type_embeddings.weight")
        typed = self.add("Add", self.tokens(), self.add("Gather", kinds, "token_type_ids"))
        length = self.add("Shape", "input_ids", start=1, end=2)
        start = self.places("start", 0)
        places = self._weight("embeddings.position_embeddings.weight")
        return self.add("Add", typed, self.add("Slice", places, start, length, start))

    def tokens(self) -> str:
        """Append the vectors of the tokens themselves, [batch, tokens, d]."""
        return self.add("Gather", self._weight("embeddings.word_embeddings.weight"), "input_ids")

    def product(self, values: str, name: str) -> str:
        """Append the product of values with a matrix [d_out, d_in] of the weights."""
        weight = self.constant(name, self._weights[f"{name}.weight"].T, np.float32)
        return self.add("MatMul", values, weight)

    def _attention(self, states: str, layer: str) -> str:
        """Let each token hear the others, head by head."""
        heads = self._config["num_attention_heads"]
        width = self._config["hidden_size"]
        split = self.places("split", 0, 0, heads, width // heads)

        def part(name: str, *order: int) -> str:
            values = self._linear(states, f"{layer}.attention.self.{name}")
            return self.add("Transpose", self.add("Reshape", values, split), perm=order)

        query, key = part("query", 0, 2, 1, 3), part("key", 0, 2, 3, 1)
        value = part("value", 0, 2, 1, 3)
        products = self.add("MatMul", query, key)
        scaled = self.add("Div", products, self._number("scale", (width // heads) ** 0.5))
        shares = self.add("Softmax", self.add("Add", scaled, self._unseen), axis=-1)
        heard = self.add("Transpose", self.add("MatMul", shares, value), perm=[0, 2, 1, 3])
        return self.add("Reshape", heard, self.places("joined", 0, 0, width))

    def _gelu(self, values: str) -> str:
        """Append the Gaussian error linear unit (Hendrycks and Gimpel 2016), unapproximated."""
        error = self.add("Erf", self.add("Div", values, self._number("root", 2**0.5)))
        twice = self.add("Mul", values, self.add("Add", error, self._number("one", 1)))
        return self.add("Mul", twice, self._number("half", 0.5))

    def _linear(self, values: str, name: str) -> str:
        return self.add("Add", self.product(values, name), self._weight(f"{name}.bias"))

    def _normed(self, values: str, name: str) -> str:
        scale, shift = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        epsilon = self._config["layer_norm_eps"]
        return self.add("LayerNormalization", values, scale, shift, axis=-1, epsilon=epsilon)

    def _weight(self, name: str) -> str:
        return self.constant(name, self._weights[name], np.float32)

    def _number(self, name: str, value: float) -> str:
        return self.constant(name, value, np.float32)


class Int8Bert(Bert):
    """BERT whose matrices are int8; see `GraphParts.int8_product`."""

    def product(self, values: str, name: str) -> str:
        """Append the product of values with a matrix [d_out, d_in] of the weights."""
        return self.int8_product(values, name, self._weights[f"{name}.weight"])
