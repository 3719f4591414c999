from pathlib import Path

import numpy as np
import pytest

from labelmend.configs.schema import DataConfig
from labelmend.data.cells.read import LabelRules
from labelmend.data.dataset import (
    ColumnChoice,
    LoadedDataset,
    choose_columns,
    label_indices,
    to_dataset,
    vote_indices,
)
from labelmend.data.duplicates import given_counts
from labelmend.data.read import read_table
from labelmend.data.table import SourceTable
from labelmend.errors import ColumnError, InputError
from labelmend.types import NO_LABEL

CONFIG = DataConfig(max_text_chars=20, oos_labels=("oos", "out of scope"))


def table(folder: Path, text: str) -> SourceTable:
    (folder / "a.csv").write_text(text, "utf-8")
    return read_table(folder / "a.csv")


def load(
    folder: Path, text: str, oos: str | None = None, extra: tuple[str, ...] = ()
) -> LoadedDataset:
    source = table(folder, text)
    return to_dataset(source, choose_columns(source), CONFIG, oos, extra)


def refusal(folder: Path, content: str, **flags: str | tuple[str, ...]) -> str:
    source = table(folder, content)
    with pytest.raises(InputError) as caught:
        to_dataset(source, choose_columns(source, **flags), CONFIG, None)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(str(source.path))


def test_columns_by_name_in_order_of_preference(tmp_path: Path) -> None:
    source = table(tmp_path, "y,Body, INTENT ,query\n1,b,c,d\n2,b,c,d\n")
    assert choose_columns(source) == ColumnChoice("query", " INTENT ", None)


def test_columns_by_flag(tmp_path: Path) -> None:
    source = table(tmp_path, "text,label,true,id\na,x,y,1\nb,x,y,2\n")
    assert choose_columns(source, "true", "text", "label") == ColumnChoice("true", "text", "label")
    assert choose_columns(source, label="true") == ColumnChoice("text", "true", "id")


def test_a_named_column_is_not_found_twice(tmp_path: Path) -> None:
    source = table(tmp_path, "text,message,label\na,b,c\n")
    assert choose_columns(source, label="text") == ColumnChoice("message", "text", None)


@pytest.mark.parametrize("ids", [("1", "1"), ("1", " ")])
def test_id_found_by_name_has_to_be_unique(tmp_path: Path, ids: tuple[str, str]) -> None:
    text = f"id,text,label,uid\n{ids[0]},a,x,u1\n{ids[1]},b,y,u2\n"
    assert choose_columns(table(tmp_path, text)).id == "uid"


def test_column_errors(tmp_path: Path) -> None:
    text = "Text,lable,n\na,x,1\nb,y,2\n"
    assert refusal(tmp_path, text, label="label") == (
        ": --label-column: no column 'label' (did you mean 'lable'?); "
        "there are 'Text', 'lable', 'n'"
    )
    assert refusal(tmp_path, text) == (
        ": no label column found; name one with --label-column: there are 'Text', 'lable', 'n'"
    )
    assert refusal(tmp_path, "a,label\nx,y\n") == (
        ": no text column found; name one with --text-column: there are 'a', 'label'"
    )
    assert refusal(tmp_path, text, text="n", label="n") == (
        ": --text-column and --label-column both name 'n'; name two columns"
    )
    assert refusal(tmp_path, "Text,text,label\na,b,c\n") == (
        ": 'Text', 'text' all fit; choose one with --text-column"
    )
    with pytest.raises(ColumnError):
        choose_columns(table(tmp_path, "a,b\n1,2\n"))


def test_dataset(tmp_path: Path) -> None:
    loaded = load(
        tmp_path, "text,label\nhi, b\nhello,a\nbye,\nwhat,  \nno,b\nx,OOS\n", extra=("c",)
    )
    data = loaded.dataset
    assert data.labels == (" b", "OOS", "a", "b", "c")
    assert data.given.tolist() == [0, 2, NO_LABEL, NO_LABEL, 3, 1]
    assert data.ids == ("1", "2", "3", "4", "5", "6")
    assert data.texts == ("hi", "hello", "bye", "what", "no", "x")
    assert data.oos == 1


