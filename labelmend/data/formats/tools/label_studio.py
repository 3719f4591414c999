"""Label Studio: its JSON, JSON-MIN and CSV exports.

https://labelstud.io/guide/export and its converter, `label_studio_sdk.converter`.

Of a task in the JSON export, the fields of `data` are columns, and the choices of each control are
one, named as the control is (`from_name`); cancelled annotations are passed over. Our fields go to
the end of `data`, which Label Studio imports and shows. Its other two exports are flat, and say
nowhere which column holds the choices: it is the one whose values repeat.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Any

from labelmend.data.formats.delimited import Delimited, header_names
from labelmend.data.formats.json_array import JsonArray, first_objects
from labelmend.data.formats.objects import ObjectRecords, closing_brace, flattened, put, table_of
from labelmend.data.formats.tools.annotations import (
    likely_labels,
    objects_in,
    one_label,
    put_labels,
    several_note,
)
from labelmend.data.table import Content, SourceTable, Value
from labelmend.errors import InputError

_SURE = 0.97
"""That a file is an export: more than that it is an array of objects, or a table."""

_LOOKED_AT = 3
"""Tasks; all have the same fields."""

_ADDED = (
    *("id", "annotator", "annotation_id", "created_at"),
    *("updated_at", "lead_time", "agreement", "history"),
)
"""What the exporter adds to the user's data."""

_TELLING = {"annotator", "annotation_id", "lead_time"}
"""What both flat exports have."""


class LabelStudio(JsonArray):
    """The JSON export: tasks with their data and annotations."""

    name = "label-studio"
    suffixes = ()
    shares = (".json",)

    def recognises(self, content: Content) -> float:
        """Say whether the first objects are tasks."""
        found = first_objects(content, _LOOKED_AT)
        return _SURE if found and all(map(_is_task, found)) else 0.0

    def shown(
        self, content: Content, source: ObjectRecords, objects: list[dict[str, Any]]
    ) -> SourceTable:
        """Return the table, a task a row."""
        for number, task in enumerate(objects, start=1):
            if not _is_task(task):
                raise InputError(
                    f"{content.path}: task {number} has no `data` and `annotations`; export the "
                    "project again as JSON"
                )
        chosen = [dict(_chosen(task)) for task in objects]
        controls = Counter(name for labels in chosen for name in labels)
        rows = []
        for task, data, labels in zip(
            objects, flattened([task["data"] for task in objects]), chosen, strict=True
        ):
            row = {"id": task.get("id")} if "id" in task else {}
            # As in its own exports: a field that is called as a control is renamed.
            row |= {f"_data_{name}" if name in controls else name: data[name] for name in data}
            for control in controls:
                put_labels(row, control, labels.get(control, []))
            rows.append(row)
        return table_of(
            self.name,
            content,
            source,
            rows,
            text_column=_text_column(objects, controls),
            label_column=next(iter(controls)) if len(controls) == 1 else None,
            notes=tuple(several_note(rows, controls)),
        )

    def place(self, record: str) -> int:
        """Return the index of the brace that closes `data`."""
        return closing_brace(record, "data")

    def put(self, found: MutableMapping[str, Any], column: str, value: Value) -> None:
        """Set a field of `data`, or the choice of a control."""
        for result in _results(found):
            if result.get("from_name") == column:
                result["value"]["choices"] = [value] if value else []
                return
        if column == "id":
            found["id"] = value
        else:
            put(found["data"], column.removeprefix("_data_"), value)


class LabelStudioMin(JsonArray):
    """The JSON-MIN export: flat objects, one an annotation."""

    name = "label-studio-min"
    suffixes = ()
    shares = (".json",)

    def recognises(self, content: Content) -> float:
        """Say whether the first objects have what the exporter adds."""
        found = first_objects(content, _LOOKED_AT)
        return _SURE if found and all(set(one) >= _TELLING for one in found) else 0.0

    def shown(
        self, content: Content, source: ObjectRecords, objects: list[dict[str, Any]]
    ) -> SourceTable:
        """Return the table; the controls stand behind the data and before the annotator."""
        table = super().shown(content, source, objects)
        end = table.columns.index("annotator")
        likely = [c for c in likely_labels(table, _ADDED) if table.columns.index(c) < end]
        return replace(table, label_column=likely[-1] if likely else None)


class LabelStudioCsv(Delimited):
    """The CSV export, and the same with tabs: a record an annotation, columns by their names."""

    suffixes = ()
    shares = (".csv", ".tsv")

    def recognises(self, content: Content) -> float:
        """Say whether the header names what the exporter adds."""
        return _SURE if header_names(content, ",\t") >= _TELLING else 0.0

    def read(self, content: Content) -> SourceTable:
        """Read the records; the labels are in the only column whose values repeat, if it is one."""
        table = super().read(content)
        likely = likely_labels(table, _ADDED)
        return replace(table, label_column=likely[0] if len(likely) == 1 else None)


def _is_task(found: Mapping[str, Any]) -> bool:
    return isinstance(found.get("data"), dict) and isinstance(
        found.get("annotations", found.get("completions")), list
    )


def annotations_of(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all annotations of a task, in the order of the file."""
    return objects_in(task.get("annotations", task.get("completions")))


def stands(annotation: Mapping[str, Any]) -> bool:
    """Whether an annotation was made, and not skipped or taken back."""
    return not (annotation.get("was_cancelled") or annotation.get("skipped"))


def choices_of(annotation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the results of an annotation that are choices, each with its control's name."""
    for result in objects_in(annotation.get("result")):
        if (
            isinstance(result.get("value"), dict)
            and isinstance(result["value"].get("choices"), list)
            and isinstance(result.get("from_name"), str)
        ):
            yield result


def _standing(task: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return filter(stands, annotations_of(task))


def _results(task: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the choices of all annotations that stand."""
    for annotation in _standing(task):
        yield from choices_of(annotation)


def _chosen(task: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the controls of a task, each with a label an annotation."""
    found: dict[str, list[str]] = {}
    for annotation in _standing(task):
        choices: dict[str, list[Any]] = {}
        for result in choices_of(annotation):
            choices.setdefault(result["from_name"], []).extend(result["value"]["choices"])
        for control, labels in choices.items():
            found.setdefault(control, []).append(one_label(labels))
    yield from found.items()


def _text_column(tasks: Sequence[Mapping[str, Any]], controls: Mapping[str, int]) -> str | None:
    """Return the field of the data that is called as what the choices are about."""
    named = Counter(str(result.get("to_name")) for task in tasks for result in _results(task))
    for name, _ in named.most_common(1):
        if all(isinstance(task["data"].get(name), str) for task in tasks):
            return f"_data_{name}" if name in controls else name
    return None


LABEL_STUDIO = LabelStudio()
LABEL_STUDIO_MIN = LabelStudioMin()
LABEL_STUDIO_CSV = LabelStudioCsv("label-studio-csv", (), ",")
