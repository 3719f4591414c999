"""Prodigy: what `db-out` writes, a task a line with the answer that was given.

https://prodi.gy/docs/api-interfaces: a binary task (`classification`) has a `label`; one with
`options` (`choice`) has the ids that were chosen in `accept`. `answer` says what became of it:
"accept"; "reject", which means "not this label", so that the row has none, and what was refused is
in a column of its own; or "ignore", which means that no one knows.

Options are shown by their texts, where each has one of its own; what we write has their ids again.
"""

import itertools
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Any

from labelmend.data.formats.jsonl import JsonLines, first_lines
from labelmend.data.formats.objects import (
    Number,
    ObjectRecords,
    dumped,
    flattened,
    put,
    table_of,
    text_of,
)
from labelmend.data.formats.tools.annotations import objects_in, one_label
from labelmend.data.table import Content, SourceTable, Value

_SURE = 0.96
"""That a file is Prodigy's: more than that it is JSONL."""

_LOOKED_AT = 20
"""Tasks: the first may not be answered."""

_ANSWERS = ("accept", "reject", "ignore")
_ITS_OWN = ("_view_id", "_input_hash", "_task_hash", "_session_id", "options", "accept", "label")
"""What Prodigy's tasks have beside a text."""

_REFUSED = ("rejected", "rejected_label", "_rejected")
"""Names for the column of what was refused: the first that no task has."""

_MENDED = "mended_label"
"""Our column in a file that labelmend wrote; it holds ids as `accept` does."""


class Prodigy(JsonLines):
    """Tasks with their answers."""

    name = "prodigy"
    suffixes = ()
    shares = (".jsonl", ".ndjson", ".json")

    def recognises(self, content: Content) -> float:
        """Say whether the first tasks have answers, and what else Prodigy writes."""
        found = first_lines(content, _LOOKED_AT)
        answered = [task for task in found if task.get("answer") in _ANSWERS]
        own = any(name in task for task in answered for name in _ITS_OWN)
        return _SURE if own and 2 * len(answered) > len(found) else 0.0

    def shown(
        self, content: Content, source: ObjectRecords, objects: list[dict[str, Any]]
    ) -> SourceTable:
        """Return the table, a task a row; only what was accepted is a label."""
        choice = any("options" in task or "accept" in task for task in objects)
        column = "accept" if choice else "label"
        names = option_names(objects) if choice else {}
        taken = {name for task in objects for name in task}
        more = (f"rejected_{number}" for number in itertools.count(2))
        refused_column = next(n for n in itertools.chain(_REFUSED, more) if n not in taken)
        answers = [str(task.get("answer", "accept")) for task in objects]
        rows = flattened(objects)
        for row, task, answer in zip(rows, objects, answers, strict=True):
            found = _label(task.get(column), names)
            row[column] = found if answer == "accept" else ""
            if "reject" in answers:
                row[refused_column] = found if answer == "reject" else ""
            if _MENDED in row and row[_MENDED] is not None:
                row[_MENDED] = names.get(text_of(row[_MENDED]), row[_MENDED])
        ids = {text_of(i): i for task in objects for i, _ in options_of(task)}
        codes = {names[text]: _plain(found) for text, found in ids.items() if text in names}
        return table_of(
            self.name,
            content,
            replace(source, codes={column: codes} if codes else {}),
            rows,
            label_column=column,
            refused_column=refused_column if "reject" in answers else None,
            notes=tuple(_notes(answers, objects, refused_column)),
        )

    def put(self, found: MutableMapping[str, Any], column: str, value: Value) -> None:
        """Set a field, or what was accepted."""
        if column == "accept" or (column == "label" and "answer" in found):
            found["answer"] = "accept" if value not in (None, "") else "ignore"
        if column == "accept":
            found["accept"] = [value] if value not in (None, "") else []
        else:
            put(found, column, value)


def options_of(task: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    """Yield the ids of a task's options, each with the text that people saw."""
    for option in objects_in(task.get("options")):
        if option.get("id") is not None:
            text = option.get("text")
            shown = isinstance(text, str) and not isinstance(text, Number) and text.strip()
            yield option["id"], str(text) if shown else ""


def option_names(tasks: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the options' texts by their ids; the ids where not each has a text of its own."""
    names: dict[str, str] = {}
    for task in tasks:
        for found, text in options_of(task):
            if names.setdefault(text_of(found), text or text_of(found)) != (text or text_of(found)):
                return {name: name for name in names}
    return names if len({*names.values()}) == len(names) else {name: name for name in names}


def _label(value: object, names: Mapping[str, str]) -> str:
    """Return what was chosen, by name; several are a list."""
    if isinstance(value, list):
        return one_label([names.get(text_of(found), text_of(found)) for found in value])
    return "" if value is None else value if isinstance(value, str) else dumped(value)


def _plain(found: object) -> Value:
    if isinstance(found, Number):
        return int(found) if found.lstrip("-").isdecimal() else float(found)
    return str(found)


def _notes(
    answers: Sequence[str], tasks: Sequence[Mapping[str, Any]], refused_column: str
) -> Iterator[str]:
    refused, ignored = answers.count("reject"), answers.count("ignore")
    if refused:
        more = f"{refused} rows say which label they are"
        yield (
            f"{'1 row says which label it is' if refused == 1 else more} not (answered with "
            f"reject): no label there; what was refused is in the column {refused_column!r}"
        )
    if ignored:
        yield f"{_rows(ignored)} answered with ignore: no label there"
    flagged = sum(task.get("flagged") is True for task in tasks)
    if flagged:
        yield f"{_rows(flagged)} flagged in Prodigy: used as the others are"


def _rows(count: int) -> str:
    return f"{count} {'row is' if count == 1 else 'rows are'}"


PRODIGY = Prodigy()
