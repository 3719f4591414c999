"""What packages bring, others and our own: found by entry points, loaded when it is asked for."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from labelmend.errors import ConfigError, nearest


@dataclass(frozen=True)
class PluginGroup:
    """One group of entry points.

    Attributes:
        group: its name in a package's metadata.
        what: a member is called in messages, such as "kind of classifier".
    """

    group: str
    what: str

    def names(self) -> tuple[str, ...]:
        """Return the names of all members that are installed, sorted; nothing is imported."""
        return tuple(sorted(entry_points(group=self.group).names))

    def load(self, name: str) -> Any:
        """Import a member.

        Raises:
            ConfigError: there is none of that name, there are several, or its package is broken.
        """
        found = tuple(entry_points(group=self.group, name=name))
        if not found:
            raise ConfigError(self._unknown(name))
        if len(found) > 1:
            packages = ", ".join(sorted(map(package_of, found)))
            raise ConfigError(
                f"several packages have a {self.what} {name!r}: {packages}; uninstall all but one"
            )
        try:
            return found[0].load()
        except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise ConfigError(
                f"{self.what} {name!r}: {package_of(found[0])} has no working {found[0].value} "
                f"({said}); update that package, or uninstall it"
            ) from None

    def _unknown(self, name: str) -> str:
        known = self.names()
        if not known:
            return (
                f"no {self.what} is registered under {self.group!r}: labelmend runs without its "
                "package's metadata; install it again: pip install -e ."
            )
        return f"unknown {self.what} {name!r}{nearest(name, known)}: use {', '.join(known)}"


def package_of(entry: EntryPoint) -> str:
    """Return the name of the package that an entry point belongs to."""
    return "a package" if entry.dist is None else entry.dist.name
