"""Opening models: their export, or as `predict` runs them; each is asked once before it is used."""

import json
from collections.abc import MutableMapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import numpy as np

from labelmend.classify.any_model import AnyModel
from labelmend.classify.folder import CARD, locate_encoders
from labelmend.classify.model_folder import SavedModel
from labelmend.classify.several.model_folder import SavedSets
from labelmend.classify.soft.model_folder import SoftModel
from labelmend.onnx.onnx_folder import CLASSIFIER, OnnxEncoders, OnnxGraph
from labelmend.onnx.open_export import open_export
from labelmend.retrieval.encode import load_encoder
from labelmend.retrieval.space import TextSpace
from labelmend.serve.models.engines import Engine, OnnxEngine, PlainEngine
from labelmend.serve.models.kept import kept_texts
from labelmend.serve.models.loaded import AnyLoaded, Loaded, LoadedSets, LoadedSoft
from labelmend.serve.models.readers import (
    Labelled,
    read_sets,
    read_soft,
    said,
    said_sets,
    said_soft,
)
from labelmend.serve.models.scored import Scored, SetsScored, SoftScored
from labelmend.weights.hashing import sha256_of

_Warmed = TypeVar("_Warmed", bound=AnyLoaded)

VERSION_DIGITS = 16
"""Of a card's sha256 that are a model's version: 64 bits tell all models apart that anybody has."""

_WARMING = ("a text", "another text that is somewhat longer than the first one")
"""What a model is asked before anybody waits for it."""

_open: MutableMapping[str, OnnxEncoders] = WeakValueDictionary()
"""Encoders that are open, by what tells them apart: models side by side share them, and so does a
model with the one whose place it takes."""


def version_of(folder: Path) -> str:
    """Return the version of the model in a folder.

    Raises:
        OSError: its card can't be read.
    """
    return sha256_of(folder / CARD, trust_cache=False)[:VERSION_DIGITS]


def open_onnx(model: AnyModel, folder: Path, version: str, export: Path) -> AnyLoaded:
    """Open the export of a model, and warm it up.

    Args:
        model: as loaded.
        folder: of the model.
        version: of the model.
        export: folder of the export.

    Raises:
        ModelError: the export can't be used.
    """
    found = open_export(export)
    encoders = _open.get(found.space)
    if encoders is None:
        encoders = _open[found.space] = OnnxEncoders(export, found.encoders)
    graph = OnnxGraph(export / CLASSIFIER, threads=1)
    opened = partial(OnnxEngine, encoders, found.space, graph)
    if isinstance(model, SavedSets):
        return _loaded_sets(model, folder, version, opened(read_sets, model.means))
    if isinstance(model, SoftModel):
        return _loaded_soft(model, folder, version, opened(read_soft, model.means))
    return _loaded(model, folder, version, opened(Labelled(model.classifier.labels), model.means))


def open_plain(model: AnyModel, folder: Path, version: str) -> AnyLoaded:
    """Open a model as `labelmend predict` does, and warm it up; no text goes into a cache.

    Args:
        model: as loaded.
        folder: of the model.
        version: of the model.

    Raises:
        ModelError: an encoder is not on this machine, or is another one than at training.
    """
    located = locate_encoders(model, folder)
    openers = [
        partial(load_encoder, replace(encoder, cache=False), found.path)
        for encoder, found in zip(model.encoders, located, strict=True)
    ]
    facts = [
        [asdict(encoder) for encoder in model.encoders],
        list(model.encoder_digests),
        [mean.tolist() for mean in model.means],
    ]
    name = sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    opened = partial(PlainEngine, TextSpace(openers, model.means), name)
    if isinstance(model, SavedSets):
        return _loaded_sets(model, folder, version, opened(partial(said_sets, model.classifier)))
    if isinstance(model, SoftModel):
        return _loaded_soft(model, folder, version, opened(partial(said_soft, model.scorer)))
    return _loaded(model, folder, version, opened(partial(said, model.classifier)))


def _facts(model: AnyModel, folder: Path, version: str) -> dict[str, Any]:
    """Return what a loaded model of any task knows of itself."""
    return {
        "name": folder.name,
        "version": version,
        "encoders": tuple(encoder.model for encoder in model.encoders),
        "max_text_chars": model.max_text_chars,
        "since": datetime.now(UTC),
    }


def _loaded(model: SavedModel, folder: Path, version: str, engine: Engine[Scored]) -> Loaded:
    classifier = model.classifier
    return _warm(
        Loaded(
            kind=classifier.kind,
            labels=classifier.labels,
            oos_label=None if classifier.oos is None else classifier.labels[classifier.oos],
            engine=engine,
            kept=kept_texts(model.card, classifier.labels, classifier.nearness),
            **_facts(model, folder, version),
        )
    )


def _loaded_sets(
    model: SavedSets, folder: Path, version: str, engine: Engine[SetsScored]
) -> LoadedSets:
    return _warm(
        LoadedSets(
            kind=model.classifier.kind,
            labels=model.classifier.labels,
            oos_label=None,
            engine=engine,
            kept=None,
            **_facts(model, folder, version),
        )
    )


def _loaded_soft(
    model: SoftModel, folder: Path, version: str, engine: Engine[SoftScored]
) -> LoadedSoft:
    return _warm(
        LoadedSoft(
            kind=model.kind,
            labels=model.targets,
            oos_label=None,
            engine=engine,
            kept=None,
            **_facts(model, folder, version),
        )
    )


def _warm(loaded: _Warmed) -> _Warmed:
    loaded.predictions(loaded.engine.embed(_WARMING), np.empty(0, dtype=np.int64))
    return loaded
