"""The index of a mended table: what is written is read again, and nothing else."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from fixtures.indexed import SIZES, index

from labelmend.data.outputs.claim import check_mark
from labelmend.errors import InputError, OutputError
from labelmend.runs.layout import OutputPaths
from labelmend.runs.row_index import read_row_index, write_row_index

TOTAL = sum(SIZES)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mended.index.arrow"


def read(path):
    return read_row_index(path, digest(path), TOTAL)


def test_what_is_written_is_read(path):
    written = index()
    write_row_index(path, written)
    found = read(path)
    assert len(found) == 3
    assert list(found.ids) == ["a", "b", "c"]
    assert list(found.texts) == ["Lost card", "", "lost  CARD"]
    assert (found.labels, found.descriptions) == (("card", "pin"), ("The card is lost.", ""))
    for name in ("given", "mended", "proposed", "decision", "doubt", "place", "starts", "checks"):
        assert np.array_equal(getattr(found, name), getattr(written, name)), name
    for name in ("points", "vectors"):
        ours, theirs = getattr(found, name), getattr(written, name)
        assert np.array_equal(ours, theirs, equal_nan=True), name
    assert list(found.hashes) == list(written.hashes)


def test_texts_of_any_script(path):
    texts = ("Größe 😀", "naïve", "")
    write_row_index(path, index(texts=texts, ids=("é", "b", "中文")))
    found = read(path)
    assert list(found.texts) == list(texts)
    assert list(found.ids) == ["é", "b", "中文"]


def test_its_head_tells_that_it_is_ours(path):
    write_row_index(path, index())
    (mark,) = [
        o.marks
        for o in OutputPaths.beside(path.with_name("mended.csv")).outputs(labels=False, store=False)
        if o.path == path
    ]
    check_mark(path, "index of a mended table", mark)
    path.write_bytes(b"ARROW1\0\0somebody else's")
    with pytest.raises(OutputError, match="is no index of a mended table of labelmend's"):
        check_mark(path, "index of a mended table", mark)


def test_half_a_character_has_no_bytes(path):
    write_row_index(path, index(texts=("a \ud800 b", "", "c")))
    assert list(read(path).texts) == ["a ? b", "", "c"]


def test_of_another_run(path):
    write_row_index(path, index())
    for sha256 in (None, "ab" * 32):
        with pytest.raises(InputError, match="is of another run, or was changed since"):
            read_row_index(path, sha256, TOTAL)
    with pytest.raises(InputError, match="evidence_bytes can't be so"):
        read_row_index(path, digest(path), TOTAL + 1)


@pytest.mark.parametrize("content", [b"", b"ARROW1\0\0", b"no arrow at all", b"\0" * 4096])
def test_what_is_no_index(path, content):
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"mended\.index\.arrow: is damaged"):
        read(path)


def test_torn_anywhere_it_is_refused(path):
    write_row_index(path, index())
    whole = path.read_bytes()
    for size in range(1, len(whole), 97):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError):
            read(path)


def test_a_folder_and_a_missing_file(path):
    with pytest.raises(FileNotFoundError):
        read_row_index(path, "ab" * 32, TOTAL)
    path.mkdir()
    with pytest.raises(InputError, match="can't be read: Is a directory"):
        read_row_index(path, "ab" * 32, TOTAL)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mended", [0, -1, 5]),
        ("mended", [0, -2, 0]),
        ("proposed", [2, -1, 0]),
        ("decision", [1, 0, 6]),
        ("doubt", [0.5, 1, 1.5]),
        ("doubt", [-0.5, 1, 1]),
        ("doubt", [np.nan, 1, 1]),
        ("place", [0, -1, 0]),
        ("place", [0, -2, 1]),
        ("place", [0, -1, 2]),
        ("starts", [0, 40, 40, TOTAL]),
        ("starts", [0, 60, 50, TOTAL]),
        ("labels", ("card", "card")),
    ],
)
def test_values_that_can_not_be(path, field, value):
    other = value if field == "labels" else np.array(value)
    write_row_index(path, index(**{field: other}))
    with pytest.raises(InputError, match="is damaged"):
        read(path)


def test_places_and_vectors_that_are_no_numbers(path):
    points, vectors = index().points.copy(), index().vectors.copy()
    points[0, 1] = np.inf
    write_row_index(path, index(points=points))
    with pytest.raises(InputError, match="x and y can't be so"):
        read(path)
    for value in (np.nan, -np.inf):
        vectors[2, 1] = value
        write_row_index(path, index(vectors=vectors))
        with pytest.raises(InputError, match="vector can't be so"):
            read(path)


def rewritten(path, change):
    """Write the index with another table in it."""
    write_row_index(path, index())
    with pa.ipc.open_file(path) as file:
        table = change(file.read_all())
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table)


def nothing_given(table):
    place = table.schema.get_field_index("doubt")
    return table.set_column(place, "doubt", pa.array([None, 1.0, 1.0]))


def given_beyond(table):
    codes = pa.array([0, None, 2], pa.int32())
    for name in ("given", "description"):
        names = table[name].chunk(0).dictionary
        column = pa.DictionaryArray.from_arrays(codes, names, safe=False)
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def other_names(table):
    place = table.schema.get_field_index("description")
    codes = pa.array([1, None, 1], pa.int32())
    column = pa.DictionaryArray.from_arrays(codes, pa.array(["x", "y"], pa.large_string()))
    return table.set_column(place, "description", column)


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.drop_columns(["x"]),
        lambda table: table.append_column("z", pa.array([1, 2, 3])),
        lambda table: table.replace_schema_metadata({"labelmend.index": "2"}),
        lambda table: table.replace_schema_metadata(None),
        lambda table: table.slice(0, 0),
        lambda table: table.set_column(8, "doubt", pa.array([0, 1, 1])),
        nothing_given,
        given_beyond,
        other_names,
    ],
)
def test_other_columns(path, change):
    rewritten(path, change)
    with pytest.raises(InputError, match="is damaged"):
        read(path)


def test_bytes_that_were_turned(path):
    """A hash that fits says nothing of what is in it: whoever wrote it may have made the record."""
    write_row_index(path, index())
    whole = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 150).tolist():
        turned = bytearray(whole)
        turned[place] ^= int(rng.integers(1, 256))
        path.write_bytes(turned)
        try:
            found = read(path)
        except InputError:
            continue
        assert found.given.max() < len(found.labels)
        assert found.starts[-1] == TOTAL
        assert set(found.place.tolist()) == {-1, 0, 1}
