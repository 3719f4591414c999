"""Argilla's records, as its own package wrote them."""

import json

import pyarrow.parquet as pq
import pytest
from fixtures.formats.make import DISCARDED
from fixtures.round_trip import comes_back, table_of, written
from fixtures.tool_files import FOLDER, LABELS, TEXTS

from labelmend.data.dataset import choose_columns
from labelmend.data.formats.tools.argilla import ARGILLA, ARGILLA_LINES, ARGILLA_PARQUET
from labelmend.data.read import read_table
from labelmend.data.table import NewColumn
from labelmend.errors import InputError

TOPICS = ["" if row == DISCARDED else label for row, label in enumerate(LABELS)]
FLAT = ("id", "status", "_server_id", "text", "source", "topic.responses")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("argilla.json", "argilla"),
        ("argilla.jsonl", "argilla-jsonl"),
        ("argilla.parquet", "argilla-parquet"),
    ],
)
def test_records(name, kind):
    table = read_table(FOLDER / name)
    assert table.format == kind
    assert table.columns[:6] == FLAT
    chosen = choose_columns(table)
    assert (chosen.text, chosen.label, chosen.id) == ("text", "topic.responses", "id")
    assert table.values("text") == TEXTS
    given = table.values("topic.responses")
    if kind == "argilla":
        # The nested export leaves out whether a response was a draft, or discarded.
        assert given == [*LABELS[:6], "returns", LABELS[7]]
    else:
        assert given == TOPICS
    assert table.values("topic.responses.2")[1] == "returns"
    assert table.values("topic.suggestion.score") == ["0.75"] * 8
    assert len(table.notes) == 1


@pytest.mark.parametrize("name", ["argilla.json", "argilla.jsonl"])
def test_bytes_come_back(tmp_path, name):
    comes_back(FOLDER / name, tmp_path)


def test_parquet_keeps_its_columns(tmp_path):
    table = read_table(FOLDER / "argilla.parquet")
    path = tmp_path / "a.parquet"
    mended = NewColumn("mended_label", tuple(TEXTS), "topic.responses")
    path.write_bytes(ARGILLA_PARQUET.write(table, [mended]))
    written, source = pq.read_table(path), pq.read_table(FOLDER / "argilla.parquet")
    assert written.select(source.column_names).equals(source)
    assert written.column_names[-1] == "mended_label"
    assert written["mended_label"].to_pylist() == TEXTS
    assert read_table(path).values("topic.responses") == TOPICS


def test_our_fields_stand_at_the_end_of_a_record():
    table = read_table(FOLDER / "argilla.json")
    found = json.loads(written(table, NewColumn("mended_label", tuple(LABELS), "topic.responses")))
    before = json.loads((FOLDER / "argilla.json").read_text())
    for record, label in zip(before, LABELS, strict=True):
        assert "mended_label" not in record
        record["mended_label"] = label
    assert found == before
    again = table_of(json.dumps(found), "a.json")
    assert again.values("mended_label") == LABELS


def test_other_labels_are_set_in_their_places():
    for kind, name in ((ARGILLA, "argilla.json"), (ARGILLA_LINES, "argilla.jsonl")):
        table = read_table(FOLDER / name)
        values = ["returns", *table.values("topic.responses")[1:]]
        changed = kind.with_values(table, "topic.responses", values)
        again = table_of(written(changed), name)
        assert again.values("topic.responses") == values
        assert again.values("topic.responses.2") == table.values("topic.responses.2")


def test_another_label_takes_the_place_of_the_response_that_stands():
    """The first one may be a draft, or discarded: a label there would not be read again."""
    table = read_table(FOLDER / "argilla.jsonl")
    topics = table.values("topic.responses")
    labels = [f"l{row}" if label else "" for row, label in enumerate(topics)]
    lines = written(ARGILLA_LINES.with_values(table, "topic.responses", labels))
    assert table_of(lines, "a.jsonl").values("topic.responses") == labels
    before = json.loads((FOLDER / "argilla.jsonl").read_text().splitlines()[6])
    after = json.loads(lines.splitlines()[6])
    assert before["topic.responses.status"] == ["discarded", "submitted"]
    assert after["topic.responses"] == [before["topic.responses"][0], "l6"]

    answers = [{"value": "a", "status": "draft"}, {"value": "b", "status": "submitted"}]
    record = {"fields": {"text": "t"}, "responses": {"topics": answers}}
    nested = table_of(json.dumps([record]), "a.json")
    again = written(ARGILLA.with_values(nested, "topics.responses", ["c"]))
    assert [one["value"] for one in json.loads(again)[0]["responses"]["topics"]] == ["a", "c"]


def test_several_labels_of_one_person_are_a_list():
    record = {"fields": {"text": "t"}, "responses": {"topics": [{"value": ["a", "b"]}]}}
    one = {"fields": {"text": "u"}, "responses": {"topics": [{"value": ["a"]}]}}
    table = table_of(json.dumps([record, one]), "a.json")
    assert table.values("topics.responses") == ['["a", "b"]', "a"]


def test_a_broken_record():
    record = {"fields": {"text": "t"}, "responses": {"topics": [1, {"value": "a"}]}}
    assert table_of(json.dumps([record]), "a.json").values("topics.responses") == ["a"]
    with pytest.raises(InputError, match="record 4 has no `fields` and `responses`; export"):
        table_of(json.dumps([record, record, record, {"fields": 1}]), "a.json")
