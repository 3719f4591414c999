"""Model folders: everything that predicting needs, in formats that execute nothing.

A folder holds `model.json` (the model card and the hashes of all other files), `arrays.npz`
(numbers), `head/` (what the kind of classifier writes: skops for scikit-learn's, LightGBM's own
text), `encoder/` for a fine-tuned encoder (safetensors and its tokenizer), and `README.md` (the
card for people). No file is a pickle, and none that is one is ever opened as such.
"""

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from labelmend.classify.calibrate import OosDetector
from labelmend.classify.classifier import Classifier, Nearness
from labelmend.classify.format_1 import (
    ARRAYS_OF_FORMAT_1,
    BOOSTER,
    SHARPNESS,
    scorer_of_format_1,
)
from labelmend.classify.heads.base import makes_encoder
from labelmend.classify.heads.registry import find_head, kinds
from labelmend.classify.model_card import check_card, read_json
from labelmend.classify.scorer import Scorer
from labelmend.classify.space import ReadsEncoders
from labelmend.configs.schema import EncoderConfig
from labelmend.data.write import atomic_folder, check_output_folder
from labelmend.errors import ConfigError, ModelError, ModelHashError, ModelMissingError, shown
from labelmend.types import Doubles
from labelmend.version import __version__
from labelmend.weights.array_file import read_arrays
from labelmend.weights.hashing import sha256_of
from labelmend.weights.locate import LocatedModel, locate
from labelmend.weights.packages import require_encoders
from labelmend.weights.signature import TrustedKey

FORMAT = 2
"""Of the folder's layout; another number is another layout."""

_READ = (1, FORMAT)
"""Layouts that can be read."""

CARD = "model.json"
ARRAYS = "arrays.npz"
README = "README.md"
ENCODER = "encoder"
HEAD = "head"
_FILES = (CARD, ARRAYS, BOOSTER, README, ENCODER, HEAD)

_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".dill", ".cloudpickle")
_LONGEST_NAME = 255
"""Bytes of a file's name on the usual file systems."""

_RETRAIN = "train it again with `labelmend train-classifier`"


@dataclass(frozen=True)
class SavedModel:
    """A classifier, the space that it reads, and its card.

    Attributes:
        classifier: the classifier.
        means: of each encoder, what is taken away from its vectors (`TextSpace.means`).
        encoders: the encoders' settings.
        encoder_digests: sha256 of the weights of each.
        max_text_chars: longer texts are cut to this.
        card: the rest of what the model card says; plain JSON values.
        own_encoder: folder of the one encoder, where it was fine-tuned with the classifier.
    """

    classifier: Classifier
    means: tuple[Doubles, ...]
    encoders: tuple[EncoderConfig, ...]
    encoder_digests: tuple[str, ...]
    max_text_chars: int
    card: Mapping[str, Any]
    own_encoder: Path | None = None


def check_folder(
    folder: Path, known: Collection[str] = _FILES, whose: str = "a model", card: str = CARD
) -> None:
    """Find out before any work whether a model can be written there.

    Args:
        folder: its place.
        known: names of its files; a folder that holds nothing else, and its card, may be replaced.
        whose: files they are.
        card: without it the files are somebody else's.

    Raises:
        OutputError: it is a file, or a folder that holds something else than a model, or its own
            folder is missing.
    """
    check_output_folder(folder, whose, known, card)


