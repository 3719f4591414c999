"""Arrays of JSON objects: each keeps its bytes, ours go before its closing brace."""

import json

import pytest
from fixtures.round_trip import comes_back, table_of, written

from labelmend.data.formats.json_array import JSON
from labelmend.data.table import NewColumn
from labelmend.errors import InputError

ARRAY = '[ {"text":"caf\\u00e9", "n":1.10 },\r\n\n  {"n": 2, "text": "}]"} ]\n'


def refusal(text, name="a.json"):
    with pytest.raises(InputError) as caught:
        table_of(text, name)
    return str(caught.value)


def test_values_and_bytes():
    table = table_of(ARRAY, "a.json")
    assert (table.format, table.columns) == ("json", ("text", "n"))
    assert table.rows() == [["café", "1.10"], ["}]", "2"]]
    assert written(table) == ARRAY
    assert written(table, NewColumn("m", ("é", None)), NewColumn("p", (1, 0.1234567))) == (
        '[ {"text":"caf\\u00e9", "n":1.10 , "m": "é", "p": 1},\r\n\n'
        '  {"n": 2, "text": "}]", "m": null, "p": 0.123457} ]\n'
    )
    assert [JSON.line_of(table, row) for row in (0, 1, 2, 3)] == [None, 1, 3, None]


def test_a_file_comes_back(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(
        b"\xef\xbb\xbf" + json.dumps([{"text": "a", "l": ["x"]}, {}], indent=1).encode()
    )
    assert comes_back(path, tmp_path).values("l") == ['["x"]', ""]


def test_known_by_its_content():
    assert table_of(ARRAY, "a.txt").format == "json"
    # What bears the name of an array may be JSONL.
    assert table_of('{"text": "a"}\n', "a.json").format == "jsonl"


def test_another_format_is_written_an_object_a_line(tmp_path):
    table = table_of("text,label\na,x\nb,y\n", "a.csv")
    text = JSON.write(table, (NewColumn("m", (None, 2)),)).decode()
    assert text == (
        '[\n{"text": "a", "label": "x", "m": null},\n{"text": "b", "label": "y", "m": 2}\n]\n'
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "a.json: has a header and no rows; give at least two rows"),
        ("[1]", "a.json: object 1: holds a single value; "),
        ('[{"a": 1}, null]', "a.json: object 2: holds null; "),
        ('[{"a": 1},\n {"a": }]', "a.json: line 2: not valid JSON (Expecting value); "),
        ('[{"a": 1}\n {"a": 2}]', "a.json: line 2: not valid JSON (no comma between objects); "),
        ('[{"a": 1}] x', "a.json: line 1: not valid JSON (text behind the array); "),
        ('[{"a": 1}', "a.json: line 1: not valid JSON (no comma between objects); "),
        ('[{"a": ' + "[" * 100_000, "a.json: line 1: not valid JSON (can't be parsed); "),
        ("text", "a.json: holds no array; "),
        ('[{"a": "\\ud83d"}]', "a.json: line 1: holds half of a character"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(text, problem):
    said = refusal(text)
    assert said.startswith(problem)
    assert "\n" not in said


def test_labels_keep_their_types():
    table = table_of('[{"y": 3, "z": true}, {"y": null, "z": false}]', "a.json")
    columns = (NewColumn("m", ("4", None), "y"), NewColumn("b", ("false", "other"), "z"))
    assert json.loads(written(table, *columns)) == [
        {"y": 3, "z": True, "m": 4, "b": False},
        {"y": None, "z": False, "m": None, "b": "other"},
    ]
    changed = JSON.with_values(table, "y", ["5", ""])
    assert written(changed) == '[{"y": 5, "z": true}, {"y": null, "z": false}]'
    floats = table_of('[{"y": 0.123456789}, {"y": 2}]', "a.json")
    assert json.loads(written(floats, NewColumn("m", ("0.123456789", "2"), "y")))[0]["m"] == (
        0.123456789
    )
    mixed = table_of('[{"y": 3}, {"y": "3"}]', "a.json")
    assert json.loads(written(mixed, NewColumn("m", ("3", "3"), "y")))[0]["m"] == "3"
