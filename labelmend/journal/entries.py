"""What the log keeps: requests, what models guessed, and what people say of the guesses."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from labelmend.journal.sets import packed

Verdict = Literal["right", "wrong", "label", "labels"]
"""What is said of an answer: that it is right, that it is wrong, or which label is right, or which
labels are."""

LogTask = Literal["single", "several"]
"""Of the models whose requests a log keeps: one label a text, or any number."""


def item_id(request: str, index: int) -> str:
    """Return the name of one text of a request; that of the first is the request's own."""
    return f"{request}.{index}" if index else request


@dataclass(frozen=True)
class Guess:
    """What one model says of a text.

    Attributes:
        model: its version.
        label: that it gives; the out-of-scope label where it has one and flags the text. Of several
            labels a text all that are called, as `sets.packed` writes them.
        probability: of the label, or that all labels are right, 0 to 1.
        is_oos: the text is flagged as out of scope.
        top: the likeliest labels with their probabilities, best first.
    """

    model: str
    label: str
    probability: float
    is_oos: bool
    top: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Entry:
    """A text that was asked about, and what was answered.

    Attributes:
        id: from `item_id`.
        text: as it came.
        guesses: of the models, the served one first; at least one.
        sender: who asked, such as an account or an address; "" where nobody knows. Only its keyed
            hash is kept.
        source: what was asked, such as "http" or "bot".
        at: seconds since 1970.
    """

    id: str
    text: str
    guesses: tuple[Guess, ...]
    sender: str = ""
    source: str = "http"
    at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Said:
    """What somebody says of an answer.

    Attributes:
        request: the id of its entry.
        sender: who says it; "" where nobody knows.
        verdict: what is said of the first guess.
        label: the right one, with the verdict "label" only.
        labels: all right ones, none of them too, with the verdict "labels" only.
    """

    request: str
    sender: str
    verdict: Verdict
    label: str | None = None
    labels: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if (self.label is not None) != (self.verdict == "label"):
            raise ValueError("a label, and only with the verdict label")
        if (self.labels is not None) != (self.verdict == "labels"):
            raise ValueError("labels, and only with the verdict labels")

    @property
    def named(self) -> tuple[str, ...]:
        """The labels that it names."""
        return self.labels or (() if self.label is None else (self.label,))

    @property
    def kept(self) -> str | None:
        """What it names, as a log has it; None where it names nothing."""
        return self.label if self.labels is None else packed(self.labels)


@dataclass(frozen=True)
class LogRules:
    """What is kept, and for how long.

    Attributes:
        texts: keep the texts; else only a keyed hash of each.
        mask: put words such as [MAIL] in the place of personal data, before anything is kept.
        keep_days: after which a request goes, with all that belongs to it; None for never.
        feedback_an_hour: that one sender may give.
    """

    texts: bool = False
    mask: bool = False
    keep_days: float | None = None
    feedback_an_hour: int = 60


HASHED = LogRules()
"""No texts, no end."""

Clock = Callable[[], float]
"""Seconds since 1970."""

_DAY = 86_400.0
"""Seconds."""


def days(count: float) -> float:
    """Return days as seconds."""
    return count * _DAY


def utc(milliseconds: int) -> str:
    """Return a time of the log as answers have it, such as 2026-11-29T13:00:00Z."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
