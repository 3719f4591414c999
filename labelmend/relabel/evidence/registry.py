"""Which sources there are, and which of them a profile switches on."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from labelmend.configs.problems import problem
from labelmend.configs.schema import Config, SourceConfig
from labelmend.configs.schema.base import LOADING
from labelmend.errors import ConfigError, nearest
from labelmend.plugins import PluginGroup
from labelmend.relabel.evidence.base import (
    Corpus,
    EvidenceSource,
    Need,
    Opened,
    Phase,
    Proposer,
    Resources,
)

GROUP = "labelmend.evidence"

_TEXTS: frozenset[Need] = frozenset(("texts",))


_SOURCES = PluginGroup(GROUP, "source of evidence")


def known_sources() -> tuple[str, ...]:
    """Return the names of the sources that are installed, sorted."""
    return _SOURCES.names()


@cache
def source_class(name: str) -> Callable[..., EvidenceSource]:
    """Return what makes a source, usually its class.

    Raises:
        ConfigError: none is installed under that name, or it can't be imported.
    """
    loaded: Callable[..., EvidenceSource] = _SOURCES.load(name)
    return loaded


def check_sources(config: Config) -> None:
    """Find out before any work whether all sources of a profile can be made.

    Raises:
        ConfigError: one is not installed, or does not take its options.
    """
    for name, listed in config.evidence.items():
        if not listed.enabled:
            continue
        _checked(name, source_class(name), listed.options)


def open_sources(
    listed: Mapping[str, SourceConfig],
    corpus: Corpus,
    resources: Resources,
    phases: tuple[Phase, ...],
) -> tuple[Opened, ...]:
    """Make the sources of some phases, in the order of the profile.

    Those that need what the corpus lacks are passed over: where features are all that is known,
    nothing can be said of words.

    Args:
        listed: the profile's sources, by name.
        corpus: the texts.
        resources: models and settings, for sources that need more than the corpus.
        phases: of the sources that are wanted.

    Raises:
        ConfigError: one is not installed, or does not take its options.
    """
    opened: list[Opened] = []
    for name, entry in listed.items():
        if not entry.enabled:
            continue
        make = source_class(name)
        if getattr(make, "phase", None) not in (None, *phases):
            continue
        if not getattr(make, "needs", _TEXTS) <= corpus.has:
            continue
        made = _made(name, make, entry.options, corpus, resources)
        opened += [Opened(s, entry.weight, entry.speaks) for s in made if s.phase in phases]
    return tuple(opened)


def proposers(opened: Sequence[Opened]) -> list[tuple[Proposer, float]]:
    """Return the sources that name candidates, with their weights."""
    return [(o.source, o.weight) for o in opened if o.weight and isinstance(o.source, Proposer)]


def _made(
    name: str,
    make: Callable[..., EvidenceSource],
    options: Mapping[str, Any],
    corpus: Corpus,
    resources: Resources,
) -> Sequence[EvidenceSource]:
    taken = _checked(name, make, options)
    if hasattr(make, "for_run"):
        made: Sequence[EvidenceSource] = make.for_run(corpus, resources, **taken)
        return made
    return [make(**taken)]


def _checked(name: str, make: Any, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the keywords that a source is made with.

    Raises:
        ConfigError: it does not take an option, or lacks one.
    """
    schema = getattr(make, "Options", None)
    if schema is not None:
        try:
            made = TypeAdapter(schema).validate_json(json.dumps(options), context=LOADING)
        except ValidationError as error:
            _, line = problem(error, schema)
            raise ConfigError(f"evidence.{name}.options: {line}") from None
        return {"options": made}
    parameters = inspect.signature(getattr(make, "for_run", make)).parameters
    takes = [p for p in parameters if p not in {"self", "corpus", "resources"}]
    unknown = sorted(options.keys() - set(takes))
    if unknown:
        offered = f"; it takes {', '.join(takes)}" if takes else "; it takes none"
        raise ConfigError(
            f"evidence.{name}: no option {unknown[0]!r}{nearest(unknown[0], takes)}{offered}"
        )
    missing = [
        p for p in takes if parameters[p].default is inspect.Parameter.empty and p not in options
    ]
    if missing:
        raise ConfigError(f"evidence.{name}: option {missing[0]!r} is missing; give it a value")
    return options
