"""What the schema says of each setting, for messages, `labelmend config` and the documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

Path = tuple[str | int, ...]
"""The keys from the top to a setting; numbers are places in lists."""


@dataclass(frozen=True)
class Setting:
    """One field of a section.

    Attributes:
        name: its key.
        sentence: what it is.
        kind: of its values, in words, such as "int" or "list of str".
        allowed: its range or choices in words; empty where any value of the kind will do.
        unit: that it counts in, or empty.
        default: as in Python; None where it has none, or where that is the default.
        is_required: it has no default.
        section: the class of what is below it, or None for a plain value.
        is_list: it holds any number of those.
        is_map: it holds any number of those, each under a name.
    """

    name: str
    sentence: str
    kind: str
    allowed: str
    unit: str
    default: Any
    is_required: bool
    section: type | None
    is_list: bool
    is_map: bool

    @property
    def values(self) -> str:
        """What it may be, in words, such as "texts, at least 1"."""
        if self.allowed.startswith(("one of", "a share")) and not self.is_list:
            return self.allowed
        return ", ".join(filter(None, (self.unit or self.kind, self.allowed)))


def settings_of(section: type) -> Mapping[str, Setting]:
    """Return the settings of a section by name, in the schema's order."""
    fields: Mapping[str, FieldInfo] = vars(section)["__pydantic_fields__"]
    return {name: _setting(name, field) for name, field in fields.items()}


def section_at(root: type, path: Sequence[str | int]) -> type | None:
    """Return the class of the section at a path, or None where none is."""
    return _walk(root, path)[1]


def setting_at(root: type, path: Sequence[str | int]) -> Setting | None:
    """Return the setting at a path, or None where none is; that of a list, for its items."""
    return _walk(root, path)[0]


def _walk(root: type, path: Sequence[str | int]) -> tuple[Setting | None, type | None]:
    """Return the setting that a path ends in, and the section that is there."""
    found: Setting | None = None
    section: type | None = root
    is_name = False
    for key in path:
        if isinstance(key, int) or is_name:  # a place in a list, or a name in a mapping
            is_name = False
            continue
        found = settings_of(section).get(key) if section else None
        section = found.section if found else None
        is_name = found is not None and found.is_map
    return found, section


def sentence_of(section: type) -> str:
    """Return what a section says of itself."""
    return " ".join((section.__doc__ or "").split())


def dotted(path: Sequence[str | int]) -> str:
    """Return a path as `--set` takes it."""
    return ".".join(map(str, path))


_NAMES = {int: "int", float: "float", str: "str", bool: "bool"}


def _setting(name: str, field: FieldInfo) -> Setting:
    kind, metadata = field.annotation, list(field.metadata)
    is_list, is_map = get_origin(kind) is tuple, get_origin(kind) is dict
    if is_list:
        kind, metadata = _bare(get_args(kind)[0], metadata)
    elif is_map:
        kind = get_args(kind)[1]
    if get_origin(kind) is UnionType:  # of a section and null
        (kind,) = (arg for arg in get_args(kind) if arg is not NoneType)
    section = kind if isinstance(kind, type) and is_dataclass(kind) else None
    extra = field.json_schema_extra
    unit = str(extra.get("unit", "")) if isinstance(extra, dict) else ""
    words = (
        "mapping"
        if section or is_map
        else _NAMES.get(kind, "str")
        if isinstance(kind, type)
        else "str"
    )
    if get_origin(kind) is Literal:
        allowed = "one of " + ", ".join(map(str, get_args(kind)))
    else:
        allowed = _range(metadata, unit)
    sentence = field.description or (sentence_of(section) if section else "")
    return Setting(
        name=name,
        sentence=" ".join(sentence.split()),
        kind=f"list of {words}" if is_list else words,
        allowed=allowed,
        unit="" if unit == "share" else unit,
        default=None if field.is_required() else field.get_default(call_default_factory=True),
        is_required=field.is_required(),
        section=section,
        is_list=is_list,
        is_map=is_map and section is not None,
    )


def _bare(item: Any, metadata: list[Any]) -> tuple[Any, list[Any]]:
    """Return the type in an `Annotated`, and its metadata after those of the list."""
    args = get_args(item)
    if not hasattr(item, "__metadata__"):
        return item, metadata
    own = [part for info in args[1:] for part in getattr(info, "metadata", [info])]
    return args[0], [*metadata, *own]


def _range(metadata: Sequence[Any], unit: str) -> str:
    least = next((part.ge for part in metadata if hasattr(part, "ge")), None)
    most = next((part.le for part in metadata if hasattr(part, "le")), None)
    if least is not None and most is not None:
        return f"{'a share ' if unit == 'share' else ''}from {least:g} to {most:g}"
    return "" if least is None else f"at least {least:g}"
