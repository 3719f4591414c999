"""Model folders of classifiers of one label a text; `labelmend.classify.folder` has the format."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmend.classify.calibrate import OosDetector
from labelmend.classify.classifier import Classifier, Nearness
from labelmend.classify.folder import (
    ARRAYS,
    ENCODER,
    FORMAT,
    HEAD,
    RETRAIN,
    SINGLE,
    Contents,
    checked_body,
    encoder_records,
    encoders_of,
    in_words,
    mean_arrays,
    mean_axes,
    means_of,
    readable,
    write_folder,
)
from labelmend.classify.format_1 import ARRAYS_OF_FORMAT_1, SHARPNESS, scorer_of_format_1
from labelmend.classify.heads.base import makes_encoder
from labelmend.classify.heads.registry import find_head, kinds
from labelmend.classify.model_card import check_card
from labelmend.classify.scorer import Scorer
from labelmend.configs.schema import EncoderConfig
from labelmend.errors import ModelError
from labelmend.types import Doubles
from labelmend.version import __version__
from labelmend.weights.array_file import read_arrays
from labelmend.weights.signature import TrustedKey


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
    classifier, detector = model.classifier, model.classifier.detector
    arrays: dict[str, npt.NDArray[Any]] = {
        "references": classifier.nearness.references,
        "detector_centre": detector.centre,
        "detector_weights": detector.weights,
        **mean_arrays(model.means),
    }
    fields = {
        "format": FORMAT,
        "labelmend": __version__,
        "kind": classifier.kind,
        "labels": list(classifier.labels),
        "oos_label": None if classifier.oos is None else classifier.labels[classifier.oos],
        "encoders": encoder_records(model),
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
    }
    head = classifier.scorer.save
    write_folder(folder, Contents(arrays, fields, readme, model.own_encoder, head))


def load_model(folder: Path, trusted: TrustedKey | None = None) -> SavedModel:
    """Read a model folder, after its files were held to their hashes.

    Args:
        folder: of the model.
        trusted: the key that has to have signed its card, which has the hashes of all else; None
            where anybody's will do.

    Raises:
        ModelMissingError: there is none.
        ModelHashError: a file is missing or was changed.
        ModelError: it is of another version or task, holds a pickle, or can't be read.
    """
    body = checked_body(folder, trusted)
    _require_single(body, folder)
    with readable(folder):
        check_card(body)
        axes = {"references": 2, "detector_centre": 1, "detector_weights": 1}
        axes |= mean_axes(len(body["encoders"]))
        if body["format"] != FORMAT:
            axes |= ARRAYS_OF_FORMAT_1[body["kind"] == "lightgbm"]
        model = _model_of(folder, body, read_arrays(folder / ARRAYS, axes))
        _check_sizes(model)
    return model


def _require_single(body: Mapping[str, Any], folder: Path) -> None:
    task = body.get("task", SINGLE)
    if task != SINGLE:
        raise ModelError(
            f"{folder}: is a model of {in_words(str(task))}, and this needs one label a text; give "
            "a model that was trained on one label a row"
        )


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


def _model_of(
    folder: Path, body: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]
) -> SavedModel:
    labels = tuple(body["labels"])
    oos = body["oos_label"]
    kind, detector = body["kind"], body["detector"]
    if kind not in kinds():
        raise ModelError(
            f"{folder}: its kind of classifier, {kind!r}, is not installed here; install the "
            f"package that has it, or {RETRAIN}"
        )
    head = find_head(kind)
    scorer: Scorer
    if body["format"] == FORMAT:
        scorer, temperature = head.load(folder / HEAD), body["inverse_temperature"]
    else:
        scorer, temperature = scorer_of_format_1(folder, kind, arrays), body[SHARPNESS]
    encoders, digests = encoders_of(body["encoders"])
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
        means=means_of(arrays, len(encoders)),
        encoders=encoders,
        encoder_digests=digests,
        max_text_chars=int(body["max_text_chars"]),
        card=body,
        own_encoder=folder / ENCODER if makes_encoder(head) else None,
    )


def _bound(threshold: float) -> float | str:
    """Return a threshold as JSON has it, which knows no infinity."""
    return threshold if np.isfinite(threshold) else str(threshold)
