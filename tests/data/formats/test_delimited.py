"""Tables without a header: seen, told, and read when the user says so."""

import pytest
from fixtures.round_trip import table_of, written

from labelmend.data.dataset import choose_columns
from labelmend.data.formats.base import looks_headless
from labelmend.data.formats.delimited import CSV
from labelmend.data.read import read_table
from labelmend.data.table import NewColumn
from labelmend.errors import ColumnError, InputError

ROWS = '"where, is it",card\nlost it,theft\nno card,card\ngone,theft\n'


def test_what_looks_like_a_row():
    labels = [["a", "x"], ["b", "y"], ["c", "x"], ["d", "y"]]
    assert not looks_headless(["text", "intent"], labels)
    assert not looks_headless(["question", "the right topic"], labels)
    assert looks_headless(["hi", "x"], labels)  # one of the labels
    assert looks_headless(["where is my card", "z"], labels)  # a message
    assert looks_headless(["a" * 40, "z"], labels)
    # A value that comes once is no label: other columns may be called as one of theirs.
    assert not looks_headless(["a", "z"], labels)
    assert looks_headless(["7", "z"], [["8", "x"], ["9", "y"]])
    assert not looks_headless(["2024", "z"], [["8.5", "x"], ["9", "y"]])
    assert not looks_headless(["", " "], [["", ""], ["", ""]])


def test_it_is_told_where_no_column_is_found():
    table = table_of(ROWS, "a.csv")
    assert table.headless
    told = (
        "a.csv: the first row looks like data ('where, is it', 'card'), not like names of columns; "
        "if the file has no header, give --no-header"
    )
    for named in ({}, {"text": "text"}, {"text": "column_1", "label": "column_2"}):
        with pytest.raises(ColumnError) as caught:
            choose_columns(table, **named)
        assert str(caught.value) == told
    # Columns that are named and there are taken, whatever they look like.
    assert choose_columns(table, "where, is it", "card").label == "card"
    assert not table_of("text,label\na,x\nb,x\n", "a.csv").headless


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_numbered_columns(end):
    text = ROWS.replace("\n", end)
    table = table_of(text, "a.csv", header=False)
    assert table.columns == ("column_1", "column_2")
    assert table.values("column_1") == ["where, is it", "lost it", "no card", "gone"]
    assert not table.headless
    assert [CSV.line_of(table, row) for row in (1, 4, 5)] == [1, 4, None]
    assert written(table) == text
    marked = written(table, NewColumn("m", (1, 2, None, 4)))
    assert marked == (
        f'column_1,column_2,m{end}"where, is it",card,1{end}lost it,theft,2{end}no card,card,{end}'
        f"gone,theft,4{end}"
    )
    assert table_of(marked, "b.csv").values("column_2") == table.values("column_2")


def test_without_a_line_end():
    table = table_of("a\tx", "a.tsv", header=False)
    assert written(table, NewColumn("m", (1,))) == "column_1\tcolumn_2\tm\na\tx\t1"


def test_rows_of_other_widths_and_names_that_repeat():
    with pytest.raises(InputError) as caught:
        table_of("a,x\nb\n", "a.csv", header=False)
    assert str(caught.value) == (
        "a.csv: row 2 (ends on line 2) has 1 field, the first row has 2; quote texts that hold "
        "',', or mend it"
    )
    assert len(table_of("a,a\nb,b\n", "a.csv", header=False)) == 2
    with pytest.raises(InputError, match=r"row 1 \(line 1\): a quote"):
        table_of('"a,x\nb,y\n', "a.csv", header=False)


def test_formats_that_never_have_one(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n')
    with pytest.raises(InputError) as caught:
        read_table(path, header=False)
    assert str(caught.value) == f"{path}: --no-header: jsonl files have none; leave it out"


def test_a_first_line_longer_than_csv_takes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"{'x' * 200_000},label\na,b\n")
    assert read_table(path).format == "csv"
