"""Which files are a table in shards, and what is no such table."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelmend.data.shards.find import default_output, refuse_shards, shards_of
from labelmend.errors import InputError, OutputError


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "rows"
    folder.mkdir()
    for name in ("b.parquet", "a.parquet", "c.pq"):
        pq.write_table(pa.table({"text": ["x"]}), folder / name)
    return folder


def names(files):
    return [file.name for file in files]


def test_a_folder_and_a_pattern_are_in_the_order_of_names(folder):
    assert names(shards_of(folder)) == ["a.parquet", "b.parquet", "c.pq"]
    assert names(shards_of(folder / "*.parquet")) == ["a.parquet", "b.parquet"]
    assert names(shards_of(folder / "[bc].*")) == ["b.parquet", "c.pq"]


def test_what_spark_and_labelmend_leave_in_a_folder_is_no_shard(folder):
    (folder / "_SUCCESS").touch()
    (folder / ".part.crc").touch()
    (folder / "_labelmend").mkdir()
    assert len(shards_of(folder)) == 3
    assert names(shards_of(folder / "*")) == ["a.parquet", "b.parquet", "c.pq"]


def test_a_pattern_may_reach_into_folders(folder):
    (folder / "z").mkdir()
    (folder / "a.parquet").rename(folder / "z" / "a.parquet")
    assert names(shards_of(folder / "**" / "*.parquet")) == ["a.parquet", "b.parquet"]


def test_a_file_a_name_with_signs_and_standard_input_are_no_shards(folder):
    odd = folder / "x[1].parquet"
    (folder / "a.parquet").rename(odd)
    assert shards_of(odd) == shards_of(folder / "b.parquet") == shards_of(Path("-")) == ()


def test_a_folder_without_parquet_is_no_table_in_shards(tmp_path):
    (tmp_path / "a.csv").touch()
    assert shards_of(tmp_path) == ()


def test_other_files_and_folders_among_them_are_named(folder):
    (folder / "sub").mkdir()
    with pytest.raises(InputError, match=r"rows/sub: is a folder among Parquet files; move it"):
        shards_of(folder)
    (folder / "sub").rmdir()
    (folder / "b.csv").touch()
    with pytest.raises(InputError, match=r"rows/b\.csv: is no Parquet file, and lies among some"):
        shards_of(folder)
    with pytest.raises(InputError, match=r"rows/b\.csv: is no Parquet file, and .*rows/\* fits it"):
        shards_of(folder / "*")


def test_a_pattern_that_fits_nothing(folder):
    with pytest.raises(InputError, match="no file fits this pattern; check the path"):
        shards_of(folder / "x*.parquet")


def test_two_shards_of_one_name(folder):
    (folder / "sub").mkdir()
    pq.write_table(pa.table({"text": ["x"]}), folder / "sub" / "b.parquet")
    with pytest.raises(InputError, match=r"sub/b\.parquet: has the name of .*rows/b\.parquet"):
        shards_of(folder / "**" / "*.parquet")


def test_where_the_result_goes(folder):
    assert default_output(folder, "mended") == folder.with_name("rows.mended")
    assert default_output(folder / "a.parquet", "mended") == folder / "a.mended.parquet"
    with pytest.raises(OutputError, match="is a pattern; name a new folder for the result with -o"):
        default_output(folder / "*.parquet", "mended")


def test_what_has_to_be_one_file(folder):
    refuse_shards(folder / "a.parquet", "its rows have several labels")
    with pytest.raises(InputError, match="in shards, and its rows have several labels; give it as"):
        refuse_shards(folder, "its rows have several labels")
