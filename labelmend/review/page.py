"""The shell of the page, and the catalogue of all that it says."""

import json
from functools import cache
from html import escape
from importlib import resources
from string import Template

LANGUAGE = "en"
"""The catalogue that is used, and the only one so far: `strings/en.json`."""


@cache
def strings() -> dict[str, str]:
    """Return all sentences by their names; `{facts}` in them are filled in by the page."""
    path = resources.files("labelmend.review") / "strings" / f"{LANGUAGE}.json"
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found


@cache
def shell() -> str:
    """Return the page without its rows: those come as JSON."""
    text = (resources.files("labelmend.review") / "shell.html").read_text("utf-8")
    said = {name: escape(sentence) for name, sentence in strings().items()}
    return _Shell(text).substitute(said, language=LANGUAGE)


class _Shell(Template):
    """HTML in which `$name` stands for a sentence."""

    idpattern = "[a-z][a-z-]*"
