"""Turns what pydantic says of a wrong value into one line: key, value, and what is allowed."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from labelmend.configs.fields import Path, dotted, section_at, setting_at, settings_of
from labelmend.errors import nearest, shown

_EXPECTED = {
    "int_type": "int",
    "float_type": "float",
    "string_type": "str",
    "bool_type": "bool",
    "tuple_type": "a list",
    "dataclass_type": "a mapping",
    "dict_type": "a mapping",
}
_UNKNOWN = "unexpected_keyword_argument"


def problem(error: ValidationError, root: type) -> tuple[Path, str]:
    """Return where the first wrong value stands, and one line that begins with its key.

    A key that nobody knows goes before all else: where one is misspelt, another is missing.

    Args:
        error: what pydantic found.
        root: the section that was to be made.
    """
    found = sorted(error.errors(include_url=False), key=lambda one: one["type"] != _UNKNOWN)[0]
    path: Path = found["loc"]
    return path, _line(root, path, found)


def unknown_key(section: type | None, key: str) -> str:
    """Return what to say after a key that a section doesn't have: its new name, or the nearest."""
    if section is None:
        return ""
    now = getattr(section, "FORMER", {}).get(key)
    return f": it is called {now!r} now" if now else nearest(key, settings_of(section))


def _line(root: type, path: Path, found: Mapping[str, Any]) -> str:
    key, kind, value = dotted(path), str(found["type"]), shown(found["input"])
    if kind == _UNKNOWN:
        section = section_at(root, path[:-1])
        known = ", ".join(settings_of(section)) if section else ""
        return f"unknown key {key}{unknown_key(section, str(path[-1]))}; known here: {known}"
    if kind.startswith("missing"):
        return f"{key} is missing"
    if kind == "value_error":  # a check of our own, which names the setting
        return f"{key}{'.' if key else ''}{found['ctx']['error']}"
    if kind == "too_short":
        return f"{key} is empty: give at least {found['ctx']['min_length']}"
    if kind == "dataclass_exact_type":  # in Python only, and that section says it itself
        return f"expected {found['ctx']['class_name']}, got {value}"
    if kind in _EXPECTED:
        return f"{key}: expected {_EXPECTED[kind]}, got {value}"
    setting = setting_at(root, path)
    allowed = setting.allowed if setting else ""
    if kind == "literal_error" and setting:
        choices = allowed.removeprefix("one of ").split(", ")
        return f"{key}: {value} is not {allowed}{nearest(str(found['input']), choices)}"
    if kind == "finite_number":
        allowed = "a finite number"
    return f"{key} is {value}: give {allowed or found['msg']}"