def save_model(model: SavedModel, folder: Path, readme: str) -> None:
    """Write a model folder, whole or not at all; a model that stands there is replaced.

    Args:
        model: what to write.
        folder: its place, see `check_folder`.
        readme: the card for people, in Markdown.

    Raises:
        OutputError: it can't be written.
        ModelError: the classifier can't be written without a pickle.
    """
    check_folder(folder)
    classifier, detector = model.classifier, model.classifier.detector
    arrays: dict[str, npt.NDArray[Any]] = {
        "references": classifier.nearness.references,
        "detector_centre": detector.centre,
        "detector_weights": detector.weights,
        **{f"mean_{i}": mean for i, mean in enumerate(model.means)},
    }
    with atomic_folder(folder) as temporary:
        np.savez(temporary / ARRAYS, allow_pickle=False, **arrays)
        (temporary / HEAD).mkdir()
        classifier.scorer.save(temporary / HEAD)
        if model.own_encoder is not None:
            shutil.copytree(model.own_encoder, temporary / ENCODER)
        _refuse_pickles(temporary)
        (temporary / README).write_text(readme, "utf-8")
        body = {
            "format": FORMAT,
            "labelmend": __version__,
            "kind": classifier.kind,
            "labels": list(classifier.labels),
            "oos_label": None if classifier.oos is None else classifier.labels[classifier.oos],
            "encoders": [
                {**vars(encoder), "sha256": digest}
                for encoder, digest in zip(model.encoders, model.encoder_digests, strict=True)
            ],
            "max_text_chars": model.max_text_chars,
            "inverse_temperature": classifier.inverse_temperature,
            "neighbours": classifier.nearness.count,
            "detector": {
                "slope": detector.slope,
                "offset": detector.offset,
                "threshold": _bound(detector.threshold),
                "source": detector.source,
            },
            **model.card,
            "files": file_records(temporary),
        }
        write_card(temporary / CARD, body)


