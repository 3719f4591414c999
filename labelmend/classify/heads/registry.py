"""Finds the kinds of classifiers, ours and those of other packages."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from labelmend.errors import ConfigError, nearest

if TYPE_CHECKING:  # the command line's help names the kinds, and must not load them
    from labelmend.classify.heads.base import Head

GROUP = "labelmend.classifiers"


def kinds() -> tuple[str, ...]:
    """Return the names of all kinds that are installed, sorted."""
    return tuple(sorted(entry_points(group=GROUP).names))


def find_head(kind: str) -> "Head":
    """Return a kind of classifier.

    Raises:
        ConfigError: there is none of that name, or its package is broken.
    """
    found = tuple(entry_points(group=GROUP, name=kind))
    if not found:
        known = kinds()
        if not known:
            raise ConfigError(
                f"no kind of classifier is registered under {GROUP!r}: labelmend runs without its "
                "package's metadata; install it again: pip install -e ."
            )
        raise ConfigError(
            f"unknown kind of classifier {kind!r}{nearest(kind, known)}: use {', '.join(known)}"
        )
    if len(found) > 1:
        raise ConfigError(
            f"several packages have a kind of classifier {kind!r}: "
            f"{', '.join(sorted(map(_package, found)))}; uninstall all but one"
        )
    return _load(found[0])


@cache
def _load(entry: EntryPoint) -> "Head":
    from labelmend.classify.heads.base import Head

    try:
        head = entry.load()()
    except (ImportError, AttributeError, TypeError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(
            f"kind of classifier {entry.name!r}: {_package(entry)} has no working {entry.value} "
            f"({said}); update that package, or uninstall it"
        ) from None
    if not isinstance(head, Head) or head.name != entry.name:
        raise ConfigError(
            f"kind of classifier {entry.name!r}: {entry.value} of {_package(entry)} is no Head "
            "of that name (labelmend.classify.heads.base); update that package, or uninstall it"
        )
    return head


def _package(entry: EntryPoint) -> str:
    return "a package" if entry.dist is None else entry.dist.name