def test_ids_come_from_the_column(tmp_path: Path) -> None:
    assert load(tmp_path, "text,label,id\na,x,07\nb,y,7\n").dataset.ids == ("07", "7")


def test_oos_label(tmp_path: Path) -> None:
    text = "text,label\na,x\nb,Out Of Scope \nc,y\n"
    data = load(tmp_path, text).dataset
    assert data.labels[data.oos or 0] == "Out Of Scope "
    data = load(tmp_path, text + "d,x\n", oos="none").dataset
    assert data.labels == ("Out Of Scope ", "none", "x", "y")
    assert data.oos == 1
    assert load(tmp_path, "text,label\na,x\nb,y\n").dataset.oos is None


def test_no_label_column_where_labels_are_given(tmp_path: Path) -> None:
    source = table(tmp_path, "text\na\nb\n")
    columns = choose_columns(source, label_needed=False)
    data = to_dataset(source, columns, CONFIG, None, ("x", "y")).dataset
    assert data.given.tolist() == [NO_LABEL, NO_LABEL]
    assert data.labels == ("x", "y")


def test_rows_without_text_are_left_out(tmp_path: Path) -> None:
    text = "text,label\n" + "ok,a\n ,b\n" * 7 + "ok,c\n"
    loaded = load(tmp_path, text)
    assert loaded.blank.tolist() == [1, 3, 5, 7, 9, 11, 13]
    assert loaded.dataset.labels == ("a", "c")
    assert loaded.dataset.given.tolist() == [0, NO_LABEL] * 7 + [1]
    assert loaded.notes[0] == (
        "7 rows have no text in column 'text' and are left out: rows 2, 4, 6, 8, 10 and 2 more "
        "(--strict refuses such a table)"
    )
    # A blank text is no copy of another.
    assert loaded.notes[2] == "7 rows repeat the text of an earlier row exactly"
    source = table(tmp_path, text)
    with pytest.raises(InputError) as caught:
        to_dataset(source, choose_columns(source), CONFIG, None, strict=True)
    assert str(caught.value) == (
        f"{source.path}: rows 2, 4, 6, 8, 10 and 2 more: no text in column 'text'; fill it in, "
        "remove the row, or leave --strict out"
    )
    assert refusal(tmp_path, "text,label\n ,a\n,b\n") == (
        ": no row has a text in column 'text'; name another with --text-column"
    )


def test_several_text_columns_are_joined(tmp_path: Path) -> None:
    source = table(tmp_path, "subject,body,label\nA,b,x\nC,,y\n,d,x\n, ,y\n")
    columns = choose_columns(source, ("subject", "body"))
    assert columns == ColumnChoice("subject", "label", None, ("body",))
    assert columns.texts == ("subject", "body")
    assert columns.text_values(source) == ["A\nb", "C", "d", ""]
    assert columns.in_words == "text from 'subject' and 'body', labels from 'label'"
    loaded = to_dataset(source, columns, CONFIG, None)
    assert loaded.dataset.texts == ("A\nb", "C", "d", "")
    assert loaded.notes[0].startswith("1 row has no text in columns 'subject' and 'body' and is")
    # The order is the user's.
    assert choose_columns(source, ["body", "subject"]).text_values(source)[0] == "b\nA"
    assert refusal(tmp_path, "a,b,label\nx,y,z\n", text=("a", "a")) == (
        ": --text-column and --text-column both name 'a'; name two columns"
    )


def test_labels_are_read_by_the_rules(tmp_path: Path) -> None:
    rows = "".join(f"t{i},{label}\n" for i, label in enumerate(["3", "3.0", "-1", "1.0", "NaN"]))
    source = table(tmp_path, "text,label\n" + rows)
    columns = choose_columns(source)
    loaded = to_dataset(source, columns, CONFIG, None)
    assert loaded.dataset.labels == ("-1", "1", "3")
    assert loaded.dataset.given.tolist() == [2, 2, 0, 1, NO_LABEL]
    assert loaded.notes[:2] == (
        "1 row has no label: labelled from scratch",
        "label '-1' (1 row) looks like a missing label; if so, give --missing-label -1",
    )
    loaded = to_dataset(source, columns, CONFIG, None, rules=LabelRules(missing=("-1",)))
    assert loaded.dataset.labels == ("1", "3")
    assert loaded.dataset.given.tolist() == [1, 1, NO_LABEL, 0, NO_LABEL]
    assert loaded.notes[0] == "2 rows have no label: labelled from scratch"


