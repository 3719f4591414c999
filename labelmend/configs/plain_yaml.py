"""YAML of strangers, parsed without their cost: no bombs, no endless nesting, no key said twice."""

import json
import re
from typing import Any

import yaml

from labelmend.errors import ConfigError

MOST_CHARACTERS = 8_000_000
"""A longer text is no settings or labels file; the parser takes a minute for so much."""

_DEEPEST = 60
"""Collections inside each other. Settings and label cards need six; each takes three of Python's
thousand calls."""

_MOST_NODES = 500_000
"""Values in all, those behind an alias counted each time: a label card has about ten."""

_MOST_DIGITS = 40
"""Characters of a whole number: the largest seed has 20."""


def load_yaml(text: str, where: str, loader: "type[SafeYaml] | None" = None) -> Any:
    """Parse YAML.

    Args:
        text: of the file.
        where: begins the message, should it be wrong.
        loader: how values are read; None as YAML 1.1 reads them.

    Raises:
        ConfigError: it is not YAML, or too much; the message names the line.
    """
    if len(text) > MOST_CHARACTERS:
        raise ConfigError(
            f"{where}: has {len(text):,} characters, more than the {MOST_CHARACTERS:,} that are "
            "read; make it shorter"
        )
    try:
        return yaml.load(text, loader or SafeYaml)  # noqa: S506 - a safe one
    except RecursionError:
        raise ConfigError(f"{where}: is nested too deeply; mend the file") from None
    except (yaml.YAMLError, ValueError) as error:  # the latter for such as month 13
        said = getattr(error, "problem", None) or "can't be parsed"
        raise ConfigError(
            f"{where}{_lines_of(error)}: not valid YAML: {said}; mend the file"
        ) from None


def _lines_of(error: Exception) -> str:
    """Return the line of an error; of a key that stands there twice, both."""
    mark, other = getattr(error, "problem_mark", None), None
    if mark is None:
        return ""
    if isinstance(error, _SaidTwiceError) and error.context_mark is not None:
        other = error.context_mark.line + 1
    return f", line {mark.line + 1}" if other is None else f", lines {other} and {mark.line + 1}"


def plain_yaml(text: str, where: str) -> Any:
    """Parse YAML into what JSON can say; a date becomes its text.

    Raises:
        ConfigError: it is not YAML, or holds what JSON can't say.
    """
    value = load_yaml(text, where, _Loader)
    try:
        return json.loads(json.dumps(value, default=str, ensure_ascii=False).encode("utf-8"))
    except (TypeError, ValueError) as error:  # a date for a key
        raise ConfigError(f"{where}: holds what can't be a setting: {error}") from None


class _SaidTwiceError(yaml.MarkedYAMLError):
    """A key stands there twice; the context is the first one."""


class SafeYaml(yaml.SafeLoader):
    """Composes YAML as PyYAML does, and stops where it would become too much."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._sizes: dict[int, int] = {}
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node and all below it."""
        mark: Any = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _problem(f"nested more than {_DEEPEST} deep", mark)
        is_alias = self.check_event(yaml.AliasEvent)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is None or id(node) in self._sizes:
            return node
        if is_alias:
            raise _problem("an alias stands inside what it names", mark)
        if isinstance(node, yaml.ScalarNode):
            _check_scalar(node)
        elif isinstance(node, yaml.MappingNode):
            _refuse_repeated(node)
        size = 1 + sum(self._sizes[id(child)] for child in _children(node))
        if size > _MOST_NODES:
            raise _problem(f"holds more than {_MOST_NODES:,} values, aliases counted out", mark)
        self._sizes[id(node)] = size
        return node


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _check_scalar(node: yaml.ScalarNode) -> None:
    """Join the halves of a character, as JSON writes emoji; one alone is no text."""
    if node.tag == "tag:yaml.org,2002:int" and len(node.value) > _MOST_DIGITS:
        raise _problem(f"a number of {len(node.value):,} characters", node.start_mark)
    if any("\ud800" <= c <= "\udfff" for c in node.value):
        try:
            node.value = node.value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise _problem("half a character (a lone surrogate)", node.start_mark) from None


def _refuse_repeated(node: yaml.MappingNode) -> None:
    seen: dict[tuple[str, str], yaml.Node] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            first = seen.setdefault((key.tag, key.value), key)
            if first is not key:
                raise _SaidTwiceError(
                    None,
                    first.start_mark,
                    f"the key {key.value!r} is there twice",
                    key.start_mark,
                )


def _problem(said: str, mark: yaml.Mark | None) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=said, problem_mark=mark)


class _Loader(SafeYaml):
    """YAML that knows 1e-6 for a number, which YAML 1.1 takes for text for want of a point."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)
