"""What a row bears in another tool, so that what comes back is known again.

The fields are flat and plain: every tool keeps such metadata, also where it exports to CSV.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from labelmend.data.answers import Saw, Shown

_PREFIX = "labelmend_"
_ID, _TEXT = f"{_PREFIX}id", f"{_PREFIX}text_sha256"
_WHY, _SAW = f"{_PREFIX}shown", f"{_PREFIX}saw"
_DESIGN, _STRATUM, _INCLUSION = (f"{_PREFIX}{n}" for n in ("design", "stratum", "inclusion"))
_NONE, _UNSURE = f"{_PREFIX}none", f"{_PREFIX}unsure"

REASON = f"{_PREFIX}reason"
"""The field with the evidence in words, which people read beside the text."""

EVIDENCE = f"{_PREFIX}evidence"
"""The field with the whole of it."""

WRITTEN_BY = "Written by labelmend"
"""Near the beginning of what goes out beside tasks: such a file may be replaced."""

LABELS, NOTHING = "labels", "nothing"
"""What a person saw beside the text, as `_SAW` has it."""

NONE_WORD, UNSURE_WORD = "none of these", "unsure"
"""The choices beside the labels, where no label is called so."""

_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Words:
    """What the two choices beside the labels are called.

    Attributes:
        none: none of the labels fits.
        unsure: the person can't tell.
    """

    none: str = NONE_WORD
    unsure: str = UNSURE_WORD

    @classmethod
    def beside(cls, labels: Collection[str]) -> "Words":
        """Return words that no label is called, whatever its case."""
        taken = {label.strip().casefold() for label in labels}
        return cls(_free(NONE_WORD, taken), _free(UNSURE_WORD, taken))


def _free(word: str, taken: Collection[str]) -> str:
    while word in taken:
        word = f"({word})"
    return word


@dataclass(frozen=True)
class Mark:
    """Which row a task is of, and how an answer to it counts.

    Attributes:
        id: of the row.
        text_sha256: of its text, as answers have it.
        shown: why a person is asked.
        saw: what the task shows beside the text.
        words: that stand beside the labels.
    """

    id: str
    text_sha256: str
    shown: Shown
    saw: Saw
    words: Words = Words()

    @property
    def shows(self) -> bool:
        """Whether the task shows a label."""
        return self.saw.given or self.saw.proposed

    @property
    def stratum(self) -> str:
        """The audit's stratum; empty for a blind row, for it says what was decided."""
        return (self.shown.stratum or "") if self.shows else ""

    def fields(self) -> dict[str, str | float]:
        """Return it as fields, the same for every row: those that say nothing are empty."""
        shown = self.shown
        return {
            _ID: self.id,
            _TEXT: self.text_sha256,
            _WHY: shown.why,
            _SAW: LABELS if self.shows else NOTHING,
            _DESIGN: shown.design or "",
            _STRATUM: self.stratum,
            _INCLUSION: "" if shown.inclusion is None else shown.inclusion,
            _NONE: self.words.none,
            _UNSURE: self.words.unsure,
        }

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Mark | None":
        """Read it again; None where there is none, or where it lost what names the text.

        Raises:
            ValueError: it says what can't be, such as an audit without an inclusion.
        """
        said = {name: _text(fields.get(name)) for name in (*_FIELDS,)}
        if not is_text_sha256(said[_TEXT]):
            return None
        why = said[_WHY]
        if why == "audit":
            # Spreadsheets write the point as their country does.
            inclusion = float(said[_INCLUSION].replace(",", "."))
            shown = Shown("audit", said[_DESIGN], said[_STRATUM] or None, inclusion)
        else:
            shown = Shown("queue" if why == "queue" else "import")
        saw = said[_SAW] != NOTHING
        words = Words(said[_NONE] or NONE_WORD, said[_UNSURE] or UNSURE_WORD)
        return cls(said[_ID], said[_TEXT], shown, Saw(given=saw, proposed=saw), words)


_FIELDS = (_ID, _TEXT, _WHY, _SAW, _DESIGN, _STRATUM, _INCLUSION, _NONE, _UNSURE)


def is_text_sha256(told: str) -> bool:
    """Whether it is the hash of a text."""
    return _HASH.fullmatch(told) is not None


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
