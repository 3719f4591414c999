from pathlib import Path

import pytest

from labelmend.data.outputs.spreadsheet import are_guarded, guarded, guarded_columns, unguarded
from labelmend.data.read import read_table
from labelmend.data.table import NewColumn


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''-"])
def test_what_a_spreadsheet_runs_gets_a_mark_and_loses_it_again(text):
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["", "a=1", "1-1", " =1", "'quoted'", "'", "card_lost"])
def test_all_else_stays(text):
    assert guarded(text) == unguarded(text) == text


def test_columns_of_ours_in_files_that_spreadsheets_guess_at():
    columns = (NewColumn("mended_label", ("=x", "y", None)), NewColumn("confidence", (-0.5, None)))
    ours = guarded_columns(columns, Path("a.CSV"))
    assert [column.values for column in ours] == [("'=x", "y", None), (-0.5, None)]
    assert [column.name for column in ours] == ["mended_label", "confidence"]
    for name in ("a.jsonl", "a.parquet", "a.xlsx"):
        assert guarded_columns(columns, Path(name)) == columns


def test_a_guarded_sheet_is_told_by_what_it_lacks():
    assert are_guarded(["'=a", "b"])
    assert not are_guarded(["'=a", "=b"])


def test_labels_of_a_mended_table_are_read_as_they_were(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label,mended_label\n'=t,'=l,'=x\nu,m,y\n")
    table = read_table(path)
    assert table.values("mended_label") == ["=x", "y"]
    # What is the user's stays, and so does a table that nobody guarded.
    assert (table.values("text"), table.values("label")) == (["'=t", "u"], ["'=l", "m"])
    path.write_text("text,label,mended_label\nt,=l,'=x\nu,m,=y\n")
    assert read_table(path).values("mended_label") == ["'=x", "=y"]
