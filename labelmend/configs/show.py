"""A configuration as lines of YAML that say where each value comes from, and what it means."""

from collections.abc import Iterator
from typing import Any

import yaml

from labelmend.configs.fields import Path, Setting, setting_at
from labelmend.configs.load import Resolved, config_to_dict, place_of
from labelmend.configs.schema import Config

_WIDEST = 56
"""Columns before a comment; that of a longer line follows it at once."""

Line = tuple[str, str]
"""YAML, and the comment to put behind it."""


def shown(resolved: Resolved, key: str | None = None) -> list[str]:
    """Return lines of YAML: all settings, or what a key names, with what it means.

    Args:
        resolved: the settings.
        key: dotted, as `--set` takes it; None for all of them.

    Raises:
        ConfigError: there is no such key.
    """
    tree = config_to_dict(resolved.config)
    if key is None:
        lines: list[Line] = [(f"# {' extends '.join(resolved.chain)}", "")]
        for name, value in tree.items():
            lines += _lines(resolved, (name,), name, value, told=False)
    else:
        path, parent = place_of(tree, key, "config show")
        lines = list(_lines(resolved, path, key, parent[path[-1]], told=True))
    width = max(
        (len(text) for text, comment in lines if comment and len(text) <= _WIDEST), default=0
    )
    return [f"{text:<{width}}  # {comment}" if comment else text for text, comment in lines]


def _lines(resolved: Resolved, path: Path, label: str, value: Any, *, told: bool) -> Iterator[Line]:
    """Yield the lines of one value, or of a section with all that is in it."""
    setting = setting_at(Config, path)
    if told and isinstance(path[-1], str) and setting:
        yield f"# {setting.sentence}{_range(setting, value)}", ""
    if isinstance(value, dict) and value:
        yield f"{label}:", ""
        for name, inner in value.items():
            for text, comment in _lines(resolved, (*path, name), name, inner, told=told):
                yield f"  {text}", comment
    elif isinstance(value, list) and setting and setting.section and value:
        yield f"{label}:", ""
        for place, item in enumerate(value):
            inside = _lines(resolved, (*path, place), "-", item, told=told)
            yield from _as_item(list(inside))
    else:
        yield f"{label}: {_flow(value)}", resolved.origin(path)


def _range(setting: Setting, value: Any) -> str:
    """Return what a plain value may be, and its default where it differs."""
    if setting.section:
        return ""
    default = _flow(list(setting.default) if setting.is_list else setting.default)
    differs = not setting.is_required and default != _flow(value)
    return f" ({setting.values}{f'; default {default}' if differs else ''})"


def _flow(value: Any) -> str:
    """Return a plain value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True)
    return text.removesuffix("...\n").strip()


def _as_item(lines: list[Line]) -> Iterator[Line]:
    """Turn the lines of a section, the first of which is its label, into an item of a list."""
    first = next(i for i, (text, _) in enumerate(lines[1:], 1) if not text.lstrip().startswith("#"))
    for i, (text, comment) in enumerate(lines[1:], 1):
        yield f"  {'- ' if i == first else '  '}{text[2:]}", comment
