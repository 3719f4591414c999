"""The evidence of shards is read as if it were one file."""

import io
import os

import pytest

from labelmend.runs.shards.joined import (
    JoinedFiles,
    evidence_bytes,
    evidence_files,
    lines_of_evidence,
    open_evidence,
)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "evidence"
    folder.mkdir()
    # By the names of the shards: what stands behind these would turn the first two.
    for name, said in (("a.parquet", b"1\n22\n"), ("a.parquet-b", b""), ("b.parquet", b"333\n")):
        (folder / f"{name}.jsonl").write_bytes(said)
    return folder


def test_files_stand_in_the_order_of_the_shards(folder):
    (folder / ".labelmend-x.journal").touch()
    names = [path.name for path in evidence_files(folder)]
    assert names == ["a.parquet.jsonl", "a.parquet-b.jsonl", "b.parquet.jsonl"]
    assert evidence_files(folder / "a.parquet.jsonl") == [folder / "a.parquet.jsonl"]


def test_lines_and_size_are_those_of_all(folder):
    assert list(lines_of_evidence(folder)) == [b"1\n", b"22\n", b"333\n"]
    assert evidence_bytes(folder) == 9
    assert list(lines_of_evidence(folder / "b.parquet.jsonl")) == [b"333\n"]
    assert evidence_bytes(folder / "b.parquet.jsonl") == 4


def test_any_place_can_be_read(folder):
    with open_evidence(folder) as file:
        assert file.seek(0, os.SEEK_END) == 9
        assert file.read() == b""
        file.seek(2)
        assert (file.read(3), file.tell(), file.read(10)) == (b"22\n", 5, b"333\n")
        assert file.seek(-4, os.SEEK_CUR) == 5


def test_a_line_is_read_whatever_else_is(folder):
    files = JoinedFiles(evidence_files(folder))
    file = io.BufferedReader(files)
    assert file.read(1) == b"1"
    assert [files.read_at(3, 2), files.read_at(4, 5), files.read_at(1, 9)] == [
        b"22\n",
        b"333\n",
        b"",
    ]
    assert file.read(1) == b"\n"
    file.close()
    assert files.read_at(2, 0) == b"1\n"


def test_no_files(tmp_path):
    assert list(lines_of_evidence(tmp_path)) == []
