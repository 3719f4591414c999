import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelmend.configs.load import load_config
from labelmend.data.cells.read import LabelRules
from labelmend.data.noise import NoiseShare
from labelmend.data.request import TableRequest
from labelmend.errors import ConfigError
from labelmend.protocols import NoProgress
from labelmend.workflows import corrupt
from labelmend.workflows.corrupt import Corruption, corrupt_file

CONFIG = load_config("embedded")
HALF = [NoiseShare("uniform", 0.5)]


def test_rows_without_a_label_stay_so_and_do_not_count(tmp_path):
    source, output = tmp_path / "a.csv", tmp_path / "b.csv"
    source.write_text("text,label\nt1,x\nt2,\nt3,y\nt4,  \nt5,x\nt6,y\n")
    # Half of the four rows that have one.
    assert corrupt_file(TableRequest(source), output, HALF, 0, CONFIG, NoProgress()) == Corruption(
        rows=6, flipped=2
    )
    lines = [line.split(",") for line in output.read_text().splitlines()]
    assert lines[0] == ["text", "label", "true_label"]
    assert [line[2] for line in lines[1:]] == ["x", "", "y", "  ", "x", "y"]
    assert [lines[2][1], lines[4][1]] == ["", "  "]
    swapped = {"x": "y", "y": "x"}
    assert all(
        given in {true, swapped[true]} for _, given, true in (lines[i] for i in (1, 3, 5, 6))
    )


def test_only_flipped_cells_are_written_anew(tmp_path):
    source, output = tmp_path / "a.csv", tmp_path / "b.csv"
    source.write_text("text,label\nt1,['x']\n,x\nt2,y\nt3,-1\nt4,x\nt5,Y\n")
    rules = LabelRules(missing=("-1",), merge_spellings=True)
    request = TableRequest(source, rules=rules)
    # Half of the four rows that have a text and a label; x and y become each other.
    assert corrupt_file(request, output, HALF, 0, CONFIG, NoProgress()) == Corruption(5, 2)
    lines = [line.split(",") for line in output.read_text().splitlines()[1:]]
    true = ["['x']", "x", "y", "-1", "x", "Y"]
    assert [line[2] for line in lines] == true
    assert [lines[1][1], lines[3][1]] == ["x", "-1"]
    other = dict(zip(true, ["['Y']", "Y", "x", "", "Y", "x"], strict=True))
    flipped = [line for line in lines if line[1] != line[2]]
    assert len(flipped) == 2
    assert all(line[1] == other[line[2]] for line in flipped)


def test_parquet_labels_keep_their_type_and_nulls(tmp_path):
    source, output = tmp_path / "a.parquet", tmp_path / "b.parquet"
    labels = [1, 2, None, 2]
    pq.write_table(pa.table({"text": ["a", "b", "c", "d"], "label": labels}), source)
    everything = [NoiseShare("uniform", 1.0)]
    corrupt_file(TableRequest(source), output, everything, 0, CONFIG, NoProgress())
    table = pq.read_table(output)
    assert table.schema.field("label").type == pa.int64()
    # Two labels: each becomes the other.
    assert table["label"].to_pylist() == [2, 1, None, 1]
    assert table["true_label"].to_pylist() == ["1", "2", "", "2"]


def test_the_shares_are_checked_before_the_encoder_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(corrupt, "open_encoder", None)
    source = tmp_path / "a.csv"
    source.write_text("text,label\nt1,x\nt2,y\n")
    shares = [NoiseShare("nearest", 0.75), NoiseShare("uniform", 0.5)]
    with pytest.raises(ConfigError, match=r"the shares of noise sum to 1\.25"):
        corrupt_file(TableRequest(source), tmp_path / "b.csv", shares, 0, CONFIG, NoProgress())
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_table_in_shards_becomes_one_file(tmp_path):
    table = pa.table(
        {"text": ["t1", "t2", "t3", "t4"], "label": ["x", "y", "x", "y"], "n": [1.5] * 4}
    )
    (tmp_path / "rows").mkdir()
    for number in range(2):
        pq.write_table(table.slice(2 * number, 2), tmp_path / "rows" / f"{number}.parquet")
    pq.write_table(table, tmp_path / "one.parquet")
    for source, output in (("rows", "a.parquet"), ("one.parquet", "b.parquet")):
        request = TableRequest(tmp_path / source)
        corrupt_file(request, tmp_path / output, HALF, 0, CONFIG, NoProgress())
    found = pq.read_table(tmp_path / "a.parquet")
    assert found.equals(pq.read_table(tmp_path / "b.parquet"))
    assert found["true_label"].to_pylist() == ["x", "y", "x", "y"]
