"""Finds the kinds of classifiers, ours and those of other packages."""

from functools import cache
from typing import TYPE_CHECKING

from labelmend.errors import ConfigError
from labelmend.plugins import PluginGroup

if TYPE_CHECKING:  # the command line's help names the kinds, and must not load them
    from labelmend.classify.heads.base import Head

GROUP = "labelmend.classifiers"
_KINDS = PluginGroup(GROUP, "kind of classifier")


def kinds() -> tuple[str, ...]:
    """Return the names of all kinds that are installed, sorted."""
    return _KINDS.names()


@cache
def find_head(kind: str) -> "Head":
    """Return a kind of classifier.

    Raises:
        ConfigError: there is none of that name, or its package is broken.
    """
    from labelmend.classify.heads.base import Head

    made = _KINDS.load(kind)
    try:
        head = made()
    except TypeError as error:
        raise ConfigError(
            f"{_KINDS.what} {kind!r}: can't be made ({error}); update its package, or uninstall it"
        ) from None
    if not isinstance(head, Head) or head.name != kind:
        raise ConfigError(
            f"{_KINDS.what} {kind!r}: {made} is no Head of that name "
            "(labelmend.classify.heads.base); update its package, or uninstall it"
        )
    return head