def file_records(folder: Path) -> dict[str, dict[str, Any]]:
    """Return size and sha256 of all files in a folder, by their paths in it."""
    return {
        path.relative_to(folder).as_posix(): {
            "sha256": sha256_of(path, trust_cache=False),
            "bytes": path.stat().st_size,
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_card(path: Path, body: Mapping[str, Any]) -> None:
    """Write a card as JSON, with a checksum of its own."""
    text = json.dumps({**body, "checksum": _checksum(body)}, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", "utf-8")


def load_model(folder: Path, trusted: TrustedKey | None = None) -> SavedModel:
    """Read a model folder, after its files were held to their hashes.

    Args:
        folder: of the model.
        trusted: the key that has to have signed its card, which has the hashes of all else; None
            where anybody's will do.

    Raises:
        ModelMissingError: there is none.
        ModelHashError: a file is missing or was changed.
        ModelError: it is of another version, holds a pickle, or can't be read.
    """
    body = checked_body(folder, trusted)
    _require_single(body, folder)
    try:
        check_card(body)
        axes = {"references": 2, "detector_centre": 1, "detector_weights": 1}
        axes |= {f"mean_{i}": 1 for i in range(len(body["encoders"]))}
        if body["format"] != FORMAT:
            axes |= ARRAYS_OF_FORMAT_1[body["kind"] == "lightgbm"]
        model = _model_of(folder, body, read_arrays(folder / ARRAYS, axes))
        _check_sizes(model)
    except (
        *(LookupError, TypeError, OSError, EOFError, ValueError, zipfile.BadZipFile),
        *(ArithmeticError, AttributeError, MemoryError, NotImplementedError, RecursionError),
        ConfigError,  # of an encoder
    ) as error:
        if "allow_pickle" in str(error):
            raise ModelError(
                f"{folder / ARRAYS}: holds a pickle, which could run any code; {_RETRAIN}"
            ) from None
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{folder}: this model can't be read ({said}); {_RETRAIN}") from None
    return model


def checked_body(folder: Path, trusted: TrustedKey | None = None) -> dict[str, Any]:
    """Read the card of a model of any task, and hold the folder's files to their hashes.

    Args:
        folder: of the model.
        trusted: the key that has to have signed the card; None where anybody's will do.

    Raises:
        ModelMissingError: there is none.
        ModelHashError: a file is missing or was changed.
        ModelError: it is of another version, or holds a pickle.
    """
    body = _checked_card(folder)
    if trusted is not None:
        trusted.check(folder / CARD)
    _check_files(folder, body["files"])
    return body


def task_of(folder: Path) -> object:
    """Return what the card in a folder says of its task; "single" where it says nothing.

    Nothing is checked, and nothing raised: whoever loads the model does that.
    """
    try:
        body = read_json(folder / CARD)
    except ModelError:
        return _SINGLE
    return _SINGLE if body is None else body.get("task", _SINGLE)


def _require_single(body: Mapping[str, Any], folder: Path) -> None:
    task = body.get("task", _SINGLE)
    if task != _SINGLE:
        words = {"soft": "soft targets", "several": "several labels a text"}.get(str(task))
        raise ModelError(
            f"{folder}: is a model of {words or shown(task)}, which only `labelmend predict` can "
            "use; give one that was trained on one label a row"
        )


_SINGLE = "single"
"""The task of models whose card names none."""


def _check_sizes(model: SavedModel) -> None:
    """See whether the parts fit each other: one text, nowhere in the space, is scored.

    Raises:
        ValueError: they don't; other errors, where the scorer is broken.
    """
    classifier = model.classifier
    width = classifier.nearness.references.shape[1]
    dimensions = sum(len(mean) for mean in model.means)
    if dimensions != width:
        raise ValueError(f"means of {dimensions} dimensions, and references of {width}")
    if not len(classifier.nearness.references):
        raise ValueError("no references")
    signs = 2 + (classifier.oos is not None)
    if {len(classifier.detector.centre), len(classifier.detector.weights)} != {signs}:
        raise ValueError(f"a detector that doesn't weigh {signs} signs")
    scores = classifier.scorer.scores(np.zeros((1, width), dtype=np.float32))
    if scores.shape != (1, len(classifier.labels)) or not np.isfinite(scores).all():
        raise ValueError(f"a classifier that doesn't score {len(classifier.labels)} labels")


def locate_encoders(model: ReadsEncoders, folder: Path) -> tuple[LocatedModel, ...]:
    """Find the encoders that a model was trained with.

    Args:
        model: as loaded.
        folder: what the message calls it.

    Raises:
        ModelError: one is not on this machine, or is another one than at training.
    """
    require_encoders(model.encoders, by=f"{folder}")
    found = []
    for encoder, digest in zip(model.encoders, model.encoder_digests, strict=True):
        located = locate(encoder.model if model.own_encoder is None else str(model.own_encoder))
        if located.digest != digest:
            raise ModelHashError(
                f"{folder}: was trained with {encoder.model} of sha256 {digest[:12]}, here it is "
                f"{located.digest[:12]}; {_RETRAIN}"
            )
        found.append(located)
    return tuple(found)


def _checked_card(folder: Path) -> dict[str, Any]:
    path = folder / CARD
    if not path.is_file():
        what = "no such folder" if not folder.is_dir() else f"holds no {CARD}, so it is no model"
        raise ModelMissingError(
            f"{folder}: {what}; give a folder that `labelmend train-classifier` wrote"
        )
    _refuse_pickles(folder)
    body = read_json(path)
    if body is None or not isinstance(body.get("format"), int):
        raise ModelError(f"{path}: is no model card; {_RETRAIN}")
    if body["format"] not in _READ or isinstance(body["format"], bool):
        raise ModelError(
            f"{folder}: this model is of format {shown(body['format'])} (labelmend "
            f"{shown(body.get('labelmend'))}), this labelmend {__version__} reads formats "
            f"{' and '.join(map(str, _READ))}; {_RETRAIN}, or use the labelmend that wrote it"
        )
    checksum = body.pop("checksum", None)
    if checksum != _checksum(body) or not isinstance(body.get("files"), dict):
        _changed(path)
    return body


def _check_files(folder: Path, files: Mapping[str, Any]) -> None:
    for name, facts in files.items():
        path = folder / name
        if not _is_inside(name) or not path.is_file():
            raise ModelHashError(f"{folder}: its file {shown(name)} is missing; {_RETRAIN}")
        if not isinstance(facts, dict) or "sha256" not in facts:
            raise ModelError(f"{folder / CARD}: has no hash of {shown(name)}; {_RETRAIN}")
        if name == README:  # the card for people may be written to; nothing reads it
            continue
        try:
            if path.stat().st_size != facts.get("bytes"):
                _changed(path)
            digest = sha256_of(path, trust_cache=False)
        except OSError as error:
            raise ModelError(f"{path}: can't be read ({error.strerror}); mend that") from None
        if digest != facts["sha256"]:
            _changed(path)
    if ARRAYS not in files:
        raise ModelHashError(f"{folder}: its file {ARRAYS} is missing; {_RETRAIN}")
    for path in sorted((folder / HEAD).rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            _changed(path)


def _is_inside(name: str) -> bool:
    """Tell whether a path stays in the folder: one of its files, or its head's or encoder's."""
    parts = PurePosixPath(name).parts
    known = len(parts) == 1 or parts[:1] in ((ENCODER,), (HEAD,))
    short = all(len(os.fsencode(part)) <= _LONGEST_NAME for part in parts)
    return name.isprintable() and "\\" not in name and known and ".." not in parts and short


def _changed(path: Path) -> NoReturn:
    raise ModelHashError(f"{path}: was changed since training; restore the file, or {_RETRAIN}")


def _model_of(
    folder: Path, body: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]
) -> SavedModel:
    labels = tuple(body["labels"])
    oos = body["oos_label"]
    kind, detector = body["kind"], body["detector"]
    if kind not in kinds():
        raise ModelError(
            f"{folder}: its kind of classifier, {kind!r}, is not installed here; install the "
            f"package that has it, or {_RETRAIN}"
        )
    head = find_head(kind)
    scorer: Scorer
    if body["format"] == FORMAT:
        scorer, temperature = head.load(folder / HEAD), body["inverse_temperature"]
    else:
        scorer, temperature = scorer_of_format_1(folder, kind, arrays), body[SHARPNESS]
    # Versions before cut long texts, and did not say so.
    encoders = [{"max_windows": 1, **encoder} for encoder in body["encoders"]]
    digests = tuple(encoder.pop("sha256") for encoder in encoders)
    threshold = detector["threshold"]
    return SavedModel(
        classifier=Classifier(
            kind=kind,
            labels=labels,
            oos=None if oos is None else labels.index(oos),
            scorer=scorer,
            inverse_temperature=float(temperature),
            nearness=Nearness(arrays["references"], int(body["neighbours"])),
            detector=OosDetector(
                centre=arrays["detector_centre"],
                weights=arrays["detector_weights"],
                slope=detector["slope"],
                offset=detector["offset"],
                threshold=float(threshold),
                source=detector["source"],
            ),
        ),
        means=tuple(arrays[f"mean_{i}"] for i in range(len(encoders))),
        encoders=tuple(EncoderConfig(**encoder) for encoder in encoders),
        encoder_digests=digests,
        max_text_chars=int(body["max_text_chars"]),
        card=body,
        own_encoder=folder / ENCODER if makes_encoder(head) else None,
    )


def _bound(threshold: float) -> float | str:
    """Return a threshold as JSON has it, which knows no infinity."""
    return threshold if np.isfinite(threshold) else str(threshold)


def _checksum(body: Mapping[str, Any]) -> str:
    plain = json.dumps(body, sort_keys=True, ensure_ascii=False).encode()
    return hashlib.sha256(plain).hexdigest()


def _refuse_pickles(folder: Path) -> None:
    pickles = sorted(path for path in folder.rglob("*") if _is_pickle(path))
    if pickles:
        raise ModelError(
            f"{pickles[0]}: is a pickle, which could run any code and is no part of a "
            "model; remove it"
        )


def _is_pickle(path: Path) -> bool:
    """Tell by name and by the first bytes: pickles of protocol 2 on begin with 0x80."""
    if path.suffix.lower() in _PICKLES:
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        first = file.read(2)
    return len(first) == len(b"\x80\x02") and first[0] == _PICKLE_OPCODE and first[1] <= _NEWEST


_PICKLE_OPCODE = 0x80
"""A pickle of protocol 2 or later begins with it, and its protocol follows."""

_NEWEST = 5
"""Protocol of pickles; Python has no later one."""
