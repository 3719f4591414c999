import itertools

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from labelmend.retrieval import words
from labelmend.retrieval.words import tokenise, word_features


@pytest.mark.parametrize("most", [20_000, 25])
def test_word_features_are_those_of_scikit_learn(most, monkeypatch):
    monkeypatch.setattr("labelmend.retrieval.words._MOST_WORDS", most)
    drawn = np.random.default_rng(0).integers(0, 12, (80, 9))
    lengths = np.random.default_rng(1).integers(0, 10, 80)
    texts = [" ".join(f"w{n}" for n in row[:m]) for row, m in zip(drawn, lengths, strict=True)]

    def words_and_pairs(text):
        words = text.split()
        return [*words, *(f"{a} {b}" for a, b in itertools.pairwise(words))]

    theirs = TfidfVectorizer(
        analyzer=words_and_pairs, sublinear_tf=True, min_df=2, max_features=most
    ).fit_transform(texts)
    ours = word_features(texts)
    assert ours.shape == theirs.shape
    # To the last bit, and in the same order.
    np.testing.assert_array_equal(ours.indptr, theirs.indptr)
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    np.testing.assert_array_equal(ours.data, theirs.data)


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


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Transferring my cards", ["transfer", "my", "card"]),
        ("transferred MY card", ["transfer", "my", "card"]),
        ("Потеряла банковскую карту", ["потеря", "банковск", "карт"]),
        ("потерял банковской картой", ["потеря", "банковск", "карт"]),
        ("счёт / счет", ["счет", "счет"]),
        ("SIM-карты 5G", ["sim", "карт", "5g"]),
        ("\uff28\uff29 \u2460", ["hi", "1"]),
        ("card_lost", ["card", "lost"]),
        ("£1,000.50!", ["1", "000", "50"]),
        ("straße", ["strass"]),
        ("", []),
        ("?! … 🙂", []),
    ],
)
def test_tokens_are_folded_words_and_numbers_by_their_stem(text, tokens):
    assert tokenise(text) == tokens


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("don't", "dont"),
        ("don\u2019t", "don't"),
        ("I'm", "im"),
        ("what's", "what"),
        ("the card's limit", "the card limit"),
        ("'quoted'", "quoted"),
        ("cafe\u0301", "café"),
    ],
)
def test_spellings_of_one_word_are_one_token(one, other):
    assert tokenise(one) == tokenise(other)


@pytest.mark.parametrize(
    ("text", "language", "tokens"),
    [
        ("显示所有的闹钟", "zh", ["显示", "示所", "所有", "有的", "的闹", "闹钟"]),
        ("明日の天気は?", None, ["明日", "日の", "の天", "天気", "気は"]),
        ("iPhone15手机, 猫 ok", "zh", ["iphone15", "手机", "猫", "ok"]),
        ("die Häuser der Städte", "de", ["die", "haus", "der", "stadt"]),
        ("die Häuser der Städte", None, ["die", "häuser", "der", "städte"]),
        ("карты cards", "ru", ["карт", "card"]),
        ("chevaux cards", "fr", ["cheval", "card"]),
        ("الكتاب كتاب", "ar", ["كتاب", "كتاب"]),
        ("בית", "he", ["בית"]),
    ],
)
def test_stems_are_those_of_the_tables_language(text, language, tokens):
    assert tokenise(text, language) == tokens


def test_features_stem_by_the_language():
    texts = ["ein Haus", "zwei Häuser"]
    assert word_features(texts).shape == (2, 1)  # they share no stem of English
    assert word_features(texts, "de").shape == (2, 1)
    assert word_features(texts, "de").nnz == 2
