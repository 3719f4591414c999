"""A row of a table in shards is found in its shard, and no other one is read."""

import json
import shutil

import pytest
from fixtures.sharded import BLANK, ROWS, SIZES, WRONG, rows, write_shards

from labelmend.errors import InputError
from labelmend.runs.layout import OutputPaths
from labelmend.runs.look_up import look_up
from labelmend.runs.shards.look_up import find_sharded_run


@pytest.fixture
def copy(sharded_run, tmp_path):
    """A copy of the mended shards, whose files are younger than their record."""
    return shutil.copytree(sharded_run / "out", tmp_path / "out", copy_function=shutil.copyfile)


@pytest.mark.parametrize("row", [1, 20, 21, 34, 60])
def test_a_row_is_that_of_one_file(sharded_run, row):
    one = look_up(sharded_run / "one.mended.parquet", row=row)
    for table in ("out", "rows"):
        found = look_up(sharded_run / table, row=row)
        assert (found.explanation, found.json_line) == (one.explanation, one.json_line)
        assert (found.channel, found.notes, found.table_line) == (one.channel, (), None)
    assert look_up(sharded_run / "out", row_id=str(99 + row)).explanation == one.explanation
    assert look_up(sharded_run / "rows" / "*.parquet", row=row).explanation == one.explanation
    evidence = OutputPaths.inside(sharded_run / "out").evidence
    assert look_up(sharded_run / "rows", evidence, row).explanation == one.explanation


def test_no_other_shard_is_read(copy):
    paths = OutputPaths.inside(copy)
    for number in (0, 2):
        paths.evidence_of(f"part-{number}.parquet").unlink()
        (copy / f"part-{number}.parquet").unlink()
    assert look_up(copy, row=SIZES[0] + 1).explanation.row == 21
    assert look_up(copy, row_id="120").explanation.row == 21
    with pytest.raises(InputError, match=r"part-0\.parquet\.jsonl: no such file; run labelmend"):
        look_up(copy, row=1)


def test_names_are_sought_in_the_evidence_where_there_is_no_index(copy):
    OutputPaths.inside(copy).index.unlink()
    assert look_up(copy, row_id=str(100 + WRONG)).explanation.row == WRONG + 1


def test_what_is_not_there(sharded_run):
    out = sharded_run / "out"
    for row in (0, ROWS + 1):
        with pytest.raises(InputError, match=f"--row {row}: .*out has 60 rows; give a number from"):
            look_up(out, row=row)
    with pytest.raises(InputError, match=r"--id 99: no such row in .*out; check the name"):
        look_up(out, row_id="99")
    with pytest.raises(InputError, match=f"row {BLANK + 1} has no text, so nothing was decided"):
        look_up(out, row=BLANK + 1)
    with pytest.raises(InputError, match=r"part-1\.parquet: is a shard of .*out; give that folder"):
        look_up(out / "part-1.parquet", row=1)


def test_what_was_changed_since_is_told(copy):
    path = OutputPaths.inside(copy).evidence_of("part-1.parquet")
    path.write_bytes(path.read_bytes() + b"\n")
    assert look_up(copy, row=1).notes == ()
    (told,) = look_up(copy, row=21).notes
    assert told.startswith(f"{path} and ")
    assert "are of two runs" in told
    (copy / "part-2.parquet").write_bytes(b"")
    (told,) = look_up(copy, row=34).notes
    assert "part-2.parquet is not as the run left it that run.json tells of" in told


def test_damaged_evidence(copy):
    path = OutputPaths.inside(copy).evidence_of("part-0.parquet")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[1:]))
    with pytest.raises(InputError, match=r"part-0\.parquet\.jsonl, line 1: damaged"):
        look_up(copy, row=1)
    with pytest.raises(InputError, match="ends before row 20"):
        look_up(copy, row=20)


def test_an_unfinished_run_and_a_table_without_one(copy, tmp_path):
    OutputPaths.inside(copy).record.unlink()
    with pytest.raises(InputError, match="holds an unfinished run; run the same labelmend relabel"):
        look_up(copy, row=1)
    other = write_shards(rows(), tmp_path / "deep" / "rows", [30, 30])
    with pytest.raises(InputError, match="no evidence of it beside its folder; give the folder of"):
        look_up(other, row=1)


def test_a_record_whose_numbers_do_not_add_up(copy):
    path = OutputPaths.inside(copy).record
    said = json.loads(path.read_text())
    said["shards"][0]["rows"] += 1
    path.write_text(json.dumps(said))
    with pytest.raises(InputError, match=r"run\.json: is damaged; run labelmend relabel again"):
        look_up(copy, row=1)


def test_a_table_that_is_no_shards(sharded_run):
    assert find_sharded_run(sharded_run / "one.parquet", None) is None
