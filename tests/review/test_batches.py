"""Which rows may have the same answer: near-copies first, then those with the same two labels."""

from dataclasses import replace

import pytest
from fixtures.reviewed import text_of, write_reviewed

from labelmend.data.request import TableRequest
from labelmend.relabel.diagnostics.explanation import NearText
from labelmend.review.batches import batch_of
from labelmend.review.table import ReviewTable

LONG = "word " * 60
"""Longer than what the evidence keeps of a neighbour."""


@pytest.fixture
def table(tmp_path):
    path = write_reviewed(tmp_path, 40, {11: LONG, 14: text_of(7).upper()})
    return ReviewTable.read(TableRequest(path))


def near(table, *texts):
    found = table.evidence.explanation(0, table.mended.dataset.texts[0])
    neighbours = tuple(NearText(text, ("fees",), similarity) for text, similarity in texts)
    return replace(found, neighbours=neighbours)


def test_near_copies_come_first_by_their_likeness(table):
    said = near(table, (text_of(7), 0.96), (LONG[:200], 0.99), (text_of(3), 0.94))
    # Row 14 is a copy of 7; of the long text, the evidence has the beginning.
    assert batch_of(table, 0, said, ()) == [11, 7, 20, 5, 25]


def test_what_is_left_out(table):
    said = near(table, (text_of(7), 0.96), ("a text that is gone", 1.0))
    assert batch_of(table, 0, said, {table.keys[7], table.keys[20]}) == [5, 25]
    assert batch_of(table, 0, None, ()) == [20, 5, 25]
    # Row 2 was kept: nothing says that others have its mistake.
    assert batch_of(table, 2, None, ()) == []
