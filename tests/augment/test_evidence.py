"""Squared distances worked out by hand, in two dimensions."""

import numpy as np
import pytest

from labelmend.augment import evidence
from labelmend.augment.evidence import LabelSpace

# Label 0 lies on the first axis, label 1 on the second one.
VECTORS = np.array([[1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8]], dtype=np.float32)
LABELS = np.array([0, 0, 1, 1])
NO_CARDS = np.zeros((2, 2), dtype=np.float32)
NONE = np.zeros(2, dtype=bool)


def space(labels=LABELS, cards=NO_CARDS, has=NONE, unusual=0.05):
    return LabelSpace(VECTORS, labels, cards, has, unusual)


def test_the_distance_is_to_the_mean_and_unbiased():
    text = np.array([[1, 0]], dtype=np.float32)
    near = space().nearness(text, np.array([0]), [()])
    # Means (0.9, 0.3) and (0.3, 0.9): squares 0.1 and 1.3, times 2 / 3.
    assert near.scores[0] == pytest.approx([-0.1 * 2 / 3, -1.3 * 2 / 3], abs=1e-6)
    assert near.own[0] == near.scores[0, 0]


def test_what_a_text_was_made_from_has_no_say():
    text = np.array([[1, 0]], dtype=np.float32)
    near = space().nearness(text, np.array([0]), [(0,)])
    # Without the first text, the mean is (0.8, 0.6): 0.4, times 1 / 2.
    assert near.scores[0, 0] == pytest.approx(-0.4 / 2, abs=1e-6)
    assert near.scores[0, 1] == pytest.approx(-1.3 * 2 / 3, abs=1e-6)


def test_a_label_of_its_parents_alone_is_told_by_them_and_not_held_to_what_is_usual():
    text = np.array([[1, 0]], dtype=np.float32)
    near = space().nearness(text, np.array([0]), [(0, 1)])
    assert np.isnan(near.own[0])
    assert near.scores[0, 0] == pytest.approx(-0.1 * 2 / 3, abs=1e-6)


def test_a_description_counts_as_a_text():
    cards = np.array([[0, 0], [0, 1]], dtype=np.float32)
    found = space(np.array([0, 0, -1, -1]), cards, np.array([False, True]))
    near = found.nearness(np.array([[0, 1]], dtype=np.float32), np.array([1]), [()])
    assert near.scores[0, 1] == pytest.approx(0.0)
    assert found.labels == 2
    assert space(np.array([0, 0, -1, -1])).labels == 1


def test_labels_of_which_nothing_is_known_explain_nothing():
    near = space(np.array([0, 0, -1, -1])).nearness(VECTORS[:1], np.array([0]), [()])
    assert near.scores[0, 1] == -np.inf


def test_what_is_usual_is_that_of_real_texts_without_themselves():
    # Each text lies sqrt(0.4) from the one other of its label: 0.4, times 1 / 2.
    assert space().usual == pytest.approx(-0.2, abs=1e-6)
    nothing = space(np.full(4, -1))
    assert nothing.usual == -np.inf


def test_probabilities_go_with_nearness():
    found = space()
    chances = found.probabilities(found.nearness(VECTORS, LABELS, [(), (), (), ()]))
    assert chances.sum(axis=1) == pytest.approx(np.ones(4))
    assert chances.argmax(axis=1).tolist() == [0, 0, 1, 1]


def test_what_is_sure_is_that_of_real_texts_that_are_nearest_to_their_label():
    found = space(unusual=0.5)
    chances = found.probabilities(found.nearness(VECTORS, LABELS, [(0,), (1,), (2,), (3,)]))
    assert chances.argmax(axis=1).tolist() == [0, 0, 1, 1]
    assert found.sure == pytest.approx(np.median(chances[np.arange(4), LABELS]))
    # Where no text is nearest to its own label, nothing is known of what is sure.
    assert space(np.array([0, 0, 0, 1])).sure == 0
    assert space(np.full(4, -1)).sure == 0


def test_many_texts_are_measured_by_some_of_them(monkeypatch):
    monkeypatch.setattr(evidence, "_MOST_MEASURED", 2)
    many = LabelSpace(
        np.concatenate([VECTORS] * 3), np.tile(LABELS, 3), NO_CARDS, NONE, unusual=0.5
    )
    monkeypatch.setattr(evidence, "_MOST_MEASURED", 1)
    one = LabelSpace(np.concatenate([VECTORS] * 3), np.tile(LABELS, 3), NO_CARDS, NONE, 0.5)
    # Of twelve, the first and the seventh; then the first alone.
    assert many.usual == pytest.approx((one.usual + many_score(2)) / 2, abs=1e-6)


def many_score(row):
    """That of a row among three copies of all, without itself: five texts are left."""
    own = VECTORS[LABELS[row] == LABELS]
    left = 3 * own.sum(axis=0) - VECTORS[row]
    return -float(((VECTORS[row] - left / 5) ** 2).sum()) * 5 / 6
