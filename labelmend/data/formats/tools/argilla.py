"""Argilla: its records as JSON, Parquet and JSON lines.

`records.to_json` writes nested records, `records.to_datasets` a Hugging Face dataset with the
columns `topic.responses` (a label a person), `topic.responses.status` and `topic.suggestion` for a
question `topic`. Both are shown under these names. Drafts and discarded responses are passed over
where the file tells them: what `records.to_json` writes does not.
Our fields stand at the end of each record, where Argilla's own reader passes over them.

https://docs.argilla.io/latest/how_to_guides/import_export/
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labelmend.data.formats.columnar import class_names, named, shown
from labelmend.data.formats.json_array import JsonArray, first_objects
from labelmend.data.formats.jsonl import JsonLines, first_lines
from labelmend.data.formats.objects import ObjectRecords, flattened, put, table_of
from labelmend.data.formats.parquet import Parquet
from labelmend.data.formats.tools.annotations import (
    objects_in,
    one_label,
    put_labels,
    several_note,
)
from labelmend.data.table import Content, SourceTable, Value
from labelmend.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_SURE = 0.97
"""That a file holds Argilla's records: more than that it is JSON or Parquet."""

_LOOKED_AT = 3
"""Records; all have the same fields."""

RESPONSES, USERS, STATUS = ".responses", ".responses.users", ".responses.status"
"""Behind a question's name, in flat exports."""

STANDS = (None, "submitted")
"""What becomes of responses that count."""


class ArgillaJson(JsonArray):
    """What `records.to_json` writes."""

    name = "argilla"
    suffixes = ()
    shares = (".json",)

    def recognises(self, content: Content) -> float:
        """Say whether the first objects are records."""
        found = first_objects(content, _LOOKED_AT)
        return _SURE if found and all(map(_is_record, found)) else 0.0

    def shown(
        self, content: Content, source: ObjectRecords, objects: list[dict[str, Any]]
    ) -> SourceTable:
        """Return the table, a record a row."""
        for number, record in enumerate(objects, start=1):
            if not _is_record(record):
                raise InputError(
                    f"{content.path}: record {number} has no `fields` and `responses`; export the "
                    "records again"
                )
        rows = [_row(record) for record in objects]
        questions = Counter(
            f"{question}{RESPONSES}"
            for record in objects
            for question, responses in record["responses"].items()
            if responses
        )
        fields = {name for record in objects for name in record["fields"]}
        return table_of(
            self.name,
            content,
            source,
            rows,
            text_column=fields.pop() if len(fields) == 1 else None,
            label_column=_only(questions),
            notes=tuple(several_note(rows, questions)),
        )

    def put(self, found: MutableMapping[str, Any], column: str, value: Value) -> None:
        """Set a field, or the first response to a question that stands."""
        question = column.removesuffix(RESPONSES)
        responses = objects_in(found["responses"].get(question))
        if column.endswith(RESPONSES) and responses:
            stand = [one for one in responses if one.get("status") in STANDS]
            (stand or responses)[0]["value"] = value
        elif column in found["fields"]:
            found["fields"][column] = value
        else:
            put(found, column, value)


class ArgillaLines(JsonLines):
    """The same as JSON lines with flat records, as `Dataset.to_json` writes them."""

    name = "argilla-jsonl"
    suffixes = ()
    shares = (".jsonl", ".json")

    def recognises(self, content: Content) -> float:
        """Say whether the first objects have responses and who gave them."""
        found = first_lines(content, _LOOKED_AT)
        return _SURE if found and all(questions_of(one) for one in found) else 0.0

    def shown(
        self, content: Content, source: ObjectRecords, objects: list[dict[str, Any]]
    ) -> SourceTable:
        """Return the table, a record a row."""
        questions = questions_of(objects[0])
        rows = flattened(objects)
        for row in rows:
            for question in questions:
                _put_responses(row, question)
        return table_of(
            self.name,
            content,
            source,
            rows,
            label_column=_only(questions),
            notes=tuple(several_note(rows, questions)),
        )

    def put(self, found: MutableMapping[str, Any], column: str, value: Value) -> None:
        """Set a field, or the first response to a question that stands."""
        if not column.endswith(RESPONSES):
            put(found, column, value)
            return
        held = found.get(column)
        place = next(_standing(found, column), None)
        if not isinstance(held, list) or place is None:
            put(found, column, [value])  # type: ignore[arg-type]
        else:
            held[place] = value


