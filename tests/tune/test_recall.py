"""Recall of candidates, counted by hand."""

import numpy as np
import pytest

from labelmend.errors import InputError
from labelmend.retrieval.dense import DescriptionRetriever
from labelmend.retrieval.passages import label_passages
from labelmend.tune.recall import Questions, candidate_recall
from labelmend.types import LabelCard


def test_recall_counts_texts_whose_label_is_among_the_first():
    # Twelve labels round a circle, 30 degrees apart; a text at angle t ranks them by distance.
    cards = [LabelCard(f"label{k:02}", "", (), "name") for k in range(12)]
    passages = label_passages(cards, ["t"], None)
    turn = np.deg2rad(30 * np.arange(12))
    vectors = np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)
    angles = np.deg2rad([10.0, 10.0, 10.0, 10.0])
    texts = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    retriever = DescriptionRetriever(texts, passages, vectors)
    # From 10 degrees: 0 (10), 30 (20), 330 (40), 60 (50), 300 (70), 90, 270, 120, 240, 150, ...
    right = np.array([0, 10, 5, 7])  # first; fifth; tenth; last but one
    found = candidate_recall(retriever, Questions(np.arange(4), right))
    assert found == {1: 0.25, 5: 0.5, 10: 0.75}


def test_nothing_to_measure_on_is_refused():
    none = np.empty(0, np.int64)
    passages = label_passages([LabelCard("a", "", (), "name")], ["t"], None)
    unit = np.ones((1, 1), np.float32)
    with pytest.raises(InputError, match="no held-out text"):
        candidate_recall(DescriptionRetriever(unit, passages, unit), Questions(none, none))
