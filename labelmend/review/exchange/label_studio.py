"""Label Studio: tasks with predictions and the labelling configuration; its exports back.

https://labelstud.io/guide/tasks and https://labelstud.io/guide/predictions. A task shows one
prediction, the likeliest label, since people begin from it; all candidates with their probabilities
are in the task's data, and in words under the text. An annotation that was cancelled is a skipped
task, which Label Studio leaves out of its flat exports.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

from labelmend.data.formats.base import Format
from labelmend.data.formats.objects import Number
from labelmend.data.formats.tools.annotations import objects_in
from labelmend.data.formats.tools.label_studio import (
    LABEL_STUDIO,
    LABEL_STUDIO_CSV,
    LABEL_STUDIO_MIN,
    annotations_of,
    choices_of,
    stands,
)
from labelmend.errors import OutputError
from labelmend.regular_file import parsed_json
from labelmend.review.exchange.marks import EVIDENCE, REASON, WRITTEN_BY
from labelmend.review.exchange.tasks import Export, Task
from labelmend.review.exchange.tool import QUESTION, Heard, Reply, Tool, ToolFile, utc

_TEXT = "text"

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML has no place for."""


class LabelStudioTool(Tool):
    """Label Studio, any edition."""

    name = "label-studio"
    title = "Label Studio"
    suffix = ".json"
    beside: tuple[str, ...] = (".config.xml",)
    formats: tuple[Format, ...] = (LABEL_STUDIO, LABEL_STUDIO_MIN, LABEL_STUDIO_CSV)

    def written(self, export: Export) -> dict[str, bytes]:
        """Return the tasks, and the configuration of the project."""
        tasks = ",\n".join(
            json.dumps(_task(task, export.version), ensure_ascii=False) for task in export.tasks
        )
        return {
            self.suffix: f"[\n{tasks}\n]\n".encode(),
            self.beside[0]: _config(export).encode(),
        }

    def heard(self, file: ToolFile, question: str | None) -> Reply:
        """Read the JSON export, or one of the flat ones: an annotation is a person's word."""
        if file.format == LABEL_STUDIO.name:
            return _of_tasks(file, question)
        return _of_flat(file, question)


def _task(task: Task, version: str) -> dict[str, Any]:
    data: dict[str, Any] = {_TEXT: task.text, **task.mark.fields(), REASON: task.reason()}
    if task.evidence is not None:
        data[EVIDENCE] = task.evidence
    predictions = []
    if task.candidates:
        label, share = task.candidates[0]
        result = {
            "from_name": QUESTION,
            "to_name": _TEXT,
            "type": "choices",
            "value": {"choices": [label]},
        }
        predictions = [{"model_version": version, "score": share, "result": [result]}]
    return {"data": data, "predictions": predictions}


def _config(export: Export) -> str:
    """Return the XML of the labelling interface.

    Raises:
        OutputError: a label has a character that XML has no place for, or is taken for a field.
    """
    choices = []
    for label in export.choices:
        if _NOT_XML.search(label) or label.startswith("$"):
            raise OutputError(
                f"label {label!r}: has a character that Label Studio's configuration has no place "
                "for, or takes for a field of the task ($); rename the label, or export to another "
                "tool"
            )
        hint = _NOT_XML.sub(" ", export.descriptions.get(label, ""))
        told = f" hint={quoteattr(hint)}" if hint else ""
        choices.append(f"    <Choice value={quoteattr(label)}{told}/>")
    return "\n".join(
        (
            "<View>",
            f"  <!-- {WRITTEN_BY}: the labelling interface of its tasks. -->",
            f'  <Text name="{_TEXT}" value="${_TEXT}"/>',
            f'  <Filter name="filter" toName="{QUESTION}" minlength="0"/>',
            f'  <Choices name="{QUESTION}" toName="{_TEXT}" choice="single-radio" required="true">',
            *choices,
            "  </Choices>",
            f'  <Text name="reason" value="${REASON}"/>',
            "</View>",
            "",
        )
    )


def _of_tasks(file: ToolFile, question: str | None) -> Reply:
    controls = dict.fromkeys(
        str(result["from_name"])
        for task in file.objects
        for annotation in annotations_of(task)
        for result in choices_of(annotation)
    )
    control = file.question(list(controls), question)
    heard: list[Heard] = []
    silent = 0
    for number, task in enumerate(file.objects, start=1):
        found = [one for one in annotations_of(task) if stands(one)]
        said = [one for one in (_said(number, task, a, control) for a in found) if one.choices]
        heard += said
        cancelled = sum(1 for one in annotations_of(task) if not stands(one))
        silent += cancelled + len(found) - len(said) + (not found and not cancelled)
    return Reply(tuple(heard), silent)


def _said(
    number: int, task: Mapping[str, Any], annotation: Mapping[str, Any], control: str | None
) -> Heard:
    choices = [
        str(choice)
        for result in choices_of(annotation)
        if result["from_name"] == control
        for choice in result["value"]["choices"]
        if isinstance(choice, str) and choice.strip()
    ]
    return Heard(
        task=number,
        fields=task["data"],
        who=_person(annotation.get("completed_by")),
        when=_time(annotation),
        choices=tuple(choices),
        suggested=bool(task.get("predictions")),
    )


def _of_flat(file: ToolFile, question: str | None) -> Reply:
    columns = list(dict.fromkeys(name for one in file.objects for name in one))
    ours = [QUESTION] if QUESTION in columns else []
    asked = columns if question is not None else ours or [*filter(None, [file.table.label_column])]
    column = file.question(asked, question)
    heard = [
        Heard(number, row, _person(row.get("annotator")), _time(row), choices)
        for number, row in enumerate(file.objects, start=1)
        if (choices := tuple(_chosen(row.get(column or QUESTION))))
    ]
    return Reply(tuple(heard), len(file.objects) - len(heard))


def _chosen(value: object) -> Iterator[str]:
    """Yield what a flat export has as a choice: a text, or an object of several."""
    found = value
    if isinstance(value, str) and value.startswith('{"choices"'):
        try:
            found = parsed_json(value)
        except ValueError:
            found = value
    if isinstance(found, dict):
        found = found.get("choices")
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, str) and one.strip():
            yield str(one)


def _person(value: object) -> str | None:
    """Return who annotated: an e-mail address where the export has one, else the user's number."""
    for one in objects_in([value]):
        told = one.get("email") or one.get("username") or one.get("id")
        return _person(told)
    said = str(value or "").strip()
    number = isinstance(value, Number) or said.isdecimal()
    return f"{LabelStudioTool.name}:{said}" if said and number else said or None


def _time(fields: Mapping[str, Any]) -> str | None:
    return utc(fields.get("updated_at")) or utc(fields.get("created_at"))


LABEL_STUDIO_TOOL = LabelStudioTool()
