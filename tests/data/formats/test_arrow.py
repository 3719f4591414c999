"""Arrow files, and the folders that Hugging Face's datasets saves."""

import json
import shutil

import pyarrow as pa
import pytest
from fixtures.tool_files import FOLDER, LABELS, TEXTS

from labelmend.data.formats.arrow import ARROW, ARROW_FILE
from labelmend.data.formats.find import beside, format_to_write
from labelmend.data.read import read_table, table_digest
from labelmend.data.table import NewColumn
from labelmend.errors import InputError

SAVED = FOLDER / "datasets_saved"


@pytest.fixture
def saved(tmp_path):
    return shutil.copytree(SAVED, tmp_path / "saved")


def refusal(path):
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(path))


def test_a_saved_folder(saved):
    table = read_table(saved)
    assert table.columns == ("text", "label", "age")
    assert (table.values("text"), table.values("label")) == (TEXTS, LABELS)
    output = beside(saved, "mended")
    assert output == saved.with_name("saved.mended.parquet")
    assert format_to_write(table, output).name == "parquet"
    # The output's name is asked of the file that takes its place later, too.
    written = format_to_write(table, output).write(table, [NewColumn("m", tuple(LABELS), "label")])
    output.write_bytes(written)
    assert read_table(output).values("m") == LABELS
    assert read_table(output).origin["m"].type == pa.int64()


def test_the_digest_is_of_all_files(saved):
    before = table_digest(saved)
    assert before == table_digest(SAVED)
    file = saved / "data-00001-of-00002.arrow"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert table_digest(saved) != before


def test_one_file(tmp_path):
    table = read_table(SAVED / "data-00000-of-00002.arrow")
    assert (table.format, table.values("text")) == ("arrow", TEXTS[:4])
    path = tmp_path / "a.arrow"
    path.write_bytes(ARROW.write(table, [NewColumn("p", (0.5, None, 1.0, float("nan")))]))
    again = read_table(path)
    assert again.values("p") == ["0.5", "", "1", ""]
    assert again.origin.drop_columns("p").equals(table.origin)
    # A file with an index stays one, by whatever name.
    for name in ("b.arrow", "b.feather", "b.data"):
        with pa.ipc.new_file(tmp_path / name, table.origin.schema) as file:
            file.write_table(table.origin)
        found = read_table(tmp_path / name)
        assert (found.format, found.values("text")) == ("arrow-file", TEXTS[:4])
    assert pa.ipc.open_file(ARROW_FILE.write(found, ())).read_all().equals(table.origin)
    assert pa.ipc.open_stream(ARROW.write(found, ())).read_all().equals(table.origin)


def test_what_is_no_saved_table(saved, tmp_path):
    assert refusal(tmp_path) == ": is a folder; give one file in it"
    splits = tmp_path / "splits"
    splits.mkdir()
    (splits / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert refusal(splits) == (
        f": holds the splits train, test; give one of them, such as {splits / 'train'}"
    )
    for said in ({}, [], {"_data_files": [{"filename": "../x.arrow"}]}, {"_data_files": [1]}):
        (saved / "state.json").write_text(json.dumps(said))
        assert refusal(saved) == "/state.json: names no Arrow files beside it; save it again"
    (saved / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')
    assert refusal(saved).startswith("/data.arrow: can't be read: No such file or directory")
    (saved / "state.json").write_text("[" * 100_000)
    assert refusal(saved) == "/state.json: can't be read as JSON; save the folder again"


def test_damaged_files(saved):
    file = saved / "data-00000-of-00002.arrow"
    whole = file.read_bytes()
    for raw in (b"text,label\n", whole[:300], whole[:40] + b"\xff" * 40 + whole[80:]):
        file.write_bytes(raw)
        assert refusal(saved).startswith("/data-00000-of-00002.arrow: can't be read as Arrow (")
    other = pa.table({"else": [1]})
    with pa.ipc.new_stream(file, other.schema) as stream:
        stream.write_table(other)
    assert refusal(saved).startswith(": its files do not fit (")
