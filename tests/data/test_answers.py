import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
from fixtures.answers import drawn, said

from labelmend.data.answers import (
    AnswerFile,
    Saw,
    Shown,
    Withdrawal,
    match_answers,
    now,
    text_sha256,
)
from labelmend.types import NO_LABEL, Dataset

FILE = Path("answers.jsonl")


def dataset(oos=None):
    # Distinct texts by their keys: hello, lost my card (rows 1 and 3), pin.
    return Dataset(
        ids=("7", "8", "9", "10"),
        texts=("Lost my card", "pin", "lost  my CARD", "hello"),
        given=np.array([0, 1, 1, NO_LABEL]),
        labels=("card", "oos", "pin"),
        oos=oos,
    )


def match(*answers, oos=None, **more):
    return match_answers(dataset(oos), AnswerFile(FILE, answers, **more))


def test_copies_of_a_text_share_its_hash():
    expected = hashlib.sha256(b"lost my card").hexdigest()
    assert text_sha256("Lost my card") == text_sha256(" lost\tMY card ") == expected
    # A file with half a character in a text is no reason to fail.
    assert len(text_sha256("\ud800")) == 64


def test_a_line_has_the_keys_of_the_format_and_the_name_is_the_hash_of_the_others():
    answer = said("lost my card", "card", row="7", shown=drawn("d1", "change", 0.05))
    text = hashlib.sha256(b"lost my card").hexdigest()
    canonical = (
        '{"id":"7","labels":["card"],"saw":{"given":true,"proposed":false},"schema_version":1,'
        '"shown":{"design":"d1","inclusion":0.05,"stratum":"change","why":"audit"},'
        f'"task":"single","text_sha256":"{text}","verdict":"label",'
        '"when":"2026-11-29T13:00:00Z","who":"anna"}'
    )
    name = hashlib.sha256(canonical.encode()).hexdigest()[:16]
    assert answer.answer == name
    assert list(answer.line().items()) == [
        ("schema_version", 1),
        ("answer", name),
        ("text_sha256", text),
        ("id", "7"),
        ("task", "single"),
        ("verdict", "label"),
        ("labels", ["card"]),
        ("who", "anna"),
        ("when", "2026-11-29T13:00:00Z"),
        ("shown", {"why": "audit", "design": "d1", "stratum": "change", "inclusion": 0.05}),
        ("saw", {"given": True, "proposed": False}),
    ]
    assert Withdrawal(name, "bob", "2026-11-30T00:00:00Z").line() == {
        "schema_version": 1,
        "withdraws": name,
        "who": "bob",
        "when": "2026-11-30T00:00:00Z",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"who": "bob"},
        {"when": "2026-11-29T13:00:01Z"},
        {"labels": ("pin",)},
        {"saw": Saw(given=False, proposed=False)},
    ],
)
def test_another_answer_has_another_name(change):
    answer = said("pin", "card")
    assert dataclasses.replace(answer, **change).answer != answer.answer


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "none"},
        {"verdict": "unsure"},
        {"labels": ()},
        {"labels": ("a", "b")},
        {"labels": (" ",)},
        {"who": " "},
        {"text_sha256": "abc"},
    ],
)
def test_an_answer_that_contradicts_itself_is_none(change):
    with pytest.raises(ValueError, match=r"\w"):
        dataclasses.replace(said("pin", "card"), **change)


def test_several_labels_may_be_none_at_all():
    several = dataclasses.replace(said("pin", "card"), labels=(), task="several")
    assert several.line()["labels"] == []


@pytest.mark.parametrize(
    "shown",
    [("audit",), ("audit", "d1", "keep"), ("import", "d1", "keep", 0.5), ("audit", "d1", "s", 0.0)],
)
def test_an_audit_and_nothing_else_has_a_design_and_an_inclusion(shown):
    with pytest.raises(ValueError, match="inclusion"):
        Shown(*shown)


def test_the_time_is_in_utc():
    assert len(now()) == len("2026-11-29T13:00:00Z")
    assert now().endswith("Z")


def test_answers_find_their_texts_and_labels():
    found = match(
        said("pin", "pin", "anna"),
        said("LOST my card", "card", "bob"),
        said("hello", verdict="unsure"),
        said("hello", verdict="none", who="bob"),
    )
    assert found.text.tolist() == [2, 1, 0, 0]
    assert found.label.tolist() == [2, 0, NO_LABEL, NO_LABEL]
    assert found.unsure.tolist() == [False, False, True, False]
    assert found.who == ("anna", "bob", "anna", "bob")
    assert found.notes == ()
    assert len(found) == 4
    assert found.text.dtype == found.label.dtype == np.int64
    assert found.audit.dtype == bool


def test_none_of_these_is_the_out_of_scope_label_where_there_is_one():
    found = match(said("pin", verdict="none"), said("hello", verdict="unsure"), oos=1)
    assert found.label.tolist() == [1, NO_LABEL]
    assert found.unsure.tolist() == [False, True]


def test_what_an_audit_drew_is_known_by_person_and_text():
    key = text_sha256("pin")
    found = match(
        said("pin", "pin", "anna", shown=Shown("queue")),
        said("pin", "card", "bob"),
        draws={("anna", key): drawn("d2", "review", 0.05)},
    )
    assert found.audit.tolist() == [True, False]
    assert found.inclusion[0] == 0.05
    assert np.isnan(found.inclusion[1])
    assert found.stratum == ("review", None)
    assert found.design == ("d2", None)


def test_what_does_not_match_is_counted_and_left_out():
    found = match(
        said("pin", "crad"),
        said("hello", "crad"),
        said("hello", "xyz", "bob"),
        said("gone", "card"),
        said("gone too", "card"),
        said("pin", "pin", "bob"),
        notes=("of the file",),
    )
    assert found.text.tolist() == [2]
    assert found.who == ("bob",)
    assert found.notes == (
        "of the file",
        "answers.jsonl: 2 answers speak of texts that no row has: changed or removed since; "
        "kept, but not used",
        "answers.jsonl: 3 answers have labels that the table lacks: 'crad' (did you mean 'card'?), "
        "'xyz'; kept, but not used",
    )


def test_one_that_does_not_match_is_one():
    found = match(said("gone", "card"), said("pin", "zzz"))
    assert found.notes == (
        "answers.jsonl: 1 answer speaks of a text that no row has: changed or removed since; "
        "kept, but not used",
        "answers.jsonl: 1 answer has a label that the table lacks: 'zzz'; kept, but not used",
    )
    assert len(found) == 0
    assert found.inclusion.shape == (0,)


def test_many_strange_labels_are_not_all_named():
    found = match(*(said("pin", f"label{i}", f"p{i}") for i in range(7)))
    (note,) = found.notes
    assert "'label0', 'label1', 'label2', 'label3', 'label4' and 2 more" in note
