from dataclasses import replace

import numpy as np
import pytest

from labelmend.classify.data import (
    few_texts,
    label_counts,
    labelled_table,
    overlapping_rows,
    row_texts,
    trainable_set,
    training_set,
    without_labels,
)
from labelmend.configs.load import load_config
from labelmend.data.cells.read import LabelRules
from labelmend.data.read import read_table
from labelmend.errors import ColumnError, InputError

CONFIG = load_config("embedded").data


def table(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text)
    return read_table(path)


def test_rows_of_one_text_and_label_are_one_pair_that_weighs_their_sum(dataset_of):
    texts = ["B", "a", "b ", "a", "c"]
    data = training_set(
        dataset_of(texts, ["x", "x", "x", "y", "y"]), np.array([1, 0.5, 0.25, 1, 1])
    )
    # Keys a, b, c; "B" and "b " are one text.
    assert [t.strip().casefold() for t in data.texts] == ["a", "b", "c"]
    assert data.text_of.tolist() == [0, 0, 1, 2]
    assert data.label_of.tolist() == [0, 1, 0, 1]
    assert data.weights.tolist() == [0.5, 1.0, 1.25, 1.0]
    # a weighs 0.5 as x and 1 as y.
    assert data.main_labels().tolist() == [1, 0, 1]
    assert label_counts(data) == {"x": 1.75, "y": 2.0}


def test_the_order_of_rows_changes_nothing(dataset_of):
    texts, labels = ["a", "b", "c", "a", "d"], ["x", "y", "y", "x", None]
    weights = np.array([0.1, 0.2, 0.3, 0.7, 1.0])
    one = training_set(dataset_of(texts, labels), weights)
    order = [4, 3, 1, 0, 2]
    shuffled = dataset_of([texts[i] for i in order], [labels[i] for i in order])
    two = training_set(shuffled, weights[order])
    assert one.digest == two.digest
    assert one.texts == two.texts == ("a", "b", "c")
    other = training_set(dataset_of(texts, ["x", "y", "x", "x", None]), weights)
    assert other.digest != one.digest


def test_labels_without_rows_and_rows_that_count_nothing_are_left_out(dataset_of):
    dataset = dataset_of(["a", "b", "c"], ["x", "oos", "z"], names=["w"], oos="oos")
    data = training_set(dataset, np.array([1.0, 1.0, 0.0]))
    assert (data.labels, data.oos) == (("oos", "x"), 0)
    assert training_set(without_labels(dataset, ["oos"]), np.ones(3)).labels == ("x", "z")


RARE = ["a", "A", "b", "c", "d", "e"], ["x", "x", "y", "y", "z", "z"]


def test_a_label_of_one_distinct_text_is_left_out_kept_or_refused(dataset_of):
    dataset, whole = dataset_of(*RARE), np.ones(6)
    assert few_texts(training_set(dataset, whole)) == [0]
    data, notes = trainable_set(dataset, whole, "t")
    assert data.labels == ("y", "z")
    assert notes == (
        "1 label has only one distinct text and is left out of training: 'x' (--rare-labels keep "
        "trains on them)",
    )
    data, notes = trainable_set(dataset, whole, "t", "keep")
    assert data.labels == ("x", "y", "z")
    assert notes == (
        "1 label has only one distinct text, so nothing measures how well they are learned: 'x'",
    )
    with pytest.raises(InputError) as caught:
        trainable_set(dataset, whole, "t", "error")
    assert str(caught.value) == (
        "t: 1 label has only one distinct text, too few to learn from and be measured on: 'x'; "
        "give each two texts or more, merge it, or leave such labels out with --rare-labels drop"
    )
    nothing = trainable_set(dataset_of(RARE[0][2:], RARE[1][2:]), whole[2:], "t", "error")
    assert nothing[1] == ()


@pytest.mark.parametrize("rare", ["drop", "keep", "error"])
def test_two_labels_are_needed(dataset_of, rare):
    with pytest.raises(InputError, match="at least two labels are needed"):
        trainable_set(dataset_of(["a", "b"], ["x", "x"]), np.ones(2), "t", rare)
    few = "fewer than two have more" if rare != "error" else "too few to learn from"
    with pytest.raises(InputError, match=few):
        trainable_set(dataset_of(RARE[0][:4], RARE[1][:4]), np.ones(4), "t", rare)


def test_rows_without_text_are_left_out(tmp_path):
    source = table(tmp_path, "text,label,confidence\nu,a,0.5\n ,b,\nv,b,1\nw,,1\n")
    loaded = labelled_table(source, CONFIG, weigh=True)
    assert loaded.notes == (
        "1 of 4 rows have no text and are left out",
        "1 of 4 rows have no label and are left out",
    )
    assert loaded.confidence.tolist() == [0.5, 0.0, 1.0, 1.0]
    assert training_set(loaded.dataset, loaded.confidence).texts == ("u", "v")
    texts, rows = row_texts(source, loaded.columns, 1)
    assert (texts, rows.tolist()) == (["u", "v", "w"], [0, 2, 3])
    with pytest.raises(InputError, match="row 2: no text in column 'text'"):
        labelled_table(source, CONFIG, strict=True)


