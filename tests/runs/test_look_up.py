import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from fixtures.tool_files import FOLDER

from labelmend.configs.load import load_config
from labelmend.data.read import table_digest
from labelmend.errors import InputError
from labelmend.relabel.diagnostics.explain import RowReader, explain
from labelmend.runs.look_up import find_evidence, look_up
from labelmend.runs.parts import InputColumns, RunInput
from labelmend.runs.record import RunRecord


@pytest.fixture
def files(tmp_path, result):
    (tmp_path / "data.csv").write_text('text,label\n"my\ncard",f\n\nhello,\n')
    lines = [said.to_line() for said in RowReader(result).explanations(np.arange(2))]
    (tmp_path / "out.evidence.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return tmp_path


@pytest.fixture
def record(files, result):
    """Write the record of a run on `data.csv`; `change` changes what stands in it."""

    def write(change=lambda fields: fields):
        source = RunInput(
            path=str(files / "data.csv"),
            sha256=hashlib.sha256((files / "data.csv").read_bytes()).hexdigest(),
            rows=2,
            texts=2,
            columns=InputColumns(text="text", label="label", id=None, votes=()),
        )
        said = RunRecord.of(result, load_config("embedded"), {}, source, ())
        fields = change(json.loads(said.to_json()))
        (files / "out.run.json").write_text(json.dumps(fields))

    return write


def test_a_row_by_its_number_and_its_name(files, result, record):
    record()
    by_row = look_up(files / "out.csv", row=2)
    assert by_row.explanation == explain(result, 1)
    assert by_row.json_line == by_row.explanation.to_line()
    assert by_row.table_line is None
    assert by_row.notes == ()
    assert by_row.channel is not None
    assert by_row.channel.startswith("90.0% of the given labels")
    assert look_up(files / "out.csv", row_id="x2") == by_row
    assert look_up(files / "out.evidence.jsonl", row=2) == by_row
    assert look_up(Path("gone.csv"), files / "out.evidence.jsonl", row=2).notes == ()


def test_a_row_without_text_was_left_out(files):
    path = files / "out.evidence.jsonl"
    blank = '{"row":3,"id":"x3","text":"","decision":"blank"}\n'
    path.write_text(path.read_text("utf-8") + blank, "utf-8")
    for wanted in ({"row": 3}, {"row_id": "x3"}):
        with pytest.raises(InputError) as caught:
            look_up(files / "out.csv", **wanted)
        assert str(caught.value) == (
            f"{files / 'out.csv'}: row 3 has no text, so nothing was decided of it"
        )


def test_the_mended_table_is_found_by_the_hash_of_the_raw_one(files, record):
    (files / "other.run.json").write_text("{")
    (files / "third.run.json").write_text('{"input": 3}')
    record()
    found = look_up(files / "data.csv", row=2)
    # The first row takes lines 2 and 3, line 4 is blank.
    assert (found.explanation.id, found.table_line, found.notes) == ("x2", 5, ())
    assert look_up(files / "data.csv", row=1).table_line == 2


@pytest.mark.parametrize("output", ["saved.mended", "other"])
def test_a_folder_of_datasets_is_found_by_its_name_or_its_hash(files, record, output):
    """`save_to_disk` writes a folder; what became of it lies beside the folder."""
    saved = files / "saved"
    shutil.copytree(FOLDER / "datasets_saved", saved)
    source = {"path": str(saved), "sha256": table_digest(saved)}
    record(lambda fields: {**fields, "input": {**fields["input"], **source}})
    for kind in ("evidence.jsonl", "run.json"):
        (files / f"out.{kind}").rename(files / f"{output}.{kind}")
    for table in (saved, files / f"{output}.parquet"):
        found = look_up(table, row=2)
        assert (found.explanation.id, found.table_line, found.notes) == ("x2", None, ())
    (saved / "state.json").write_text((saved / "state.json").read_text() + " ")
    assert look_up(saved, row=2).notes == ()  # the table is the same
    with (saved / "data-00001-of-00002.arrow").open("ab") as file:
        file.write(b"x")
    (note,) = look_up(files / f"{output}.parquet", row=2).notes
    assert note.startswith(f"{saved} has changed since this evidence was written; run ")


def test_a_folder_that_is_no_table(files):
    (files / "splits").mkdir()
    (files / "splits" / "dataset_dict.json").write_text('{"splits": ["train"]}')
    with pytest.raises(InputError, match="holds the splits train; give one of them"):
        look_up(files / "splits", row=1)


def test_a_table_that_changed_is_noted(files, record):
    record()
    with (files / "data.csv").open("a") as file:
        file.write("more,a\n")
    for table, evidence in (("out.csv", None), ("data.csv", files / "out.evidence.jsonl")):
        (note,) = look_up(files / table, evidence, row=1).notes
        assert note == (
            f"{files / 'data.csv'} has changed since this evidence was written; "
            "run labelmend relabel again"
        )


def test_without_a_record_the_channel_is_not_known(files):
    found = look_up(files / "out.csv", row=1)
    assert found.channel is None
    (note,) = found.notes
    assert note.startswith("no record of the run beside ")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda fields: {**fields, "noise": {"channel": {"keep": 1}}},
            " is damaged, or of another",
        ),
        (lambda fields: {"epochs": 3}, " is damaged, or of another version of labelmend; run "),
        (lambda fields: {**fields, "schema_version": 9}, ": written by a later labelmend (schema"),
    ],
)
def test_a_record_that_can_not_be_read_is_noted(files, record, change, problem):
    record(change)
    found = look_up(files / "out.csv", row=1)
    assert found.channel is None
    (note,) = found.notes
    assert note.startswith(f"{files / 'out.run.json'}{problem}")


