"""The folder of shards that is being written: one process at a time, and what is whole stays."""

import json
from contextlib import suppress

import pytest

from labelmend.errors import OutputError
from labelmend.runs.layout import OutputPaths
from labelmend.runs.shards.unfinished import NAME, Written, taken_up

DIGESTS = {"a.parquet": "11", "b.parquet": "22"}
OF_A = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
"""sha256 of the letter a."""


@pytest.fixture
def paths(tmp_path):
    return OutputPaths.inside(tmp_path / "out")


def write_one(paths, name="a.parquet", outcome="x"):
    """Write a shard and its evidence, a letter each, and end as a killed run would."""
    with suppress(KeyboardInterrupt), taken_up(paths, DIGESTS) as unfinished:
        (paths.table / name).write_text("a")
        paths.evidence_of(name).write_text("a")
        unfinished.add(Written(name, outcome, OF_A, OF_A))
        raise KeyboardInterrupt


def test_a_shard_of_the_same_outcome_is_kept(paths):
    write_one(paths)
    with taken_up(paths, DIGESTS) as unfinished:
        assert unfinished.kept("a.parquet", "x") == Written("a.parquet", "x", OF_A, OF_A)
        assert unfinished.kept("a.parquet", "y") is None
        assert unfinished.kept("b.parquet", "x") is None
        unfinished.finish()
    assert not (paths.record.parent / NAME).exists()
    assert (paths.table / "a.parquet").exists()


@pytest.mark.parametrize("which", ["table", "evidence"])
def test_a_shard_that_is_damaged_or_gone_is_not_kept(paths, which):
    write_one(paths)
    path = paths.table / "a.parquet" if which == "table" else paths.evidence_of("a.parquet")
    for change in (lambda: path.write_text("b"), path.unlink):
        change()
        with taken_up(paths, DIGESTS) as unfinished:
            assert unfinished.kept("a.parquet", "x") is None


def test_the_last_line_may_be_torn(paths):
    write_one(paths)
    book = paths.record.parent / NAME
    whole = book.read_bytes()
    book.write_bytes(whole + b'{"name": "b.parq')
    with taken_up(paths, DIGESTS) as unfinished:
        assert unfinished.kept("a.parquet", "x") is not None
        unfinished.add(Written("b.parquet", "x", OF_A, OF_A))
    (paths.table / "b.parquet").write_text("a")
    paths.evidence_of("b.parquet").write_text("a")
    with taken_up(paths, DIGESTS) as unfinished:
        assert unfinished.kept("b.parquet", "x") is not None
    lines = [json.loads(line) for line in book.read_text().splitlines()]
    assert lines[0]["shards"] == DIGESTS
    assert [line["name"] for line in lines[1:]] == ["a.parquet", "b.parquet"]


def test_one_process_writes_at_a_time(paths):
    with (
        taken_up(paths, DIGESTS),
        pytest.raises(OutputError, match="another run writes to it; name another folder, or wait"),
        taken_up(paths, DIGESTS),
    ):
        pass


def test_votes_are_not_taken_back(paths):
    with suppress(KeyboardInterrupt), taken_up(paths, DIGESTS):
        paths.store.write_text("votes")
        raise KeyboardInterrupt
    assert paths.store.exists()
    assert (paths.record.parent / NAME).exists()
