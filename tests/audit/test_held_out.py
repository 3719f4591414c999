import pytest
from fixtures.audited import write_held_out

from labelmend.audit.held_out import read_held_out
from labelmend.errors import InputError
from labelmend.relabel.diagnostics.explanation import HeldOut


def test_what_rows_would_be_without_their_answers(tmp_path):
    table = tmp_path / "mended.csv"
    write_held_out(table, {1: "b", 3: None}, total=5)
    assert read_held_out(table, [1, 3]) == {
        1: HeldOut("b", "keep", 0.5),
        3: HeldOut(None, "keep", 0.5),
    }


def test_no_answered_rows_need_no_file(tmp_path):
    assert read_held_out(tmp_path / "mended.csv", []) == {}


def test_what_is_missing_is_told_in_one_line(tmp_path):
    table = tmp_path / "mended.csv"
    with pytest.raises(InputError, match="no such file, and without it what answers taught"):
        read_held_out(table, [0])
    write_held_out(table, {1: "b"}, total=3)
    with pytest.raises(InputError, match="does not say what would have been decided"):
        read_held_out(table, [0, 1])
    with pytest.raises(InputError, match="ends before the mended table does"):
        read_held_out(table, [1, 9])
    table.with_suffix(".evidence.jsonl").write_text("{broken\n")
    with pytest.raises(InputError, match="relabel --answers again"):
        read_held_out(table, [0])