def test_several_labels_in_a_cell_are_refused(tmp_path: Path) -> None:
    text = "text,label\n1,a\n2,b\n3,a;b\n4,a\n5,b ; a\n"
    assert refusal(tmp_path, text) == (
        ": column 'label': 2 rows hold several labels each, joined by ';', such as 'a;b' in row 3; "
        "labelmend mends one label a row: leave one in each cell, or give --label-separator none "
        "if such a cell is one label"
    )
    source = table(tmp_path, text)
    rules = LabelRules(separator="none")
    assert to_dataset(source, choose_columns(source), CONFIG, None, rules=rules).dataset.labels == (
        *("a", "a;b", "b", "b ; a"),
    )
    # What a labels file has is a label.
    kept = to_dataset(source, choose_columns(source), CONFIG, None, ("a;b", "b ; a"))
    assert kept.dataset.given.tolist() == [0, 2, 1, 0, 3]


def test_votes_are_read_as_labels_are(tmp_path: Path) -> None:
    source = table(tmp_path, 'text,label,v,w\na,x,"[""y""]",x\nb,y,Y,"[""x"", ""y""]"\nc,x,-,y\n')
    data = to_dataset(source, choose_columns(source), CONFIG, None).dataset
    assert vote_indices(source, "v", data).tolist() == [1, NO_LABEL, NO_LABEL]
    merged = vote_indices(source, "v", data, LabelRules(merge_spellings=True))
    assert merged.tolist() == [1, 1, NO_LABEL]
    with pytest.raises(InputError, match="column 'w': 1 row holds several labels each, in a list"):
        vote_indices(source, "w", data)


def test_a_label_that_may_mean_that_none_fits(tmp_path: Path) -> None:
    rows = "".join(f"t{i},{'other' if i % 2 else 'x'}\n" for i in range(6))
    note = (
        "label 'other' (3 rows): does it mean that a text fits no label? Then name it with "
        "--oos-label other"
    )
    assert load(tmp_path, "text,label\n" + rows).notes == (note,)
    assert load(tmp_path, "text,label\n" + rows, oos="other").notes == ()
    assert load(tmp_path, "text,label\n" + rows + "a,oos\nb,oos\nc,oos\n").notes == ()


def test_a_row_without_text_needs_no_id(tmp_path: Path) -> None:
    source = table(tmp_path, "text,label,k\na,x,p\n,,\nb,y,q\n")
    columns = choose_columns(source, id_column="k")
    assert to_dataset(source, columns, CONFIG, None).dataset.ids == ("p", "2", "q")


def test_bad_ids(tmp_path: Path) -> None:
    advice = "give each row an id of its own, or name another column with --id-column"
    text = "text,label,k\na,x,1\nb,y,2\nc,x,1\nd,y,\n"
    assert refusal(tmp_path, text, id_column="k") == f": row 4: no id in column 'k'; {advice}"
    text = text.replace("d,y,\n", "d,y,3\n")
    assert refusal(tmp_path, text, id_column="k") == (
        f": rows 1, 3: the same id more than once in column 'k'; {advice}"
    )


def test_labels_that_teach_nothing(tmp_path: Path) -> None:
    assert refusal(tmp_path, "text,label\na,\nb, \n") == (
        ": column 'label': no row has a label; name another column with --label-column, "
        "or give the labels with --labels"
    )
    assert refusal(tmp_path, "text,label\na,x\nb,x\n") == (
        ": column 'label': 'x' is the only label; at least two are needed to tell apart: name "
        "another column with --label-column, or give more labels with --labels"
    )
    text = "text,label\n" + "".join(f"t{i},l{i}\n" for i in range(10))
    assert refusal(tmp_path, text) == (
        ": column 'label': each of the 10 labelled rows has a label of its own, so nothing can be "
        "learned; it is probably the wrong column: name another with --label-column"
    )
    source = table(tmp_path, "text,label\na,x\nb,y\n")
    with pytest.raises(InputError, match="column 'label': 3 labels for 2 rows, more labels than"):
        to_dataset(source, choose_columns(source), CONFIG, "z")


