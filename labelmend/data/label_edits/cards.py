"""Edits written to a labels file as a person would: a few characters change, all else stays.

PyYAML has no way to write comments back. It says where each key and value begins and ends, though,
so an edit replaces, adds or removes just these characters. What comes out is read again before it
is written: should it say anything else than what was wanted, the file stays as it is.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import yaml

from labelmend.configs.plain_yaml import MOST_CHARACTERS
from labelmend.data.label_edits.edits import LabelEdit
from labelmend.data.labels_file import PlainText, cards_of
from labelmend.errors import ConfigError, InputError, LabelmendError
from labelmend.regular_file import read_regular
from labelmend.types import LabelCard

_FAR = re.compile(r"^(?:---|\.\.\.|%)|[|>][1-9]?\+", re.MULTILINE)
"""Marks of documents, and texts that keep the blank lines behind them."""

_OTHER_ENDS = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
"""Ends of lines to YAML, beside those by which entries are found here."""


@dataclass(frozen=True)
class CardsText:
    """A labels file's text, and the cards in it.

    Attributes:
        path: of the file.
        text: all of it.
        cards: by label.
    """

    path: Path
    text: str
    cards: Mapping[str, LabelCard]

    @classmethod
    def read(cls, path: Path) -> "CardsText":
        """Read a file.

        Raises:
            InputError: it can't be read.
            ConfigError: it is no labels file.
        """
        try:
            text = read_regular(path, MOST_CHARACTERS).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise InputError(f"{path}: can't read this labels file: {reason}") from None
        return cls(path, text, cards_of(text.removeprefix("\ufeff"), path))

    @property
    def sha256(self) -> str:
        """Of its bytes."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def entry(self, label: str) -> str:
        """Return what stands there of a label, comments inside it too; "" where nothing does."""
        found = self.entries.find(label)
        return "" if found is None else self.text[found.begin : found.end]

    @cached_property
    def entries(self) -> "_Entries":
        """Where the labels stand; of thousands of labels this takes seconds to find out."""
        return _Entries(self.text)

    def edited(self, edit: LabelEdit) -> "CardsText":
        """Return the file after an edit.

        Raises:
            ConfigError: it is written in a way in which it can't be edited.
        """
        wanted = _edited_cards(self.cards, edit)
        at = None if edit.what == "split" else edit.label
        return self._with(wanted, at, lambda: _edited_text(self.text, self.entries, edit))

    def undone(self, edit: LabelEdit) -> "CardsText":
        """Return the file as it was before an edit, but for what was changed of other labels since.

        Raises:
            ConfigError: it is written in a way in which it can't be edited.
        """
        to, entry = edit.to or edit.label, "" if edit.cards is None else edit.cards.entry
        before = cards_of(entry, self.path) if entry.strip() else {}
        # A merge took its label out only, the others left one entry behind.
        gone = set() if edit.what == "merge" else {to}
        wanted = {label: card for label, card in self.cards.items() if label not in gone}
        at = None if edit.what == "merge" else to
        return self._with(
            {**wanted, **before}, at, lambda: _undone_text(self.text, self.entries, gone, entry)
        )

    def _with(
        self, wanted: Mapping[str, LabelCard], label: str | None, write: Callable[[], str]
    ) -> "CardsText":
        """Return the file with other cards.

        Args:
            wanted: what it is to say.
            label: whose entry changes; None where one is added.
            write: returns the new text.
        """
        # A labels file without a label would be none: the record of edits says the rest.
        if not wanted or dict(wanted) == dict(self.cards):
            return self
        text, found = self.text, dict[str, LabelCard]()
        if not _OTHER_ENDS.search(text):
            with suppress(LabelmendError, ValueError, yaml.YAMLError):
                text = write()
                found = self._read_back(text, wanted, label)
        if found != dict(wanted):
            raise ConfigError(
                f"{self.path}: is written in a way in which it can't be edited here (braces, "
                "anchors or odd line ends); edit it in a text editor"
            )
        return replace(self, text=text, cards=found)

    def _read_back(
        self, text: str, wanted: Mapping[str, LabelCard], label: str | None
    ) -> dict[str, LabelCard]:
        """Return what a new text says; where entries don't reach into each other, only one is read.

        Raises:
            ConfigError: it says something else than labels.
        """
        entry = None if label is None else self.entries.find(label)
        begin, end = (len(self.text), len(self.text)) if entry is None else (entry.begin, entry.end)
        behind = self.text[end:]
        same = text.startswith(self.text[:begin]) and text.endswith(behind)
        if not same or not self.entries.apart:
            return cards_of(text.removeprefix("\ufeff"), self.path)
        piece = text[begin : len(text) - len(behind)].removeprefix("\ufeff")
        new = cards_of(piece, self.path) if piece.strip() else {}
        kept = {k: card for k, card in self.cards.items() if wanted.get(k) == card}
        return {**kept, **new}


@dataclass(frozen=True)
class _Entry:
    """Where a label stands in the text: all offsets are characters.

    Attributes:
        begin: of its first line.
        end: of its last line, with comments and blank lines behind it left out.
        key: of the label's name.
        node: what is said of it.
    """

    begin: int
    end: int
    key: tuple[int, int]
    node: yaml.Node


