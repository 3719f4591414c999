import pytest

from labelmend.data.answers import Saw, Shown
from labelmend.review.exchange.marks import Mark, Words

KEY = "ab" * 32
SEEN, BLIND = Saw(given=True, proposed=True), Saw(given=False, proposed=False)


@pytest.mark.parametrize("spelled", [lambda value: value, str])
def test_a_mark_is_read_as_it_was_written(spelled):
    drawn = Shown("audit", "d1", None, 0.25)
    for mark in (
        Mark("r7", KEY, drawn, BLIND, Words("none of these", "unsure")),
        Mark("r7", KEY, Shown("queue"), SEEN, Words("(none of these)", "unsure")),
    ):
        fields = {name: spelled(value) for name, value in mark.fields().items()}
        assert Mark.of({"text": "hello", **fields}) == mark


def test_the_stratum_of_a_blind_row_says_what_was_decided_so_it_stays_here():
    drawn = Shown("audit", "d1", "changed", 0.25)
    assert Mark("r7", KEY, drawn, BLIND).fields()["labelmend_stratum"] == ""
    assert Mark("r7", KEY, drawn, SEEN).fields()["labelmend_stratum"] == "changed"


def test_all_rows_have_the_same_fields():
    # doccano fills what a row lacks with NaN.
    audit = Mark("r7", KEY, Shown("audit", "d1", None, 0.25), BLIND).fields()
    assert list(audit) == list(Mark("r8", KEY, Shown("queue"), SEEN).fields())


def test_without_the_hash_of_a_text_there_is_no_mark():
    fields = Mark("r7", KEY, Shown("queue"), SEEN).fields()
    assert Mark.of({}) is None
    assert Mark.of({**fields, "labelmend_text_sha256": "ab"}) is None
    assert Mark.of({**fields, "labelmend_text_sha256": None}) is None


@pytest.mark.parametrize("inclusion", ["", "much", "0", "2", "nan"])
def test_an_audit_without_its_inclusion(inclusion):
    fields = Mark("r7", KEY, Shown("audit", "d1", None, 0.25), BLIND).fields()
    with pytest.raises(ValueError, match=r".*"):
        Mark.of({**fields, "labelmend_inclusion": inclusion})
    assert Mark.of({**fields, "labelmend_inclusion": "0,25"}).shown.inclusion == 0.25


def test_the_words_beside_the_labels_are_no_labels():
    assert Words.beside(["card", "pin"]) == Words("none of these", "unsure")
    assert Words.beside([" Unsure ", "none of these", "(none of these)"]) == Words(
        "((none of these))", "(unsure)"
    )
