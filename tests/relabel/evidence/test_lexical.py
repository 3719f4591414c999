import numpy as np
import pytest
from fixtures.memberships import LABELS, all_labels, one_hot, soft_memberships
from scipy.sparse import csr_matrix

from labelmend.relabel.evidence import lexical
from labelmend.relabel.evidence.base import Corpus
from labelmend.relabel.evidence.lexical import LexicalOptions, LexicalSource
from labelmend.retrieval.neighbours import Neighbours
from labelmend.retrieval.words import word_features


def lexical_scores(words, memberships, candidates, options=None):
    count = words.shape[0]
    near = Neighbours(np.full((count, 1), -1), np.zeros((count, 1), np.float32))
    corpus = Corpus(("",) * count, ("a", "b"), np.zeros((count, 1), np.float32), near, None)
    corpus.__dict__["words"] = words
    return LexicalSource(options).fit(corpus, memberships, 0).score(np.arange(count), candidates)


def naive_bayes(x, weights, s):
    """Written down from the docstring: counts, lengths and texts of a label without the text."""
    texts, labels = weights.shape
    scores = np.full((texts, labels), np.nan)
    for i in range(texts):
        for k in range(labels):
            m = weights[:, k].copy()
            m[i] = 0
            if m.sum() > 0:
                counts = m @ x + s
                scores[i, k] = x[i] @ np.log(counts / counts.sum()) + np.log(m.sum() + 1)
    return scores


@pytest.mark.parametrize(("block", "smoothing"), [(7, 0.05), (4096, 0.05), (4096, 0.5)])
def test_the_lexical_scores_against_brute_force(monkeypatch, block, smoothing):
    monkeypatch.setattr(lexical, "_BLOCK", block)
    rng = np.random.default_rng(19)
    x = rng.random((30, 12)) * (rng.random((30, 12)) < 0.3)
    x[7] = 0  # a text without a known word
    memberships = soft_memberships(rng, 30, 5)
    expected = naive_bayes(x, memberships.toarray().astype(np.float64), smoothing)
    assert np.isnan(expected[:, 0]).tolist() == [i == 2 for i in range(30)]
    options = LexicalOptions(smoothing=smoothing)
    found = lexical_scores(csr_matrix(x), memberships, all_labels(memberships), options)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    candidates = np.argsort(rng.random((30, 5)), axis=1)[:, :3]
    some = lexical_scores(csr_matrix(x), memberships, candidates, options)
    np.testing.assert_allclose(some, np.take_along_axis(found, candidates, axis=1), rtol=1e-6)


def test_the_lexical_scores_do_not_see_a_texts_own_label():
    rng = np.random.default_rng(20)
    x = csr_matrix(rng.random((20, 6)) * (rng.random((20, 6)) < 0.5))
    truth = rng.integers(0, LABELS, 20)
    scores = lexical_scores(x, one_hot(truth), all_labels(one_hot(truth)))
    for text in range(20):
        changed = truth.copy()
        changed[text] = (truth[text] + 1) % LABELS
        again = lexical_scores(x, one_hot(changed), all_labels(one_hot(truth)))
        np.testing.assert_allclose(again[text], scores[text], rtol=1e-5, atol=1e-5)


def test_a_label_without_a_text_is_silent():
    x = csr_matrix(np.eye(3))
    scores = lexical_scores(x, one_hot([0, 0, 1], 3), all_labels(one_hot([0, 0, 1], 3)))
    assert np.isnan(scores).tolist() == [
        [False, False, True],
        [False, False, True],
        [False, True, True],
    ]


def test_the_lexical_scores_tell_two_labels_apart_by_one_word():
    things = ["card", "purse", "phone", "key", "bag", "coat", "ring", "watch"]
    texts = [f"please help me i {verb} my {t}" for t in things for verb in ("lost", "found")]
    truth = np.tile([0, 1], len(things))
    memberships = one_hot(truth, 2)
    scores = lexical_scores(word_features(texts), memberships, all_labels(memberships))
    assert scores.argmax(axis=1).tolist() == truth.tolist()


@pytest.mark.parametrize("texts", [["one", "two"], ["", ""], [""]])
def test_without_a_common_word_only_the_number_of_texts_speaks(texts):
    features = word_features(texts)
    memberships = one_hot(np.arange(len(texts)) % 2, 2)
    scores = lexical_scores(features, memberships, all_labels(memberships))
    # Nothing but the number of texts of the label speaks: none, or one (ln 2).
    alone = memberships.sum(axis=0) - memberships.toarray() < 1
    assert np.isnan(scores).tolist() == alone.tolist()
    assert scores[~alone] == pytest.approx(np.full((~alone).sum(), np.log(2)))


def test_a_text_without_a_known_word_is_scored_too():
    features = word_features(["lost card", "lost card", "", "unheard"])
    memberships = one_hot([0, 1, 0, 1], 2)
    assert np.isfinite(lexical_scores(features, memberships, all_labels(memberships))).all()
