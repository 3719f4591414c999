"""Label Studio's exports, as its own converter wrote them."""

import json

import pytest
from fixtures.formats.make import DISCARDED, NONE, OTHER
from fixtures.round_trip import comes_back, table_of, written
from fixtures.tool_files import FOLDER, LABELS, TEXTS

from labelmend.data.dataset import choose_columns
from labelmend.data.formats.tools.label_studio import LABEL_STUDIO
from labelmend.data.read import read_table
from labelmend.data.table import NewColumn
from labelmend.errors import InputError

TASKS = FOLDER / "label_studio.json"
TOPICS = ["" if row in {NONE, DISCARDED, OTHER} else label for row, label in enumerate(LABELS)]


def test_tasks():
    table = read_table(TASKS)
    assert (table.format, table.columns) == (
        "label-studio",
        ("id", "text", "source", "topic", "topic.2"),
    )
    assert table.values("text") == TEXTS
    assert table.values("topic") == TOPICS
    assert table.values("topic.2") == ["", "returns", *[""] * 6]
    chosen = choose_columns(table)
    assert (chosen.text, chosen.label, chosen.id) == ("text", "topic", "id")
    assert table.notes == (
        "1 row was labelled more than once: the first label is the given one; to weigh the others "
        "as well, give --vote-column topic.2",
    )


def test_ours_go_into_the_data(tmp_path):
    table = read_table(TASKS)
    text = written(table, NewColumn("mended_label", tuple(LABELS), "topic"))
    before = json.loads(TASKS.read_text())
    for task, label in zip(before, LABELS, strict=True):
        task["data"]["mended_label"] = label
    assert json.loads(text) == before
    assert text.replace(', "mended_label": ""', "").count('"mended_label"') == 7
    comes_back(TASKS, tmp_path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("label_studio_min.json", "label-studio-min"), ("label_studio.csv", "label-studio-csv")],
)
def test_flat_exports(tmp_path, name, kind):
    table = read_table(FOLDER / name)
    assert table.format == kind
    chosen = choose_columns(table)
    assert (chosen.text, chosen.label) == ("text", "topic")
    # One row an annotation: the second task has two, the sixth one that was cancelled.
    assert table.values("text") == [*TEXTS[:2], *TEXTS[1:5], *TEXTS[6:]]
    assert table.values("topic")[:4] == ["plant_health", "returns", "opening_hours", "returns"]
    again = comes_back(FOLDER / name, tmp_path)
    assert again.label_column == "topic"
    # Ours are none of theirs, whatever repeats in them.
    marked = written(
        table,
        NewColumn("mended_label", ("a", "b") * 4, "topic"),
        NewColumn("decision", ("keep", "change") * 4),
    )
    assert table_of(marked, name).label_column == "topic"


def task(choices, **more):
    result = {"from_name": "intent", "to_name": "text", "type": "choices"}
    result["value"] = {"choices": choices}
    return {"data": {"text": "t"}, "annotations": [{"result": [result]}], **more}


def test_several_choices_are_a_list_and_none_is_blank():
    table = table_of(json.dumps([task(["a"]), task(["a", "b"]), task([])]), "a.json")
    assert table.values("intent") == ["a", '["a", "b"]', ""]


def test_a_field_with_the_name_of_a_control():
    tasks = [task(["a"]), task(["b"])]
    for one in tasks:
        one["data"]["intent"] = "x"
    table = table_of(json.dumps(tasks), "a.json")
    assert table.columns == ("text", "_data_intent", "intent")
    assert table.rows() == [["t", "x", "a"], ["t", "x", "b"]]


def test_two_controls_have_to_be_named():
    tasks = [task(["a"]), task(["b"])]
    more = {"from_name": "mood", "to_name": "text", "value": {"choices": ["sad"]}}
    tasks[0]["annotations"][0]["result"].append(more)
    table = table_of(json.dumps(tasks), "a.json")
    assert (table.label_column, table.values("mood")) == (None, ["sad", ""])


@pytest.mark.parametrize(
    "broken",
    [
        {"annotations": None},
        {"annotations": [1]},
        {"annotations": [{"result": 3}]},
        {"annotations": [{"result": True}]},
        {"annotations": [{"result": [{"value": []}]}]},
        {"annotations": [{"result": [{"value": {"choices": "a"}, "from_name": "intent"}]}]},
        {"annotations": [{"result": [{"value": {"choices": ["a"]}, "from_name": 1}]}]},
    ],
)
def test_broken_tasks_have_no_label(broken):
    good = task(["a"])
    text = json.dumps([good, good, good, {"data": {"text": "t"}, "annotations": []} | broken])
    if broken["annotations"] is None:
        with pytest.raises(InputError, match="task 4 has no `data` and `annotations`; export"):
            table_of(text, "a.json")
    else:
        assert table_of(text, "a.json").values("intent") == ["a", "a", "a", ""]


def test_other_labels_are_set_in_their_places():
    table = table_of(json.dumps([task(["a"], id=1), task(["b"], id=2)]), "a.json")
    changed = LABEL_STUDIO.with_values(table, "intent", ["b", "b"])
    assert table_of(written(changed), "a.json").rows() == [["1", "t", "b"], ["2", "t", "b"]]
    changed = LABEL_STUDIO.with_values(table, "text", ["u", "t"])
    assert json.loads(written(changed))[0]["data"] == {"text": "u"}