def test_a_path_that_no_file_can_have(files, record):
    record(lambda fields: {**fields, "input": {**fields["input"], "path": "\x00"}})
    assert look_up(files / "out.csv", row=1).notes == ()


def test_no_evidence(files):
    with pytest.raises(InputError, match="no evidence of it in its folder; run first: ") as error:
        look_up(files / "data.csv", row=1)
    assert f"labelmend relabel {files / 'data.csv'} (or " in str(error.value)
    with pytest.raises(InputError, match=r"dat.csv: no such file.*did you mean 'data.csv'"):
        look_up(files / "dat.csv", row=1)
    with pytest.raises(InputError, match=r"is a folder; give one file in it"):
        look_up(files, row=1)
    with pytest.raises(InputError, match=r"ou.evidence.jsonl: no such file.*'out.evidence.jsonl'"):
        find_evidence(files / "ou.evidence.jsonl", None)
    with pytest.raises(InputError, match=r"no.jsonl: no such file"):
        look_up(files / "data.csv", files / "no.jsonl", row=1)


@pytest.mark.parametrize("row", [0, -1, 3])
def test_no_such_row(files, row):
    with pytest.raises(InputError, match=f"--row {row}: .* has 2 rows; give a number from 1 to 2"):
        look_up(files / "out.csv", row=row)


def test_no_such_name(files):
    with pytest.raises(InputError, match=r"--id x22: no such row in .* \(did you mean 'x2'\?\)"):
        look_up(files / "out.csv", row_id="x22")


@pytest.mark.parametrize("which", [{}, {"row": 1, "row_id": "x1"}])
def test_which_row(files, which):
    with pytest.raises(InputError, match="which row"):
        look_up(files / "out.csv", **which)


@pytest.mark.parametrize("damage", [b"{\n", b"\xff\xfe\n", b'{"id": "x1"}\n', b"\n"])
@pytest.mark.parametrize("which", [{"row": 1}, {"row_id": "none"}])
def test_a_damaged_line(files, damage, which):
    path = files / "out.evidence.jsonl"
    if which != {"row": 1} and b"id" in damage:
        pytest.skip("its name can be read")
    path.write_bytes(damage + path.read_bytes())
    with pytest.raises(InputError, match=r"out.evidence.jsonl, line 1: damaged, or written by"):
        look_up(files / "out.csv", **which)


def test_a_line_that_was_lost(files):
    path = files / "out.evidence.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[1])
    with pytest.raises(InputError, match="line 1: damaged"):
        look_up(files / "out.csv", row=1)


def test_an_empty_file(files):
    (files / "out.evidence.jsonl").write_bytes(b"")
    with pytest.raises(InputError, match="the file is empty"):
        look_up(files / "out.csv", row=1)
