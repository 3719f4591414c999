"""Tables in shards on the command line: what is wrong with one is one line, before any work."""

import pyarrow.parquet as pq
from fixtures.sharded import rows, write_shards


def test_a_shard_without_a_column(cli, tmp_path):
    source = write_shards(rows(), tmp_path / "rows")
    last = pq.read_table(source / "part-2.parquet").drop_columns("label")
    pq.write_table(last, source / "part-2.parquet")
    done = cli("relabel", f"{source}/*.parquet", "-o", tmp_path / "out", "--no-llm")
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert "part-2.parquet: has no column 'label', as " in line
    assert not (tmp_path / "out").exists()


def test_a_pattern_needs_a_name_for_the_result(cli, tmp_path):
    source = write_shards(rows(), tmp_path / "rows")
    done = cli("relabel", f"{source}/*.parquet", "--no-llm")
    assert done.code == 2
    assert "is a pattern; name a new folder for the result with -o" in done.err