def test_labels_are_read_by_the_rules_but_ours_as_they_stand(tmp_path):
    content = "text,label,mended_label\n1,a;b,a;b\n2,a,a\n3,b,b\n4,n/a,A\n"
    source = table(tmp_path, content)
    with pytest.raises(InputError, match="column 'label': 1 row holds several labels each"):
        labelled_table(source, CONFIG, label_column="label")
    assert labelled_table(source, CONFIG).dataset.labels == ("A", "a", "a;b", "b")
    rules = LabelRules("none", ("n/a",), merge_spellings=True)
    merged = labelled_table(source, CONFIG, rules=rules, known=("a",))
    assert merged.dataset.labels == ("a", "a;b", "b")
    given = labelled_table(source, CONFIG, label_column="label", rules=rules)
    assert given.dataset.labels == ("a", "a;b", "b")
    assert given.notes == ("1 of 4 rows have no label and are left out",)


def test_mended_labels_are_taken_where_there_are_some(tmp_path):
    source = table(tmp_path, "text,label,mended_label\nu,a,b\nv,b,a\nw,a,\n")
    mended = labelled_table(source, CONFIG)
    assert mended.columns.label == "mended_label"
    assert [mended.dataset.labels[k] for k in mended.dataset.given[:2]] == ["b", "a"]
    assert mended.notes == ("1 of 3 rows have no label and are left out",)
    given = labelled_table(source, CONFIG, label_column="label")
    assert [given.dataset.labels[k] for k in given.dataset.given] == ["a", "b", "a"]


def test_confidence_is_read_only_where_asked_for(tmp_path):
    source = table(tmp_path, "text,label,confidence\nu,a,0.5\nv,b,1\n")
    assert labelled_table(source, CONFIG, weigh=True).confidence.tolist() == [0.5, 1.0]
    assert labelled_table(source, CONFIG).confidence.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("bad", ["", "high", "1.5", "nan", "-0.1"])
def test_confidence_that_is_no_share_is_refused(tmp_path, bad):
    source = table(tmp_path, f"text,label,confidence\nu,a,0.5\nv,b,{bad}\n")
    with pytest.raises(InputError, match=r"row 2: column 'confidence' holds no number from 0 to 1"):
        labelled_table(source, CONFIG, weigh=True)


def test_no_confidence_column(tmp_path):
    source = table(tmp_path, "text,label\nu,a\nv,b\n")
    with pytest.raises(ColumnError, match="--weight-by-confidence: no column 'confidence'"):
        labelled_table(source, CONFIG, weigh=True)


def test_copies_are_found_whatever_their_case_and_space():
    found = overlapping_rows(["New", " a  B", "c", "d"], [["A b"], ["x", "D "]])
    assert found.tolist() == [1, 3]


AUGMENTED = """text,label,source,parent,split
a1,x,row,,train
a2,x,row,,train
b1,y,row,,train
b2,y,row,,test
n1,x,rewording,1,train
n2,y,card,"[""3"", ""4""]",train
n3,y,rewording,3,train
n4,y,rewording,9,train
A1,y,rewording,3,train
"""


def test_new_texts_are_known_by_what_they_were_made_from(tmp_path):
    loaded = labelled_table(table(tmp_path, AUGMENTED), CONFIG)
    data = training_set(loaded.dataset, loaded.confidence)
    # b2 is kept for testing, n2 is made from it, n4 from a row that is not there.
    assert data.texts == ("A1", "a2", "b1", "n1", "n3")
    # "A1" is a row, too.
    assert data.made_from == {3: (0,), 4: (2,)}
    assert data.real().tolist() == [True, True, True, False, False]
    assert data.descends_from(np.arange(5) == 2).tolist() == [False] * 4 + [True]
    assert loaded.held_out is not None
    assert loaded.held_out.tolist() == [-1, -1, -1, 1, -1, -1, -1, -1, -1]
    assert loaded.notes[-3:] == (
        "3 of 9 rows are new texts of labelmend augment: they are trained on, and nothing is "
        "measured on them",
        "1 of 9 rows are new texts of rows that are not in the table, and are left out",
        "1 of 9 rows are kept for testing by labelmend augment --split, and are left out",
    )


def test_where_a_text_comes_from_is_part_of_the_digest(tmp_path):
    loaded = labelled_table(table(tmp_path, AUGMENTED), CONFIG)
    plain = training_set(replace(loaded.dataset, made_from={}), loaded.confidence)
    assert plain.digest != training_set(loaded.dataset, loaded.confidence).digest
    assert plain.made_from == {}
    assert plain.real().all()
