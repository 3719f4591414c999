"""Objects inside objects are columns by their paths."""

import json

import pytest
from fixtures.round_trip import comes_back, table_of, written

from labelmend.data.cells.read import read_labels
from labelmend.data.dataset import choose_columns
from labelmend.data.formats.jsonl import JSONL
from labelmend.data.table import NewColumn
from labelmend.errors import InputError

NESTED = '{"id": 1, "body": {"text": "a", "to": {"n": 1.50}}}\n{"body": {"text": "b"}, "id": 2}\n'


def test_paths(tmp_path):
    table = table_of(NESTED, "a.jsonl")
    assert table.columns == ("id", "body.text", "body.to.n")
    assert table.rows() == [["1", "a", "1.50"], ["2", "b", ""]]
    assert written(table, NewColumn("m", ("x", "y"))) == (
        '{"id": 1, "body": {"text": "a", "to": {"n": 1.50}}, "m": "x"}\n'
        '{"body": {"text": "b"}, "id": 2, "m": "y"}\n'
    )
    changed = JSONL.with_values(table, "body.text", ["a", "c"])
    assert written(changed).splitlines()[1] == '{"body": {"text": "c"}, "id": 2}'
    path = tmp_path / "a.jsonl"
    path.write_text(NESTED)
    comes_back(path, tmp_path)


def test_a_name_with_a_dot_comes_first():
    table = table_of('{"a": {"b": 1}, "a.b": "x"}\n{"a.b": "y", "a": {"b": 2}}\n', "a.jsonl")
    assert table.rows() == [["x"], ["y"]]
    changed = JSONL.with_values(table, "a.b", ["z", "y"])
    assert written(changed).splitlines()[0] == '{"a": {"b": 1}, "a.b": "z"}'


def test_objects_among_values_stay_whole():
    rows = '{"a": {}}\n{"a": 1}\n{"a": {"b": [{"c": 1.0}]}}\n'
    table = table_of(rows, "a.jsonl")
    assert table.columns == ("a",)
    assert table.rows() == [["{}"], ["1"], ['{"b": [{"c": 1.0}]}']]
    assert table.notes == (
        "column 'a' holds an object in 1 row and other values in 1: objects are read as their JSON",
    )
    assert written(table) == rows
    changed = JSONL.with_values(table, "a", ["{}", "1", "x"])
    assert written(changed).splitlines()[2] == '{"a": "x"}'


def test_objects_or_nothing_are_taken_apart():
    table = table_of('{"a": {}}\n{"a": null, "c": {}}\n{"a": {"b": 1}}\n', "a.jsonl")
    assert (table.columns, table.notes) == (("c", "a.b"), ())
    assert table.rows() == [["", ""], ["{}", ""], ["", "1"]]


def test_objects_whose_shape_differs_deep_inside():
    table = table_of(
        '{"m": {"n": {"k": "x"}, "o": 1}}\n{"m": {"n": "y"}}\n{"m": {"n": {"k": "z"}}}\n',
        "a.jsonl",
    )
    assert table.columns == ("m.n", "m.o")
    assert table.values("m.n") == ['{"k": "x"}', "y", '{"k": "z"}']
    assert table.notes == (
        "column 'm.n' holds an object in 2 rows and other values in 1: objects are read as their "
        "JSON",
    )


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
@pytest.mark.parametrize(
    ("other", "label"),
    [
        ({"choices": ["b"]}, "b"),
        ({"choices": "b"}, "b"),
        ({"choices": 3}, "3"),
        (["b"], "b"),
        ({"choices": []}, ""),
        ({"choices": None}, ""),
        ([], ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_labels_that_are_written_otherwise_in_some_rows(name, other, label):
    rows = [{"text": "t", "label": kind} for kind in ("a", other, "a")]
    as_lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    table = table_of(json.dumps(rows) if name.endswith("json") else as_lines, name)
    cells = table.values("label")
    assert read_labels(cells).single(cells, "t") == ["a", label, "a"]
    assert table.notes == ()
    assert table.columns == ("text", "label")


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_choices_in_all_rows_are_the_labels(name, tmp_path):
    """The column is found by its name, and comes back byte by byte."""
    found = [["a"], [], ["b"], "a", None]
    rows = [{"text": f"t{row}", "label": {"choices": c}} for row, c in enumerate(found)]
    as_lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    path = tmp_path / name
    path.write_text(json.dumps(rows, indent=1) if name.endswith("json") else as_lines)
    table = comes_back(path, tmp_path)
    assert (table.columns[:2], table.notes) == (("text", "label"), ())
    assert choose_columns(table).label == "label"
    cells = table.values("label")
    assert read_labels(cells).single(cells, "t") == ["a", "", "b", "a", ""]


def test_several_choices_stop_and_deeper_ones_stay_whole():
    table = table_of('{"x": {"y": {"choices": ["a", "b"]}}}\n{"x": null}\n', "a.jsonl")
    assert table.columns == ("x.y",)
    cells = table.values("x.y")
    with pytest.raises(InputError, match=r"^t: 1 row holds several labels each, in a list, such "):
        read_labels(cells).single(cells, "t")


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        ({"choices": [{"message": "m"}]}, ("r.choices",)),  # an answer of a chat's server
        ({"choices": {"text": ["a"]}}, ("r.choices",)),
        ({"choices": ["a"], "n": 1}, ("r.choices", "r.n")),
    ],
)
def test_what_is_called_choices_and_is_no_label(value, columns):
    rows = [{"r": {"choices": ["a"]}}, {"r": value}]
    assert set(table_of("".join(f"{json.dumps(r)}\n" for r in rows), "a.jsonl").columns) >= {
        *columns
    }


def test_several_labels_in_some_rows_stop():
    table = table_of('{"label": "a"}\n{"label": {"choices": ["a", "b"]}}\n', "a.jsonl")
    cells = table.values("label")
    with pytest.raises(InputError, match=r"^t: 1 row holds several labels each, in a list"):
        read_labels(cells).single(cells, "t")


def test_depth_is_bounded():
    deep = 0
    for _ in range(20):
        deep = {"x": deep}
    table = table_of(json.dumps(deep), "a.jsonl")
    assert table.columns == (".".join(["x"] * 9),)
    assert table.values(table.columns[0]) == ['{"x": ' * 11 + "0" + "}" * 11]
    with pytest.raises(
        InputError, match=r"^a.jsonl: (is nested too deeply|line 1: not valid JSON)"
    ):
        table_of('{"a": ' + "[" * 600 + "]" * 600 + "}", "a.jsonl")


def test_keys_that_are_data_are_no_columns():
    rows = "".join(f'{{"meta": {{"user{i}": 1}}, "text": "t"}}\n' for i in range(300))
    assert table_of(rows, "a.jsonl").columns == ("meta", "text")


def test_objects_that_share_nothing(monkeypatch):
    from labelmend.data.formats import objects

    monkeypatch.setattr(objects, "MOST_CELLS", 3)
    with pytest.raises(InputError) as caught:
        table_of('{"a": 1}\n{"b": 1}\n', "a.jsonl")
    assert str(caught.value) == (
        "a.jsonl: 2 objects have 2 different fields, too many for a table; give objects that "
        "share their fields"
    )
