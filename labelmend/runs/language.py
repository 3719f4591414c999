"""What a run's record says of the languages of its table."""

from collections.abc import Mapping

from labelmend.data.language.detect import TableLanguage
from labelmend.runs.parts import Part, Text


class LanguageRecord(Part):
    """The languages and scripts of a table, from a sample of its texts.

    Attributes:
        in_words: one sentence.
        main: ISO 639 code of the table's one language; None where it is mixed, or nothing is sure.
        mixed: whether the table has parts in several languages.
        languages: by code, the share of texts, of those whose language is sure.
        scripts: by name, the share of texts, of those with letters.
    """

    in_words: Text
    main: Text | None
    mixed: bool
    languages: Mapping[Text, float]
    scripts: Mapping[Text, float]

    @classmethod
    def of(cls, found: TableLanguage) -> "LanguageRecord":
        """Sum up what was found."""
        return cls(
            in_words=found.in_words,
            main=found.main,
            mixed=found.mixed,
            languages=found.languages,
            scripts=found.scripts,
        )
