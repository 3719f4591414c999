"""Finds models on this machine and holds them to their pins."""

import hashlib
import importlib.metadata
import importlib.util
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from labelmend.errors import ModelError, ModelHashError, ModelMissingError, nearest
from labelmend.extras import OPTIONAL, install_command
from labelmend.weights.hashing import sha256_of
from labelmend.weights.home import model_home, with_record
from labelmend.weights.registry import (
    Kind,
    ModelEntry,
    ModelFile,
    PypiSource,
    Registry,
    find_entry,
    load_registry,
)

State = Literal["here", "missing", "wrong hash", "other version"]
_MAGIC = b"GGUF"


@dataclass(frozen=True)
class LocatedModel:
    """A model on this machine, its hashes verified.

    Attributes:
        name: of models.yaml, or the user's path.
        kind: None for a user's folder, whose kind nobody said.
        path: the file of a gguf, the folder of any other model.
        digest: sha256 of the weights; of a user's folder, of all its files.
        size_bytes: of all files.
        source: where it comes from, in words.
    """

    name: str
    kind: Kind | None
    path: Path
    digest: str
    size_bytes: int
    source: str


@dataclass(frozen=True)
class ModelStatus:
    """How a known model stands on this machine.

    Attributes:
        name: of models.yaml.
        kind: what it does.
        source: where it comes from, in words.
        size_bytes: of all files, or None where one isn't known yet.
        licence: of the weights.
        note: one line on what it is.
        state: whether it can be used.
        problem: one line that says why not and what to do; empty if it is here.
    """

    name: str
    kind: Kind
    source: str
    size_bytes: int | None
    licence: str
    note: str
    state: State
    problem: str


class _OtherVersionError(ModelMissingError):
    """The package is installed in a version whose files aren't the pinned ones."""


def locate(
    name_or_path: str, *, trust_cache: bool = True, registry: Registry | None = None
) -> LocatedModel:
    """Find a model by its name in models.yaml, or by the path of a GGUF file or a folder.

    Args:
        name_or_path: a known name wins over a path; write `./name` for the path.
        trust_cache: False hashes every file, whatever is remembered of it.
        registry: the known models, models.yaml by default.

    Raises:
        ConfigError: it is neither a known name nor a path.
        ModelMissingError: it is not on this machine; the message says how to get it.
        ModelHashError: a file differs from the pinned one.
        ModelError: a user's file is no GGUF, or can't be read.
    """
    known = load_registry() if registry is None else registry
    if any(entry.name == name_or_path for entry in known):
        return _locate_entry(find_entry(name_or_path, known), trust_cache)
    try:
        path = Path(name_or_path).expanduser()
        if path.is_file():
            return _own_file(name_or_path, path, trust_cache)
        if path.is_dir():
            return _own_folder(name_or_path, path, trust_cache)
    except OSError as error:
        raise ModelError(f"{name_or_path}: can't read this model: {error.strerror}") from None
    except RuntimeError:  # there is no such user
        raise ModelMissingError(f"{name_or_path}: no such home folder; check the path") from None
    if len(path.parts) > 1 or path.suffix.casefold() == ".gguf":
        names = [entry.name for entry in known]
        hint = nearest(path.stem, names)
        raise ModelMissingError(f"{name_or_path}: no such file or folder{hint}; check the path")
    return _locate_entry(find_entry(name_or_path, known), trust_cache)


def inventory(
    *, trust_cache: bool = True, registry: Registry | None = None
) -> tuple[ModelStatus, ...]:
    """Return how every known model stands, in the order of models.yaml.

    Args:
        trust_cache: False hashes every file, whatever is remembered of it.
        registry: the known models, models.yaml by default.

    Raises:
        ModelError: the lock file can't be read.
    """
    known = load_registry() if registry is None else registry
    return tuple(_status(entry, trust_cache) for entry in known)


