import numpy as np
import pytest

from labelmend.classify.data import (
    check_trainable,
    few_texts,
    label_counts,
    labelled_table,
    overlapping_rows,
    training_set,
    without_labels,
)
from labelmend.configs.load import load_config
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


def test_a_label_of_one_distinct_text_is_refused(dataset_of):
    data = training_set(dataset_of(["a", "A", "b", "c"], ["x", "x", "y", "y"]), np.ones(4))
    assert few_texts(data) == [0]
    with pytest.raises(InputError, match=r"^t: 1 label has only one distinct text, .*: 'x'; give"):
        check_trainable(data, "t")


def test_one_label_is_refused(dataset_of):
    data = training_set(dataset_of(["a", "b"], ["x", "x"]), np.ones(2))
    with pytest.raises(InputError, match="at least two labels are needed"):
        check_trainable(data, "t")


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
