"""doccano's exports, as its own code wrote them."""

import json

import pytest
from fixtures.round_trip import comes_back, table_of, written
from fixtures.tool_files import FOLDER, LABELS, TEXTS

from labelmend.data.formats.tools.doccano import DOCCANO_LINES
from labelmend.data.read import read_table

HEADER = "id,text,label,Comments\n"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("doccano.json", "doccano"),
        ("doccano.jsonl", "doccano-jsonl"),
        ("doccano.csv", "doccano-csv"),
    ],
)
def test_exports(tmp_path, name, kind):
    table = read_table(FOLDER / name)
    assert table.format == kind
    assert table.columns == ("id", "text", "source", "label", "Comments")
    assert (table.values("text"), table.values("label")) == (TEXTS, LABELS)
    comes_back(FOLDER / name, tmp_path)


def test_several_labels_are_a_list():
    rows = "1,t,a,\n2,u,b,\n3,v,a#b,\n4,w,C#,\n"
    table = table_of(HEADER + rows, "a.csv")
    assert table.values("label") == ["a", "b", '["a", "b"]', "C#"]
    assert written(table) == HEADER + rows
    lines = [{"id": 1, "text": "t", "label": ["a", "b"], "Comments": []}]
    assert table_of(json.dumps(lines[0]), "a.jsonl").values("label") == ['["a", "b"]']


def test_other_labels_are_set_in_their_places():
    table = read_table(FOLDER / "doccano.jsonl")
    changed = DOCCANO_LINES.with_values(table, "label", ["returns", *LABELS[1:]])
    before = (FOLDER / "doccano.jsonl").read_text().splitlines()
    after = written(changed).splitlines()
    assert json.loads(after[0]) == json.loads(before[0]) | {"label": ["returns"]}
    assert after[1:] == before[1:]


def test_a_table_that_only_looks_like_it():
    assert table_of("id,text,label\n1,t,a\n", "a.csv").format == "csv"
    assert table_of('{"id": 1, "text": "t", "label": ["a"]}', "a.jsonl").format == "jsonl"
