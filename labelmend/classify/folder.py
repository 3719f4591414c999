"""Model folders of every task: what is on their cards, in their files, and what a bad one raises.

A folder holds `model.json` (the model card and the hashes of all other files), `arrays.npz`
(numbers), `head/` (what the kind of classifier writes: skops for scikit-learn's, LightGBM's own
text), `encoder/` for a fine-tuned encoder (safetensors and its tokenizer), and `README.md` (the
card for people). No file is a pickle, and none that is one is ever opened as such. What is in the
arrays and on the card, each task says for itself: `classify.model_folder`,
`classify.several.model_folder` and `classify.soft.model_folder`.
"""

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn, Protocol

import numpy as np
import numpy.typing as npt

from labelmend.classify.format_1 import BOOSTER
from labelmend.classify.model_card import read_json
from labelmend.classify.space import ReadsEncoders
from labelmend.configs.schema import EncoderConfig
from labelmend.data.write import atomic_folder, check_output_folder
from labelmend.errors import ConfigError, ModelError, ModelHashError, ModelMissingError, shown
from labelmend.types import Doubles
from labelmend.version import __version__
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

SINGLE, SEVERAL, SOFT = "single", "several", "soft"
"""Tasks: one label a text, several, and soft targets. A card that names none is of the first."""

IN_WORDS: Mapping[str, str] = {
    SINGLE: "one label a text",
    SEVERAL: "several labels a text",
    SOFT: "soft targets",
}
"""What messages call a task."""

RETRAIN = "train it again with `labelmend train-classifier`"
"""What to do about a folder that can't be used."""

_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".dill", ".cloudpickle")
_LONGEST_NAME = 255
"""Bytes of a file's name on the usual file systems."""


class SavedAny(ReadsEncoders, Protocol):
    """A model of any task, as far as the space that it reads and its card go."""

    @property
    def means(self) -> tuple[Doubles, ...]:
        """Of each encoder, what is taken away from its vectors (`TextSpace.means`)."""
        ...

    @property
    def max_text_chars(self) -> int:
        """Longer texts are cut to this."""
        ...

    @property
    def card(self) -> Mapping[str, Any]:
        """The rest of what the model card says; plain JSON values."""
        ...


@dataclass(frozen=True)
class Contents:
    """What a model folder is made of.

    Attributes:
        arrays: of `arrays.npz`, in their order.
        fields: of the card, in their order, but for `files` and the checksum.
        readme: the card for people, in Markdown.
        own_encoder: folder of the one encoder, where it was fine-tuned with the model.
        save_head: writes `head/`; None where there is none.
    """

    arrays: Mapping[str, npt.NDArray[Any]]
    fields: Mapping[str, Any]
    readme: str
    own_encoder: Path | None = None
    save_head: Callable[[Path], None] | None = None


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


def write_folder(folder: Path, contents: Contents) -> None:
    """Write a model folder, whole or not at all; a model that stands there is replaced.

    Args:
        folder: its place, see `check_folder`.
        contents: what it is made of.

    Raises:
        OutputError: it can't be written.
        ModelError: the head can't be written without a pickle.
    """
    check_folder(folder)
    with atomic_folder(folder) as temporary:
        np.savez(temporary / ARRAYS, allow_pickle=False, **dict(contents.arrays))
        if contents.save_head is not None:
            (temporary / HEAD).mkdir()
            contents.save_head(temporary / HEAD)
        if contents.own_encoder is not None:
            shutil.copytree(contents.own_encoder, temporary / ENCODER)
        _refuse_pickles(temporary)
        (temporary / README).write_text(contents.readme, "utf-8")
        write_card(temporary / CARD, {**contents.fields, "files": file_records(temporary)})


def encoder_records(model: ReadsEncoders) -> list[dict[str, Any]]:
    """Return the encoders' settings and digests as a card has them."""
    digests = zip(model.encoders, model.encoder_digests, strict=True)
    return [{**vars(encoder), "sha256": digest} for encoder, digest in digests]


