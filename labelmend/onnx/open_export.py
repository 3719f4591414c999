"""Opening an export that lies on a disk, after its files were held to their hashes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from labelmend.errors import ModelError
from labelmend.onnx.onnx_encoder import ExportedEncoder
from labelmend.onnx.onnx_folder import CARD, CLASSIFIER, encoder_folder
from labelmend.regular_file import parsed_json, read_regular
from labelmend.weights.hashing import sha256_of

_MOST_CARD_BYTES = 64 << 20
"""As of a model card: a hundred thousand labels take three MiB."""


@dataclass(frozen=True)
class Export:
    """An export that lies on a disk.

    Attributes:
        folder: its place.
        encoders: what is in it.
        model_sha256: of the card of the model that it was made of.
        space: tells its encoders from others: exports of the same one embed texts alike.
    """

    folder: Path
    encoders: tuple[ExportedEncoder, ...]
    model_sha256: str
    space: str


def open_export(folder: Path) -> Export:
    """Read the card of an export, and hold its files to the hashes there.

    Raises:
        ModelError: it is none, or a file is missing or was changed.
    """
    wrong = ModelError(f"{folder}: is no whole export; remove it, and export the model again")
    try:
        card = parsed_json(read_regular(folder / CARD, _MOST_CARD_BYTES).decode())
        names = [field.name for field in fields(ExportedEncoder)]
        encoders = tuple(
            ExportedEncoder(**{name: entry[name] for name in names}) for entry in card["encoders"]
        )
        files: Mapping[str, Any] = card["files"]
        digests = {name: str(facts["sha256"]) for name, facts in files.items()}
        model_sha256 = str(card["model"]["sha256"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise wrong from None
    asked = {CLASSIFIER, *(f"{encoder_folder(i)}/model.onnx" for i in range(len(encoders)))}
    if not asked <= digests.keys():
        raise wrong
    for name, digest in digests.items():
        path = folder / name
        try:
            is_whole = ".." not in Path(name).parts and sha256_of(path, trust_cache=False) == digest
        except (OSError, ValueError):
            is_whole = False
        if not is_whole:
            raise wrong
    of_encoders = {name: digest for name, digest in digests.items() if "/" in name}
    facts = [card["encoders"], sorted(of_encoders.items())]
    space = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return Export(folder, encoders, model_sha256, space)
