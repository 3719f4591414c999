import math
import time

import numpy as np
import pytest
from rank_bm25 import BM25Okapi

from labelmend.retrieval.bm25 import Bm25Passages
from labelmend.retrieval.words import tokenise

K1, B = 1.5, 0.75


def test_scores_by_hand():
    passages = ["lost card", "card stolen card", "transfer failed today again"]
    # Lengths 2, 3, 4; their mean is 3.
    idf_lost = math.log(3 - 1 + 0.5) - math.log(1 + 0.5)
    # "card" is in two of three: log(1.5 / 2.5) < 0, so it gets a quarter of the mean idf.
    # Words: lost, stolen, transfer, failed, today, again once each; card twice.
    mean_idf = (6 * idf_lost + math.log(1.5 / 2.5)) / 7
    idf_card = 0.25 * mean_idf

    def weight(idf, count, length):
        return idf * count * (K1 + 1) / (count + K1 * (1 - B + B * length / 3))

    expected = [
        weight(idf_lost, 1, 2) + weight(idf_card, 1, 2),
        weight(idf_card, 2, 3),
        0.0,
    ]
    np.testing.assert_allclose(
        Bm25Passages(passages).scores("I lost my CARDS"), expected, rtol=1e-12
    )


def corpus(rng, passages, words):
    vocabulary = [f"w{i}" for i in range(words)]
    popularity = 1 / np.arange(1, words + 1)
    popularity /= popularity.sum()
    return [
        " ".join(rng.choice(vocabulary, size=rng.integers(1, 30), p=popularity))
        for _ in range(passages)
    ]


def test_summed_columns_are_the_library_to_the_last_bit():
    rng = np.random.default_rng(0)
    passages = corpus(rng, 200, 300)
    queries = [*corpus(rng, 100, 400), "w0 w0 w1 unknown w0"]
    library = BM25Okapi([tokenise(p) for p in passages])
    assert min(library.idf.values()) >= 0  # else ours differs on purpose
    ours = Bm25Passages(passages)
    for query in queries:
        assert np.array_equal(ours.scores(query), library.get_scores(tokenise(query)))


def test_every_weight_is_the_librarys_to_the_last_bit():
    rng = np.random.default_rng(2)
    passages = [*corpus(rng, 60, 40), "w0 w0 w0 w0", ""]
    library = BM25Okapi([tokenise(p) for p in passages])
    ours = Bm25Passages(passages)
    assert len(library.idf) > 30
    for word in library.idf:
        assert np.array_equal(ours.scores(word), library.get_scores([word]))


def test_texts_together_score_as_each_alone():
    rng = np.random.default_rng(3)
    bm25 = Bm25Passages(corpus(rng, 50, 60))
    queries = [*corpus(rng, 20, 80), "", "unknown"]
    together = bm25.score_all(queries)
    assert together.dtype == np.float64
    assert np.array_equal(together, [bm25.scores(query) for query in queries])
    assert bm25.score_all([]).shape == (0, 50)


@pytest.mark.parametrize("passages", [[], [""], ["", "?!"]])
def test_nothing_to_find_gives_zeros(passages):
    scores = Bm25Passages(passages).scores("lost card")
    assert scores.shape == (len(passages),)
    assert scores.dtype == np.float64
    assert not scores.any()


@pytest.mark.parametrize("query", ["", "🙂", "xyzzy"])
def test_query_without_a_known_word_gives_zeros(query):
    assert Bm25Passages(["lost card", "", "stolen card"]).scores(query).tolist() == [0, 0, 0]


def test_a_shared_word_never_counts_against_a_passage():
    passages = ["my card", "my card", "my card", ""]
    assert (BM25Okapi([tokenise(p) for p in passages]).get_scores(["card"]) < 0).any()
    assert (Bm25Passages(passages).scores("card") >= 0).all()


def test_scores_do_not_depend_on_earlier_queries_or_on_changes_by_the_caller():
    bm25 = Bm25Passages(["lost card", "stolen purse", "failed transfer"])
    first = bm25.scores("lost purse")
    before = first.copy()
    first[:] = 7
    assert np.array_equal(bm25.scores("lost purse"), before)


def test_fifteen_thousand_queries_over_nine_hundred_passages():
    rng = np.random.default_rng(1)
    bm25 = Bm25Passages(corpus(rng, 900, 3000))
    queries = corpus(rng, 15_000, 4000)
    start = time.perf_counter()
    for query in queries:
        bm25.scores(query)
    assert time.perf_counter() - start < 30