def test_labels_that_a_file_describes_may_outnumber_the_rows(tmp_path: Path) -> None:
    source = table(tmp_path, "text,label\na,x\nb,y\n")
    data = to_dataset(source, choose_columns(source), CONFIG, None, ("u", "v", "z")).dataset
    assert data.labels == ("u", "v", "x", "y", "z")
    assert data.given.tolist() == [2, 3]
    source = table(tmp_path, "text\na\nb\n")
    columns = choose_columns(source, label_needed=False)
    data = to_dataset(source, columns, CONFIG, "oos", ("u", "v", "z")).dataset
    assert len(data.labels) == 4
    assert data.given.tolist() == [NO_LABEL, NO_LABEL]


def test_notes(tmp_path: Path) -> None:
    text = (
        "text,label\n"
        "Hi there,greet\n"  # 1 and 2 differ by case only: the same text, two labels
        "hi  there,card lost\n"
        "lost,card_lost\n"
        "lost,card_lost\n"  # an exact repeat with the same label
        "lost,\n"  # and one without
        f"{'x' * 21},greet\n"
        "a,greet\nb,card_lost\n"
    )
    loaded = load(tmp_path, text)
    assert loaded.cut == ("1 text is cut to 20 characters for the models",)
    assert loaded.dataset.texts[5] == "x" * 20
    assert loaded.notes == (
        "1 row has no label: labelled from scratch",
        "labels that differ only by case, white space, hidden characters, the writing of accents, "
        "underscores or hyphens are not merged: 'card lost' = 'card_lost'; --merge-spellings "
        "merges them",
        "1 label has fewer than 3 rows",
        "2 rows repeat the text of an earlier row exactly",
        "1 text carries different labels in different rows: rows 1, 2",
        "1 text is cut to 20 characters for the models",
    )


def test_nothing_to_note(tmp_path: Path) -> None:
    rows = "".join(f"t{i},{'xy'[i % 2]}\n" for i in range(6))
    assert load(tmp_path, "text,label\n" + rows).notes == ()


VOTED = "text,label,expert,notes\na,x,y,?\nb,y,,!\nc,x,  ,.\nd,x,X,,\ne, z,x,\n"


def test_votes_are_labels_of_the_set(tmp_path: Path) -> None:
    source = table(tmp_path, VOTED.replace(",X,,", ",X,"))
    data = to_dataset(source, choose_columns(source), CONFIG, None, ("only described",)).dataset
    assert data.labels == (" z", "only described", "x", "y")
    # Blanks are no votes, and neither is another spelling of a label.
    votes = vote_indices(source, "expert", data)
    assert votes.tolist() == [3, NO_LABEL, NO_LABEL, NO_LABEL, 2]
    assert votes.dtype == np.int64


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (
            "expart",
            ": --vote-column: no column 'expart' (did you mean 'expert'?); "
            "there are 'text', 'label', 'expert', 'notes'",
        ),
        (
            "notes",
            ": --vote-column notes: none of its values is a label of this table; "
            "name a column with labels",
        ),
    ],
)
def test_columns_that_hold_no_votes(tmp_path: Path, column: str, said: str) -> None:
    source = table(tmp_path, VOTED.replace(",X,,", ",X,"))
    data = to_dataset(source, choose_columns(source), CONFIG, None).dataset
    with pytest.raises(InputError) as caught:
        vote_indices(source, column, data)
    assert str(caught.value) == f"{source.path}{said}"


def test_label_indices() -> None:
    assert label_indices(("x", "y"), ["y", None, "", "X", "x"]).tolist() == [1, -1, -1, -1, 0]
    assert label_indices(("x", "y"), []).dtype == np.int64


def test_given_counts() -> None:
    # Rows 0, 2 and 3 are one text; text 2 has no label at all.
    of_row, labels = np.array([0, 1, 0, 0, 2]), np.array([1, 0, 1, 2, NO_LABEL])
    counts = given_counts(of_row, labels, (3, 4))
    assert counts.toarray().tolist() == [[0, 2, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert counts.dtype == np.float32
    assert counts.has_canonical_format
    nothing = given_counts(np.empty(0, np.int64), np.empty(0, np.int64), (0, 4))
    assert nothing.shape == (0, 4)
