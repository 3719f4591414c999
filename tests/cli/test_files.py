"""Files as people have them, through the command line."""

import gzip
import json
import shutil

import pyarrow.parquet as pq
import pytest
from fixtures.tool_files import FOLDER, LABELS, TEXTS

HEADLESS = "".join(
    f"{text.replace(',', '')},{label}\n" for text, label in zip(TEXTS, LABELS, strict=True)
)


@pytest.fixture
def corrupt(cli):
    """Flip all labels: reads and writes a table, and loads no model."""

    def run(source, output, *words):
        return cli("corrupt", source, "-o", output, "--noise", "uniform=1", *words)

    return run


def test_a_table_without_a_header(tmp_path, corrupt):
    source, output = tmp_path / "a.csv", tmp_path / "b.csv"
    source.write_text(HEADLESS)
    said = corrupt(source, output).refusal()
    assert said.endswith("if the file has no header, give --no-header")
    assert not output.exists()
    columns = ("--text-column", "column_1", "--label-column", "column_2")
    said = corrupt(source, output, "--no-header", *columns)
    assert (said.code, said.err) == (0, "")
    header, *rows = output.read_text().splitlines()
    assert header == "column_1,column_2,true_label"
    assert len(rows) == 8
    assert [row.rpartition(",")[2] for row in rows] == LABELS


@pytest.mark.parametrize(
    "name",
    [
        *("argilla.json", "argilla.jsonl", "argilla.parquet", "doccano.csv", "doccano.json"),
        *("doccano.jsonl", "label_studio.csv", "label_studio.json", "label_studio_min.json"),
        *("datasets.parquet", "datasets_saved"),
    ],
)
def test_files_of_tools_are_read_without_a_flag(tmp_path, corrupt, name):
    source = FOLDER / name
    output = tmp_path / (name if source.is_file() else "b.parquet")
    said = corrupt(source, output)
    assert (said.code, said.err) == (0, "")
    assert " labels changed (seed 0) in " in said.out


def test_codes_stay_codes(tmp_path, corrupt):
    output = tmp_path / "b.parquet"
    assert corrupt(FOLDER / "datasets_saved", output).code == 0
    written = pq.read_table(output)
    assert [str(written.schema.field(name).type) for name in ("label", "true_label")] == [
        "int64",
        "int64",
    ]
    assert written["true_label"].to_pylist() == [0, 1, 2, 0, None, 2, 0, 1]
    pairs = zip(written["label"].to_pylist(), written["true_label"].to_pylist(), strict=True)
    assert [label != true for label, true in pairs] == [row != 4 for row in range(8)]


def test_paths_and_packing(tmp_path, corrupt):
    rows = [{"body": {"text": t}, "y": {"n": len(k)}} for t, k in zip(TEXTS, LABELS, strict=True)]
    source, output = tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"
    source.write_bytes(gzip.compress("".join(f"{json.dumps(row)}\n" for row in rows).encode()))
    columns = ("--text-column", "body.text", "--label-column", "y.n")
    said = corrupt(source, output, *columns, "--missing-label", "0")
    assert (said.code, said.err) == (0, "")
    found = [json.loads(line) for line in gzip.decompress(output.read_bytes()).splitlines()]
    assert [row["body"]["text"] for row in found] == TEXTS
    assert [row["true_label"] for row in found] == [len(label) for label in LABELS]
    assert all(isinstance(row["y"]["n"], int) for row in found)


def test_splits_are_named(tmp_path, corrupt):
    splits = tmp_path / "splits"
    shutil.copytree(FOLDER / "datasets_saved", splits / "train")
    (splits / "dataset_dict.json").write_text('{"splits": ["train"]}')
    said = corrupt(splits, tmp_path / "b.parquet").refusal()
    assert said.endswith(f"holds the splits train; give one of them, such as {splits}/train")
