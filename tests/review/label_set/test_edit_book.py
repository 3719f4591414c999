"""The edits on the disk: what a process that is killed leaves, and what others write meanwhile."""

import json

import pytest
from fixtures.label_edits import describe, rename, split

from labelmend.data.label_edits.file import append_edits
from labelmend.review.label_set.edit_book import EditBook, edits_path

CARDS = "a: A.\nb: B.\n"


@pytest.fixture
def book(tmp_path):
    (tmp_path / "cards.yaml").write_text(CARDS)
    (tmp_path / "anchor").write_text("")
    return EditBook(tmp_path / "e.jsonl", tmp_path / "cards.yaml", tmp_path / "anchor")


def again(book):
    return EditBook(book.path, book.cards_path, book.path.with_name("anchor"))


def text(book):
    return book.cards_path.read_text()


def test_the_file_is_named_after_the_table(tmp_path):
    assert edits_path(tmp_path / "mended.csv") == tmp_path / "mended.label-edits.jsonl"


def test_an_edit_is_in_both_files(book):
    book.write(rename("a", "x"))
    assert text(book) == "x: A.\nb: B.\n"
    (line,) = map(json.loads, book.path.read_text().splitlines())
    assert (line["label"], line["to"], line["cards"]["entry"]) == ("a", "x", "a: A.\n")
    assert again(book).labels.names == {"a": "x"}
    book.undo("bob")
    assert text(book) == CARDS
    assert again(book).labels.standing == ()


def test_labels_that_edits_tell_of(book):
    for edit in (rename("a", "x"), split("b", "y"), describe("b", "Bee.")):
        book.write(edit)
    assert book.known() == {"x", "b", "y"}


@pytest.mark.parametrize("edit", [rename("a", "x"), describe("a", "Ay."), split("a", "c")])
def test_what_a_killed_process_left_undone_is_done(book, edit):
    book.write(edit)
    done = text(book)
    # Killed between the two files: the edit is kept, and the labels file is as it was.
    book.cards_path.write_text(CARDS)
    again(book).settle()
    assert text(book) == done
    book.undo("bob")
    assert text(book) == CARDS
    book.cards_path.write_text(done)
    again(book).settle()
    assert text(book) == CARDS


def test_a_labels_file_that_somebody_works_on_is_not_touched(book):
    book.write(rename("a", "x"))
    for theirs in ("a: Better.\nb: B.\n", "x: A.\nb: B.\n# mine\n"):
        book.cards_path.write_text(theirs)
        again(book).settle()
        assert text(book) == theirs
    book.cards_path.unlink()
    again(book).settle()
    assert not book.cards_path.exists()


def test_what_another_process_appended_is_seen(book):
    append_edits(book.path, [rename("a", "x")])
    assert book.labels.names == {}
    with book.alone():
        assert book.labels.names == {"a": "x"}


def test_whether_a_labels_file_is_as_the_last_edit_left_it(book):
    assert not book.wrote(book.cards_path)
    book.write(rename("a", "x"))
    assert book.wrote(book.cards_path)
    book.cards_path.write_text(CARDS)
    assert not book.wrote(book.cards_path)
