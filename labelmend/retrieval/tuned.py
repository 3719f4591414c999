"""Encoders of one's own in a profile's place, and what is known of those that labelmend tuned."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from labelmend.configs.schema import Config
from labelmend.data.duplicates import text_key
from labelmend.errors import ConfigError, ModelError
from labelmend.regular_file import parsed_json
from labelmend.retrieval.encoders.bert_graph import is_weights_alone, unlike_bert
from labelmend.retrieval.encoders.folder_graph import has_graph
from labelmend.voice.speak import note
from labelmend.weights.locate import LocatedModel, locate

CARD = "tuning.json"
"""In the folder of a tuned encoder: what it was made of."""

TRAINED_TEXTS = "trained_texts.npy"
"""Beside it: hashes of the texts that it was trained on."""

FORMAT = 1
"""Of the tuned folder's layout; another number is another layout."""


@dataclass(frozen=True)
class Tuning:
    """What a tuned encoder's folder says of it.

    Attributes:
        query_prefix: put before row texts in training.
        max_tokens: longer texts were cut.
        trained: uint64 [t], ascending, `text_hashes` of the texts that it was trained on.
    """

    query_prefix: str
    max_tokens: int
    trained: npt.NDArray[np.uint64]


def text_hashes(texts: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Return uint64 [t], ascending and distinct: texts that differ by case or space share one."""
    found = {
        int.from_bytes(hashlib.blake2b(text_key(text).encode(), digest_size=8).digest(), "big")
        for text in texts
    }
    return np.array(sorted(found), dtype=np.uint64)


def read_tuning(folder: Path) -> Tuning | None:
    """Return what `labelmend tune-embedder` wrote of an encoder; None if it did not write this.

    Raises:
        ModelError: its files can't be read.
    """
    if not (folder / CARD).is_file():
        return None
    try:
        card = parsed_json((folder / CARD).read_text("utf-8"))
        if card["format"] != FORMAT:
            raise ModelError(
                f"{folder}: was tuned by a labelmend that writes format {card['format']}, this one "
                f"reads {FORMAT}; tune it again"
            )
        return Tuning(
            query_prefix=str(card["encoder"]["query_prefix"]),
            max_tokens=int(card["encoder"]["max_tokens"]),
            trained=np.load(folder / TRAINED_TEXTS, allow_pickle=False),
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{folder}: its {CARD} can't be read ({said}); tune it again") from None


def with_embedder(config: Config, spec: str) -> Config:
    """Return a configuration in which one encoder stands for all those of the profile.

    It is set up as the profile's encoder of that name, else as its first one; a tuned one reads
    texts as in its training.

    Args:
        config: what runs besides.
        spec: a folder that sentence-transformers or `labelmend tune-embedder` wrote, or a name in
            models.yaml.

    Raises:
        ConfigError: it is no encoder.
        ModelError: it is not on this machine, or can't be used.
    """
    model = locate(spec)
    if model.kind not in {None, "encoder"}:
        raise ConfigError(f"--embedder {spec}: is a {model.kind}; name a sentence encoder")
    folder = model.path
    if not (folder / "modules.json").is_file() and not has_graph(folder):
        raise ConfigError(
            f"--embedder {spec}: holds no modules.json, so it is no sentence-transformers model; "
            "give a folder that sentence-transformers or `labelmend tune-embedder` wrote"
        )
    own = [encoder for encoder in config.encoders if encoder.model == spec]
    encoder = replace(
        (*own, *config.encoders)[0],
        backend=own[0].backend if own else _backend(model),
        # A model trained with it must find it from any folder.
        model=spec if model.kind else str(folder.resolve()),
    )
    tuning = read_tuning(folder)
    if tuning is not None:
        encoder = replace(encoder, query_prefix=tuning.query_prefix, max_tokens=tuning.max_tokens)
    tune = replace(config.tune, encoder="")
    return replace(config, encoders=(encoder,), tune=tune)


def _backend(model: LocatedModel) -> Literal["sentence-transformers", "onnx"]:
    """Return what runs a model: onnxruntime what has a graph, and BERTs that labelmend knows."""
    if not (model.path / "modules.json").is_file():
        return "onnx"
    if model.kind is None or not is_weights_alone(model.path):
        return "sentence-transformers"
    config = parsed_json((model.path / "config.json").read_text("utf-8"))
    return "sentence-transformers" if unlike_bert(config) else "onnx"


def notes_on_tuned(models: Sequence[LocatedModel], texts: Sequence[str]) -> tuple[str, ...]:
    """Return a note for each encoder that was tuned on some of the texts it is to judge.

    Evidence about such a text has seen its label, as it was when the encoder was tuned.

    Args:
        models: the encoders.
        texts: of the table.

    Raises:
        ModelError: what is known of one can't be read.
    """
    notes = []
    for model in models:
        tuning = read_tuning(model.path)
        if tuning is None:
            continue
        hashes = text_hashes(texts)
        seen = int(np.isin(hashes, tuning.trained).sum())
        if seen:
            notes.append(
                note(
                    "{model} was tuned on {seen:,} of these {texts:,} texts and their labels: what "
                    "it says of them is not out-of-fold, and figures on them flatter",
                    model=model.name,
                    seen=seen,
                    texts=len(hashes),
                )
            )
    return tuple(notes)
