"""What people do to a label set, one edit after another, and what the labels are then called.

A name belongs to one label for ever: once "a" was renamed or merged to "b", the name "a" means "b",
in the table, in answers and in evidence. So it can't become the name of another label, and it does
not matter whether an answer was given before or after the edit.
"""

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from labelmend.data.answers import name_of
from labelmend.errors import shown

What = Literal["rename", "merge", "split", "describe"]
"""What is done to a label: another name; it becomes part of another one; a new one comes from it;
another description."""

SCHEMA_VERSION = 1
"""Of the lines that are written and read."""

MOST_NAME = 200
"""Characters of a new name: what is longer is a text. The page shows 80 without a break."""

MOST_DESCRIPTION = 4000
"""Characters of a description: a paragraph has some hundred."""

_NO_NAME = {"Cc", "Cs", "Zl", "Zp"}
"""Categories of Unicode that no name holds: control characters, halves, and ends of lines."""


class EditError(ValueError):
    """An edit does not fit the label set as it is by now.

    Attributes:
        code: what is wrong, in one word of the review page's catalogue.
        facts: names of labels, for a sentence.
    """

    def __init__(self, code: str, words: str, **facts: str) -> None:
        super().__init__(words)
        self.code = code
        self.facts = facts


@dataclass(frozen=True)
class CardsFile:
    """The labels file before and after an edit.

    Attributes:
        before: sha256 of its bytes; "" where there was none.
        after: the same, once the edit was written to it.
        entry: what stood there of the label that was edited, as it stood; "" where nothing did.
    """

    before: str
    after: str
    entry: str


@dataclass(frozen=True)
class LabelEdit:
    """One edit.

    Attributes:
        what: is done.
        label: to which.
        who: the person's name.
        when: in UTC, such as 2026-11-29T13:00:00Z.
        to: of a rename the new name, of a merge the label that this one becomes part of, of a split
            the new label; None for a description.
        description: of the new label of a split, or the label's from now on; else None.
        rows: that carried the label then; None where nobody counted.
        answers: names of the answers with which a split moved texts to the new label.
        cards: what became of the labels file; None where the edit touched none.
    """

    what: What
    label: str
    who: str
    when: str
    to: str | None = None
    description: str | None = None
    rows: int | None = None
    answers: tuple[str, ...] = ()
    cards: CardsFile | None = None

    def __post_init__(self) -> None:
        if not self.who.strip():
            raise ValueError("who is blank")
        if not self.label.strip():
            raise ValueError("the label's name is blank")
        if (self.to is None) != (self.what == "describe"):
            raise ValueError(f"a {self.what} has {'no' if self.to else 'a'} second label")
        if (self.description is not None) != (self.what in {"split", "describe"}):
            raise ValueError("a split and a description, and nothing else, say what a label is")
        if self.what == "merge" and not (self.to or "").strip():
            raise ValueError("the second label's name is blank")
        if self.what in {"rename", "split"}:
            problem = name_problem(self.to or "")
            if problem is not None:
                raise ValueError(f"the new name {problem}")
        if self.description is not None:
            problem = description_problem(self.description, needed=self.what == "split")
            if problem is not None:
                raise ValueError(f"the description {problem}")

    @property
    def edit(self) -> str:
        """The edit's name: 16 hex digits of the hash of all that it says."""
        return name_of(self._fields())

    @property
    def labels(self) -> set[str]:
        """The labels that it is about."""
        return {self.label, *(() if self.to is None else (self.to,))}

    def line(self) -> dict[str, object]:
        """Return the edit as it is written."""
        return {"schema_version": SCHEMA_VERSION, "edit": self.edit} | self._fields()

    def _fields(self) -> dict[str, object]:
        return {"schema_version": SCHEMA_VERSION} | asdict(self) | {"answers": list(self.answers)}


@dataclass(frozen=True)
class Undo:
    """The last edit that stands is taken back.

    Attributes:
        undoes: the edit's name.
        who: takes it back.
        when: in UTC, as an edit's.
        cards: what became of the labels file; None where the undo touched none.
    """

    undoes: str
    who: str
    when: str
    cards: CardsFile | None = None

    def line(self) -> dict[str, object]:
        """Return it as it is written."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


def name_problem(name: str) -> str | None:
    """Return what keeps a text from being a label's new name, behind "the new name"."""
    if not any(unicodedata.category(c) != "Cf" for c in name.strip()):  # nothing, or hidden signs
        return "is blank"
    if len(name) > MOST_NAME:
        return f"has {len(name):,} characters; a name has {MOST_NAME} at most"
    if any(unicodedata.category(c) in _NO_NAME for c in name):
        return "holds a control character"
    return None if name == name.strip() else "begins or ends with a blank"


