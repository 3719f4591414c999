"""Sentence encoders behind the `Encoder` Protocol, and what every local model here shares."""

import contextlib
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from labelmend.configs.schema import EncoderConfig
from labelmend.errors import LabelmendError, ModelError, ModelMissingError, shown
from labelmend.extras import require
from labelmend.parallel import usable_cores
from labelmend.protocols import Encoder
from labelmend.retrieval.encoders.bert_graph import BERT_FILES, is_weights_alone, pooling_of
from labelmend.retrieval.encoders.folder_graph import folder_graph
from labelmend.retrieval.encoders.packed_file import unpacked
from labelmend.retrieval.encoders.tokenizer import has_tokenizer, whole_text_tokenizer
from labelmend.retrieval.encoders.windows import (
    WindowedEncoder,
    Windows,
    longest_input,
    most_tokens,
)
from labelmend.types import Floats

Item = TypeVar("Item", str, tuple[str, str])

_NOISY_LOGGERS = ("transformers", "sentence_transformers", "FlagEmbedding", "huggingface_hub")


class SentenceTransformerEncoder:
    """A model folder that sentence-transformers saved, on the GPU where there is one.

    Texts are encoded once each and in one order, so the vectors of a set of texts do not depend on
    the order in which they come.
    """

    def __init__(
        self, folder: Path, *, batch_size: int, max_tokens: int, query_prefix: str
    ) -> None:
        """Load the model, from the folder and nowhere else.

        Raises:
            ModelError: the folder holds no sentence-transformers model, or one that can't load.
        """
        # Without modules.json the library would guess mean pooling, in silence.
        require_files(folder, "modules.json", "config.json")
        self._model = load_sentence_transformer(folder, max_tokens)
        self._batch_size = batch_size
        self._query_prefix = query_prefix

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], unit vectors of row texts, read after the prefix."""
        return self._vectors(texts, self._query_prefix)

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], unit vectors of texts read as they are."""
        return self._vectors(texts, "")

    def _vectors(self, texts: Sequence[str], prefix: str) -> Floats:
        def run(unique: list[str]) -> Floats:
            # A prompt is always given, for a model may name a default one of its own.
            with quiet_offline():
                vectors = self._model.encode(
                    unique,
                    prompt=prefix,
                    batch_size=self._batch_size,
                    normalize_embeddings=True,
                    show_progress_bar=False,
                )
            return np.asarray(vectors, dtype=np.float32)

        if not texts:
            return run([""])[:0]
        return once_each(texts, run)


def load_sentence_transformer(folder: Path, max_tokens: int) -> Any:
    """Load a SentenceTransformer, from the folder and nowhere else.

    A plain encoder, without modules.json, gets mean pooling. Packed weights become float32.

    Args:
        folder: of the model.
        max_tokens: longer texts are cut to this, or to what the model takes.

    Raises:
        ModelError: it can't load.
    """
    require("torch", "sentence_transformers", by="backend sentence-transformers")
    with unpacked(folder) as whole, quiet_offline(), one_line_error(folder):
        _refuse_foreign_modules(whole)
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(whole), local_files_only=True).float()
        model.max_seq_length = min(model.max_seq_length or max_tokens, max_tokens)
    return model


def _refuse_foreign_modules(folder: Path) -> None:
    """Make sure that a model is built of sentence-transformers' own classes.

    Raises:
        ValueError: its modules.json is none, or names another library's class, which would be
            imported and called.
    """
    path = folder / "modules.json"
    if not path.is_file():
        return
    modules = json.loads(path.read_text("utf-8"))
    for module in modules if isinstance(modules, list) else [None]:
        kind = module.get("type") if isinstance(module, dict) else None
        if not isinstance(kind, str) or not kind.startswith("sentence_transformers."):
            raise ValueError(f"modules.json names {shown(kind)}, which is none of its classes")


