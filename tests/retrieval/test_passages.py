import numpy as np
import pytest

from labelmend.retrieval.bm25 import Bm25Retriever
from labelmend.retrieval.passages import NOT_A_TEXT, LabelPassages, label_passages
from labelmend.types import NO_LABEL, LabelCard

NAN = np.nan
TEXTS = ("lost my card", "sent money abroad", "what is this", "money lost")
LOST = LabelCard("card_lost", "The card is gone.", ("LOST  my card", "stolen purse"), "llm")
SENT = LabelCard("money-sent", "", ("sent money abroad", "lost my card", "Money Lost"), "name")
OOS = LabelCard("oos", "The message fits none of the other labels.", ("what is this",), "name")


def passages(*cards, oos=None):
    return label_passages(cards, TEXTS, oos)


def scores(retriever, texts, candidates):
    return retriever.score(np.array(texts), np.array(candidates)).tolist()


def best_of(found, similarity, texts, label_count=3):
    in_turns = np.asarray(similarity, np.float32)[:, found.in_turns]
    return found.best_per_label(in_turns, np.array(texts), label_count)


def test_description_first_then_exemplars():
    found = passages(LOST, SENT, OOS, oos=2)
    assert found.passages == (
        "card lost: The card is gone.",
        "LOST  my card",
        "stolen purse",
        "money sent",
        "sent money abroad",
        "lost my card",
        "Money Lost",
    )
    assert found.label_of.tolist() == [0, 0, 0, 1, 1, 1, 1]
    # Another spelling of a text is that text.
    assert found.text_of.tolist() == [NOT_A_TEXT, 0, NOT_A_TEXT, NOT_A_TEXT, 1, 0, 3]
    assert found.most_per_label == 4
    assert len(found) == 7


def test_out_of_scope_is_searched_only_where_the_user_describes_it():
    assert passages(OOS).passages == ("oos: The message fits none of the other labels.", TEXTS[2])
    assert passages(OOS, oos=0).passages == ()
    user = LabelCard("oos", "Small talk.", (), "user")
    assert passages(user, oos=0).passages == ("oos: Small talk.",)


def test_a_label_named_like_a_text_is_that_text():
    assert passages(LabelCard("Money_lost", "", (), "name")).text_of.tolist() == [3]


def test_the_first_passages_of_all_labels_come_first():
    # Label 1 has four passages and label 0 three.
    found = passages(LOST, SENT, OOS, oos=2)
    assert found.in_turns.tolist() == [3, 0, 4, 1, 5, 2, 6]


def test_best_passage_of_each_label_without_the_texts_own():
    found = passages(LOST, SENT, OOS, oos=2)
    similarity = [[0.1, 0.9, 0.2, 0.3, 0.4, 1.0, 0.0], [0.5, 0.6, 0.7, -0.1, 1.0, 0.2, -0.2]]
    best = best_of(found, similarity, [0, 1])
    # Text 0 is passages 1 and 5, text 1 is passage 4; label 2 has no passage.
    np.testing.assert_array_equal(best, np.float32([[0.2, 0.4, -np.inf], [0.7, 0.2, -np.inf]]))
    assert best.dtype == np.float32


def test_a_label_whose_only_passage_is_the_text():
    found = passages(LOST, LabelCard("money lost", "", (), "name"))
    best = best_of(found, [[0.1, 0.2, 0.3, 0.9]] * 2, [3, 2], 2)
    np.testing.assert_array_equal(best, np.float32([[0.3, -np.inf], [0.3, 0.9]]))


def test_places_by_hand():
    found = passages(LOST, SENT, OOS, oos=2)
    # Passages 0 to 2 are label 0's, 3 to 6 label 1's; text 0 is passages 1 and 5.
    assert found.places(np.array([0, 2]), np.array([[1, 0], [2, 1]])).tolist() == [
        [[3, 4, -1, 6], [0, -1, 2, -1]],
        [[-1] * 4, [3, 4, 5, 6]],
    ]


