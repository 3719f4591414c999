"""Shards are checked by their footers, and read a column at a time."""

import hashlib
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures.sharded import ROWS, rows, write_shards

from labelmend.data.read import read_table, table_digest
from labelmend.data.shards.find import shards_of
from labelmend.data.shards.open import open_table
from labelmend.data.shards.table import open_shards, sha256_of
from labelmend.errors import InputError


@pytest.fixture
def folder(tmp_path):
    return write_shards(rows(), tmp_path / "rows")


def opened(folder):
    return open_shards(folder, shards_of(folder))


def test_its_columns_are_those_of_one_file(folder, tmp_path):
    one = tmp_path / "one.parquet"
    pq.write_table(rows(), one)
    whole, table = read_table(one), open_table(folder)
    assert len(table) == ROWS
    assert table.columns == ("id", "text", "label", "bot", "score")
    assert list(table.row_numbers) == list(range(1, ROWS + 1))
    for column in table.columns:
        assert table.values(column) == whole.values(column)
    assert [(shard.part.start, shard.part.stop) for shard in table.shards] == [
        (0, 20),
        (20, 33),
        (33, 60),
    ]


def test_other_commands_read_all_of_it(folder, tmp_path):
    one = tmp_path / "one.parquet"
    pq.write_table(rows(), one)
    table = read_table(folder)
    assert table.rows() == read_table(one).rows()
    assert table.origin.schema.equals(pq.read_table(one).schema)


def test_names_of_codes_are_shown(tmp_path):
    said = '{"info": {"features": {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}}}'
    table = pa.table({"text": ["a", "b"], "label": [1, -1]})
    table = table.replace_schema_metadata({"huggingface": said})
    assert open_table(write_shards(table, tmp_path / "rows", [1, 1])).values("label") == ["yes", ""]


def changed(folder, number, table):
    pq.write_table(table, folder / f"part-{number}.parquet")


PROBLEMS = {
    "has no rows; take it out of": lambda t: t.slice(0, 0),
    "has no column 'label', as .*part-0.parquet has": lambda t: t.drop_columns("label"),
    "has a column 'more', which .*part-0.parquet lacks": lambda t: t.append_column(
        "more", pa.array(["x"] * len(t))
    ),
    "column 'id' is of type int64, and of type int32 in": lambda t: t.set_column(
        0, "id", t["id"].cast(pa.int64())
    ),
    "its columns stand in another order than those of": lambda t: t.select(t.column_names[::-1]),
    "more than one column is named 'id'": lambda t: t.append_column("id", t["id"]),
}


@pytest.mark.parametrize("said", PROBLEMS)
def test_a_shard_that_is_not_as_the_first_one(folder, said):
    changed(folder, 2, PROBLEMS[said](rows().slice(33, 27)))
    with pytest.raises(InputError, match=rf"part-2\.parquet: {said}"):
        opened(folder)


def test_a_shard_that_is_no_parquet(folder):
    (folder / "part-1.parquet").write_bytes(b"id,text\n1,x\n")
    with pytest.raises(InputError, match=r"part-1\.parquet: can't be read as Parquet \("):
        opened(folder)


def test_a_shard_that_is_a_pipe_is_not_waited_for(folder):
    (folder / "part-1.parquet").unlink()
    os.mkfifo(folder / "part-1.parquet")
    with pytest.raises(InputError, match="it is a named pipe, no regular file"):
        opened(folder)


def test_other_names_of_codes(tmp_path):
    folder = tmp_path / "rows"
    folder.mkdir()
    for number, names in enumerate(('["a", "b"]', '["b", "a"]')):
        said = (
            f'{{"info": {{"features": {{"label": {{"names": {names}, "_type": "ClassLabel"}}}}}}}}'
        )
        table = pa.table({"text": ["x"], "label": [0]}).replace_schema_metadata(
            {"huggingface": said}
        )
        pq.write_table(table, folder / f"{number}.parquet")
    with pytest.raises(InputError, match=r"1\.parquet: its label codes stand for other names"):
        opened(folder)


def test_a_shard_that_is_changed_meanwhile(folder):
    table = opened(folder)
    changed(folder, 1, rows().slice(0, 14))
    with pytest.raises(InputError, match=r"part-1\.parquet: was changed while the run was at work"):
        table.values("text")


def test_a_damaged_page_is_one_line(folder):
    path = folder / "part-1.parquet"
    table = opened(folder)
    state = path.stat()
    raw = bytearray(path.read_bytes())
    raw[4:200] = bytes(196)
    path.write_bytes(raw)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    with pytest.raises(InputError, match=r"part-1\.parquet: can't be read as Parquet"):
        table.values("id")


def test_there_is_always_a_header(folder):
    with pytest.raises(InputError, match="--no-header: parquet files have none; leave it out"):
        open_table(folder, header=False)


def test_the_hash_is_that_of_the_shards_hashes(folder):
    lines = [sha256_of(file) for file in shards_of(folder)]
    assert lines[0] == hashlib.sha256((folder / "part-0.parquet").read_bytes()).hexdigest()
    assert table_digest(folder) == hashlib.sha256("\n".join(lines).encode()).hexdigest()
