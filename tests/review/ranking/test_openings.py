"""Which texts are open: the same as counting them anew, after each answer."""

import numpy as np
import pytest
from fixtures.reviewed import draw, proposed, text_of, write_reviewed

from labelmend.audit.draw import read_design
from labelmend.audit.mended import audit_paths
from labelmend.data.answers import Answer, Saw, Shown, now
from labelmend.data.request import TableRequest
from labelmend.review.book import AnswerBook
from labelmend.review.queues import Queues
from labelmend.review.ranking import openings as module
from labelmend.review.table import ReviewTable

COPIES = {8: text_of(4).upper(), 20: text_of(4)}
"""Rows 8 and 20 have the text of row 4."""


@pytest.fixture
def table(tmp_path):
    return write_reviewed(tmp_path, 24, COPIES)


@pytest.fixture
def book(tmp_path):
    return AnswerBook(tmp_path / "answers.jsonl")


def queues(table, book, design=None):
    read = ReviewTable.read(TableRequest(table))
    drawn = () if design is None else design.rows_of()
    return Queues(read, book, design, drawn)


def said(found, row, who="anna", shown=None):
    return Answer(
        text_sha256=found.table.keys[row],
        id=f"r{row + 1}",
        verdict="label",
        labels=(proposed(row),),
        who=who,
        when=now(),
        shown=shown or Shown("queue"),
        saw=Saw(given=True, proposed=True),
    )


def rows(found):
    return list(found.openings.rows())


def test_the_order_is_that_of_a_look(table, book):
    found = queues(table, book)
    # Rows in doubt are those that four divides; 8 and 20 are copies of 4.
    others = [row for row in range(24) if row % 4]
    assert rows(found) == [0, 4, 12, 16, *others]


def test_an_answer_closes_all_copies_and_a_withdrawal_opens_them(table, book):
    found = queues(table, book)
    before = rows(found)
    first = said(found, 0)
    book.write([first])
    assert rows(found) == before[1:]
    book.write([said(found, 20)])
    assert rows(found) == before[2:]
    assert found.openings.reviewed() == 2
    book.withdraw([first], "anna")
    assert rows(found) == [0, *before[2:]]
    assert found.openings.reviewed() == 1


def test_what_another_process_writes_is_heard(table, book):
    found = queues(table, book)
    assert rows(found)[0] == 0
    other = AnswerBook(book.path)
    other.write([said(found, 0, "ben"), said(found, 4, "ben")])
    book.refresh()
    assert rows(found)[:2] == [12, 16]
    assert found.openings.of_others("anna") == (found.table.keys[0], found.table.keys[4])
    assert found.openings.of_others("ben") == ()
    book.write([said(found, 12)])
    assert found.openings.of_others("ben") == (found.table.keys[12],)


def test_what_is_written_between_two_looks_is_not_missed(table, book, monkeypatch):
    """Somebody else appends after our look at the file and before our own lines."""
    found = queues(table, book)
    rows(found)
    other = AnswerBook(book.path)
    refresh = book.refresh

    def and_then_the_other():
        refresh()
        monkeypatch.undo()
        other.write([said(found, 4, "ben")])

    monkeypatch.setattr(book, "refresh", and_then_the_other)
    book.write([said(found, 0)])
    book.refresh()
    assert rows(found)[:2] == [12, 16]


def test_rows_of_the_audit_wait_for_it(table, book):
    draw(table, 6)
    read = ReviewTable.read(TableRequest(table))
    design = read_design(audit_paths(table)[0], read.mended)
    found = queues(table, book, design)
    drawn = [one.row for one in found.drawn]
    keys = {found.table.keys[row] for row in drawn}
    assert found.openings.left_to_audit() == keys == found.openings.drawn
    assert not {found.table.keys[row] for row in rows(found)} & keys
    # Said for another reason, the audit still asks, and the row is not doubtful any more.
    book.write([said(found, drawn[0], "ben")])
    assert found.openings.is_left(found.table.keys[drawn[0]])
    one = found.drawn[1]
    audit = Shown("audit", design.design, one.stratum, one.inclusion)
    answer = said(found, one.row, shown=audit)
    book.write([answer])
    assert not found.openings.is_left(answer.text_sha256)
    assert found.openings.any_left()
    book.withdraw([answer], "anna")
    assert found.openings.is_left(answer.text_sha256)
    assert not {found.table.keys[row] for row in rows(found)} & keys


def test_rows_of_another_sheet_are_not_doubtful_either(table, book):
    draw(table, 6)
    read = ReviewTable.read(TableRequest(table))
    design = read_design(audit_paths(table)[0], read.mended)
    whole = design.rows_of()
    found = Queues(read, book, design, whole[:2])
    keys = {read.keys[one.row] for one in whole}
    assert found.openings.drawn == {read.keys[one.row] for one in whole[:2]}
    assert found.openings.left_to_audit() == keys
    assert not {read.keys[row] for row in rows(found)} & keys
    audits = [
        said(found, one.row, shown=Shown("audit", design.design, one.stratum, one.inclusion))
        for one in whole[:2]
    ]
    book.write(audits[:1])
    assert (found.openings.audited_here(), found.openings.any_left()) == (1, True)
    book.write(audits[1:])
    # Here nothing is left, and what others are asked stays theirs.
    assert (found.openings.audited_here(), found.openings.any_left()) == (2, False)
    assert not {read.keys[row] for row in rows(found)} & keys


def test_any_sitting_is_what_counting_anew_gives(table, book, monkeypatch):
    monkeypatch.setattr(module, "_STRIDE", 3)
    found = queues(table, book)
    rng = np.random.default_rng(0)
    standing = []
    for _ in range(120):
        if standing and rng.random() < 0.45:
            book.withdraw([standing.pop(int(rng.integers(len(standing))))], "anna")
        else:
            row = int(rng.choice(found.table.order))
            if not book.on(found.table.keys[row]):
                standing.append(said(found, row))
                book.write(standing[-1:])
        counted = [row for row in found.table.order if not book.on(found.table.keys[row])]
        assert rows(found) == counted
        assert found.openings.reviewed() == sum(bool(book.on(k)) for k in found.table.in_review)


def test_among_some_rows(table, book):
    found = queues(table, book)
    among = np.zeros(24, dtype=bool)
    among[[0, 3, 16]] = True
    assert list(found.openings.rows(among)) == [0, 16, 3]
    book.write([said(found, 16)])
    assert list(found.openings.rows(among)) == [0, 3]
