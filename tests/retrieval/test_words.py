import numpy as np
import pytest

from labelmend.retrieval import words
from labelmend.retrieval.words import word_features


def test_words_and_pairs_of_two_texts_or_more():
    texts = ["Lost my card", "lost MY purse", "my card lost"]
    # Stems in two texts or more: lost, my, card; pairs: "lost my", "my card".
    features = word_features(texts)
    assert features.shape == (3, 5)
    assert np.diff(features.indptr).tolist() == [5, 3, 4]
    # "lost" and "my" are in all three texts: idf = ln(4 / 4) + 1 = 1; the others in two:
    rare = np.log(4 / 3) + 1
    norm = np.sqrt(2 * 1 + rare**2)
    # The second text has "lost", "my" and "lost my".
    assert sorted(features[1].data) == pytest.approx([1 / norm, 1 / norm, rare / norm])


def test_only_the_most_frequent_words_are_known(monkeypatch):
    monkeypatch.setattr(words, "_MOST_WORDS", 1)
    features = word_features(["lost card", "lost purse", "lost card"])
    assert features.toarray().tolist() == [[1], [1], [1]]


@pytest.mark.parametrize("texts", [["one", "two"], ["", ""], ["?!", "\U0001f642"], [""]])
def test_texts_that_share_no_word_have_no_features(texts):
    features = word_features(texts)
    assert features.shape == (len(texts), 1)
    assert features.nnz == 0


def test_a_text_without_a_known_word_has_an_empty_row():
    features = word_features(["lost card", "lost card", "", "unheard"])
    assert np.diff(features.indptr).tolist() == [3, 3, 0, 0]


def test_one_text_has_its_words():
    assert word_features(["lost card"]).shape == (1, 3)
