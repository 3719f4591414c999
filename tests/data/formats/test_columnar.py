"""Columns with types: names for codes, and our labels as the type of theirs."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures.tool_files import FOLDER, LABELS, TEXTS

from labelmend.data.formats import columnar
from labelmend.data.formats.parquet import PARQUET
from labelmend.data.read import read_table
from labelmend.data.table import NewColumn
from labelmend.data.write import write_table
from labelmend.errors import InputError


def mended(folder, source, labels, like="label"):
    """Write a table with our labels, and read it again: what it holds, and how we show it."""
    path = folder / "a.parquet"
    if isinstance(source, pa.Table):
        pq.write_table(source, path)
    table = read_table(path if isinstance(source, pa.Table) else source)
    output = folder / "b.parquet"
    write_table(table, [NewColumn("mended_label", labels, like)], output)
    return table, pq.read_table(output), read_table(output)


def test_names_of_class_labels_by_their_own_writer(tmp_path):
    labels = ("returns", None, *["opening_hours"] * 5, "delivery")
    table, written, again = mended(tmp_path, FOLDER / "datasets.parquet", labels)
    assert table.values("text") == TEXTS
    assert table.values("label") == LABELS  # the code -1 of the fifth is no label
    assert table.values("age") == ["0", "10", "20", "30", "40", "50", "60", "70"]
    assert written["mended_label"].type == pa.int64()
    # A label that the column did not have gets the next code and a name.
    assert written["mended_label"].to_pylist() == [2, None, 1, 1, 1, 1, 1, 3]
    features = json.loads(written.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["label"]["names"] == ["plant_health", "opening_hours", "returns"]
    assert features["mended_label"]["names"] == [*features["label"]["names"], "delivery"]
    source = pq.read_table(FOLDER / "datasets.parquet")
    assert written.select(source.column_names).equals(source)
    assert again.values("mended_label") == ["" if label is None else label for label in labels]


@pytest.mark.parametrize(
    ("kind", "values", "labels", "expected"),
    [
        (pa.int8(), [1, 2, None], ("2", "3", None), [2, 3, None]),
        (pa.bool_(), [True, False, None], ("false", "true", None), [False, True, None]),
        (pa.float32(), [1.0, 2.5, None], ("2.5", "1", None), [2.5, 1.0, None]),
        (pa.list_(pa.int16()), [[1], [2], []], ("2", "1", None), [2, 1, None]),
        (pa.large_string(), ["1", "x", None], ("x", "1", None), ["x", "1", None]),
        (pa.list_(pa.string()), [["a"], ["b"], None], ("b", "c", None), ["b", "c", None]),
    ],
)
def test_types_stay(tmp_path, kind, values, labels, expected):
    source = pa.table({"label": pa.array(values, kind)})
    _, written, again = mended(tmp_path, source, labels)
    wanted = kind.value_type if pa.types.is_list(kind) else kind
    assert written["mended_label"].type == wanted
    assert written["mended_label"].to_pylist() == expected
    assert again.values("mended_label")[2] == ""


def test_a_label_that_does_not_fit_is_text(tmp_path):
    source = pa.table({"label": pa.array([1, 2], pa.int64())})
    _, written, _ = mended(tmp_path, source, ("1", "other"))
    assert written["mended_label"].to_pylist() == ["1", "other"]


def test_categories_keep_their_codes_and_order(tmp_path):
    kind = pd.CategoricalDtype(["low", "high", "unused"], ordered=True)
    frame = pd.DataFrame({"label": pd.Series(["high", "low", None], dtype=kind)})
    table, written, _ = mended(tmp_path, pa.Table.from_pandas(frame), ("low", "high", "new"))
    assert table.values("label") == ["high", "low", ""]
    column = written["mended_label"]
    assert column.type == pa.dictionary(pa.int8(), pa.string(), ordered=True)
    assert column.chunk(0).dictionary.to_pylist() == ["low", "high", "unused", "new"]
    assert column.to_pylist() == ["low", "high", "new"]
    assert written.to_pandas()["mended_label"].tolist() == ["low", "high", "new"]


def test_nested_values_are_json(tmp_path):
    columns = {"a": [["x", None], []], "b": [{"c": 1.5}, None]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    table = read_table(tmp_path / "a.parquet")
    assert table.rows() == [['["x", null]', '{"c": 1.5}'], ["[]", ""]]


@pytest.mark.parametrize(
    "features",
    [
        b"no JSON",
        b"[]",
        b'{"info": {"features": []}}',
        b'{"info": {"features": {"label": {"names": ["a", "a"], "_type": "ClassLabel"}}}}',
        b'{"info": {"features": {"label": {"names": [1, 2], "_type": "ClassLabel"}}}}',
        b'{"info": {"features": {"label": ["x", "y"]}}}',
    ],
)
def test_metadata_that_says_nothing(tmp_path, features):
    source = pa.table({"label": [0, 1]}).replace_schema_metadata({"huggingface": features})
    _, written, _ = mended(tmp_path, source, ("1", "0"))
    assert written["mended_label"].to_pylist() == [1, 0]


def test_codes_without_a_name(tmp_path):
    features = {"info": {"features": {"label": {"names": ["a"], "_type": "ClassLabel"}}}}
    source = pa.table({"label": [0, 7, None, -1]})
    source = source.replace_schema_metadata({"huggingface": json.dumps(features)})
    table, _, _ = mended(tmp_path, source, ("a",) * 4)
    assert table.values("label") == ["a", "7", "", ""]


def test_lists_of_class_labels(tmp_path):
    for inner in ({"_type": "Sequence"}, {"_type": "List"}):
        feature = {"feature": {"names": ["a", "b"], "_type": "ClassLabel"}, **inner}
        metadata = {"huggingface": json.dumps({"info": {"features": {"label": feature}}})}
        source = pa.table({"label": [[1], [0, 1], []]}).replace_schema_metadata(metadata)
        table, written, _ = mended(tmp_path, source, ("a", "b", None))
        assert table.values("label") == ['["b"]', '["a", "b"]', "[]"]
        assert written["mended_label"].to_pylist() == [0, 1, None]


def test_corrupted_labels_keep_their_type(tmp_path):
    table = read_table(FOLDER / "datasets.parquet")
    values = ["returns", *LABELS[1:]]
    changed = PARQUET.with_values(table, "label", values)
    assert changed.origin["label"].to_pylist() == [2, 1, 2, 0, None, 2, 0, 1]
    assert changed.origin.schema.metadata == table.origin.schema.metadata


def test_rows_without_end(tmp_path, monkeypatch):
    # A few hundred bytes may stand for millions of rows.
    monkeypatch.setattr(columnar, "MOST_CELLS", 5)
    pq.write_table(pa.table({"a": ["x"] * 3, "b": ["y"] * 3}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="has 3 rows of 2 columns, more than 5 values"):
        read_table(tmp_path / "a.parquet")


def test_a_name_that_is_no_unicode(tmp_path):
    pq.write_table(
        pa.table({"label": ["a"], "topic.responses.users": ["b"]}), tmp_path / "a.parquet"
    )
    raw = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(raw.replace(b"label", b"la\xf3el"))
    with pytest.raises(InputError, match="can't be read as Parquet"):
        read_table(tmp_path / "a.parquet")
