import numpy as np
import pytest

from labelmend.augment.diversity import (
    diversity_of,
    grams_of,
    mean_distance,
    new_grams,
    words_of,
)


def unit(*rows):
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_words_are_in_lower_case_and_without_signs():
    assert words_of("My CARD, it's lost!") == ["my", "card", "it", "s", "lost"]
    assert words_of("Где моя карта?") == ["где", "моя", "карта"]
    # No spaces between words: a sign stands for one.
    assert words_of("我的卡 丢了") == ["我", "的", "卡", "丢", "了"]
    assert words_of("...") == []


def test_grams_are_words_and_pairs():
    assert grams_of("a b a") == {("a",), ("b",), ("a", "b"), ("b", "a")}


def test_distinct_n_by_hand():
    # Words a b c a b: three of five are distinct; pairs ab bc, ab: two of three.
    found = diversity_of(["a b c", "a b"], unit([1, 0], [0, 1]))
    assert (found.texts, found.distinct_1) == (2, pytest.approx(3 / 5))
    assert found.distinct_2 == pytest.approx(2 / 3)
    assert found.distance == pytest.approx(1.0)
    nothing = diversity_of([], np.empty((0, 2), dtype=np.float32))
    assert (nothing.distinct_1, nothing.distinct_2, nothing.distance) == (None, None, None)


def test_the_mean_distance_is_over_all_pairs():
    # Cosines 1, 0, 0: the mean of 0, 1, 1.
    assert mean_distance(unit([1, 0], [2, 0], [0, 1])) == pytest.approx(2 / 3)
    assert mean_distance(unit([1, 0])) is None


def test_what_is_new_of_a_text():
    known = grams_of("a b")
    # Of a, b, c, ab and bc, c and bc are new.
    assert new_grams("a b c", known) == pytest.approx(2 / 5)
    assert new_grams("a b", known) == 0
    assert new_grams("!", known) == 0