class ArgillaParquet(Parquet):
    """The same as Parquet; its columns come back as they were."""

    name = "argilla-parquet"
    suffixes = ()
    shares = (".parquet", ".pq")

    def recognises(self, content: Content) -> float:
        """Say whether there are columns of responses and who gave them."""
        if not super().recognises(content):
            return 0.0
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            columns = pq.read_schema(pa.BufferReader(content.raw)).names
        except (pa.ArrowException, OSError, ValueError):
            return 0.0
        return _SURE if questions_of(columns) else 0.0

    def read(self, content: Content) -> SourceTable:
        """Read the columns; of the responses, the first that stands is the label."""
        import pandas as pd

        arrow = self.load(content)
        table = shown(content.path, self.name, arrow)
        questions = questions_of(table.columns)
        rows = [_listed(row, questions) for row in _lists(arrow, questions)]
        names = list(dict.fromkeys([*table.columns, *(name for row in rows for name in row)]))
        frame = table.frame.assign(
            **{
                name: pd.Series([row.get(name, "") for row in rows], dtype=str)
                for name in dict.fromkeys(name for row in rows for name in row)
            }
        )
        return replace(
            table,
            columns=tuple(names),
            frame=frame,
            label_column=_only(questions),
            notes=tuple(several_note(rows, questions)),
        )

    def responses(self, content: Content) -> list[dict[str, Any]]:
        """Return the records with their responses as lists, as the JSON lines have them."""
        table, arrow = self.read(content), self.load(content)
        questions = questions_of(table.columns)
        users = [name.removesuffix(RESPONSES) + USERS for name in questions]
        lists = {name: arrow[name].to_pylist() for name in users}
        rows = (dict(zip(table.columns, row, strict=True)) for row in table.rows())
        return [
            {**row, **answers, **{name: lists[name][place] for name in users}}
            for place, (row, answers) in enumerate(zip(rows, _lists(arrow, questions), strict=True))
        ]


def _is_record(found: Mapping[str, Any]) -> bool:
    return all(isinstance(found.get(name), dict) for name in ("fields", "responses"))


def questions_of(columns: Iterable[str]) -> list[str]:
    """Return the columns with responses, which other columns say who gave."""
    names = list(columns)
    users = {name.removesuffix(USERS) + RESPONSES for name in names if name.endswith(USERS)}
    return [name for name in names if name in users]


def _only(questions: Iterable[str]) -> str | None:
    found = list(questions)
    return found[0] if len(found) == 1 else None


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a nested record's row, with the names that the flat export has."""
    row = {name: record[name] for name in ("id", "status", "_server_id") if name in record}
    for part in ("fields", "metadata"):
        if isinstance(record.get(part), dict):
            row |= flattened([record[part]])[0]
    for question, responses in record["responses"].items():
        labels = [
            one_label(response.get("value"))
            for response in objects_in(responses)
            if response.get("status") in STANDS
        ]
        put_labels(row, f"{question}{RESPONSES}", labels)
    suggestions = record.get("suggestions")
    for question, suggestion in suggestions.items() if isinstance(suggestions, dict) else ():
        if isinstance(suggestion, dict):
            row[f"{question}.suggestion"] = suggestion.get("value")
            for more in ("score", "agent"):
                row[f"{question}.suggestion.{more}"] = suggestion.get(more)
    known = {"id", "status", "_server_id", "fields", "metadata", "responses", "suggestions"}
    return row | {name: record[name] for name in record if name not in {*known, "vectors"}}


def _put_responses(row: MutableMapping[str, Any], question: str) -> None:
    """Put the responses of a flat row that stand into columns."""
    put_labels(row, question, [one_label(row[question][i]) for i in _standing(row, question)])


def _standing(row: Mapping[str, Any], question: str) -> Iterator[int]:
    """Yield the places of the responses of a flat row that stand."""
    found = row.get(question)
    values = found if isinstance(found, list) else []
    status = row.get(question.removesuffix(RESPONSES) + STATUS)
    status = status if isinstance(status, list) else [None] * len(values)
    for place, (value, state) in enumerate(zip(values, status, strict=False)):
        if state in STANDS and value is not None:
            yield place


def _lists(arrow: "pa.Table", questions: Iterable[str]) -> list[dict[str, Any]]:
    """Return the lists that questions are answered by, row by row; codes by their names."""
    names = class_names(arrow)
    columns = {}
    for question in questions:
        found = arrow[question].to_pylist()
        if question in names:
            found = [named(value, names[question]) for value in found]
        columns[question] = found
        status = question.removesuffix(RESPONSES) + STATUS
        if status in arrow.column_names:
            columns[status] = arrow[status].to_pylist()
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _listed(row: dict[str, Any], questions: Iterable[str]) -> dict[str, Any]:
    found = dict(row)
    for question in questions:
        _put_responses(found, question)
    return {name: value for name, value in found.items() if not name.endswith(STATUS)}


ARGILLA = ArgillaJson()
ARGILLA_LINES = ArgillaLines()
ARGILLA_PARQUET = ArgillaParquet()
