"""Which sources there are, and which of them a profile switches on."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from labelmend.configs.problems import problem
from labelmend.configs.schema import Config, SourceConfig
from labelmend.configs.schema.base import LOADING
from labelmend.errors import ConfigError, LabelmendError, nearest
from labelmend.plugins import PluginGroup
from labelmend.protocols import Searcher
from labelmend.relabel.evidence.base import (
    NEEDS,
    PHASES,
    Corpus,
    EvidenceSource,
    Need,
    Opened,
    Phase,
    Resources,
)
from labelmend.relabel.evidence.guard import Searching

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


def resolved_sources(config: Config) -> Config:
    """Check before any work that all sources of a profile can be made, and fill in their options.

    Raises:
        ConfigError: one is not installed, is no source, or does not take its options.
    """
    evidence = {}
    for name, entry in config.evidence.items():
        evidence[name] = entry
        if not entry.enabled:
            continue
        make = source_class(name)
        _check(name, make)
        options = _checked(name, make, entry.options)
        if _options_class(make) is not None:
            plain = json.loads(json.dumps(asdict(options["options"])))
            evidence[name] = replace(entry, options=plain)
    return replace(config, evidence=evidence)


def listens_to(config: Config, name: str) -> bool:
    """Tell whether a profile switches a source on."""
    return name in config.evidence and config.evidence[name].enabled


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
        if getattr(make, "phase", phases[0]) not in phases:
            continue
        if not frozenset(getattr(make, "needs", _TEXTS)) <= corpus.has:
            continue
        for source in _made(name, make, entry.options, corpus, resources):
            _check(name, source)
            if source.phase in phases:
                opened.append(Opened(source, entry.weight, entry.speaks))
    _check_distinct(opened)
    return tuple(opened)


def proposers(opened: Sequence[Opened], labels: int) -> list[tuple[Searching, float]]:
    """Return the sources that name candidates, with their weights.

    Args:
        opened: all of them.
        labels: of the label set.
    """
    return [
        (Searching(each.source, each.source.name, labels), each.weight)
        for each in opened
        if each.weight and isinstance(each.source, Searcher)
    ]


def _check(name: str, source: Any) -> None:
    """Refuse what is no source, or misspells what it says of itself.

    Args:
        name: of the entry point.
        source: its class, or what that has made.
    """
    phase = getattr(source, "phase", None if isinstance(source, type) else "")
    needs = getattr(source, "needs", _TEXTS)
    wrong = None
    if not callable(source) and not callable(getattr(source, "score", None)):
        wrong = "it is neither a class nor a source"
    elif phase is not None and phase not in PHASES:
        wrong = f"its phase is {phase!r}, and not one of {', '.join(PHASES)}"
    elif not isinstance(needs, set | frozenset) or not needs <= set(NEEDS):
        wrong = f"its needs are {needs!r}, and not a set of {', '.join(NEEDS)}"
    elif not isinstance(source, type) and not (
        isinstance(getattr(source, "name", None), str) and source.name
    ):
        wrong = "it has no name"
    if wrong is not None:
        raise ConfigError(f"evidence.{name}: {wrong}; mend its package, or set enabled: false")


def _check_distinct(opened: Sequence[Opened]) -> None:
    """Refuse two sources of one name: weights and explanations go by it."""
    seen: set[str] = set()
    for each in opened:
        if each.source.name in seen:
            raise ConfigError(
                f"evidence: two sources are called {each.source.name!r}; rename one of them, or "
                "switch it off with enabled: false"
            )
        seen.add(each.source.name)


def _made(
    name: str,
    make: Callable[..., EvidenceSource],
    options: Mapping[str, Any],
    corpus: Corpus,
    resources: Resources,
) -> Sequence[EvidenceSource]:
    taken = _checked(name, make, options)
    try:
        if hasattr(make, "for_run"):
            made: Sequence[EvidenceSource] = make.for_run(corpus, resources, **taken)
            return made
        return [make(**taken)]
    except LabelmendError:
        raise
    except Exception as error:
        raise ConfigError(
            f"evidence.{name}: can't be made ({type(error).__name__}: {error}); mend its package, "
            "or set enabled: false"
        ) from error


def _options_class(make: Any) -> Any:
    """Return a source's `Options`, or None."""
    return getattr(make, "Options", None)


def _checked(name: str, make: Any, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the keywords that a source is made with.

    Raises:
        ConfigError: it does not take an option, or lacks one.
    """
    schema = _options_class(make)
    if schema is not None:
        if not hasattr(schema, "__pydantic_fields__"):
            raise ConfigError(
                f"evidence.{name}: Options of {make} is none of pydantic's dataclasses; see "
                "docs/evidence.md"
            )
        try:
            made = TypeAdapter(schema).validate_json(json.dumps(options), context=LOADING)
        except ValidationError as error:
            _, line = problem(error, schema)
            raise ConfigError(f"evidence.{name}.options.{line}") from None
        return {"options": made}
    makes = getattr(make, "for_run", make)
    handed_over = 2 if hasattr(make, "for_run") else 0  # the corpus and the resources
    parameters = list(inspect.signature(makes).parameters.values())[handed_over:]
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    takes = [p.name for p in named]
    unknown = sorted(options.keys() - set(takes))
    if unknown and all(p.kind != p.VAR_KEYWORD for p in parameters):
        offered = f"; it takes {', '.join(takes)}" if takes else "; it takes none"
        raise ConfigError(
            f"evidence.{name}: no option {unknown[0]!r}{nearest(unknown[0], takes)}{offered}"
        )
    missing = [p.name for p in named if p.default is p.empty and p.name not in options]
    if missing:
        raise ConfigError(f"evidence.{name}: option {missing[0]!r} is missing; give it a value")
    return options
