from pathlib import Path

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.data.soft.targets import SoftRequest, load_soft, row_groups
from labelmend.errors import ColumnError, InputError

CONFIG = load_config("embedded").data


@pytest.fixture
def load(tmp_path):
    def loaded(text, *targets, **request):
        path = tmp_path / "t.csv"
        path.write_text(text)
        return load_soft(SoftRequest(Path(path), targets, **request), CONFIG)

    return loaded


PAIRS = "qa,aa,q_x,q_y,site\nWhy?,So.,0,0.5,s\nwhy?,Ah.,1,1e-1,t\nHow?,So.,0.25,1,u\n"


def test_a_pair_and_targets_by_pattern(load):
    found = load(PAIRS, "q_*", pair=("qa", "aa"))
    assert found.targets == ("q_x", "q_y")
    assert found.values.tolist() == [[0, 0.5], [1, 0.1], [0.25, 1]]
    assert found.parts == (("Why?", "why?", "How?"), ("So.", "Ah.", "So."))
    # Two spellings of a question are one group; "how?" comes before "why?".
    assert found.groups.tolist() == [1, 1, 0]
    assert (found.texts.is_pair, found.texts.names, found.notes) == (True, ("qa", "aa"), ())


def test_exact_names_and_the_tables_own_order(load):
    found = load(PAIRS, "q_y", "q_x", "q_[x]", text_column=["aa"])
    assert found.targets == ("q_x", "q_y")
    assert found.parts == (("So.", "Ah.", "So."),)
    assert found.groups.tolist() == [1, 0, 1]


def test_a_pattern_passes_over_what_is_something_else(load):
    found = load("text,g,a,b\nx,1,0,1\ny,2,1,0\n", "*", text_column=["text"], group_column="g")
    assert found.targets == ("a", "b")


def test_rows_that_lack_something_are_left_out_and_told(load):
    text = "text,t,u\na,0.5,0\n,1,1\nb, ,1\nc,1,1\n"
    found = load(text, "t", "u")
    assert found.rows.tolist() == [0, 3]
    assert found.values.tolist() == [[0.5, 0], [1, 1]]
    assert found.notes == (
        "1 row has no text and is left out",
        "1 row lacks a value of a target and is left out",
    )


def test_a_pair_needs_both_texts(load):
    found = load("q,a,t\nx,,0\n,y,0\nx,y,1\nz,y,0\n", "t", pair=("q", "a"))
    assert found.rows.tolist() == [2, 3]


def test_a_target_that_never_changes_is_told(load):
    (note,) = load("text,t,u\na,0.5,0\nb,0.5,1\n", "t", "u").notes
    assert note == (
        "1 target has the same value in all rows, so there is nothing to learn, and the value is "
        "predicted as it is: 't'"
    )


@pytest.mark.parametrize("cell", ["1.01", "-0.1", "yes", "nan", "inf", '"0,5"', "0x1", "0_1"])
def test_a_value_that_is_none(load, cell):
    shown = cell.strip('"')
    with pytest.raises(InputError) as caught:
        load(f"text,t\na,0\nb,{cell}\n", "t")
    assert str(caught.value).endswith(
        f"t.csv: row 2, column 't': {shown!r} is no number from 0 to 1, as soft targets are; mend "
        "it, or name other columns with --target-columns"
    )


PAIR = ("qa", "aa")


@pytest.mark.parametrize(
    ("targets", "request_of", "said"),
    [
        (
            ("q_z",),
            {"pair": PAIR},
            "--target-columns q_z: no column is called so (did you mean 'q_",
        ),
        (("q_*",), {"pair": PAIR, "group_column": "page"}, "--group-column: no column 'page'"),
        (("q_*", "site"), {"group_column": "site"}, "'site' is named as the group and as a target"),
        (("q_*",), {"pair": ("qa", "qa")}, "--pair names 'qa' twice"),
        (("q_*",), {"pair": ("qa", "ab")}, "--pair: no column 'ab'"),
        (("q_x",), {"pair": ("qa", "q_x")}, "'q_x' is named as a text and as a target"),
        (("q_x",), {"text_column": ["q_x"]}, "'q_x' is named as a text and as a target"),
        (("q_*",), {"pair": PAIR, "text_column": ["qa"]}, "--text-column and --pair both"),
        (("q_*",), {}, "no text column found"),
    ],
)
def test_columns_that_can_not_be(load, targets, request_of, said):
    with pytest.raises(ColumnError) as caught:
        load(PAIRS, *targets, **request_of)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("text,t\na,\nb,\n", "no row has a value in all of 't'"),
        ("text,t\na,1\nb,1\n", "each of 't' has the same value in all rows"),
        ("text,t\na,1\nA,0\n", "column 'text': all rows are of one group"),
        ("text,t\n,1\n,0\n", "no row has a text in column 'text'"),
    ],
)
def test_tables_that_nothing_can_be_learned_from(load, text, said):
    with pytest.raises(InputError) as caught:
        load(text, "t")
    assert said in str(caught.value)


def test_strict_refuses_rows_without_text(load):
    with pytest.raises(InputError, match="row 2: no text in column 'text'"):
        load("text,t\na,0\n,1\nb,1\n", "t", strict=True)


def test_groups_of_a_column_that_share_a_text_are_one(load):
    text = "text,g,t\na,1,0\nb,2,1\nA,3,0\nc,,1\nc,,0\nd,2,1\n"
    found = load(text, "t", group_column="g")
    # a (1) and A (3) are one text; both c's have no group, and so that of their text.
    assert found.groups.tolist() == [0, 1, 0, 2, 2, 1]
    table, parts = found.table, found.parts
    turned = [parts[0][::-1]]
    assert row_groups(table, turned, found.rows[::-1], "g").tolist() == [1, 2, 2, 0, 1, 0]


def test_a_group_column_keeps_pairs_with_equal_answers_apart(load):
    found = load(PAIRS, "q_*", pair=("qa", "aa"), group_column="site")
    assert found.groups.tolist() == [0, 1, 2]
    assert np.ptp(found.groups) == 2
