"""The shell of the page, and the catalogue of all that it says."""

from labelmend.http.page import shell_of, strings_of
from labelmend.voice.speak import ENGLISH, Language

PACKAGE = "labelmend.review"


def strings(language: Language = ENGLISH) -> dict[str, str]:
    """Return all sentences by their names; `{facts}` and plurals in them are the page's to fill."""
    return strings_of(PACKAGE, language)


def shell(language: Language = ENGLISH) -> str:
    """Return the page without its rows: those come as JSON."""
    return shell_of(PACKAGE, language)
