"""The texts that a model keeps: the nearest of each label, whatever a card says."""

import numpy as np
import pytest

from labelmend.classify.classifier import Nearness
from labelmend.serve.answer import Near
from labelmend.serve.models.kept import kept_texts

NAMES = ("a", "b", "oos")
REFERENCES = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1], [0.6, 0.8]], dtype=np.float16)
CARD = {"kept_texts": {"texts": ["t0", "t1", "t2", "t3", "s2"], "labels": [0, 0, 1, 1, 1]}}


def kept(card):
    return kept_texts(card, NAMES, Nearness(REFERENCES, 2))


def test_the_nearest_of_each_label_best_first_and_ties_by_their_texts():
    placed = np.array([0.6, 0.8], dtype=np.float32)
    found = kept(CARD).near(placed, ["b", "oos", "a"])
    assert [(one.text, one.label) for one in found] == [
        *(("s2", "b"), ("t2", "b")),
        *(("t1", "a"), ("t0", "a")),
    ]
    assert [one.similarity for one in found] == pytest.approx([1, 1, 0.96, 0.6], abs=1e-3)
    assert max(one.similarity for one in found) <= 1
    assert isinstance(found[0], Near)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {},
        {"texts": ["x"], "labels": [0]},
        {"texts": ["x"] * 5, "labels": [0] * 4},
        {"texts": ["x"] * 5, "labels": [0, 0, 0, 0, 3]},
        {"texts": ["x"] * 5, "labels": [0, 0, 0, 0, -1]},
        {"texts": ["x"] * 5, "labels": [0, 0, 0, 0, True]},
        {"texts": ["x"] * 4 + [1], "labels": [0] * 5},
        {"texts": "xxxxx", "labels": [0] * 5},
    ],
)
def test_a_card_that_says_something_else_keeps_none(wrong):
    assert kept({"kept_texts": wrong}) is None
    assert kept({}) is None
