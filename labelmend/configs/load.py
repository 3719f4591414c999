"""Loads profiles: YAML into frozen dataclasses. An unknown key fails and names the nearest."""

import dataclasses
import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from labelmend.configs.schema import Config, SourceConfig
from labelmend.errors import ConfigError, nearest

PROFILES = ("embedded", "quality", "multilingual", "sirius")

MOST_OPTIONS = 26
"""Labels that a choice ballot has letters for."""

_LEAST_BATCH = 256
"""Tokens that llama.cpp reads at a time: with few, its attention adds up in another way."""

_MOST_THREADS = 512
"""With more, llama.cpp ends the process."""

_LONGEST_TIMEOUT = 86_400
"""Seconds; a socket can't wait for ever."""

_EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")
"""YAML 1.1 reads 1e-6 as text, since it has no point."""


def load_config(profile: str = "embedded", overrides: Iterable[str] = ()) -> Config:
    """Load a profile by name, or a YAML file by path, and apply `key=value` overrides.

    Args:
        profile: one of `PROFILES`, or the path of a YAML file that extends one.
        overrides: such as `retrieval.candidates=30` or `voters.0.candidates=8`; the value is YAML.

    Raises:
        ConfigError: the profile is unknown, or a key or value is.
    """
    tree = _profile_tree(profile, ())
    for override in overrides:
        _apply(tree, override)
    config: Config = _build(Config, tree, where=profile, key="")
    _check_ranges(config)
    return config


