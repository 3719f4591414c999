"""Which rows have the text of a hash."""

from hashlib import sha256

import numpy as np
import pytest

from labelmend.runs.text_hashes import RowsOf, TextHashes

KEYS = [sha256(text).hexdigest() for text in (b"a", b"b", b"a", b"c", b"a")]


def test_hashes_come_back():
    hashes = TextHashes.of(KEYS)
    assert list(hashes) == KEYS
    assert list(hashes[1:3]) == KEYS[1:3]
    assert len(hashes) == 5


@pytest.mark.parametrize(
    ("key", "rows"),
    [
        (KEYS[0], (0, 2, 4)),
        (KEYS[3], (3,)),
        (sha256(b"d").hexdigest(), ()),
        (KEYS[0][:16] + "0" * 48, ()),
        ("z" * 64, ()),
        ("", ()),
        ("a" * 65, ()),
    ],
)
def test_rows_of_a_hash(key, rows):
    assert TextHashes.of(KEYS).rows(key) == rows


def test_whether_all_texts_differ():
    assert not TextHashes.of(KEYS).all_differ
    assert TextHashes.of(KEYS[1:4]).all_differ
    assert TextHashes.of([]).all_differ


def test_rows_of_many_hashes():
    hashes = TextHashes.of(KEYS)
    sought = ["z" * 64, KEYS[3], "", KEYS[0][:16] + "0" * 48, KEYS[0], KEYS[0].upper(), KEYS[0]]
    rows, whose = hashes.rows_of_all(sought)
    assert rows.tolist() == [3, 0, 2, 4, 0, 2, 4]
    assert whose.tolist() == [1, 4, 4, 4, 6, 6, 6]
    rows, whose = RowsOf(hashes, np.array([True, True, False, False, True])).of_all(sought)
    assert (rows.tolist(), whose.tolist()) == ([0, 4, 0, 4], [4, 4, 6, 6])
    assert [found.tolist() for found in hashes.rows_of_all([])] == [[], []]
    assert [found.tolist() for found in TextHashes.of([]).rows_of_all(KEYS)] == [[], []]


def test_no_rows():
    assert TextHashes.of([]).rows(KEYS[0]) == ()


def test_rows_that_are_left_out_have_no_text():
    rows = RowsOf(TextHashes.of(KEYS), np.array([False, True, True, False, True]))
    assert rows[KEYS[0]] == (2, 4)
    assert KEYS[3] not in rows
    assert rows.get(KEYS[3]) is None
    assert list(rows) == [KEYS[1], KEYS[0]]
    assert len(rows) == 2