def encoders_of(
    records: Sequence[Mapping[str, Any]],
) -> tuple[tuple[EncoderConfig, ...], tuple[str, ...]]:
    """Return the settings and the digests of a card's encoders.

    Raises:
        ConfigError: a setting is out of range.
        TypeError: there is no such setting.
    """
    # Versions before cut long texts, and did not say so.
    settings = [{"max_windows": 1, **record} for record in records]
    digests = tuple(record.pop("sha256") for record in settings)
    return tuple(EncoderConfig(**record) for record in settings), digests


def mean_arrays(means: Sequence[Doubles]) -> dict[str, npt.NDArray[Any]]:
    """Return what is taken away from the encoders' vectors, as `arrays.npz` has it."""
    return {f"mean_{i}": mean for i, mean in enumerate(means)}


def mean_axes(encoders: int) -> dict[str, int]:
    """Return how many axes each of `mean_arrays` has, for `read_arrays`."""
    return dict.fromkeys((f"mean_{i}" for i in range(encoders)), 1)


def means_of(arrays: Mapping[str, npt.NDArray[Any]], encoders: int) -> tuple[Doubles, ...]:
    """Return them again, of the arrays of a folder with so many encoders."""
    return tuple(arrays[f"mean_{i}"] for i in range(encoders))


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turn whatever a damaged or forged folder makes of its reader into one line.

    Raises:
        ModelError: it can't be read.
    """
    try:
        yield
    except (
        *(LookupError, TypeError, OSError, EOFError, ValueError, zipfile.BadZipFile),
        *(ArithmeticError, AttributeError, MemoryError, NotImplementedError, RecursionError),
        ConfigError,  # of an encoder
    ) as error:
        if "allow_pickle" in str(error):
            raise ModelError(
                f"{folder}: holds a pickle, which could run any code; {RETRAIN}"
            ) from None
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{folder}: this model can't be read ({said}); {RETRAIN}") from None


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


def task_of(folder: Path) -> str:
    """Return what the card in a folder says of its task; "single" where it says nothing.

    Nothing is checked, and nothing raised: whoever loads the model does that.
    """
    try:
        body = read_json(folder / CARD)
    except ModelError:
        return SINGLE
    return SINGLE if body is None else str(body.get("task", SINGLE))


def require_task(folder: Path, tasks: Collection[str], what: str) -> str:
    """Return the task of a model that is of one of some tasks.

    Args:
        folder: of the model.
        tasks: that will do.
        what: whoever asks for it, such as `labelmend bot`.

    Raises:
        ModelError: it is of another one.
    """
    task = task_of(folder)
    if task not in tasks:
        known = " or ".join(map(in_words, tasks))
        raise ModelError(
            f"{folder}: is a model of {in_words(task)}, which {what} can't use; give one of {known}"
        )
    return task


def in_words(task: str) -> str:
    """Return what messages call the task that a card names, whatever it is."""
    return IN_WORDS.get(task) or shown(task)


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
                f"{located.digest[:12]}; {RETRAIN}"
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
        raise ModelError(f"{path}: is no model card; {RETRAIN}")
    if body["format"] not in _READ or isinstance(body["format"], bool):
        raise ModelError(
            f"{folder}: this model is of format {shown(body['format'])} (labelmend "
            f"{shown(body.get('labelmend'))}), this labelmend {__version__} reads formats "
            f"{' and '.join(map(str, _READ))}; {RETRAIN}, or use the labelmend that wrote it"
        )
    checksum = body.pop("checksum", None)
    if checksum != _checksum(body) or not isinstance(body.get("files"), dict):
        _changed(path)
    return body


def _check_files(folder: Path, files: Mapping[str, Any]) -> None:
    for name, facts in files.items():
        path = folder / name
        if not _is_inside(name) or not path.is_file():
            raise ModelHashError(f"{folder}: its file {shown(name)} is missing; {RETRAIN}")
        if not isinstance(facts, dict) or "sha256" not in facts:
            raise ModelError(f"{folder / CARD}: has no hash of {shown(name)}; {RETRAIN}")
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
        raise ModelHashError(f"{folder}: its file {ARRAYS} is missing; {RETRAIN}")
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
    raise ModelHashError(f"{path}: was changed since training; restore the file, or {RETRAIN}")


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
