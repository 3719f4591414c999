"""What is confused, counted by hand on a table made by rule: see `fixtures.reviewed`."""

import pytest
from fixtures.answers import said
from fixtures.reviewed import LABELS, text_of, write_reviewed

from labelmend.data.request import TableRequest
from labelmend.review.label_set.confusion import ConfusedLabels, Confusion
from labelmend.review.label_set.renamed import renamed
from labelmend.review.table import ReviewTable

LOST, STOLEN, RATE, FEES, PIN = LABELS


@pytest.fixture
def table(tmp_path):
    return ReviewTable.read(TableRequest(write_reviewed(tmp_path, rows=20)))


def test_pairs_are_counted_in_both_directions(table):
    # Rows 0, 4, 8, 12, 16 are in doubt and 1, 5, 9, 13, 17 changed: each to the next label.
    pairs = Confusion(table, (), ()).pairs()
    assert pairs[0] == ConfusedLabels(LOST, STOLEN, changed=(1, 0), review=(1, 0))
    assert pairs[1] == ConfusedLabels(LOST, PIN, changed=(0, 1), review=(0, 1))
    assert [pair.rows for pair in pairs] == [2] * 5


def test_answers_speak_instead_of_the_run(table):
    answers = [
        said(text_of(0), FEES),  # given as lost, proposed as stolen
        said(text_of(5), LOST),  # given as lost, too: no contradiction
        said(text_of(2), PIN),  # given as rate, and kept by the run
        said(text_of(6), RATE, "anna"),
        said(text_of(6), FEES, "bob"),  # the later one counts
        said(text_of(16), verdict="unsure"),  # says nothing
        said(text_of(4), verdict="none"),  # of no label, so of no pair
    ]
    pairs = {(one.one, one.other): one for one in Confusion(table, answers, ()).pairs()}
    assert (LOST, STOLEN) not in pairs
    assert pairs[LOST, FEES].answered == (1, 0)
    assert pairs[RATE, PIN].answered == (1, 0)
    assert pairs[STOLEN, FEES].answered == (1, 0)
    assert pairs[STOLEN, RATE] == ConfusedLabels(STOLEN, RATE, changed=(1, 0), review=(1, 0))
    assert pairs[LOST, PIN] == ConfusedLabels(LOST, PIN, changed=(0, 1))


def test_hidden_texts_are_left_out(table):
    hidden = {table.keys[row] for row in (0, 5)}
    found = Confusion(table, (), hidden)
    assert (LOST, STOLEN) not in {(pair.one, pair.other) for pair in found.pairs()}
    assert {one["row"] for one in found.examples(LOST, None, 10)} == {10, 15}


def test_examples_begin_with_those_that_speak(table):
    found = Confusion(table, [said(text_of(15), FEES)], ())
    # Row 0 is in doubt (0.5), row 5 changed (0.1): both towards stolen. Row 15 was answered.
    rows = [(one["row"], one["speaks"]) for one in found.examples(LOST, STOLEN, 3)]
    assert rows[:2] == [(0, True), (5, True)]
    # Row 10, which nobody doubts (0.1), says what the label is; row 15 seems to be a third one.
    assert rows[2] == (10, False)
    (first,) = found.examples(LOST, FEES, 1)
    assert (first["row"], first["answer"], first["speaks"]) == (15, FEES, True)


def test_of_copies_of_a_text_one_is_an_example(tmp_path):
    path = write_reviewed(tmp_path, rows=20, texts={0: "the same", 5: "The  SAME"})
    table = ReviewTable.read(TableRequest(path))
    found = Confusion(table, (), ()).examples(LOST, STOLEN, 10)
    assert [one["row"] for one in found if one["speaks"]] == [0]


def test_a_table_under_other_names(table):
    names = {LOST: "lost", FEES: RATE}
    found = renamed(table, names, {"new"}, {"lost": "Gone."})
    assert found.labels == (STOLEN, RATE, "lost", "new", PIN)
    assert [found.given(row) for row in range(5)] == ["lost", STOLEN, RATE, RATE, PIN]
    assert [found.evidence.proposed[row] for row in range(5)] == [
        *(STOLEN, RATE, RATE, RATE, "lost"),
    ]
    assert found.mended.mended.tolist()[:5] == [2, 1, 1, 1, 4]
    assert found.descriptions == {"lost": "Gone."}
    assert found.mended.dataset.former_names == names
    explained = found.evidence.explanation(12, text_of(12))  # given as rate, proposed as fees
    assert (explained.given, explained.proposed) == (RATE, RATE)
    assert explained.candidates[0].posterior == 0.875
    assert [one.label for one in explained.candidates].count(RATE) == 1
    # The table that was read stays as it is.
    assert table.given(0) == LOST
    assert renamed(table, {}, (), {}) is table