class _Entries:
    """The entries of a labels file by label."""

    def __init__(self, text: str) -> None:
        self._text = text
        root = yaml.compose(text, PlainText) if text.strip() else None
        self._found: dict[str, _Entry] = {}
        self._is_plain = _is_plain(text, root)
        for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
            begin = text.rfind("\n", 0, key.start_mark.index) + 1
            self._found[str(key.value)] = _Entry(
                begin=begin,
                end=self._end_of(begin, value),
                key=(key.start_mark.index, key.end_mark.index),
                node=value,
            )

    def find(self, label: str) -> _Entry | None:
        """Return a label's entry, if there is one."""
        return self._found.get(label)

    @property
    def apart(self) -> bool:
        """Whether each entry has lines of its own and says by itself what it says."""
        return self._is_plain

    def _end_of(self, begin: int, value: yaml.Node) -> int:
        """Return where the last line of an entry ends, a comment on that line with it."""
        last = _last_mark(value, begin)
        line_end = self._text.find("\n", last)
        if self._text[last - 1 : last] == "\n":  # a block text ends with its line
            return last
        return len(self._text) if line_end < 0 else line_end + 1


def _is_plain(text: str, root: yaml.Node | None) -> bool:
    """Whether a text is one mapping, line by line, without anchors and what else reaches far."""
    if not isinstance(root, yaml.MappingNode) or root.flow_style or not text.endswith("\n"):
        return False
    if any(key.start_mark.column for key, _ in root.value) or _FAR.search(text):
        return False
    seen: set[int] = set()
    left: list[yaml.Node] = [root]
    while left:
        node = left.pop()
        if id(node) in seen:  # an alias is the very node
            return False
        seen.add(id(node))
        left += _parts(node)
    return True


def _parts(node: yaml.Node) -> list[yaml.Node]:
    """Return the nodes right inside another one."""
    if not isinstance(node, yaml.CollectionNode):
        return []
    return [part for one in node.value for part in (one if isinstance(one, tuple) else (one,))]


def _last_mark(node: yaml.Node, least: int) -> int:
    """Return where the last scalar inside a node ends: blocks end late, where the next begins."""
    if not isinstance(node, yaml.CollectionNode) or node.flow_style:
        return max(least, node.end_mark.index)
    return max([least, *(_last_mark(part, least) for part in _parts(node))])


def _edited_cards(cards: Mapping[str, LabelCard], edit: LabelEdit) -> dict[str, LabelCard]:
    """Return the cards as they are to be after an edit."""
    label, to = edit.label, edit.to or edit.label
    said = None if edit.description is None else " ".join(edit.description.split())
    found = dict(cards)
    if edit.what in {"rename", "merge"}:
        card = found.pop(label, None)
        if edit.what == "rename" and card is not None:
            found[to] = replace(card, label=to)
    elif said is not None:
        card = found.get(to, LabelCard(to, "", (), "user"))
        found[to] = replace(card, description=said)
    return found


def _edited_text(text: str, entries: _Entries, edit: LabelEdit) -> str:
    entry = entries.find(edit.label)
    if edit.what == "split":
        return _appended(text, _entry_text(edit.to or "", edit.description or ""))
    if entry is None:
        return _appended(text, _entry_text(edit.label, edit.description or ""))
    if edit.what == "rename":
        return _replaced(text, entry.key, _scalar(edit.to or ""))
    if edit.what == "merge":
        return text[: entry.begin] + text[entry.end :]
    return _described(text, entry, " ".join((edit.description or "").split()))


def _described(text: str, entry: _Entry, said: str) -> str:
    """Return the text with another description of a label."""
    node = entry.node
    if isinstance(node, yaml.ScalarNode):
        return _with_value(text, node, said)
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise ValueError
    for key, value in node.value:
        if key.value == "description":
            return _with_value(text, value, said)
    first = node.value[0][0].start_mark.index
    line = text.rfind("\n", 0, first) + 1
    return f"{text[:line]}{text[line:first]}description: {_scalar(said)}\n{text[line:]}"


def _with_value(text: str, node: yaml.Node, said: str) -> str:
    """Return the text with another value; an empty one has no place but behind the colon."""
    begin, end = node.start_mark.index, node.end_mark.index
    gap = "" if text[begin - 1].isspace() else " "
    ended = "\n" if end > begin and text[end - 1] == "\n" else ""
    return _replaced(text, (begin, end), f"{gap}{_scalar(said)}{ended}")


def _undone_text(text: str, entries: _Entries, gone: set[str], entry: str) -> str:
    for label in gone:
        found = entries.find(label)
        if found is not None:
            # In the place of what comes out goes what had stood there.
            ended = entry if entry.endswith("\n") or not entry else f"{entry}\n"
            return text[: found.begin] + ended + text[found.end :]
    return _appended(text, entry)


def _replaced(text: str, place: tuple[int, int], new: str) -> str:
    return text[: place[0]] + new + text[place[1] :]


def _appended(text: str, entry: str) -> str:
    gap = "" if not text or text.endswith("\n") else "\n"
    end = "" if not entry or entry.endswith("\n") else "\n"
    return f"{text}{gap}{entry}{end}"


def _entry_text(label: str, description: str) -> str:
    return f"{_scalar(label)}:\n  description: {_scalar(description)}\n"


def _scalar(value: str) -> str:
    """Return a text as YAML on one line: plain where that is safe, else in quotes."""
    line = yaml.safe_dump([value], allow_unicode=True, default_flow_style=True, width=float("inf"))
    return line.strip()[1:-1]
