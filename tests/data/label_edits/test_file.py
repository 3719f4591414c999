import hashlib
import json

import pytest
from fixtures.label_edits import after, describe, merge, rename, split, undo, write_edits

from labelmend.data.answers import name_of
from labelmend.data.label_edits.file import (
    NO_EDITS,
    EditsFile,
    append_edits,
    loaded_edits,
    read_label_edits,
)
from labelmend.errors import InputError
from labelmend.types import LabelCard


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mended.label-edits.jsonl"


def card(label, description, *exemplars):
    return LabelCard(label, description, exemplars, "user")


def test_what_is_appended_is_read_back(path):
    first, second = rename("a", "ж", rows=3), split("ж", "c", answers=("ab", "cd"))
    append_edits(path, [first])
    append_edits(path, [second, undo(second)])
    read = read_label_edits(path)
    assert read.entries == (first, second, undo(second))
    assert read.labels == after(first)
    assert read.lines == {first.edit: 1, second.edit: 2}
    assert read.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read.notes == ()
    assert json.loads(path.read_text("utf-8").splitlines()[0])["to"] == "ж"


def test_no_file_was_named():
    assert loaded_edits(None) is NO_EDITS
    assert NO_EDITS.in_words(0) == ()


def test_a_file_that_is_not_there(path):
    with pytest.raises(InputError, match="no such file"):
        loaded_edits(path)


def test_an_empty_file_has_no_edits(path):
    path.write_text("")
    assert read_label_edits(path).labels == after()


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_line_that_was_not_written_to_its_end_is_skipped(path, end):
    write_edits(path, rename("a", "b"))
    whole = path.read_text()
    path.write_text(whole + whole[: len(whole) // 2] + end)
    read = read_label_edits(path)
    assert read.labels.names == {"a": "b"}
    assert read.notes == (f"{path}: line 2: was not written to its end; skipped",)
    # What comes later ends the line first.
    append_edits(path, [rename("c", "d")])
    assert read_label_edits(path).labels.names == {"a": "b", "c": "d"}


LINE = rename("a", "b").line()
UNDO = undo(rename("x", "y")).line()
CARDS = {"before": "", "after": "x", "entry": ""}


def named(without="", **more):
    """A line with other fields, under the name that fits it."""
    said = {key: value for key, value in LINE.items() if key not in ("edit", without)} | more
    return json.dumps({**said, "edit": name_of(said)})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hello", "line 2: is no label edit; give the file that the review page wrote"),
        ("[1]", "line 2: is no label edit"),
        ("[" * 100_000, "line 2: is no label edit"),
        (json.dumps({**LINE, "undoes": "x"}), "line 2: is no label edit"),
        (json.dumps({**LINE, "schema_version": 9}), "line 2: was written by a newer version"),
        (json.dumps({**LINE, "schema_version": "1"}), "line 2: is no label edit: it has no known"),
        (json.dumps({**LINE, "schema_version": True}), "line 2: is no label edit: it has no known"),
        (json.dumps({**LINE, "schema_version": 1.0}), "line 2: is no label edit: it has no known"),
        (named(more=1), "line 2: is no label edit: it has a field 'more', which none of ours has"),
        (named(cards=CARDS | {"x": 1}), "line 2: is no label edit: it has a field 'cards.x'"),
        (named(without="cards"), "line 2: is no whole label edit: cards: Field required"),
        (json.dumps(UNDO | {"rows": 1}), "line 2: is no label edit: it has a field 'rows'"),
        (json.dumps(LINE | {"\x1b[2J": 1}), "it has a field '\\x1b[2J', which none of ours has"),
        (json.dumps({**LINE, "to": " "}), "line 2: is no whole label edit: the new name is blank"),
        (json.dumps({**LINE, "to": "x" * 10_000}), "the new name has 10,000 characters"),
        (json.dumps({**LINE, "to": "\x1b[2J"}), "the new name holds a control character"),
        (json.dumps({**LINE, "label": ""}), "the label's name is blank"),
        (json.dumps({**LINE, "what": "burn"}), "is no whole label edit: what: "),
        (json.dumps({**LINE, "rows": "3"}), "is no whole label edit: rows: "),
        (json.dumps({**LINE, "who": "bob"}), "line 2: was changed after it was written"),
        (json.dumps(rename("x", "c").line()), "line 2: 'x' has become 'y' before; name 'y'"),
        (json.dumps(merge("y", "x").line()), "line 2: 'x' has become 'y' before, so 'y' can't"),
        (json.dumps(rename("z", "y").line()), "line 2: there is a label 'y' already; merge the"),
        (json.dumps(undo(rename("z", "q")).line()), "line 2: takes an edit back that is not the"),
    ],
)
def test_a_line_that_is_none_is_one_line_of_error(path, line, words):
    write_edits(path, rename("x", "y"))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError) as caught:
        read_label_edits(path)
    assert str(caught.value).startswith(f"{path}: line 2: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def checked(path, *entries, carried=("a", "b", "c"), described=()):
    read_label_edits(write_edits(path, *entries)).check(set(carried), described)


def test_edits_of_this_table(path):
    checked(path, rename("a", "x"), merge("b", "x"), split("c", "d"), rename("x", "a"))
    # The page wrote them to the labels file already.
    checked(path, rename("a", "x"), split("c", "d"), described=("x", "d", "b", "c"))
    # No row carried the label then, so none needs to now.
    checked(path, rename("z", "y", rows=0), merge("y", "a", rows=0))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([rename("card", "x")], "line 1: speaks of 'card', which is no label of the table (did"),
        ([rename("a", "x"), merge("zz", "b")], "line 2: speaks of 'zz'"),
        ([merge("a", "zz")], "line 1: speaks of 'zz'"),
        ([describe("zz", "x")], "line 1: speaks of 'zz'"),
        ([rename("a", "b")], "line 1: there is a label 'b' already; merge the two"),
        ([split("a", "b")], "line 1: there is a label 'b' already"),
    ],
)
def test_edits_of_another_table(path, entries, words):
    with pytest.raises(InputError) as caught:
        checked(path, *entries, carried=("a", "b", "cards"))
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")


def test_cards_get_the_present_names(path):
    entries = [rename("a", "x"), merge("b", "x"), split("c", "d", "New."), describe("c", "Sea.")]
    file = read_label_edits(write_edits(path, *entries))
    written = {"a": card("a", "One.", "t"), "b": card("b", "Two."), "c": card("c", "")}
    assert file.cards(written) == {
        "x": card("x", "One.", "t"),
        "c": card("c", "Sea."),
        "d": card("d", "New."),
    }
    # What the file says of a present name wins.
    worked = {"x": card("x", "Mine."), "a": card("a", "One."), "d": card("d", "Better.")}
    assert file.cards(worked) == {
        "x": card("x", "Mine."),
        "d": card("d", "Better."),
        "c": card("c", "Sea."),
    }
    assert EditsFile().cards(written) == written


def test_a_description_that_was_taken_away_makes_no_card(path):
    assert read_label_edits(write_edits(path, describe("a", ""))).cards({}) == {}


def test_what_a_note_says(path):
    file = read_label_edits(
        write_edits(path, rename("a", "x"), rename("b", "y"), merge("x", "y"), describe("y", "Y."))
    )
    done = f"{path}: labels were edited: 2 renamed, 1 merged, 1 described; "
    assert file.in_words(1) == (f"{done}1 row carries another name by that",)
    assert file.in_words(1200) == (f"{done}1,200 rows carry another name by that",)
