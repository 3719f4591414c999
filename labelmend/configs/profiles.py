"""Reads profiles: YAML files, each of which may extend another."""

import os
from importlib import resources
from pathlib import Path
from typing import Any

from labelmend.configs.plain_yaml import MOST_CHARACTERS, plain_yaml
from labelmend.errors import ConfigError, nearest
from labelmend.regular_file import read_regular

PROFILES = ("embedded", "multilingual", "quality", "multilingual-quality", "sirius")

ENGLISH = "embedded"
MULTILINGUAL = "multilingual"

AUTO = "auto"
"""Stands for one of these two, by the language of a table: see `labelmend/workflows/profile.py`."""

_LONGEST_CHAIN = 20
"""Profiles that extend each other; nobody has needed more than three."""


def layers_of(profile: str, seen: tuple[str, ...] = ()) -> list[tuple[str, dict[str, Any]]]:
    """Return a profile and those that it extends, each by its name and with what it says.

    Args:
        profile: one of `PROFILES`, or the path of a YAML file.
        seen: the profiles that led to this one.

    Raises:
        ConfigError: it is unknown, no profile, or extends itself.
    """
    if profile == AUTO:
        raise ConfigError(
            f"profile {AUTO} is chosen by the language of a table, where a command reads one; "
            f"name {ENGLISH} or {MULTILINGUAL} here"
        )
    if profile in seen:
        raise ConfigError(f"{profile}: extends itself through {' -> '.join(seen)}")
    if len(seen) == _LONGEST_CHAIN:
        raise ConfigError(f"{seen[0]}: more than {_LONGEST_CHAIN} profiles extend each other")
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
    if not path.suffix and not os.path.lexists(path):
        known = ", ".join((*PROFILES, AUTO))
        raise ConfigError(
            f"unknown profile {profile!r}{nearest(profile, (*PROFILES, AUTO))}: "
            f"use one of {known}, or the path of a YAML file"
        )
    try:
        return read_regular(path, MOST_CHARACTERS).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(f"{profile}: can't read this profile: {reason}; check the path") from None