def is_gguf(path: Path) -> bool:
    """Return whether a file starts as GGUF files do.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def check_file(file: ModelFile, path: Path, where: str, remedy: str, *, trust_cache: bool) -> None:
    """Hold one file to its pin.

    Args:
        file: the pin.
        path: the file.
        where: model and file, as the message names them.
        remedy: what the message says to do.
        trust_cache: whether a remembered hash will do.

    Raises:
        ModelHashError: its size or hash differs.
        OSError: it can't be read.
    """
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        raise ModelHashError(f"{where} has {size} bytes, expected {file.size}; {remedy}")
    found = sha256_of(path, trust_cache=trust_cache)
    if found != file.sha256:
        expected = (file.sha256 or "none")[:12]
        raise ModelHashError(f"{where} has sha256 {found[:12]}, expected {expected}; {remedy}")


def _status(entry: ModelEntry, trust_cache: bool) -> ModelStatus:
    state: State = "here"
    problem = ""
    try:
        _locate_entry(entry, trust_cache)
    except _OtherVersionError as error:
        state, problem = "other version", str(error)
    except ModelMissingError as error:
        state, problem = "missing", str(error)
    except ModelHashError as error:
        state, problem = "wrong hash", str(error)
    full = with_record(entry)
    return ModelStatus(
        name=entry.name,
        kind=entry.kind,
        source=describe_source(entry),
        size_bytes=full.size_bytes,
        licence=entry.licence,
        note=entry.note,
        state=state,
        problem=problem,
    )


def describe_source(entry: ModelEntry) -> str:
    """Return where a model comes from, in words, and whether its pin was recorded on first use."""
    full = with_record(entry)
    if full != entry:
        return f"{full.source}, recorded on first use"
    return f"{full.source}"


def _locate_entry(entry: ModelEntry, trust_cache: bool) -> LocatedModel:
    full = with_record(entry)
    if isinstance(full.source, PypiSource):
        folder = _package_folder(full.name, full.source)
        get = _install_command(full.source)
        remedy = f"run: {get.replace('install', 'install --force-reinstall', 1)}"
    else:
        folder = model_home() / full.name
        get = f"labelmend models pull {full.name}"
        remedy = f"run: {get}"
    for file in full.files:
        path = folder / file.path
        if not path.is_file():
            raise ModelMissingError(f"{full.name}: {path} is not on this machine; run: {get}")
        if file.sha256 is None:
            raise ModelMissingError(
                f"{full.name}: nothing is recorded that {path} could be held to; run: {get}"
            )
        try:
            check_file(file, path, f"{full.name}: {path}", remedy, trust_cache=trust_cache)
        except OSError as error:
            reason = error.strerror
            raise ModelMissingError(
                f"{full.name}: can't read {path}: {reason}; run: {get}"
            ) from None
    sha256 = {file.path: file.sha256 or "" for file in full.files}
    return LocatedModel(
        name=full.name,
        kind=full.kind,
        path=folder / full.weights if full.kind == "gguf" else folder,
        digest=sha256[full.weights],
        size_bytes=full.size_bytes or 0,
        source=describe_source(entry),
    )


def _package_folder(name: str, source: PypiSource) -> Path:
    """Find a package's folder without importing it: it may drag anything in."""
    get = _install_command(source)
    spec = importlib.util.find_spec(source.module)
    if spec is None or not spec.submodule_search_locations:
        raise ModelMissingError(
            f"{name}: its package {source.package} is not installed; run: {get}"
        )
    try:
        version = importlib.metadata.version(source.package)
    except importlib.metadata.PackageNotFoundError:
        version = "of unknown version"
    if version != source.version:
        raise _OtherVersionError(
            f"{name}: {source.package} {version} is installed, {source.version} is pinned; "
            f"run: {get}"
        )
    return Path(next(iter(spec.submodule_search_locations))) / source.folder


def _install_command(source: PypiSource) -> str:
    if source.module in OPTIONAL:
        return install_command(source.module)
    return f"pip install {source.package}=={source.version}"


def _own_file(name: str, path: Path, trust_cache: bool) -> LocatedModel:
    if not is_gguf(path):
        raise ModelError(f"{name}: this is not a GGUF file; give a model in llama.cpp's format")
    digest = sha256_of(path, trust_cache=trust_cache)
    return LocatedModel(name, "gguf", path, digest, path.stat().st_size, "your file")


_MOST_FILES = 10_000
"""In a folder of a model, or it is none: a disk is not read through to its last file."""


def _own_folder(name: str, path: Path, trust_cache: bool) -> LocatedModel:
    found = list(itertools.islice(path.rglob("*"), _MOST_FILES + 1))
    if len(found) > _MOST_FILES:
        raise ModelError(
            f"{name}: holds more than {_MOST_FILES:,} files, so it is no model's folder"
        )
    files = sorted(
        file
        for file in found
        if file.is_file() and not any(p.startswith(".") for p in file.relative_to(path).parts)
    )
    if not files:
        raise ModelMissingError(f"{name}: this folder holds no model files; check the path")
    digest = hashlib.sha256()
    for file in files:
        sha256 = sha256_of(file, trust_cache=trust_cache)
        digest.update(f"{file.relative_to(path).as_posix()}\0{sha256}\n".encode())
    size = sum(file.stat().st_size for file in files)
    return LocatedModel(name, None, path, digest.hexdigest(), size, "your folder")
