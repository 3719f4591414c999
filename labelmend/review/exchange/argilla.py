"""Argilla 2: records with suggestions and the data set's settings; its records back.

https://docs.argilla.io/latest/how_to_guides/import_export/ `rg.Settings.from_json` takes the
settings, `dataset.records.from_json` the records. What `records.to_json` writes says nowhere which
responses are drafts or were discarded; `records.to_datasets` does. Neither says when.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from labelmend.data.formats.base import Format
from labelmend.data.formats.tools.annotations import objects_in
from labelmend.data.formats.tools.argilla import (
    ARGILLA,
    ARGILLA_LINES,
    ARGILLA_PARQUET,
    RESPONSES,
    STANDS,
    STATUS,
    USERS,
    questions_of,
)
from labelmend.review.exchange.marks import EVIDENCE, WRITTEN_BY
from labelmend.review.exchange.tasks import Export, Task
from labelmend.review.exchange.tool import QUESTION, Heard, Reply, Tool, ToolFile

_TEXT, _REASON = "text", "reason"
"""The fields of a record."""

_Response = tuple[str | None, tuple[str, ...], str | None]
"""Who, what, and what became of it."""


class ArgillaTool(Tool):
    """Argilla's client, from version 2 on."""

    name = "argilla"
    title = "Argilla"
    suffix = ".json"
    beside: tuple[str, ...] = (".settings.json",)
    formats: tuple[Format, ...] = (ARGILLA, ARGILLA_LINES, ARGILLA_PARQUET)

    def written(self, export: Export) -> dict[str, bytes]:
        """Return the records, and the settings of the data set."""
        records = ",\n".join(json.dumps(_record(task, export.version)) for task in export.tasks)
        return {
            self.suffix: f"[\n{records}\n]\n".encode(),
            self.beside[0]: f"{json.dumps(_settings(export), indent=1)}\n".encode(),
        }

    def heard(self, file: ToolFile, question: str | None) -> Reply:
        """Read the responses that were submitted."""
        nested = file.format == ARGILLA.name
        name = file.question(_asked(file, nested=nested), question)
        objects = file.objects
        if file.format == ARGILLA_PARQUET.name:
            objects = ARGILLA_PARQUET.responses(file.content)
        heard: list[Heard] = []
        silent = 0
        for number, record in enumerate(objects, start=1):
            (metadata,) = objects_in([record.get("metadata")]) or ({},)
            fields = {**record, **metadata} if nested else record
            suggested = bool(record.get("suggestions") or record.get(f"{name}.suggestion"))
            found = list(_nested(record, name) if nested else _flat(record, name))
            said = [
                Heard(number, fields, who, None, choices, suggested=suggested)
                for who, choices, status in found
                if choices and status in STANDS
            ]
            heard += said
            silent += len(found) - len(said) + (not found)
        return Reply(tuple(heard), silent, tuple(_notes(file, nested=nested)))


def _record(task: Task, version: str) -> dict[str, Any]:
    suggestions = {}
    if task.candidates:
        label, share = task.candidates[0]
        suggestions = {QUESTION: {"value": label, "score": share, "agent": version}}
    # Argilla keeps texts and numbers, and nothing that is empty.
    metadata = {name: value for name, value in task.mark.fields().items() if value != ""}
    if task.evidence is not None:
        metadata[EVIDENCE] = json.dumps(task.evidence, ensure_ascii=False)
    return {
        "id": task.mark.text_sha256,
        "fields": {_TEXT: task.text, _REASON: task.reason()},
        "metadata": metadata,
        "suggestions": suggestions,
        "responses": {},
        "vectors": {},
        "status": "pending",
        "_server_id": None,
    }


def _settings(export: Export) -> dict[str, Any]:
    return {
        "guidelines": f"{WRITTEN_BY}. Choose the label that the text should have; "
        f"{export.words.none!r} where none fits, {export.words.unsure!r} where you can't tell.",
        "questions": [
            {
                "name": QUESTION,
                "title": QUESTION,
                "description": None,
                "required": True,
                "settings": {
                    "type": "label_selection",
                    "options": [{"value": one, "text": one} for one in export.choices],
                },
            }
        ],
        "fields": [
            {
                "name": name,
                "title": name,
                "required": name == _TEXT,
                "settings": {"type": "text", "use_markdown": False},
            }
            for name in (_TEXT, _REASON)
        ],
        "vectors": [],
        "metadata": [],
        "allow_extra_metadata": True,
        "distribution": {"strategy": "overlap", "min_submitted": 1},
        "mapping": None,
    }


def _asked(file: ToolFile, *, nested: bool) -> list[str]:
    if nested:
        responses = (record["responses"] for record in file.objects)
        return list(dict.fromkeys(name for one in responses for name in one))
    return [name.removesuffix(RESPONSES) for name in questions_of(file.table.columns)]


def _nested(record: Mapping[str, Any], question: str | None) -> Iterator[_Response]:
    for one in objects_in(record["responses"].get(question)):
        yield _person(one.get("user_id")), _choices(one.get("value")), one.get("status")


def _flat(record: Mapping[str, Any], question: str | None) -> Iterator[_Response]:
    values, users, states = (
        _list(record.get(f"{question}{ending}")) for ending in (RESPONSES, USERS, STATUS)
    )
    for place, value in enumerate(values):
        who = users[place] if place < len(users) else None
        yield _person(who), _choices(value), states[place] if place < len(states) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _person(value: object) -> str | None:
    return str(value or "").strip() or None


def _choices(value: object) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    return tuple(str(one) for one in found if isinstance(one, str) and one.strip())


def _notes(file: ToolFile, *, nested: bool) -> Iterator[str]:
    told = any(
        "status" in one
        for record in file.objects
        for responses in (record["responses"].values() if nested else ())
        for one in objects_in(responses)
    )
    if nested and not told:
        yield (
            f"{file.path}: Argilla's to_json doesn't say which responses are drafts or were "
            "discarded: all are taken; to leave those out, export with "
            "records.to_datasets().to_json(...)"
        )


ARGILLA_TOOL = ArgillaTool()
