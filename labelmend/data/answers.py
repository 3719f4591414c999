"""What people say of texts, and the rows of a table that they speak of.

`answer_file` reads and appends to files of answers. A line is an answer or the withdrawal of one.
Nothing is overwritten: a later answer of the same person on the same text counts instead of the
earlier one, and the file keeps both.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import ConfigDict

from labelmend.data.duplicates import text_key, unique_texts
from labelmend.errors import nearest
from labelmend.types import NO_LABEL, Bools, Dataset, Doubles, Ints, Task
from labelmend.voice.speak import note

Verdict = Literal["label", "none", "unsure"]
"""What a person says: a label, that none of the labels fits, or that they can't tell."""

Why = Literal["audit", "queue", "agreement", "import"]
"""Why a person was asked."""

SCHEMA_VERSION = 1
"""Of the lines that are written and read."""

_ID_DIGITS = 16
"""Hex digits of an answer's name: 64 bits, so that no two answers of a file meet by chance."""

_SHA256_DIGITS = 64
"""Hex digits of a text's hash."""

_SHOWN_LABELS = 5
"""In a note."""


@dataclass(frozen=True)
class Shown:
    """Why a text was put before a person.

    Attributes:
        why: as it says.
        design: the name of the audit's design; None unless `why` is "audit", so with the others.
        stratum: of the design, from which the text was drawn.
        inclusion: probability with which the design drew the text, above 0.
    """

    why: Why
    design: str | None = None
    stratum: str | None = None
    inclusion: float | None = None

    __pydantic_config__ = ConfigDict(allow_inf_nan=False)

    def __post_init__(self) -> None:
        drawn = self.why == "audit"
        if drawn != (self.design is not None) or drawn != (self.inclusion is not None):
            raise ValueError("an audit, and nothing else, has a design and an inclusion")
        if self.inclusion is not None and not 0 < self.inclusion <= 1:
            raise ValueError("inclusion is a probability above 0")


@dataclass(frozen=True)
class Saw:
    """What the person saw beside the text: the given label, the proposed one, or neither."""

    given: bool
    proposed: bool


@dataclass(frozen=True)
class Answer:
    """What one person says of one text.

    Attributes:
        text_sha256: of the text, by `text_sha256`.
        id: of the row that was shown.
        verdict: what is said.
        labels: the label of a verdict "label"; empty otherwise.
        who: the person's name.
        when: in UTC, such as 2026-11-29T13:00:00Z.
        shown: why the person was asked.
        saw: what the person saw beside the text.
        task: how many labels an answer may have.
    """

    text_sha256: str
    id: str
    verdict: Verdict
    labels: tuple[str, ...]
    who: str
    when: str
    shown: Shown
    saw: Saw
    task: Task = "single"

    def __post_init__(self) -> None:
        if len(self.text_sha256) != _SHA256_DIGITS:
            raise ValueError("text_sha256 is not the hash of a text")
        if not self.who.strip():
            raise ValueError("who is blank")
        # Several labels may be any number, none of them too.
        if self.task == "single" and len(self.labels) != (self.verdict == "label"):
            raise ValueError("one label, and only with the verdict label")
        if not all(label.strip() for label in self.labels):
            raise ValueError("a label is blank")

    @cached_property
    def answer(self) -> str:
        """The answer's name: 16 hex digits of the hash of all that it says."""
        return name_of(self._fields())

    def line(self) -> dict[str, object]:
        """Return the answer as it is written."""
        return {"schema_version": SCHEMA_VERSION, "answer": self.answer} | self._fields()

    def _fields(self) -> dict[str, object]:
        return {
            "schema_version": SCHEMA_VERSION,
            "text_sha256": self.text_sha256,
            "id": self.id,
            "task": self.task,
            "verdict": self.verdict,
            "labels": list(self.labels),
            "who": self.who,
            "when": self.when,
            "shown": asdict(self.shown),
            "saw": asdict(self.saw),
        }


