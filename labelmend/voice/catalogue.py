"""The catalogues, one a language besides English, as gettext has them."""

import gettext
from functools import cache
from typing import Literal, get_args

Language = Literal["en", "ru"]

LANGUAGES: tuple[Language, ...] = get_args(Language)

ENGLISH: Language = "en"

CATEGORY = "category of plurals"
"""The context of the one message with plural forms of gettext's own: it names each by its category
in CLDR, by which the forms inside sentences go."""


class Catalogue(gettext.GNUTranslations):
    """The sentences of one language, by their English."""

    def category(self, count: int) -> str:
        """Return the plural category of a number: one, few, many."""
        return self.npgettext(CATEGORY, "one", "many", abs(count))

    def sentences(self) -> list[str]:
        """Return the English of all sentences."""
        # Those with a context have a sign of their own behind it; the head has no name.
        known = vars(self)["_catalog"]
        return [key for key in known if isinstance(key, str) and key and "\x04" not in key]


@cache
def catalogue(language: Language) -> Catalogue:
    """Return the catalogue of a language other than English."""
    from importlib import resources  # what takes longest of all here, and English needs none

    with (resources.files("labelmend.voice") / f"{language}.mo").open("rb") as file:
        return Catalogue(file)
