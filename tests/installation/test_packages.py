from importlib import metadata

import pytest

from labelmend.installation import packages
from labelmend.installation.packages import Package, core_packages, extras, is_described

LINES = (
    "numpy>=2.0",
    "Jinja2>=3.1",
    'colorama>=0.4; sys_platform == "win32"',
    'torch>=2.5; extra == "torch"',
    'weights==1.0; extra == "embedded"',
    'labelmend[torch]; extra == "embedded"',
    'llama-cpp-python>=0.3.16; extra == "llm"',
    'torch<3; extra == "all"',
    'tomli>=2; python_version < "3.0" and extra == "all"',
    'labelmend[embedded,llm]; extra == "all"',
)
"""As a wheel's metadata has them; `all` and `embedded` name other extras."""

INSTALLED = {"numpy": "2.4.6", "Jinja2": "3.0.9", "torch": "2.13.0+cpu", "llama-cpp-python": "odd?"}


@pytest.fixture
def index(monkeypatch):
    """The metadata of `LINES`, on a machine where `INSTALLED` is installed."""

    def version(name):
        found = {key.lower(): value for key, value in INSTALLED.items()}.get(name.lower())
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    class Metadata:
        def get_all(self, key):
            assert key == "Provides-Extra"
            return ["embedded", "torch", "llm", "all"]

    monkeypatch.setattr(metadata, "requires", lambda name: list(LINES))
    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(metadata, "metadata", lambda name: Metadata())
    packages._requirements.cache_clear()
    yield
    packages._requirements.cache_clear()


def test_what_labelmend_asks_for_anyway(index):
    """Not what only Windows needs; a version that is too old won't do."""
    assert core_packages() == (
        Package("Jinja2", ">=3.1", "3.0.9", fits=False),
        Package("numpy", ">=2.0", "2.4.6", fits=True),
    )
    assert core_packages()[0].in_words == "Jinja2 3.0.9 is not >=3.1"


def test_an_extra_has_the_packages_of_those_that_it_names(index):
    found = {extra.name: extra for extra in extras()}
    assert list(found) == ["embedded", "torch", "llm", "all"]
    assert [p.name for p in found["torch"].packages] == ["torch"]
    assert [p.name for p in found["embedded"].packages] == ["torch", "weights"]
    # torch once, with both of its bounds; nothing for a Python that this isn't.
    everything = [(p.name, p.wanted) for p in found["all"].packages]
    assert everything == [
        ("llama-cpp-python", ">=0.3.16"),
        ("torch", "<3,>=2.5"),
        ("weights", "==1.0"),
    ]


def test_what_is_lacking(index):
    found = {extra.name: extra for extra in extras()}
    assert found["torch"].lacking == ()
    assert [p.in_words for p in found["embedded"].lacking] == ["weights is missing"]
    # A version that says nothing is taken for one that somebody built by hand.
    assert found["llm"].lacking == ()


def test_a_source_tree_without_metadata(monkeypatch):
    def none(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", none)
    packages._requirements.cache_clear()
    assert not is_described()
    assert (core_packages(), extras()) == ((), ())
    packages._requirements.cache_clear()


def test_this_installation_is_whole():
    assert is_described()
    assert [package.in_words for package in core_packages() if not package.fits] == []
