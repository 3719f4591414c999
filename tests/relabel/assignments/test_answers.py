"""Answers on texts with several labels."""

from pathlib import Path

import numpy as np
import pytest

from labelmend.data.answers import Answer, AnswerFile, Saw, Shown, text_sha256
from labelmend.data.sets.label_sets import LabelSets
from labelmend.relabel.assignments.answers import answered_texts

TEXTS = ("bye", "hello", "more")
SETS = LabelSets(
    ("1", "2", "3"), TEXTS, np.zeros((3, 3), dtype=bool), ("a", "b", "c"), {"old": "c"}
)


def answer(text, *labels, who="ann", verdict="label"):
    sha, when = text_sha256(text), "2026-11-30T10:00:00Z"
    return Answer(
        sha, "1", verdict, labels, who, when, Shown("queue"), Saw(False, False), task="several"
    )


def found(*answers):
    return answered_texts(TEXTS, SETS, AnswerFile(Path("answers.jsonl"), answers))


def test_labels_hold_that_are_named_and_no_others():
    known = found(answer("more", "b", "old"), answer("hello", verdict="none"))
    assert known.texts.tolist() == [1, 2]
    assert known.holds.tolist() == [[0, 0, 0], [0, 1, 1]]
    assert known.notes == ()


def test_people_share_what_they_say():
    known = found(answer("bye", "a", "b"), answer("bye", "a", who="ben"))
    assert known.holds.tolist() == [[1, 0.5, 0]]
    assert known.agreed.tolist() == [False]
    three = found(answer("bye", "a", "b"), answer("bye", "a", who="ben"), answer("bye", who="cy"))
    assert three.holds.tolist() == pytest.approx(np.array([[2 / 3, 1 / 3, 0]]))
    assert three.said.tolist() == [[True, False, False]]
    assert three.agreed.tolist() == [True]


def test_what_can_not_be_used_is_told():
    known = found(
        answer("gone", "a"),
        answer("hello", "a", "z"),
        answer("more", verdict="unsure"),
    )
    assert not len(known.texts)
    assert known.notes == (
        "answers.jsonl: 1 answer speaks of a text that no row has: changed or removed since; kept, "
        "but not used",
        "answers.jsonl: 1 answer has a label that the table lacks: 'z'; kept, but not used",
    )
