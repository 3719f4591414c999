"""doccano: the exports of a text classification, as JSON, JSON lines and CSV.

`id`, `text`, what was uploaded with it, `label` and `Comments`. In JSON the labels of a text are a
list, in CSV they are joined by a hash. Its fastText export is read as `fasttext` reads it.

https://github.com/doccano/doccano, `data_export/pipeline`.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import Any

from labelmend.data.formats.base import changed_frame
from labelmend.data.formats.delimited import Delimited, header_names
from labelmend.data.formats.json_array import JsonArray, first_objects
from labelmend.data.formats.jsonl import JsonLines, first_lines
from labelmend.data.formats.objects import ObjectFormat, ObjectRecords, flattened, put, table_of
from labelmend.data.formats.tools.annotations import one_label
from labelmend.data.table import Content, SourceTable, Value

_SURE = 0.96
"""That a file is doccano's: more than that it is JSON, or a table."""

_LOOKED_AT = 3
"""Objects; all have the same fields."""

_FIELDS = {"id", "text", "label", "Comments"}
"""What an export of a text classification has; uploaded columns stand among them."""

_JOINT = "#"
"""Between the labels of a text in CSV."""


class _Listed(ObjectFormat):
    """Objects whose labels are lists."""

    def shown(
        self, content: Content, source: ObjectRecords, objects: list[dict[str, Any]]
    ) -> SourceTable:
        """Return the table; a list of one label is that label, an empty one is none."""
        rows = flattened(objects)
        for row in rows:
            row["label"] = one_label(row.get("label"))
        return table_of(self.name, content, source, rows, label_column="label")

    def put(self, found: MutableMapping[str, Any], column: str, value: Value) -> None:
        """Set a field, or the list of labels."""
        if column == "label":
            found["label"] = [value] if value else []
        else:
            put(found, column, value)


class DoccanoJson(_Listed, JsonArray):
    """The JSON export."""

    name = "doccano"
    suffixes = ()
    shares = (".json",)

    def recognises(self, content: Content) -> float:
        """Say whether the first objects are of an export."""
        return _sure(first_objects(content, _LOOKED_AT))


class DoccanoLines(_Listed, JsonLines):
    """The JSONL export."""

    name = "doccano-jsonl"
    suffixes = ()
    shares = (".jsonl", ".json")

    def recognises(self, content: Content) -> float:
        """Say whether the first objects are of an export."""
        return _sure(first_lines(content, _LOOKED_AT))


class DoccanoCsv(Delimited):
    """The CSV export."""

    suffixes = ()
    shares = (".csv",)

    def recognises(self, content: Content) -> float:
        """Say whether the header is of an export."""
        return _SURE if header_names(content) >= _FIELDS else 0.0

    def read(self, content: Content) -> SourceTable:
        """Read the records; several labels are shown as a list."""
        table = super().read(content)
        cells = table.values("label")
        # A cell whose parts are no labels elsewhere is one label, such as C#.
        alone = {cell for cell in cells if _JOINT not in cell}
        labels = [
            one_label(cell.split(_JOINT)) if set(cell.split(_JOINT)) <= alone else cell
            for cell in cells
        ]
        return replace(table, frame=changed_frame(table, "label", labels), label_column="label")


def _sure(objects: list[dict[str, Any]]) -> float:
    return _SURE if objects and all(map(_is_export, objects)) else 0.0


def _is_export(found: Mapping[str, Any]) -> bool:
    return set(found) >= _FIELDS and all(
        isinstance(found[name], list) for name in ("label", "Comments")
    )


DOCCANO = DoccanoJson()
DOCCANO_LINES = DoccanoLines()
DOCCANO_CSV = DoccanoCsv("doccano-csv", (), ",")
