import json

import numpy as np
import pytest

from labelmend.data.descendants import (
    DescentColumns,
    descending,
    descent_columns,
    free_columns,
    parent_cell,
    read_descent,
    texts_made_from,
)
from labelmend.data.read import read_table
from labelmend.errors import InputError

PLAIN = DescentColumns("source", "parent", "split")


def table(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text)
    return read_table(path)


def test_names_that_meet_none_of_the_users():
    assert free_columns(["text", "label"]) == PLAIN
    taken = ["text", "Source", "augment_parent"]
    assert free_columns(taken) == DescentColumns(
        "augment_2_source", "augment_2_parent", "augment_2_split"
    )
    every = ["source", "augment_source", *(f"augment_{n}_source" for n in range(2, 10))]
    with pytest.raises(InputError, match="rename some of them"):
        free_columns(every)


def test_a_users_own_columns_are_not_ours(tmp_path):
    assert descent_columns(table(tmp_path, "text,label,source,parent\na,x,mail,1\n")) is None
    assert descent_columns(table(tmp_path, "text,label,source\na,x,row\n")) is None
    assert read_descent(table(tmp_path, "text,label\na,x\n")) is None
    both = "text,source,parent,augment_source,augment_parent\na,mail,,row,\nb,,,card,\n"
    assert descent_columns(table(tmp_path, both)).source == "augment_source"


def test_rows_and_what_they_were_made_from(tmp_path):
    found = read_descent(
        table(
            tmp_path,
            "text,label,source,parent,split\n"
            "a,x,row,,train\nb,x,row,,test\n"
            'c,x,rewording,2,train\nd,x,card,"[""1"", ""2""]",train\ne,x,card,,train\n'
            "f,x,rewording,9,train\n",
        )
    )
    assert found.made_from == {2: (1,), 3: (0, 1), 4: (), 5: ()}
    assert found.orphans.tolist() == [5]
    assert found.held_out.tolist() == [False, True, False, False, False, False]


def test_ids_are_found_in_their_column(tmp_path):
    text = "id,text,source,parent\n2,a,row,\n1,b,row,\n3,c,rewording,2\n"
    assert read_descent(table(tmp_path, text)).made_from == {2: (0,)}
    # A column of another name that the user chose.
    text = "ticket,text,source,parent\nT2,a,row,\nT1,b,row,\nT3,c,rewording,T1\n"
    assert read_descent(table(tmp_path, text)).made_from == {2: (1,)}
    text = "text,source,parent\na,row,\nb,row,\nc,rewording,2\n"
    assert read_descent(table(tmp_path, text)).made_from == {2: (1,)}


def test_a_broken_list(tmp_path):
    text = 'text,source,parent\na,row,\nb,card,"[1"\n'
    with pytest.raises(InputError, match="row 2: column 'parent' holds no id and no list of ids"):
        read_descent(table(tmp_path, text))


def test_cells_that_name_rows():
    assert parent_cell([]) == ""
    assert parent_cell(["7"]) == "7"
    assert json.loads(parent_cell(["7", "[8"])) == ["7", "[8"]
    # An id that looks like a list is one of a list.
    assert parent_cell(["[8]"]) == '["[8]"]'


def test_what_descends():
    made = {2: (0,), 3: (0, 1), 4: ()}
    old = np.array([False, True, False, False, False])
    assert descending(made, old).tolist() == [False, False, False, True, False]


def test_texts_are_made_from_the_texts_of_rows():
    # Rows 0 and 2 are real; 3 and 4 are one new text, and 5 has the text of row 0.
    made = {3: (0,), 4: (2,), 5: (2,)}
    kept, text_of = np.array([0, 2, 3, 4, 5]), np.array([1, 0, 2, 2, 1])
    assert texts_made_from(made, kept, text_of) == {2: (0, 1)}
    # A parent that is not looked at is none.
    assert texts_made_from(made, kept[1:4], text_of[1:4]) == {2: (0,)}
    assert texts_made_from({}, kept, text_of) == {}
