"""The seam for tools: what goes out as files, and what comes back as people's words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from labelmend.data.formats.base import Format
from labelmend.data.formats.find import surest
from labelmend.data.formats.objects import ObjectFormat
from labelmend.data.table import Content, SourceTable
from labelmend.errors import InputError
from labelmend.review.exchange.tasks import Export

QUESTION = "label"
"""What the question is called in the tools that name it."""

_TIME = "%Y-%m-%dT%H:%M:%SZ"
"""As answers have it."""


@dataclass(frozen=True)
class Heard:
    """What one person did to one task.

    Attributes:
        task: its place in the file; the first is 1.
        fields: of the task, a mark perhaps among them.
        who: as the tool knows the person; None where it doesn't.
        when: in UTC, as answers have it; None where the tool doesn't say.
        choices: that were made.
        refused: all choices were, so no label fits.
        suggested: the tool showed a label of its own beside the text.
    """

    task: int
    fields: Mapping[str, Any]
    who: str | None
    when: str | None
    choices: tuple[str, ...]
    refused: bool = False
    suggested: bool = False


@dataclass(frozen=True)
class Reply:
    """What came back in a file.

    Attributes:
        heard: in the order of the file.
        silent: tasks and annotations that say nothing: open, skipped, ignored.
        notes: what could not be used, one line each.
    """

    heard: tuple[Heard, ...]
    silent: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ToolFile:
    """A tool's file as it was read.

    Attributes:
        content: of the file.
        format: which of the tool's formats it has, by name.
        table: a task a row, or in flat exports an annotation.
        objects: the same as they stand in the file.
    """

    content: Content
    format: str
    table: SourceTable
    objects: Sequence[Mapping[str, Any]]

    @property
    def path(self) -> Path:
        """What messages call it."""
        return self.content.path

    def question(self, known: Sequence[str], named: str | None) -> str | None:
        """Return which question is asked: the named one, ours, or the only one.

        Raises:
            InputError: there is no such, or there are several.
        """
        if named is not None:
            if named not in known:
                raise InputError(
                    f"{self.path}: --answer-column {named}: nothing was asked under that name; "
                    f"what was asked is called {_listed(known)}"
                )
            return named
        if QUESTION in known or len(known) < 2:
            return QUESTION if QUESTION in known else next(iter(known), None)
        raise InputError(
            f"{self.path}: several things were asked: {_listed(known)}; name one with "
            "--answer-column"
        )


class Tool(Protocol):
    """A tool in which people answer.

    Attributes:
        name: as `--to` and `--from` have it.
        title: in messages.
        suffix: of the file that goes out.
        beside: suffixes of what goes out with it.
        formats: of the files that come back.
    """

    name: str
    title: str
    suffix: str
    beside: tuple[str, ...]
    formats: tuple[Format, ...]

    def written(self, export: Export) -> dict[str, bytes]:
        """Return the files that go out by their suffixes: the tasks, and what else is needed.

        Raises:
            OutputError: the tool has no place for this.
        """
        ...

    def heard(self, file: ToolFile, question: str | None) -> Reply:
        """Return what people did.

        Args:
            file: of the tool.
            question: what was asked, by the tool's name; None to find it.

        Raises:
            InputError: the file can't be used.
        """
        ...


def read_as(tool: Tool, content: Content) -> ToolFile:
    """Read a file as one of a tool's.

    Raises:
        InputError: it is none.
    """
    kind = surest(content, tool.formats)
    if kind is None:
        raise InputError(
            f"{content.path}: is no export of {tool.title} with answers in it; give what "
            f"{tool.title} exports, see docs/answers.md"
        )
    table = kind.read(content)
    objects: Sequence[Mapping[str, Any]]
    if isinstance(kind, ObjectFormat):
        objects = kind.split(content)[1]
    else:
        objects = [dict(zip(table.columns, row, strict=True)) for row in table.rows()]
    return ToolFile(content, kind.name, table, objects)


def utc(value: object) -> str | None:
    """Return a time as answers have it; None where it is none. One without a zone is in UTC."""
    said = str(value or "").strip()
    try:
        if said.replace(".", "", 1).isdecimal():
            found = datetime.fromtimestamp(float(said), UTC)
        else:
            found = datetime.fromisoformat(said)
        found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return found.astimezone(UTC).strftime(_TIME)
    except (ValueError, OverflowError, OSError):
        return None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) or "nothing"