class OnnxEncoder:
    """A text encoder that onnxruntime runs, on the CPU.

    Where the folder's weights are known (see `folder_graph`), texts run with others of as many
    tokens, so none is padded, and company moves no more than the last bits of a vector. Any other
    model.onnx runs as it is, texts singly (see `OnnxModel`), and a vector is that of [CLS].
    """

    def __init__(
        self, folder: Path, *, batch_size: int, max_tokens: int, query_prefix: str
    ) -> None:
        """Load the model.

        Raises:
            ModelError: the folder holds none, or an encoder that pools otherwise.
        """
        self._query_prefix = query_prefix
        self._batch_size = batch_size
        if is_weights_alone(folder):
            require_files(folder, *BERT_FILES)
        with one_line_error(folder):
            graph = folder_graph(folder)
        self._is_pooled = graph is not None
        if self._is_pooled:
            self._model = OnnxModel(folder, max_tokens, graph.SerializeToString())
            return
        self._model = OnnxModel(folder, max_tokens)
        with one_line_error(folder):
            way = pooling_of(folder)
        if way != "cls_token":
            raise ModelError(
                f"{folder / '1_Pooling' / 'config.json'} asks for other pooling than [CLS], which"
                " backend onnx does not do for a model.onnx that is no BERT; give this encoder the"
                " backend sentence-transformers"
            )
        if self._model.run([""])[0].ndim != 2:
            raise ModelError(
                f"{folder / 'model.onnx'} gives no vector a token, an encoder does; name an encoder"
            )

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], unit vectors of row texts, read after the prefix."""
        return self._vectors([self._query_prefix + text for text in texts])

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], unit vectors of texts read as they are."""
        return self._vectors(texts)

    def _vectors(self, texts: Sequence[str]) -> Floats:
        def run(unique: list[str]) -> Floats:
            if self._is_pooled:
                return self._model.run_alike(unique, self._batch_size)
            vectors = np.stack([states[0] for states in self._model.run(unique)])
            return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

        if not texts:
            return run([""])[:0]
        return once_each(texts, run)


