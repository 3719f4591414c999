"""Reads profiles: YAML files, each of which may extend another."""

import json
import os
import re
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from labelmend.errors import ConfigError, nearest

PROFILES = ("embedded", "quality", "multilingual", "sirius")


def layers_of(profile: str, seen: tuple[str, ...] = ()) -> list[tuple[str, dict[str, Any]]]:
    """Return a profile and those that it extends, each by its name and with what it says.

    Args:
        profile: one of `PROFILES`, or the path of a YAML file.
        seen: the profiles that led to this one.

    Raises:
        ConfigError: it is unknown, no profile, or extends itself.
    """
    if profile in seen:
        raise ConfigError(f"{profile}: extends itself through {' -> '.join(seen)}")
    if profile in PROFILES:
        text = resources.files("labelmend.configs").joinpath(f"{profile}.yaml").read_text("utf-8")
    else:
        text = _read_profile_file(profile)
    values = plain_yaml(text, profile)
    if not isinstance(values, dict):
        said = type(values).__name__
        raise ConfigError(f"{profile}: a profile is a mapping of keys, not {said}")
    base = values.pop("extends", None)
    if base is None and profile not in PROFILES:
        base = "embedded"
    if base is None:
        return [(profile, values)]
    if Path(str(base)).suffix:  # a file, beside the one that names it
        base = os.path.normpath(Path(profile).parent / str(base))
    return [(profile, values), *layers_of(str(base), (*seen, profile))]


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


def load_yaml(text: str, where: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """Parse YAML.

    Raises:
        ConfigError: it is not YAML; the message names the line.
    """
    try:
        return yaml.load(text, loader)  # noqa: S506 - a safe one
    except RecursionError:
        raise ConfigError(f"{where}: is nested too deeply; mend the file") from None
    except (yaml.YAMLError, ValueError) as error:  # the latter for such as month 13
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        said = getattr(error, "problem", None) or "can't be parsed"
        raise ConfigError(f"{where}{line}: not valid YAML: {said}; mend the file") from None


def plain_yaml(text: str, where: str) -> Any:
    """Parse YAML into what JSON can say; a date becomes its text.

    Raises:
        ConfigError: it is not YAML, or holds what JSON can't say.
    """
    value = load_yaml(text, where, _Loader)
    try:
        return json.loads(json.dumps(value, default=str, ensure_ascii=False).encode("utf-8"))
    except (TypeError, ValueError) as error:  # a date for a key, a list in itself, half a character
        raise ConfigError(f"{where}: holds what can't be a setting: {error}") from None


class _Loader(yaml.SafeLoader):
    """YAML that knows 1e-6 for a number, which YAML 1.1 takes for text for want of a point."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)
