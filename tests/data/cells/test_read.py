import pytest

from labelmend.data.cells.read import LabelRules, read_labels
from labelmend.errors import ConfigError, InputError


def sets(cells, rules=LabelRules(), **more):  # noqa: B008 - frozen
    return list(read_labels(cells, rules, **more).sets)


def test_a_label_stays_as_it_is():
    assert sets(["a", " b ", "", "  ", "a, z", "007"]) == [
        *(("a",), (" b ",), (), (), ("a, z",), ("007",)),
    ]


def test_lists():
    read = read_labels(['["a"]', "['b']", "[]", "a", '["a", "b"]', '["a; b"]'])
    assert read.sets == (("a",), ("b",), (), ("a",), ("a", "b"), ("a; b",))
    assert read.notes_on_lists == ("3 rows hold a list of one label: it is taken out of the list",)
    assert read.notes == ()
    assert read.joined_by is None


def test_joined_labels_are_found_or_named():
    cells = ["a;b", "a", "b", "c;d", "a"]
    read = read_labels(cells)
    assert read.sets == (("a", "b"), ("a",), ("b",), ("c;d",), ("a",))
    assert read.joined_by == ";"
    assert sets(cells, LabelRules(separator=";"))[3] == ("c", "d")
    assert sets(["a; ", "b"], LabelRules(separator=";")) == [("a",), ("b",)]
    assert sets(cells, LabelRules(separator="none"))[0] == ("a;b",)
    assert sets(['["a"]', "b"], LabelRules(separator="none"))[0] == ('["a"]',)
    assert sets(cells, described=["a;b"])[0] == ("a;b",)
    with pytest.raises(ConfigError, match="--label-separator: is empty"):
        LabelRules(separator="")


def test_several_labels_are_no_single_one():
    cells = ["a", "b", "x; y", '["a", "b"]']
    with pytest.raises(InputError) as caught:
        read_labels(cells).single(cells, "t.csv: column 'label'")
    assert str(caught.value) == (
        "t.csv: column 'label': 1 row holds several labels each, in a list, such as "
        '\'["a", "b"]\' in row 4; labelmend mends one label a row: leave one in each cell, or '
        "give --label-separator none if such a cell is one label"
    )
    assert read_labels(["a", "", "[]"]).single(["a", "", "[]"], "t.csv") == ["a", "", ""]


def test_missing_labels():
    cells = ["a", "n/a", " n/a", "-1", "-1.0", "N/A", '["n/a"]', '["a", "n/a"]', "[]", "b"]
    rules = LabelRules(missing=("n/a", "-1"))
    assert sets(cells, rules) == [("a",), (), (), (), (), ("N/A",), (), ("a",), (), ("b",)]
    read = read_labels(["a", "NONE"], LabelRules(missing=("none", "x")))
    assert read.notes == (
        "--missing-label none: no row has it (did you mean 'NONE'?)",
        "--missing-label x: no row has it",
    )


def test_nan_among_numbers_is_missing():
    assert sets(["1.0", "NaN", "2.0", "nan"]) == [("1.0",), (), ("2.0",), ()]
    assert sets(["1", "NaN", "x"])[1] == ("NaN",)
    assert sets(["NaN", "nan"]) == [("NaN",), ("nan",)]
    assert sets(["1", "NaN"], described=["NaN"])[1] == ("NaN",)


def test_numbers_are_one_however_they_are_written():
    assert sets(["3", "3.0", "1.0", "0.5"]) == [("3",), ("3",), ("1",), ("0.5",)]
    assert sets(["3", "3.0", "x"]) == [("3",), ("3.0",), ("x",)]
    assert sets(["3.0", "1.0"], known=["1", "3"]) == [("3",), ("1",)]


def test_spellings_are_merged_where_asked():
    cells = ["a b", "A_b", "A_b", "c"]
    assert sets(cells)[0] == ("a b",)
    read = read_labels(cells, LabelRules(merge_spellings=True))
    assert read.sets == (("A_b",), ("A_b",), ("A_b",), ("c",))
    assert read.notes == ("1 row carries another spelling of a label: merged",)
    # Two spellings in one cell are one label.
    assert sets(['["c", "C"]', "C", "C"], LabelRules(merge_spellings=True))[0] == ("C",)
    assert sets(cells, LabelRules(merge_spellings=True), known=["a b"])[1] == ("a b",)


def test_our_own_columns_are_read_as_they_stand():
    rules = LabelRules(";", ("x",), merge_spellings=True).as_they_stand
    assert rules == LabelRules("none", ("x",), merge_spellings=True)