@dataclass(frozen=True)
class Withdrawal:
    """An answer is taken back: on its text, its person has said nothing.

    Attributes:
        withdraws: the answer's name.
        who: takes it back.
        when: in UTC, as an answer's.
    """

    withdraws: str
    who: str
    when: str

    def line(self) -> dict[str, object]:
        """Return the withdrawal as it is written."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


@dataclass(frozen=True)
class AnswerFile:
    """A file of answers as it stands.

    Attributes:
        path: of the file.
        answers: those that stand, at most one a person and text, in the order of their lines.
        replaced: number of answers that a later one of the same person counts instead of.
        withdrawn: number of answers that were taken back.
        draws: how an audit drew a text that a person answered, by the person and the text's hash;
            the last draw where there are several. It holds when a person says something else of the
            text later, asked for another reason.
        notes: what could not be used, one line each.
    """

    path: Path
    answers: tuple[Answer, ...] = ()
    replaced: int = 0
    withdrawn: int = 0
    draws: Mapping[tuple[str, str], Shown] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MatchedAnswers:
    """The answers that speak of a dataset's texts and labels, one a person and text.

    Attributes:
        text: int64 [a], index of the distinct text, in the order of `unique_texts`.
        label: int64 [a], index into the dataset's labels; `NO_LABEL` for "unsure", and for "none of
            these" where the dataset has no out-of-scope label.
        unsure: bool [a], the person can't tell.
        who: [a], the person.
        audit: bool [a], an audit drew the text for this person.
        inclusion: float64 [a], probability with which it did; NaN where it did not.
        stratum: [a], from which it drew; None where it did not.
        design: [a], the audit's design; None where there was none.
        anchored: bool [a], the person saw the given or the proposed label beside the text.
        notes: what could not be matched, and the notes of the file, one line each.
    """

    text: Ints
    label: Ints
    unsure: Bools
    who: tuple[str, ...]
    audit: Bools
    inclusion: Doubles
    stratum: tuple[str | None, ...]
    design: tuple[str | None, ...]
    anchored: Bools
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.who)


def text_sha256(text: str) -> str:
    """Return the hash by which an answer names a text: two copies of one text share it.

    The text is hashed as a `Dataset` has it, cut to `data.max_text_chars`.
    """
    return hashlib.sha256(text_key(text).encode("utf-8", "surrogatepass")).hexdigest()


def name_of(fields: Mapping[str, object]) -> str:
    """Return the name of an answer that says all this, as a line has it but for the name."""
    return name_of_canonical(json.dumps(fields, sort_keys=True, separators=(",", ":")))


def name_of_canonical(canonical: str) -> str:
    """Return the name of an answer of which all is given in sorted, compact JSON of ASCII."""
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:_ID_DIGITS]


def field_beyond(said: Mapping[str, object], known: Mapping[str, object]) -> str | None:
    """Return the first field of one line that another lacks, such as `saw.more`; None for none."""
    for name, value in said.items():
        if name not in known:
            return name
        inside = known[name]
        if isinstance(value, dict) and isinstance(inside, dict):
            found = field_beyond(value, inside)
            if found is not None:
                return f"{name}.{found}"
    return None


def now() -> str:
    """Return the time as answers have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def label_list(strange: Iterable[str], known: Collection[str]) -> str:
    """Return labels for a message, each with the known one that it may stand for."""
    labels = sorted(strange)
    shown = ", ".join(f"{label!r}{nearest(label, known)}" for label in labels[:_SHOWN_LABELS])
    more = len(labels) - _SHOWN_LABELS
    return f"{shown} and {more} more" if more > 0 else shown


def match_answers(dataset: Dataset, answers: AnswerFile) -> MatchedAnswers:
    """Find the texts and labels of a dataset that the answers speak of.

    "None of these" is the out-of-scope label where there is one. An answer that calls a label by a
    former name means that label. An answer whose text no row has, or whose label the dataset lacks,
    is left out, and a note counts it.
    """
    index = {text_sha256(text): i for i, text in enumerate(unique_texts(dataset).texts)}
    places = {label: i for i, label in enumerate(dataset.labels)}
    places |= {old: places[now] for old, now in dataset.former_names.items() if now in places}
    none = NO_LABEL if dataset.oos is None else dataset.oos
    found: list[tuple[Answer, int, int]] = []
    gone = 0
    strange: Counter[str] = Counter()
    for answer in answers.answers:
        text = index.get(answer.text_sha256)
        if text is None:
            gone += 1
        elif answer.verdict != "label":
            found.append((answer, text, none if answer.verdict == "none" else NO_LABEL))
        elif answer.labels[0] in places:
            found.append((answer, text, places[answer.labels[0]]))
        else:
            strange[answer.labels[0]] += 1
    draws = [answers.draws.get((answer.who, answer.text_sha256)) for answer, _, _ in found]
    return MatchedAnswers(
        text=np.array([text for _, text, _ in found], dtype=np.int64),
        label=np.array([label for _, _, label in found], dtype=np.int64),
        unsure=np.array([answer.verdict == "unsure" for answer, _, _ in found], dtype=bool),
        who=tuple(answer.who for answer, _, _ in found),
        audit=np.array([draw is not None for draw in draws], dtype=bool),
        inclusion=np.array(
            [np.nan if draw is None else draw.inclusion for draw in draws], dtype=np.float64
        ),
        stratum=tuple(None if draw is None else draw.stratum for draw in draws),
        design=tuple(None if draw is None else draw.design for draw in draws),
        anchored=np.array([one.saw.given or one.saw.proposed for one, _, _ in found], dtype=bool),
        notes=(*answers.notes, *match_notes(answers.path, gone, strange, dataset.labels)),
    )


def match_notes(
    path: Path, gone: int, strange: Mapping[str, int], labels: Sequence[str]
) -> Iterator[str]:
    """Yield notes on answers that could not be matched.

    Args:
        path: of the file.
        gone: answers on texts that no row has.
        strange: answers by the label that the table lacks.
        labels: that it has.
    """
    if gone:
        yield note(
            "{path}: {count} {count:one=answer speaks of a text|other=answers speak of texts} that "
            "no row has: changed or removed since; kept, but not used",
            path=path,
            count=gone,
        )
    total = sum(strange.values())
    if total:
        yield note(
            "{path}: {count} {count:one=answer has a label|other=answers have labels} that the "
            "table lacks: {labels}; kept, but not used",
            path=path,
            count=total,
            labels=label_list(strange, labels),
        )
