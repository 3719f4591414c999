import pytest
from fixtures.label_edits import after, describe, edit, merge, rename, split, undo

from labelmend.data.label_edits.edits import MOST_DESCRIPTION, EditedLabels, EditError


def test_nothing_was_edited():
    labels = EditedLabels()
    assert (labels.names, labels.made, labels.descriptions) == ({}, frozenset(), {})
    assert labels.now("fees") == "fees"


def test_a_name_leads_to_the_present_one_in_one_step():
    labels = after(rename("a", "b"), rename("b", "c"), merge("c", "d"), rename("d", "e"))
    assert labels.names == {"a": "e", "b": "e", "c": "e", "d": "e"}
    assert labels.now("a") == "e"
    assert labels.merged() == {"a", "b", "c"}


def test_later_names_at_an_earlier_time():
    labels = after(rename("a", "b"), merge("c", "b"), rename("b", "d"), split("e", "f"))
    # Of two labels that are one by now, the first one stands for it.
    assert labels.at(["a", "c", "e"]) == {"b": "a", "d": "a"}
    assert labels.at(["b", "c"]) == {"a": "b", "d": "b"}
    assert labels.at(["d", "e"]) == {"a": "d", "b": "d", "c": "d"}
    assert after(merge("a", "b")).at(["a", "b"]) == {}
    assert labels.at(["z"]) == {}


def test_a_label_may_get_an_old_name_of_its_own_back():
    labels = after(rename("a", "b"), rename("b", "a"))
    assert labels.names == {"b": "a"}
    # What was merged into it is its own name, too.
    assert after(merge("a", "b"), rename("b", "a")).names == {"b": "a"}


def test_a_new_label_is_one_under_its_present_name():
    labels = after(split("fees", "fees_abroad", "Abroad."), rename("fees_abroad", "abroad"))
    assert labels.made == {"abroad"}
    assert labels.names == {"fees_abroad": "abroad"}
    assert labels.descriptions == {"abroad": "Abroad."}
    assert after(*labels.standing, merge("abroad", "fees")).made == frozenset()


def test_a_description_goes_with_its_label():
    labels = after(describe("a", "One."), rename("a", "b"), describe("c", "Three."))
    assert labels.descriptions == {"b": "One.", "c": "Three."}
    # Of a label that became part of another one, nothing is said any more.
    assert after(*labels.standing, merge("b", "c")).descriptions == {"c": "Three."}


@pytest.mark.parametrize(
    ("before", "bad", "code", "words"),
    [
        ([rename("a", "b")], rename("a", "c"), "label-gone", "'a' has become 'b' before; name 'b'"),
        ([rename("a", "b")], describe("a", "x"), "label-gone", "'a' has become 'b'"),
        ([merge("a", "b")], merge("c", "a"), "label-gone", "'a' has become 'b' before"),
        ([merge("a", "b")], merge("b", "a"), "label-cycle", "that is a cycle"),
        ([rename("a", "b")], merge("b", "a"), "label-cycle", "that is a cycle"),
        ([], merge("a", "a"), "label-same", "'a' has that name already"),
        ([], rename("a", "a"), "label-same", "'a' has that name already"),
        ([rename("a", "b")], rename("c", "b"), "label-exists", "a label 'b' already; merge"),
        ([split("a", "b")], split("c", "b"), "label-exists", "a label 'b' already"),
        ([split("a", "b")], rename("c", "b"), "label-exists", "a label 'b' already"),
        ([rename("a", "b")], rename("c", "a"), "label-was", "'a' was a name of 'b' before"),
        ([rename("a", "b")], split("b", "a"), "label-was", "'a' was a name of 'b' before"),
        ([], undo(rename("a", "b")), "not-last-edit", "not the last one"),
    ],
)
def test_what_does_not_fit(before, bad, code, words):
    labels = after(*before)
    with pytest.raises(EditError) as caught:
        labels.after(bad)
    assert caught.value.code == code
    assert words in str(caught.value)


def test_the_last_edit_is_undone_and_then_the_one_before():
    first, second, third = rename("a", "b"), merge("b", "c"), describe("c", "Sea.")
    labels = after(first, second, third)
    labels = labels.after(undo(third))
    assert (labels.descriptions, labels.standing) == ({}, (first, second))
    with pytest.raises(EditError, match="not the last one"):
        labels.after(undo(first))
    labels = labels.after(undo(second))
    assert labels.names == {"a": "b"}
    labels = labels.after(undo(first))
    # Answers that were given meanwhile may say "b".
    assert labels.names == {"b": "a"}
    assert labels.standing == ()
    assert labels.after(rename("a", "b")).names == {"a": "b"}


def test_a_split_that_was_undone_may_be_done_again():
    made = split("a", "b")
    labels = after(made, undo(made))
    assert labels.made == frozenset()
    assert labels.after(split("a", "b")).made == {"b"}


def test_an_edit_that_was_undone_can_not_be_undone_again():
    made = split("a", "b")
    with pytest.raises(EditError):
        after(made, undo(made), undo(made))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "is blank"),
        ("  ", "is blank"),
        ("x" * 10_000, "has 10,000 characters; a name has 200 at most"),
        ("x" * 201, "has 201 characters"),
        ("a\nb", "holds a control character"),
        ("a\x1b[31mb", "holds a control character"),
        ("a\x00", "holds a control character"),
        ("a\u2028b", "holds a control character"),
        ("a\ud800", "holds a control character"),
        (" a", "begins or ends with a blank"),
    ],
)
@pytest.mark.parametrize("make", [rename, split])
def test_new_names_that_are_none(make, name, problem):
    with pytest.raises(ValueError, match=f"the new name {problem}"):
        make("a", name)


@pytest.mark.parametrize("name", ["x" * 200, "a b", "Ünïcode 😀", "a: b # c", "بطاقة"])
def test_new_names(name):
    assert after(rename("a", name)).names == {"a": name}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (("rename", " ", "b"), "the label's name is blank"),
        (("rename", "a"), "a rename has a second label"),
        (("describe", "a", "b", "x"), "a describe has no second label"),
        (("merge", "a", " "), "the second label's name is blank"),
        (("split", "a", "b"), "a split and a description"),
        (("rename", "a", "b", "x"), "a split and a description"),
        (("split", "a", "b", " "), "the description is blank"),
        (("describe", "a", None, "x" * (MOST_DESCRIPTION + 1)), "the description has 4,001"),
        (("describe", "a", None, "x\x07"), "the description holds a control character"),
    ],
)
def test_edits_that_are_none(fields, problem):
    with pytest.raises(ValueError, match=problem):
        edit(*fields)
    with pytest.raises(ValueError, match="who is blank"):
        rename("a", "b", who=" ")


def test_a_description_may_be_taken_away_and_may_have_line_ends():
    assert after(describe("a", "")).descriptions == {"a": ""}
    assert after(describe("a", "One.\n\nTwo.")).descriptions == {"a": "One.\n\nTwo."}


def test_the_name_of_an_edit_is_of_all_that_it_says():
    assert rename("a", "b").edit == rename("a", "b").edit
    others = [rename("a", "c"), rename("a", "b", who="bob"), rename("a", "b", rows=3)]
    assert len({rename("a", "b").edit, *(one.edit for one in others)}) == 4
    assert rename("a", "b").labels == {"a", "b"}
    assert describe("a", "x").labels == {"a"}
