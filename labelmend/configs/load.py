"""Loads configurations: lays profiles on each other, and keeps where each value comes from.

The defaults of the schema lie lowest, then the profile that no other extends, up to the one that
was asked for, and `--set` on top. A mapping is merged with the one below it, a list replaces it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from labelmend.configs import fields
from labelmend.configs.plain_yaml import plain_yaml
from labelmend.configs.problems import problem, unknown_key
from labelmend.configs.profiles import layers_of
from labelmend.configs.schema import Config
from labelmend.configs.schema.base import LOADING
from labelmend.errors import ConfigError, shown

SET = "--set"
DEFAULT = "default"


@dataclass(frozen=True)
class Resolved:
    """A configuration, and where its values come from.

    Attributes:
        config: what is to be used.
        chain: the profile that was asked for, the one it extends, and so on.
        origins: for the path of each value that is no default: the profile that says it, or `SET`.
    """

    config: Config
    chain: tuple[str, ...]
    origins: Mapping[fields.Path, str]

    def origin(self, path: fields.Path) -> str:
        """Return the profile that says a value, `SET` or `DEFAULT`."""
        return self.origins.get(path, DEFAULT)


def load_config(profile: str = "embedded", overrides: Iterable[str] = ()) -> Config:
    """Load a profile by name, or a YAML file by path, and apply `key=value` overrides.

    Args and Raises are those of `resolve`, which says where the values come from besides.
    """
    return resolve(profile, overrides).config


def resolve(profile: str = "embedded", overrides: Iterable[str] = ()) -> Resolved:
    """Load a profile and all that it extends, and apply `key=value` overrides.

    Args:
        profile: one of `PROFILES`, or the path of a YAML file that extends one.
        overrides: such as `retrieval.candidates=30` or `voters.0.candidates=8`; the value is YAML.

    Raises:
        ConfigError: the profile is unknown, or a key or value is.
    """
    layers = layers_of(profile)
    tree: dict[str, Any] = {}
    origins: dict[fields.Path, str] = {}
    for source, values in reversed(layers):
        _lay(tree, values, (), source, origins)
    config = _checked(tree, origins)
    given = list(overrides)
    if given:
        tree = config_to_dict(config)
        for override in given:
            _override(tree, override, origins)
        config = _checked(tree, origins)
    return Resolved(config, tuple(source for source, _ in layers), origins)


def config_to_dict(config: Config) -> dict[str, Any]:
    """Return the resolved configuration as plain JSON values."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return plain


_CONFIG = TypeAdapter(Config)


_MOST = 10**12
"""Of a whole number but the seed, which is no amount of anything: no machine has room for more."""


def _refuse_huge(tree: Mapping[str, Any], origins: Mapping[fields.Path, str]) -> None:
    for path in leaves({key: value for key, value in tree.items() if key != "seed"}):
        value: Any = tree
        for part in path:
            value = value[part]
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, int) and abs(item) > _MOST:
                source = _blamed(path, origins)
                key = fields.dotted(path)
                raise ConfigError(
                    f"{source}{'' if source == SET else ':'} {key} is {shown(item)}: give at most "
                    f"{_MOST:,}"
                )


def _checked(tree: Mapping[str, Any], origins: Mapping[fields.Path, str]) -> Config:
    _refuse_huge(tree, origins)
    try:
        # As JSON, in which a strict check still takes a mapping for a section.
        return _CONFIG.validate_json(json.dumps(tree), context=LOADING)
    except ValidationError as error:
        path, line = problem(error, Config)
        source = _blamed(path, origins)
        raise ConfigError(f"{source}{'' if source == SET else ':'} {line}") from None


def _blamed(path: fields.Path, origins: Mapping[fields.Path, str]) -> str:
    """Return who wrote what is wrong: the last to say anything nearest to that path."""
    for length in range(len(path), 0, -1):
        near = [source for key, source in origins.items() if key[:length] == path[:length]]
        if near:
            return near[-1]
    return list(origins.values())[-1]


def _lay(
    tree: dict[str, Any],
    values: Mapping[str, Any],
    path: fields.Path,
    source: str,
    origins: dict[fields.Path, str],
) -> None:
    """Put values on a tree, and write down who said them."""
    for key, value in values.items():
        below, here = tree.get(key), (*path, key)
        if isinstance(below, dict) and isinstance(value, dict):
            _lay(below, value, here, source, origins)
        else:
            tree[key] = value
            _own(here, value, source, origins)


def _own(path: fields.Path, value: Any, source: str, origins: dict[fields.Path, str]) -> None:
    for old in [key for key in origins if key[: len(path)] == path]:
        del origins[old]
    origins.update(dict.fromkeys(leaves(value, path), source))


def leaves(value: Any, path: fields.Path = ()) -> Iterator[fields.Path]:
    """Yield the paths of all plain values in a tree; a list of plain values is one."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for place, item in enumerate(value):
            yield from leaves(item, (*path, place))
    else:
        yield path


def _override(tree: dict[str, Any], override: str, origins: dict[fields.Path, str]) -> None:
    dotted, separator, text = override.partition("=")
    if not separator or not dotted:
        raise ConfigError(
            f"--set {override}: write it as key=value, such as decision.max_harm=0.01"
        )
    path, parent = place_of(tree, dotted, SET)
    value = plain_yaml(text, f"--set {dotted}")
    last = path[-1]
    if isinstance(last, str):
        _lay(parent, {last: value}, path[:-1], SET, origins)
    else:
        parent[last] = value
        _own(path, value, SET, origins)


def _is_known(path: fields.Path, name: str) -> bool:
    """Tell whether there is such a setting: an earlier override may have left it at its default."""
    section = fields.section_at(Config, path)
    return section is not None and name in fields.settings_of(section)


def _is_mapping(path: fields.Path) -> bool:
    setting = fields.setting_at(Config, path)
    return setting is not None and setting.kind == "mapping" and setting.section is None


def _takes_names(path: fields.Path, asker: str) -> bool:
    """Tell whether any name may be set below a path: a new source, or an option of one."""
    setting = fields.setting_at(Config, path)
    if asker != SET or setting is None or setting.kind != "mapping":
        return False
    return setting.section is None or (setting.is_map and path[-1] == setting.name)


def place_of(tree: dict[str, Any], key: str, asker: str) -> tuple[fields.Path, Any]:
    """Return the path that a dotted key names, and the mapping or list that its last part is in.

    Args:
        tree: all settings.
        key: such as `voters.0.candidates`.
        asker: begins the message, should there be no such key.

    Raises:
        ConfigError: there is none.
    """
    path: fields.Path = ()
    parent: Any = None
    node: Any = tree
    for part in key.split("."):
        parent = node
        if isinstance(parent, list):
            if not part.isdecimal() or int(part) >= len(parent):
                raise ConfigError(f"{asker} {key}: {part!r} is no place in a list of {len(parent)}")
            path = (*path, int(part))
        elif isinstance(parent, dict) and (part in parent or _is_known(path, part)):
            path = (*path, part)
            parent.setdefault(part, {} if _is_mapping(path) else None)
        elif isinstance(parent, dict) and _takes_names(path, asker):
            path = (*path, part)
            parent[part] = {}
        elif parent is None:
            raise ConfigError(f"{asker} {key}: {fields.dotted(path)} is null here; give all of it")
        else:
            said = unknown_key(fields.section_at(Config, path), part)
            raise ConfigError(f"{asker} {key}: unknown key {part!r}{said}")
        node = parent[path[-1]]
    return path, parent
