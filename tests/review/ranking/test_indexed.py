"""A table by its index is the table that is read row by row; an index that doesn't fit is none."""

import json

import numpy as np
import pytest
from fixtures.indexed import add_index, sign
from fixtures.reviewed import text_of, write_reviewed

from labelmend.data.request import TableRequest
from labelmend.errors import InputError
from labelmend.review.ranking.indexed import read_indexed
from labelmend.review.table import ReviewTable
from labelmend.runs.layout import OutputPaths

TEXTS = {8: text_of(4).upper(), 9: "", 20: text_of(4)}


@pytest.fixture
def path(tmp_path):
    return write_reviewed(tmp_path, 24, TEXTS)


@pytest.fixture
def indexed(path):
    add_index(path)
    return path


def read(path, **options):
    return ReviewTable.read(TableRequest(path, **options))


def test_both_ways_say_the_same(path):
    slow = read(path)
    add_index(path)
    quick = read(path)
    assert (slow.index is None, quick.index is None) == (True, False)
    assert np.array_equal(quick.order, slow.order)
    assert quick.order.tolist()[:5] == [0, 4, 12, 16, 1]
    assert len(quick.order) == 24 - 1 - 2
    # A real run leaves the columns of a row without text empty, this table doesn't.
    rows = [row for row in range(24) if row != 9]
    np.testing.assert_allclose(quick.doubt[rows], slow.doubt[rows])
    assert quick.doubt[9] == 1.0
    assert list(quick.keys) == list(slow.keys)
    assert list(quick.texts) == list(slow.texts)
    assert dict(quick.rows_of) == dict(slow.rows_of)
    assert quick.rows_of[quick.keys[4]] == (4, 8, 20)
    assert quick.keys[9] not in quick.rows_of
    for name in ("in_review", "label_set", "descriptions", "labels"):
        assert getattr(quick, name) == getattr(slow, name), name
    ours, theirs = quick.mended, slow.mended
    assert tuple(ours.dataset.ids) == theirs.dataset.ids
    assert tuple(ours.dataset.texts) == theirs.dataset.texts
    assert np.array_equal(ours.mended[rows], theirs.mended[rows])
    assert np.array_equal(ours.kinds[rows], theirs.kinds[rows])
    for row in rows:
        assert quick.given(row) == slow.given(row)
        assert quick.evidence.proposed[row] == slow.evidence.proposed[row]
        assert quick.evidence.decisions[row] == slow.evidence.decisions[row]
        text = ours.dataset.texts[row]
        assert quick.evidence.explanation(row, text) == slow.evidence.explanation(row, text)
    assert quick.evidence.proposed[9] is None
    assert quick.evidence.places.shape == (24, 2)


def test_a_table_of_an_older_version_is_read_and_a_note_says_so(path):
    fields = json.loads(path.with_suffix(".run.json").read_text())
    assert "files" not in fields
    (note,) = read(path).notes
    assert "an older labelmend mended this table, and left no index" in note
    assert note.startswith(str(path.with_suffix(".index.arrow")))


def test_an_index_that_is_gone(indexed):
    indexed.with_suffix(".index.arrow").unlink()
    found = read(indexed)
    assert found.index is None
    assert "no such file; the page opens slower without it" in found.notes[0]


@pytest.mark.parametrize("change", [lambda raw: raw[:-9], lambda raw: raw + b"x", lambda _: b""])
def test_an_index_that_was_changed(indexed, change):
    index = indexed.with_suffix(".index.arrow")
    index.write_bytes(change(index.read_bytes()))
    found = read(indexed)
    assert found.index is None
    assert "is of another run, or was changed since" in found.notes[0]
    sign(indexed)
    found = read(indexed)
    if found.index is None:
        assert "is damaged" in found.notes[0]


def test_an_index_of_fewer_rows_than_the_run_had(indexed):
    record = indexed.with_suffix(".run.json")
    fields = json.loads(record.read_text())
    fields["input"]["rows"] = 25
    record.write_text(json.dumps(fields))
    found, note = read_indexed(TableRequest(indexed), None)
    assert found is None
    assert "has another number of rows than its run" in note


def test_a_table_that_was_changed_is_read_itself(indexed):
    raw = indexed.read_bytes().replace(b"number 3:", b"number three:")
    indexed.write_bytes(raw)
    found = read(indexed)
    assert found.index is None
    assert found.texts[3] == "number three: where is my card?"


def test_evidence_of_another_length_is_not_that_of_the_index(indexed):
    evidence = indexed.with_suffix(".evidence.jsonl")
    evidence.write_bytes(evidence.read_bytes() + b"\n")
    found, note = read_indexed(TableRequest(indexed), None)
    assert found is None
    assert "evidence_bytes can't be so" in note


def test_a_line_of_evidence_that_was_changed_is_not_shown(indexed):
    evidence = indexed.with_suffix(".evidence.jsonl")
    evidence.write_bytes(evidence.read_bytes().replace(b'"id":"r4"', b'"id":"r5"'))
    found = read(indexed)
    texts = found.mended.dataset.texts
    assert found.evidence.explanation(3, texts[3]) is None
    assert found.evidence.explanation(4, texts[4]) is not None


@pytest.mark.parametrize(
    "options", [{"text_column": "id"}, {"label_column": "decision"}, {"oos_label": "fees"}]
)
def test_who_asks_for_other_columns_gets_them(indexed, options):
    assert read_indexed(TableRequest(indexed, **options), None) == (None, None)
    same = TableRequest(indexed, text_column=("text",), label_column="label", id_column="id")
    assert read_indexed(same, None)[0] is not None


def test_labels_that_a_file_brings_are_labels(indexed):
    labels = OutputPaths.beside(indexed).labels
    labels.write_text("aardvark: An animal.\ncard_lost: It is gone.\n")
    found = read(indexed)
    assert found.index is not None
    assert found.labels[0] == "aardvark"
    assert found.descriptions == {"aardvark": "An animal.", "card_lost": "It is gone."}
    assert (found.given(0), found.evidence.proposed[0]) == ("card_lost", "card_stolen")
    other = indexed.with_name("other.yaml")
    other.write_text("zebra: Another.\n")
    assert "zebra" in ReviewTable.read(TableRequest(indexed), other).label_set


def test_evidence_that_is_gone_is_told(indexed):
    indexed.with_suffix(".evidence.jsonl").unlink()
    with pytest.raises(InputError, match="without it there is nothing to show"):
        read(indexed)