def description_problem(text: str, *, needed: bool) -> str | None:
    """Return what keeps a text from being a description, behind "the description"."""
    if needed and not text.strip():
        return "is blank"
    if len(text) > MOST_DESCRIPTION:
        return f"has {len(text):,} characters; it has {MOST_DESCRIPTION:,} at most"
    strange = any(unicodedata.category(c) in _NO_NAME for c in text if not c.isspace())
    return "holds a control character" if strange else None


@dataclass(frozen=True)
class EditedLabels:
    """The labels as edits have made them.

    Attributes:
        names: of each name that means another label by now, that label's name. None of these is a
            key itself, so one look is enough.
        made: labels that splits have made, by their present names.
        descriptions: those that edits have given, by the labels' present names.
        standing: the edits that were not taken back, oldest first.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    made: frozenset[str] = frozenset()
    descriptions: Mapping[str, str] = field(default_factory=dict)
    standing: tuple[LabelEdit, ...] = ()
    _before: "EditedLabels | None" = field(default=None, repr=False, compare=False)

    def now(self, label: str) -> str:
        """Return what a label is called by now."""
        return self.names.get(label, label)

    def at(self, labels: Collection[str]) -> dict[str, str]:
        """Return, of names that a label set of another time lacks, which of its labels they mean.

        Args:
            labels: of a run that knew nothing of some edits.
        """
        then = {label: label for label in labels if label not in self.names}
        for label in sorted(labels):
            then.setdefault(self.now(label), label)
        names = {*self.names, *self.names.values()}.difference(labels)
        return {name: then[self.now(name)] for name in sorted(names) if self.now(name) in then}

    def merged(self) -> set[str]:
        """Return all names of labels that have become part of another one."""
        former: dict[str, set[str]] = {}
        found: set[str] = set()
        for edit in self.standing:
            if edit.what == "rename":
                former[edit.to or ""] = former.pop(edit.label, set()) | {edit.label}
            elif edit.what == "merge":
                found |= former.pop(edit.label, set()) | {edit.label}
        return found

    def after(self, entry: LabelEdit | Undo) -> "EditedLabels":
        """Return the labels after one more edit.

        Raises:
            EditError: it does not fit what came before.
        """
        if isinstance(entry, Undo):
            return self._undone(entry)
        self.check(entry)
        label, to = entry.label, entry.to or ""
        names, made, said = dict(self.names), set(self.made), dict(self.descriptions)
        if entry.what in {"rename", "merge"}:
            names = {old: to if now == label else now for old, now in names.items()} | {label: to}
            names.pop(to, None)
            told = said.pop(label, None)
            if entry.what == "rename":
                made |= {to} if label in made else set()
                said |= {} if told is None else {to: told}
            made.discard(label)
        if entry.what == "split":
            made.add(to)
        if entry.description is not None:
            said[to or label] = entry.description
        return EditedLabels(names, frozenset(made), said, (*self.standing, entry), self)

    def check(self, entry: LabelEdit) -> None:
        """Make sure that an edit fits what came before.

        Raises:
            EditError: it does not.
        """
        label, to = entry.label, entry.to
        if label in self.names:
            raise _gone(label, self.names[label])
        if to is None:
            return
        if to == label:
            raise EditError("label-same", f"{shown(label)} has that name already", label=label)
        if entry.what == "merge":
            if self.names.get(to) == label:
                raise EditError(
                    "label-cycle",
                    f"{shown(to)} has become {shown(label)} before, so {shown(label)} can't become "
                    "part of it: that is a cycle",
                    label=label,
                    to=to,
                )
            if to in self.names:
                raise _gone(to, self.names[to])
            return
        if self.names.get(to, label) != label or (entry.what == "split" and to in self.names):
            raise EditError(
                "label-was",
                f"{shown(to)} was a name of {shown(self.names[to])} before, and answers may have "
                "it; choose another name",
                label=to,
                now=self.names[to],
            )
        if to in self.made or to in set(self.names.values()):
            raise label_exists(to)

    def _undone(self, entry: Undo) -> "EditedLabels":
        if not self.standing or self._before is None or self.standing[-1].edit != entry.undoes:
            raise EditError("not-last-edit", "takes an edit back that is not the last one")
        last, before = self.standing[-1], self._before
        if last.what != "rename" or last.to is None:
            return before
        # Answers may have the name that it had meanwhile.
        return replace(before, names={last.to: last.label, **before.names})


def _gone(label: str, now: str) -> EditError:
    words = f"{shown(label)} has become {shown(now)} before; name {shown(now)} instead"
    return EditError("label-gone", words, label=label, now=now)


def label_exists(label: str) -> EditError:
    """Return the refusal of a new name that a label has already."""
    words = f"there is a label {shown(label)} already; merge the two, or choose another name"
    return EditError("label-exists", words, label=label)
