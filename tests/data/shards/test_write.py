"""Shards out: row groups, compression and types as they were, ours of one type in all shards."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures.sharded import rows, write_shards

from labelmend.data.read import read_table
from labelmend.data.shards.find import shards_of
from labelmend.data.shards.table import open_shards
from labelmend.data.shards.write import of_one_type, telling, write_shard
from labelmend.data.table import NewColumn
from labelmend.data.write import write_table


def written(table, columns, tmp_path, sizes):
    """Write a table with columns in shards; return their files."""
    folder = write_shards(table, tmp_path / "rows", sizes)
    (tmp_path / "out").mkdir()
    held = {column.name: telling(column) for column in columns}
    for shard in open_shards(folder, shards_of(folder)).shards:
        part = slice(shard.part.start, shard.part.stop)
        ours = [NewColumn(c.name, c.values[part], c.like) for c in columns]
        write_shard(shard, of_one_type(ours, held), tmp_path / "out" / shard.path.name)
    return [pq.ParquetFile(file) for file in sorted((tmp_path / "out").iterdir())]


def of_one_file(table, columns, tmp_path):
    pq.write_table(table, tmp_path / "one.parquet")
    write_table(read_table(tmp_path / "one.parquet"), columns, tmp_path / "mended.parquet")
    return pq.read_table(tmp_path / "mended.parquet")


def same(files, whole):
    parts = [file.read() for file in files]
    assert all(part.schema.equals(whole.schema, check_metadata=True) for part in parts)
    return pa.concat_tables(parts).to_pylist() == whole.to_pylist()


def test_row_groups_and_compression_stay(tmp_path):
    columns = [NewColumn("ours", tuple(f"o{row}" for row in range(60)))]
    files = written(rows(), columns, tmp_path, [25, 35])
    sizes = [
        [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] for file in files
    ]
    assert sizes == [[10, 10, 5], [10, 10, 10, 5]]
    group = files[1].metadata.row_group(0)
    assert {group.column(i).compression for i in range(group.num_columns)} == {"GZIP"}
    assert same(files, of_one_file(rows(), columns, tmp_path))


def test_columns_that_are_packed_each_in_its_own_way(tmp_path):
    folder = tmp_path / "rows"
    folder.mkdir()
    table = pa.table({"text": ["a"], "n": [[1]], "x": ["b"]})
    packing = {"text": "zstd", "n.list.element": "none", "x": "zstd"}
    pq.write_table(table, folder / "a.parquet", compression=packing)
    (shard,) = open_shards(folder, shards_of(folder)).shards
    write_shard(shard, [NewColumn("ours", ("o",))], tmp_path / "a.parquet")
    group = pq.ParquetFile(tmp_path / "a.parquet").metadata.row_group(0)
    found = [group.column(i).compression for i in range(group.num_columns)]
    assert found == ["ZSTD", "UNCOMPRESSED", "ZSTD", "ZSTD"]


def test_a_number_that_only_some_shards_have(tmp_path):
    table = pa.table({"text": ["a", "b", "c"]})
    columns = [NewColumn("quality", (float("nan"), None, 0.25)), NewColumn("none", (None,) * 3)]
    files = written(table, columns, tmp_path, [2, 1])
    assert files[0].schema_arrow.field("quality").type == pa.float64()
    assert files[0].schema_arrow.field("none").type == pa.string()
    assert same(files, of_one_file(table, columns, tmp_path))


LABELS = {
    "numbers": (pa.array([1, 2, 3]), ("1", "2", "3"), pa.int64()),
    "a new name among numbers": (pa.array([1, 2, 3]), ("1", "2", "new"), pa.string()),
    "codes": (
        pa.array(["a", "b", "a"]).dictionary_encode(),
        ("a", "b", "c"),
        pa.dictionary(pa.int32(), pa.string()),
    ),
    "booleans": (pa.array([True, False, True]), ("true", "false", "false"), pa.bool_()),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels_have_the_type_that_holds_all_of_them(tmp_path, case):
    given, mended, kind = LABELS[case]
    table = pa.table({"text": ["a", "b", "c"], "label": given})
    columns = [NewColumn("mended_label", mended, like="label")]
    files = written(table, columns, tmp_path, [1, 2])
    assert [file.schema_arrow.field("mended_label").type for file in files] == [kind, kind]
    assert same(files, of_one_file(table, columns, tmp_path))


def test_a_name_that_the_codes_lack_gets_one_code_in_all_shards(tmp_path):
    said = '{"info": {"features": {"label": {"names": ["a", "b"], "_type": "ClassLabel"}}}}'
    table = pa.table({"text": ["x", "y", "z"], "label": [0, 1, 0]})
    table = table.replace_schema_metadata({"huggingface": said})
    columns = [NewColumn("mended_label", ("a", "d", "c"), like="label")]
    files = written(table, columns, tmp_path, [1, 1, 1])
    assert [file.read()["mended_label"].to_pylist() for file in files] == [[0], [3], [2]]
    assert same(files, of_one_file(table, columns, tmp_path))
