"""The shell of a page, the catalogue of all that it says, and its files: of a package's folder."""

import json
from functools import cache
from html import escape
from importlib import resources
from string import Template

HTML = "text/html; charset=utf-8"
KINDS = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
"""The media types of files, by the ends of their names."""


@cache
def strings_of(package: str, language: str) -> dict[str, str]:
    """Return all sentences by their names; `{facts}` and plurals in them are the page's to fill.

    Args:
        package: that has them in `strings/`.
        language: of them.
    """
    path = resources.files(package) / "strings" / f"{language}.json"
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found


@cache
def shell_of(package: str, language: str) -> str:
    """Return a page without what it shows: that comes as JSON.

    Args:
        package: that has `shell.html`.
        language: of the page.
    """
    text = (resources.files(package) / "shell.html").read_text("utf-8")
    said = {name: escape(sentence) for name, sentence in strings_of(package, language).items()}
    return _Shell(text).substitute(said, language=language)


@cache
def static_of(package: str, name: str) -> bytes:
    """Return a file of a page.

    Args:
        package: that has it in `static/`.
        name: of the file, one of ours.
    """
    return (resources.files(package) / "static" / name).read_bytes()


class _Shell(Template):
    """HTML in which `$name` stands for a sentence."""

    idpattern = "[a-z][a-z-]*"