class OnnxModel:
    """A tokenizer and a graph, run one item at a time by `run`, one thread an item.

    Dynamic int8 quantisation takes its scale from the whole batch, padding included: batches of 32
    move an ms-marco logit by up to 0.9, more than the standard deviation of the logits. Singly, an
    item's result depends on the item alone, and single-threaded runs side by side are as fast.
    """

    def __init__(self, folder: Path, max_tokens: int, graph: bytes | None = None) -> None:
        """Load the model.

        Args:
            folder: with a tokenizer.
            max_tokens: longer items are cut to this, or to what the model takes.
            graph: that is run; None for the folder's model.onnx.

        Raises:
            ModelError: a file is missing or can't be used.
        """
        asked = ["model.onnx"] if graph is None else []
        if not has_tokenizer(folder):
            asked.append("tokenizer.json")
        require_files(folder, *asked)
        require("onnxruntime", "tokenizers", by="backend onnx")
        with one_line_error(folder):
            import onnxruntime

            self._tokenizer = whole_text_tokenizer(folder)
            self._tokenizer.enable_truncation(min(max_tokens, longest_input(folder)))
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            options.log_severity_level = 4  # only what is fatal; the rest comes as exceptions
            self._session: Any = onnxruntime.InferenceSession(
                graph or str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
        self._inputs: list[str] = [asked.name for asked in self._session.get_inputs()]
        strange = set(self._inputs) - {"input_ids", "attention_mask", "token_type_ids"}
        if strange:
            raise ModelError(
                f"{folder / 'model.onnx'} asks for {', '.join(sorted(strange))};"
                " labelmend runs models of token ids, mask and type ids"
            )

    def run(self, items: Sequence[str] | Sequence[tuple[str, str]]) -> list[Floats]:
        """Return the model's first output for each text or pair, without the batch dimension."""
        with ThreadPoolExecutor(usable_cores()) as pool:
            return list(pool.map(self._run_one, items))

    def run_alike(self, texts: Sequence[str], batch_size: int) -> Floats:
        """Return the model's first output for each text, [len(texts), ...]; none is padded.

        Args:
            texts: at least one.
            batch_size: texts that run together at most, all of as many tokens.
        """
        encodings = self._tokenizer.encode_batch([_utf8(text) for text in texts])
        alike: dict[int, list[int]] = {}
        for at, encoding in enumerate(encodings):
            alike.setdefault(len(encoding.ids), []).append(at)
        batches = []
        for tokens, places in sorted(alike.items()):
            size = max(1, min(batch_size, _TOKENS_AT_ONCE // tokens))
            batches += [places[start : start + size] for start in range(0, len(places), size)]
        parts = [[encodings[i] for i in places] for places in batches]
        if len(parts) == 1:
            found = [self._run(parts[0])]
        else:
            with ThreadPoolExecutor(usable_cores()) as pool:
                found = list(pool.map(self._run, parts))
        order = np.argsort(np.concatenate(batches))
        return np.concatenate(found)[order]

    def _run_one(self, item: str | tuple[str, str]) -> Floats:
        parts = [_utf8(part) for part in ((item,) if isinstance(item, str) else item)]
        output: Floats = self._run([self._tokenizer.encode(*parts)])[0]
        return output

    def _run(self, encodings: Sequence[Any]) -> Floats:
        """Return the first output for items of as many tokens, with the batch dimension."""
        columns = {
            "input_ids": [encoding.ids for encoding in encodings],
            "attention_mask": [encoding.attention_mask for encoding in encodings],
            "token_type_ids": [encoding.type_ids for encoding in encodings],
        }
        feed = {name: np.array(columns[name], dtype=np.int64) for name in self._inputs}
        return np.asarray(self._session.run(None, feed)[0], dtype=np.float32)


def _utf8(text: str) -> str:
    """Return a text that is UTF-8: one that was cut in the middle of a surrogate pair is none."""
    return text.encode("utf-8", "replace").decode()


_TOKENS_AT_ONCE = 2048
"""Of a batch at most: 64 texts of a sentence or two, or 8 of 256 tokens. Longer ones take the same
time a token however many there are, and memory by the square."""


def load_encoder(config: EncoderConfig, folder: Path) -> Encoder:
    """Load the encoder that `config` names from `folder`; it reads long texts in windows.

    Raises:
        ModelError: the folder holds no model of the configured backend.
    """
    encoder: Encoder
    if config.backend == "onnx":
        longest = most_tokens(folder, config)
        encoder = OnnxEncoder(
            folder,
            batch_size=config.batch_size,
            max_tokens=longest,
            query_prefix=config.query_prefix,
        )
    else:
        encoder = SentenceTransformerEncoder(
            folder,
            batch_size=config.batch_size,
            max_tokens=config.max_tokens,
            query_prefix=config.query_prefix,
        )
    return WindowedEncoder(encoder, Windows(folder, config), config.query_prefix)


def once_each(items: Sequence[Item], run: Callable[[list[Item]], Floats]) -> Floats:
    """Return what `run` says of each item, in the items' order.

    `run` sees each distinct item once, sorted: batches, and with them the last bits of a float,
    do not depend on the order of the items, and equal items get equal results.
    """
    unique = sorted(set(items))
    place = {item: at for at, item in enumerate(unique)}
    results = run(unique)
    found: Floats = results[[place[item] for item in items]]
    return found


def require_files(folder: Path, *names: str) -> None:
    """Check that a model folder holds the files that a backend reads.

    Raises:
        ModelMissingError: there is no such folder.
        ModelError: a file is missing from it.
    """
    if not folder.is_dir():
        raise ModelMissingError(
            f"no model folder at {folder}; see `labelmend models list` for what is here"
        )
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            f"{folder} is not a model for this backend: it has no {' and no '.join(missing)};"
            " name another folder or another backend"
        )


@contextlib.contextmanager
def one_line_error(folder: Path) -> Iterator[None]:
    """Turn whatever a library raises while it reads `folder` into one line.

    Raises:
        ModelError: in place of the library's error.
        LabelmendError: one of our own, as it is.
    """
    try:
        yield
    except LabelmendError:
        raise
    except Exception as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(
            f"can't load the model in {folder}: {said[0]}; check it with `labelmend models check`"
        ) from error


@contextlib.contextmanager
def quiet_offline() -> Iterator[None]:
    """Keep model libraries off the network and off stderr; put their settings back after."""
    require("huggingface_hub", "transformers")
    from huggingface_hub import constants
    from transformers.utils import logging as transformers_logging

    loggers = [logging.getLogger(name) for name in _NOISY_LOGGERS]
    levels = [logger.level for logger in loggers]
    bars = transformers_logging.is_progress_bar_enabled()
    offline = constants.HF_HUB_OFFLINE
    try:
        # The environment variable is read at import, which may have been long ago.
        constants.HF_HUB_OFFLINE = True
        transformers_logging.disable_progress_bar()
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        constants.HF_HUB_OFFLINE = offline
        if bars:
            transformers_logging.enable_progress_bar()
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
