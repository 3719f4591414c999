"""The shell of the page, and the catalogue of all that it says."""

import json
from functools import cache
from html import escape
from importlib import resources
from string import Template

from labelmend.voice.speak import ENGLISH, Language


@cache
def strings(language: Language = ENGLISH) -> dict[str, str]:
    """Return all sentences by their names; `{facts}` and plurals in them are the page's to fill."""
    path = resources.files("labelmend.review") / "strings" / f"{language}.json"
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found


@cache
def shell(language: Language = ENGLISH) -> str:
    """Return the page without its rows: those come as JSON."""
    text = (resources.files("labelmend.review") / "shell.html").read_text("utf-8")
    said = {name: escape(sentence) for name, sentence in strings(language).items()}
    return _Shell(text).substitute(said, language=language)


class _Shell(Template):
    """HTML in which `$name` stands for a sentence."""

    idpattern = "[a-z][a-z-]*"