def config_to_dict(config: Config) -> dict[str, Any]:
    """Return the resolved configuration as plain JSON values."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return plain


def load_yaml(text: str, where: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """Parse YAML.

    Raises:
        ConfigError: it is not YAML; the message names the line.
    """
    try:
        return yaml.load(text, loader)  # noqa: S506 - a safe one
    except (yaml.YAMLError, ValueError) as error:  # the latter for such as month 13
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "can't be parsed"
        raise ConfigError(f"{where}{line}: not valid YAML: {problem}; mend the file") from None


def _profile_tree(profile: str, seen: tuple[str, ...]) -> dict[str, Any]:
    if profile in seen:
        raise ConfigError(f"{profile}: extends itself through {' -> '.join(seen)}")
    if profile in PROFILES:
        text = resources.files("labelmend.configs").joinpath(f"{profile}.yaml").read_text("utf-8")
    else:
        text = _read_profile_file(profile)
    tree = load_yaml(text, profile)
    if not isinstance(tree, dict):
        raise ConfigError(f"{profile}: a profile is a mapping of keys, not {type(tree).__name__}")
    base = tree.pop("extends", None)
    if base is None and profile not in PROFILES:
        base = "embedded"
    if base is None:
        return tree
    if Path(str(base)).suffix:  # a file, beside the one that names it
        base = os.path.normpath(Path(profile).parent / str(base))
    return _merge(_profile_tree(str(base), (*seen, profile)), tree)


def _read_profile_file(profile: str) -> str:
    path = Path(profile)
    if not path.suffix and not path.exists():
        known = ", ".join(PROFILES)
        raise ConfigError(
            f"unknown profile {profile!r}{nearest(profile, PROFILES)}: "
            f"use one of {known}, or the path of a YAML file"
        )
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(f"{profile}: can't read this profile: {reason}; check the path") from None


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _merge(old, value)
        else:
            merged[key] = value
    return merged


def _apply(tree: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise ConfigError(
            f"--set {override}: write it as key=value, such as decision.max_harm=0.01"
        )
    node: Any = tree
    *parents, last = key.split(".")
    for part in parents:
        node = _child(node, part, key)
    _child(node, last, key)
    node[int(last) if isinstance(node, list) else last] = load_yaml(text, f"--set {key}")


def _child(node: Any, part: str, key: str) -> Any:
    if isinstance(node, list):
        if part.isdecimal() and int(part) < len(node):
            return node[int(part)]
        raise ConfigError(f"--set {key}: {part!r} is no place in a list of {len(node)}")
    if not isinstance(node, dict) or part not in node:
        known = list(node) if isinstance(node, dict) else []
        raise ConfigError(f"--set {key}: unknown key {part!r}{nearest(part, known)}")
    return node[part]


def _build(kind: Any, value: Any, where: str, key: str) -> Any:
    """Turn plain YAML values into the annotated type, or say which key is wrong."""
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, value, where, key)
    origin, args = get_origin(kind), get_args(kind)
    if kind == Mapping[str, Any]:
        return {} if value is None else value
    if kind == Mapping[str, SourceConfig]:
        listed = {n: v for n, v in value.items() if v is not None}
        whole = {n: {"weight": 0.0, "speaks": True, "options": {}, **v} for n, v in listed.items()}
        return {n: _build(SourceConfig, v, where, f"{key}.{n}") for n, v in whole.items()}
    if origin is UnionType:  # of one type and None
        (kind,) = (arg for arg in args if arg is not NoneType)
        return None if value is None else _build(kind, value, where, key)
    if origin is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{where}: {key}: expected a list, got {value!r}")
        return tuple(_build(args[0], v, where, f"{key}.{i}") for i, v in enumerate(value))
    if origin is Literal:
        if value not in args:
            choices = ", ".join(map(str, args))
            raise ConfigError(
                f"{where}: {key}: {value!r} is not one of {choices}{nearest(str(value), args)}"
            )
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is float and isinstance(value, str) and _EXPONENT.fullmatch(value):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{where}: {key}: expected {kind.__name__}, got {value!r}")
    return value


def _build_dataclass(kind: Any, value: Any, where: str, key: str) -> Any:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: {key or 'the top'}: expected a mapping, got {value!r}")
    hints = get_type_hints(kind)
    prefix = f"{key}." if key else ""
    for name in value:
        if name not in hints:
            raise ConfigError(
                f"{where}: unknown key {prefix}{name}{nearest(str(name), hints)}; "
                f"known here: {', '.join(hints)}"
            )
    for name, hint in hints.items():
        if (
            name not in value and get_origin(hint) is not UnionType
        ):  # what may be null may be left out
            raise ConfigError(f"{where}: {prefix}{name} is missing")
    return kind(**{n: _build(t, value.get(n), where, f"{prefix}{n}") for n, t in hints.items()})


def _check_ranges(config: Config) -> None:
    """Refuse what makes no sense before any work starts."""
    if not config.encoders:
        raise ConfigError("encoders is empty: name at least one sentence encoder")
    shares = {
        "decision.max_harm": config.decision.max_harm,
        "decision.max_row_harm": config.decision.max_row_harm,
        "decision.min_confidence": config.decision.min_confidence,
        "decision.review_below": config.decision.review_below,
        "fusion.oos_threshold": config.fusion.oos_threshold,
        "routing.llm_share": config.routing.llm_share,
        "routing.cut_below": config.routing.cut_below,
        "classify.max_in_scope_loss": config.classify.max_in_scope_loss,
        "classify.lightgbm.feature_share": config.classify.lightgbm.feature_share,
        "classify.lightgbm.row_share": config.classify.lightgbm.row_share,
        "tune.warmup": config.tune.warmup,
        "tune.held_out": config.tune.held_out,
        "tune.held_out_confidence": config.tune.held_out_confidence,
        "classify.finetune.held_out": config.classify.finetune.held_out,
        "classify.finetune.warmup": config.classify.finetune.warmup,
        "classify.finetune.balance": config.classify.finetune.balance,
        "classify.finetune.lora.dropout": config.classify.finetune.lora.dropout,
    }
    for key, share in shares.items():
        if not 0 <= share <= 1:
            raise ConfigError(f"{key} is {share}: give a share from 0 to 1")
    least: dict[str, tuple[float, float]] = {
        "data.max_text_chars": (config.data.max_text_chars, 1),
        "retrieval.candidates": (config.retrieval.candidates, 3),
        "retrieval.neighbours": (config.retrieval.neighbours, 1),
        "retrieval.rank_constant": (config.retrieval.rank_constant, 0),
        "retrieval.tail_samples": (config.retrieval.tail_samples, 1),
        "retrieval.block_rows": (config.retrieval.block_rows, 1),
        "reranker.candidates": (config.reranker.candidates, 1),
        "reranker.batch_size": (config.reranker.batch_size, 1),
        "reranker.max_tokens": (config.reranker.max_tokens, 8),
        "reranker.max_rows": (config.reranker.max_rows, -1),
        "describe.examples": (config.describe.examples, 1),
        "describe.exemplars": (config.describe.exemplars, 0),
        "describe.max_tokens": (config.describe.max_tokens, 1),
        "describe.context_tokens": (config.describe.context_tokens, 1),
        "describe.threads": (config.describe.threads, 0),
        "describe.gpu_layers": (config.describe.gpu_layers, -1),
        "fusion.rounds": (config.fusion.rounds, 1),
        "fusion.weight_penalty": (config.fusion.weight_penalty, 0),
        "fusion.routed_weight_penalty": (config.fusion.routed_weight_penalty, 0),
        "fusion.max_iterations": (config.fusion.max_iterations, 1),
        "routing.settled": (config.routing.settled, 0),
        "routing.audit_rows": (config.routing.audit_rows, 0),
        "routing.llm_rows": (config.routing.llm_rows, -1),
        "routing.llm_minutes": (config.routing.llm_minutes, 0),
        "classify.folds": (config.classify.folds, 2),
        "classify.components": (config.classify.components, 1),
        "classify.neighbours": (config.classify.neighbours, 1),
        "classify.reference_texts": (config.classify.reference_texts, 1),
        "classify.batch_rows": (config.classify.batch_rows, 1),
        "classify.lightgbm.components": (config.classify.lightgbm.components, 1),
        "classify.lightgbm.rounds": (config.classify.lightgbm.rounds, 1),
        "classify.lightgbm.learning_rate": (config.classify.lightgbm.learning_rate, 1e-6),
        "classify.lightgbm.leaves": (config.classify.lightgbm.leaves, 2),
        "classify.lightgbm.least_rows": (config.classify.lightgbm.least_rows, 1),
        "classify.lightgbm.penalty": (config.classify.lightgbm.penalty, 0),
        "tune.epochs": (config.tune.epochs, 1),
        "tune.batch_texts": (config.tune.batch_texts, 2),
        "tune.layers": (config.tune.layers, 1),
        "tune.learning_rate": (config.tune.learning_rate, 0),
        "tune.scale": (config.tune.scale, 0),
        "tune.negatives": (config.tune.negatives, 0),
        "tune.partner_weight": (config.tune.partner_weight, 0),
        "tune.checkpoint_steps": (config.tune.checkpoint_steps, 1),
        "classify.finetune.lora.rank": (config.classify.finetune.lora.rank, 1),
        "classify.finetune.lora.alpha": (config.classify.finetune.lora.alpha, 0),
        "classify.finetune.lora.learning_rate": (config.classify.finetune.lora.learning_rate, 0),
        "classify.finetune.max_tokens": (config.classify.finetune.max_tokens, 8),
        "classify.finetune.epochs": (config.classify.finetune.epochs, 1),
        "classify.finetune.batch_size": (config.classify.finetune.batch_size, 1),
        "classify.finetune.learning_rate": (config.classify.finetune.learning_rate, 0),
        "classify.finetune.weight_decay": (config.classify.finetune.weight_decay, 0),
        "classify.finetune.held_out": (config.classify.finetune.held_out, 0.01),
        "classify.finetune.evaluations": (config.classify.finetune.evaluations, 1),
        "classify.finetune.patience": (config.classify.finetune.patience, 1),
        "seed": (config.seed, 0),
    }
    for kind in ("logreg", "linear_svm"):
        linear = getattr(config.classify, kind)
        strength = (linear.inverse_regularization, 1e-6)
        least[f"classify.{kind}.inverse_regularization"] = strength
        least[f"classify.{kind}.max_iterations"] = (linear.max_iterations, 1)
    for i, encoder in enumerate(config.encoders):
        least[f"encoders.{i}.batch_size"] = (encoder.batch_size, 1)
        least[f"encoders.{i}.max_tokens"] = (encoder.max_tokens, 8)
        least[f"encoders.{i}.cache_gib"] = (encoder.cache_gib, 0)
    for i, voter in enumerate(config.voters):
        least[f"voters.{i}.candidates"] = (voter.candidates, 2)
        least[f"voters.{i}.exemplars"] = (voter.exemplars, 0)
        least[f"voters.{i}.permutations"] = (voter.permutations, 1)
        least[f"voters.{i}.context_tokens"] = (voter.context_tokens, 1)
        least[f"voters.{i}.batch_tokens"] = (voter.batch_tokens, _LEAST_BATCH)
        least[f"voters.{i}.threads"] = (voter.threads, 0)
        least[f"voters.{i}.gpu_layers"] = (voter.gpu_layers, -1)
        if voter.server is not None:
            at = f"voters.{i}.server"
            least[f"{at}.requests"] = (voter.server.requests, 1)
            least[f"{at}.per_minute"] = (voter.server.per_minute, 0)
            least[f"{at}.timeout_s"] = (voter.server.timeout_s, 0.1)
            least[f"{at}.retries"] = (voter.server.retries, 0)
            least[f"{at}.top_logprobs"] = (voter.server.top_logprobs, 1)
    for key, (number, bound) in least.items():
        if not number >= bound:  # NaN too
            raise ConfigError(f"{key} is {number}: give at least {bound}")
        if number == math.inf:
            raise ConfigError(f"{key} is {number}: give a finite number")
    most: dict[str, tuple[float, int]] = {
        "describe.threads": (config.describe.threads, _MOST_THREADS)
    }
    for i, voter in enumerate(config.voters):
        most[f"voters.{i}.threads"] = (voter.threads, _MOST_THREADS)
        if voter.server is not None:
            most[f"voters.{i}.server.timeout_s"] = (voter.server.timeout_s, _LONGEST_TIMEOUT)
    for key, (number, bound) in most.items():
        if number > bound:
            raise ConfigError(f"{key} is {number}: give at most {bound}")
    for i, voter in enumerate(config.voters):
        if voter.ballot == "choice" and voter.candidates > MOST_OPTIONS:
            raise ConfigError(
                f"voters.{i}.candidates is {voter.candidates}: a choice ballot has a letter for "
                f"{MOST_OPTIONS} at most"
            )