def test_the_best_of_random_passages():
    rng = np.random.default_rng(0)
    label_of = np.sort(rng.integers(0, 30, 100))
    text_of = np.where(rng.random(100) < 0.5, rng.integers(0, 40, 100), NOT_A_TEXT)
    found = LabelPassages(("",) * 100, label_of, text_of, int(np.bincount(label_of).max()))
    similarity = rng.normal(size=(40, 100)).astype(np.float32)
    expected = np.full((40, 30), -np.inf, np.float32)
    for text in range(40):
        for label, place in zip(label_of, range(100), strict=True):
            if text_of[place] != text:
                expected[text, label] = max(expected[text, label], similarity[text, place])
    np.testing.assert_array_equal(best_of(found, similarity, np.arange(40), 30), expected)


def test_no_passages_at_all():
    found = passages(OOS, oos=0)
    assert (found.label_of.dtype, found.text_of.dtype) == (np.int64, np.int64)
    assert np.isneginf(best_of(found, np.empty((2, 0)), [0, 1], 1)).all()


def test_bm25_retriever_takes_a_labels_best_passage():
    found = passages(LOST, SENT, OOS, oos=2)
    bm25 = Bm25Retriever(TEXTS, found, 3)
    lost, sent, oos = scores(bm25, [3], [[0, 1, 2]])[0]
    # "money lost": its own copy among money-sent's exemplars is left out.
    assert np.isnan(oos)
    assert lost > 0
    assert sent > 0
    everything = bm25._index.scores("money lost")[np.argsort(found.in_turns)]
    assert lost == pytest.approx(everything[[0, 1, 2]].max())
    assert sent == pytest.approx(everything[[3, 4, 5]].max())
    assert everything[6] > sent


def test_bm25_search_finds_labels_that_share_a_word():
    bm25 = Bm25Retriever(TEXTS, passages(LOST, SENT, OOS, oos=2), 3)
    ranking = bm25.search(np.array([0, 1, 2]), 3)
    # "lost my card": card_lost's description; money-sent only through "Money Lost".
    assert ranking.labels[0].tolist() == [0, 1, NO_LABEL]
    # "sent money abroad": money-sent's name.
    assert ranking.labels[1].tolist() == [1, NO_LABEL, NO_LABEL]
    # "what is this": "is" stands in card_lost's description alone.
    assert ranking.labels[2].tolist() == [0, NO_LABEL, NO_LABEL]


def test_bm25_in_blocks_of_texts_is_bm25(monkeypatch):
    found = passages(LOST, SENT, OOS, oos=2)
    bm25, everyone = Bm25Retriever(TEXTS, found, 3), np.arange(4)
    candidates = np.tile([1, 2, 0], (4, 1))
    whole, ranking = bm25.score(everyone, candidates), bm25.search(everyone, 2)
    monkeypatch.setattr("labelmend.arrays._BLOCK_VALUES", 1)
    np.testing.assert_array_equal(bm25.score(everyone, candidates), whole)
    again = bm25.search(everyone, 2)
    assert np.array_equal(again.labels, ranking.labels)
    assert np.array_equal(again.scores, ranking.scores)
    np.testing.assert_array_equal(ranking.scores[0], whole[0, [2, 0]])


def test_bm25_says_the_same_of_a_text_whichever_label_it_is_an_exemplar_of():
    def card(label, *exemplars):
        return LabelCard(label, f"About {label} money and cards.", exemplars, "llm")

    rest = (("money abroad", "my money"), ("lost card", "card gone"), ("what this", "is it"))
    everyone = np.arange(4)
    candidates = np.tile(np.arange(3), (4, 1))
    found = []
    for home in range(3):
        cards = [card(f"l{k}", *rest[k], *([TEXTS[0]] * (k == home))) for k in range(3)]
        found.append(Bm25Retriever(TEXTS, passages(*cards), 3).score(everyone, candidates))
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-6)
    np.testing.assert_allclose(found[2][0], found[0][0], rtol=1e-6)
    assert not np.allclose(found[1][3], found[0][3])  # another text that shares a word does see it
