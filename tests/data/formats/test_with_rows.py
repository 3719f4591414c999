"""Rows behind those that are there, which keep their bytes and types."""

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelmend.data.read import read_table
from labelmend.data.table import NewColumn
from labelmend.data.write import with_rows, write_table
from labelmend.errors import OutputError

ROWS = [["new, text", "z", "3"], ["k", "x", ""]]
OURS = NewColumn("source", ("row", "row", "card", "rewording"))


def written(path, output=None):
    output = output or path.with_name(f"out{path.suffix}")
    table = read_table(path)
    write_table(with_rows(table, ROWS, output), [OURS], output)
    return output


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (
            "t.csv",
            b'\xef\xbb\xbftext,label,n\r\n"a ""q""",x,1\r\n\r\nc,y,2',
            b'\xef\xbb\xbftext,label,n,source\r\n"a ""q""",x,1,row\r\n\r\nc,y,2,row'
            b'\r\n"new, text",z,3,card\r\nk,x,,rewording',
        ),
        (
            "t.tsv",
            b"text\tlabel\tn\na\tx\t1\nc\ty\t2\n\n",
            b"text\tlabel\tn\tsource\na\tx\t1\trow\nc\ty\t2\trow\nnew, text\tz\t3\tcard\n"
            b"k\tx\t\trewording\n\n",
        ),
        (
            "t.jsonl",
            b'{"text": "a", "label":"x", "n": 1.10}\n\n{"text":"c","label":"y","n":2}\n',
            b'{"text": "a", "label":"x", "n": 1.10, "source": "row"}\n\n'
            b'{"text":"c","label":"y","n":2, "source": "row"}\n'
            b'{"text": "new, text", "label": "z", "n": 3, "source": "card"}\n'
            b'{"text": "k", "label": "x", "source": "rewording"}\n',
        ),
        (
            "t.json",
            b'[{"text": "a", "label":"x", "n": 1},\n {"text":"c","label":"y","n":2}]\n',
            b'[{"text": "a", "label":"x", "n": 1, "source": "row"},\n '
            b'{"text":"c","label":"y","n":2, "source": "row"},\n '
            b'{"text": "new, text", "label": "z", "n": 3, "source": "card"},\n '
            b'{"text": "k", "label": "x", "source": "rewording"}]\n',
        ),
    ],
)
def test_text_files_keep_their_bytes(tmp_path, name, before, after):
    path = tmp_path / name
    path.write_bytes(before)
    assert written(path).read_bytes() == after


def test_columns_keep_their_types(tmp_path):
    path = tmp_path / "t.parquet"
    label = pa.array(["x", "y"]).dictionary_encode()
    pq.write_table(pa.table({"text": ["a", "c"], "label": label, "n": [1, 2]}), path)
    found = pq.read_table(written(path))
    assert found["n"].to_pylist() == [1, 2, 3, None]
    assert found["n"].type == pa.int64()
    assert found["label"].to_pylist() == ["x", "y", "z", "x"]
    assert pa.types.is_dictionary(found["label"].type)


def test_columns_whose_type_the_values_do_not_fit_become_text(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"text": ["a", "c"], "label": [1, 2], "n": [1, 2]}), path)
    found = pq.read_table(written(path))
    assert found["label"].to_pylist() == ["1", "2", "z", "x"]


def test_a_workbook_is_written_anew(tmp_path):
    path, book = tmp_path / "t.xlsx", openpyxl.Workbook()
    for row in (["text", "label", "n"], ["a", "x", 1], ["c", "y", 2]):
        book.active.append(row)
    book.save(path)
    sheet = openpyxl.load_workbook(written(path)).active
    assert [[cell.value for cell in row] for row in sheet.rows][3] == [
        "new, text",
        "z",
        "3",
        "card",
    ]


def test_files_of_tools_take_no_rows(tmp_path):
    path = tmp_path / "t.json"
    path.write_text(
        '[{"id": 1, "data": {"text": "a"}, "annotations": [{"result": [{"type": '
        '"choices", "from_name": "l", "to_name": "t", "value": {"choices": ["x"]}}]}]}]'
    )
    table = read_table(path)
    assert table.format == "label-studio"
    rows = [[""] * len(table.columns)]
    with pytest.raises(OutputError, match="rows can't be added to a file of label-studio; end the"):
        with_rows(table, rows, tmp_path / "out.json")
    assert len(with_rows(table, rows, tmp_path / "out.csv")) == 2
