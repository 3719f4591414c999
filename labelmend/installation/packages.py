"""Which of labelmend's packages are installed, by the metadata of its own distribution."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

DISTRIBUTION = "labelmend"


@dataclass(frozen=True)
class Package:
    """A package that labelmend asks for.

    Attributes:
        name: on the Python index.
        wanted: the versions that will do, such as `>=2.5`; empty for any.
        version: that is installed, None where none is.
        fits: whether that version will do.
    """

    name: str
    wanted: str
    version: str | None
    fits: bool

    @property
    def in_words(self) -> str:
        """The package, and what is wrong with it if anything is."""
        if self.version is None:
            return f"{self.name} is missing"
        return f"{self.name} {self.version}{'' if self.fits else f' is not {self.wanted}'}"


@dataclass(frozen=True)
class Extra:
    """An extra of labelmend's distribution, and what it stands for on this machine.

    Attributes:
        name: as in `pip install 'labelmend[NAME]'`.
        packages: all that it asks for, those of extras that it names too.
    """

    name: str
    packages: tuple[Package, ...]

    @property
    def lacking(self) -> tuple[Package, ...]:
        """Those that are missing or of a version that won't do."""
        return tuple(package for package in self.packages if not package.fits)


def is_described() -> bool:
    """Tell whether labelmend runs with its metadata; a bare source tree has none."""
    return bool(_requirements())


def core_packages() -> tuple[Package, ...]:
    """Return what labelmend asks for without any extra, by name."""
    return _sorted(_wanted(""))


def extras() -> tuple[Extra, ...]:
    """Return all extras, in the order of the metadata."""
    if not is_described():
        return ()
    names = metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    return tuple(Extra(name, _sorted(_wanted(name))) for name in names)


@cache
def _requirements() -> tuple[Requirement, ...]:
    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        lines = []
    return tuple(map(Requirement, lines))


def _wanted(extra: str, seen: frozenset[str] = frozenset()) -> Iterator[Requirement]:
    """Yield what an extra asks for on this machine; with "", what labelmend asks for anyway."""
    if extra in seen:
        return
    for requirement in _requirements():
        marker = requirement.marker
        bare = marker is None or marker.evaluate({"extra": ""})
        if extra and (bare or marker is None or not marker.evaluate({"extra": extra})):
            continue
        if not extra and not bare:
            continue
        if canonicalize_name(requirement.name) != DISTRIBUTION:
            yield requirement
        for named in sorted(requirement.extras):
            if canonicalize_name(requirement.name) == DISTRIBUTION:
                yield from _wanted(named, seen | {extra})


def _sorted(wanted: Iterator[Requirement]) -> tuple[Package, ...]:
    """Return each package once, by name; several requirements of one all have to be met."""
    found: dict[str, Requirement] = {}
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        if name in found:
            found[name].specifier &= requirement.specifier
        else:
            found[name] = Requirement(f"{requirement.name}{requirement.specifier}")
    return tuple(_package(found[name]) for name in sorted(found))


def _package(requirement: Requirement) -> Package:
    wanted = str(requirement.specifier)
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Package(requirement.name, wanted, None, fits=False)
    try:
        fits = requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:  # one that somebody built by hand
        fits = True
    return Package(requirement.name, wanted, version, fits)
