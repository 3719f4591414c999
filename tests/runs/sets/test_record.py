"""The record of a run on a table with several labels a row is read as it was written."""

import json

import pytest
from fixtures.reviewed import write_reviewed
from fixtures.reviewed_sets import write_reviewed_sets

from labelmend.errors import InputError
from labelmend.runs.companions import changed_since, digest_of, two_runs
from labelmend.runs.read import read_run, read_set_run
from labelmend.runs.sets.record import SetRunRecord, task_of


@pytest.fixture
def table(tmp_path):
    return write_reviewed_sets(tmp_path, rows=8)


def rewritten(table, **changes):
    path = table.with_suffix(".run.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path


def test_what_is_written_is_read(table):
    path = table.with_suffix(".run.json")
    record = SetRunRecord.read(path)
    assert record.review_order == ("r1", "r5", "r2", "r6", "r3", "r7", "r4", "r8")
    assert (record.labels["pin"].given, record.harm.expected_holding) == (16, 80.0)
    assert json.loads(record.to_json())["labels"] == json.loads(path.read_text())["labels"]
    assert SetRunRecord.from_json(record.to_json()) == record
    assert task_of(path) == "several"


def test_the_other_task_is_told_apart(table, tmp_path):
    (tmp_path / "single").mkdir()
    single = write_reviewed(tmp_path / "single", rows=8)
    assert task_of(single.with_suffix(".run.json")) == "single"
    assert task_of(tmp_path / "none.json") is None
    with pytest.raises(InputError, match="is damaged, or of another version"):
        SetRunRecord.read(single.with_suffix(".run.json"))
    record, problem = read_run(table, 8)
    assert record is None
    assert "rows have several labels" in problem


def test_a_record_of_a_later_version_is_refused(table):
    path = rewritten(table, schema_version=2)
    said = r"written by a later labelmend \(schema version 2, this one reads up to 1\); update"
    with pytest.raises(InputError, match=said):
        SetRunRecord.read(path)


def test_a_record_of_other_rows_is_told_of(table):
    record, problem = read_set_run(table, 9)
    assert record is None
    assert "is of a run on 8 rows, and the mended table has 9" in problem


def test_files_of_two_runs_are_seen(table):
    evidence = table.with_suffix(".evidence.jsonl")
    rewritten(table, files={"table": digest_of(table), "evidence": digest_of(evidence)})
    assert (two_runs(table), changed_since(table)) == (None, None)
    record, problem = read_set_run(table, 8)
    assert (record is None, problem) == (False, None)
    with table.open("a") as file:
        file.write("\n")
    assert "is not as the run left it" in changed_since(table)
    with evidence.open("a") as file:
        file.write("\n")
    assert "are of two runs" in two_runs(table)
    assert "are of two runs" in read_set_run(table, 8)[1]
