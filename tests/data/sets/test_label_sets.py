import re

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.data.cells.read import LabelRules
from labelmend.data.request import TableRequest
from labelmend.data.sets.label_sets import aligned, has_several, load_sets
from labelmend.errors import ColumnError, InputError

CONFIG = load_config().data


def request(tmp_path, content, name="t.csv", **more):
    path = tmp_path / name
    path.write_text(content)
    return TableRequest(path, **more)


def loaded(tmp_path, content, name="t.csv", **more):
    return load_sets(request(tmp_path, content, name, **more), CONFIG)


JOINED = "id,text,tags\n1,hello,b; a\n2,bye,b\n3,again,a\n4,nothing,\n5,,a\n"


def test_joined_labels_are_read_and_written_again(tmp_path):
    found = loaded(tmp_path, JOINED)
    assert found.sets.labels == ("a", "b")
    assert found.sets.given.tolist() == [[1, 1], [0, 1], [1, 0], [0, 0]]
    assert found.sets.ids == ("1", "2", "3", "4")
    assert (found.rows.tolist(), found.ids) == ([0, 1, 2, 3], ("1", "2", "3", "4", "5"))
    (column,) = found.shape.new_columns(
        found.table, "mended_labels", [["a"], None, ["a", "b"], ["b"], None]
    )
    assert (column.name, column.like) == ("mended_labels", "tags")
    assert column.values == ("a", "b", "a;b", "b", "a")
    assert "1 row has no label, which may be right" in found.notes


def test_lists_stay_lists(tmp_path):
    lines = '{"text":"x","labels":["a","b"]}\n{"text":"y","labels":[]}\n{"text":"z","labels":["b"]}'
    found = loaded(tmp_path, lines, "t.jsonl")
    assert found.sets.given.tolist() == [[1, 1], [0, 0], [0, 1]]
    assert not any("list of one" in note for note in found.notes)
    (column,) = found.shape.new_columns(found.table, "m", [[], ["a"], None])
    assert column.values == ("[]", '["a"]', '["b"]')


def test_two_shapes_in_one_column_are_kept_cell_by_cell(tmp_path):
    found = loaded(tmp_path, 'text,label\nx,a;b\ny,"[""a""]"\nz,b\nw,a\n')
    assert found.sets.given.tolist() == [[1, 1], [1, 0], [0, 1], [1, 0]]
    (column,) = found.shape.new_columns(found.table, "m", [["b"], ["a", "b"], ["a", "b"], []])
    assert column.values == ("b", '["a", "b"]', "a;b", "")


COLUMNS = "text,emo_joy,emo_fear,length\none,1,0,3\ntwo,0,1.0,3\nthree,1,1,5\n"


def test_a_column_of_switches_a_label(tmp_path):
    found = loaded(tmp_path, COLUMNS, label_columns=("emo_*",))
    assert found.sets.labels == ("emo_fear", "emo_joy")
    assert found.sets.given.tolist() == [[0, 1], [1, 0], [1, 1]]
    assert found.columns.label is None
    new = found.shape.new_columns(found.table, "mended", [["emo_fear"], None, []])
    assert [(c.name, c.values) for c in new] == [
        ("mended_emo_joy", ("0", "0", "0")),
        ("mended_emo_fear", ("1", "1.0", "0")),
    ]


def test_switches_are_written_as_the_column_writes_them(tmp_path):
    found = loaded(tmp_path, "text,x,y\na,True,False\nb,True,False\n", label_columns=("x", "y"))
    new = found.shape.new_columns(found.table, "m", [["y"], []])
    assert [c.values for c in new] == [("False", "False"), ("True", "False")]


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        (COLUMNS.replace("1.0", "0.4"), {"label_columns": ("emo_*",)}, "row 2, column 'emo_fear'"),
        (COLUMNS.replace("one,1,", "one,,"), {"label_columns": ("emo_joy",)}, "'' is neither 0"),
        (COLUMNS, {"label_columns": ("mood_*",)}, "no column is called so"),
        (COLUMNS, {"label_columns": ("emo_*",), "label_column": "length"}, "give one of them"),
        ("text,label\nx,\ny,[]\n", {}, "no row has a label"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, content, more, said):
    with pytest.raises((ColumnError, InputError), match=re.escape(said)) as error:
        loaded(tmp_path, content, **more)
    assert "\n" not in str(error.value)


def test_a_label_in_all_rows_is_told_of(tmp_path):
    found = loaded(tmp_path, "text,label\nx,a;b\ny,a\nz,b;a\n")
    assert "1 label stands in all rows: a" in found.notes


def test_whether_rows_have_several_labels(tmp_path):
    assert has_several(request(tmp_path, JOINED))
    assert has_several(request(tmp_path, COLUMNS, label_columns=("emo_*",)))
    assert not has_several(request(tmp_path, "text,label\nx,a\ny,b\n"))
    # A sign is part of a name where its parts are no labels elsewhere, or where the user says so.
    assert not has_several(request(tmp_path, "text,label\nx,salt; pepper\ny,b\n"))
    assert not has_several(request(tmp_path, JOINED, rules=LabelRules("none")))
    assert has_several(request(tmp_path, "text,label\nx,a+b\ny,b\n", rules=LabelRules("+")))
    assert not has_several(request(tmp_path, "text\nx\ny\n"), described={"a", "b"})


def test_a_label_that_holds_the_sign_is_told_of(tmp_path):
    content = "text,label\nx,a;b\ny,a\nz,b\nw,c; d\nv,a;b\n"
    with pytest.raises(InputError, match="'c; d' looks like one label and holds ';', which joins"):
        loaded(tmp_path, content)
    assert loaded(tmp_path, content, rules=LabelRules(";")).sets.labels == ("a", "b", "c", "d")


@pytest.mark.parametrize("more", [{"text_column": "emo_joy"}, {}])
def test_a_column_is_not_texts_and_a_label(tmp_path, more):
    patterns = ("emo_*",) if more else ("*",)
    with pytest.raises(ColumnError, match="which holds texts or ids"):
        loaded(tmp_path, COLUMNS, label_columns=patterns, **more)


def test_a_column_with_spaces_in_its_name_is_known_without_them(tmp_path):
    content = "text, a ,b, b ,c\none,1,0,1,0\ntwo,0,1,0,1\n"
    found = loaded(tmp_path, content, label_columns=(" a ", "b", " b ", "c")).sets
    assert found.labels == (" a ", " b ", "b", "c")
    assert found.former_names == {"a": " a "}


def test_columns_are_brought_into_the_order_of_other_labels():
    values = np.array([[True, False], [True, True]])
    found = aligned(values, ("a", "b"), ("b", "c", "a"))
    assert found.tolist() == [[False, False, True], [True, False, True]]
    assert aligned(values, ("a", "b"), ()).shape == (2, 0)
