from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from fixtures.words import WORDS, WordEncoder
from scipy.sparse import csr_array

from labelmend.arrays import unit_rows
from labelmend.classify.static.distil import (
    SumFeatures,
    features_of,
    fit_vectors,
    targets_of,
    vectors_of,
)
from labelmend.classify.static.vocabulary import student_tokenizer, token_ids

TEXTS = ("my card is lost", "my card is gone", "where is my pin", "forgot my pin", "pin lost")


class Words(WordEncoder):
    def words(self):
        return WORDS

    def queries(self, texts):
        return self.encode(texts)


@pytest.fixture
def read(settings):
    config = settings.static
    tokenizer, tokens = student_tokenizer(TEXTS, WORDS, config)
    return tokenizer, tokens, features_of(TEXTS, tokenizer, tokens, Words(), config)


def test_the_solver_finds_the_ridge(settings):
    rng = np.random.default_rng(0)
    counted = rng.poisson(0.3, size=(30, 8)).astype(np.float32)
    dense = rng.normal(size=(30, 4)).astype(np.float32)
    targets = rng.normal(size=(30, 3)).astype(np.float32)
    targets[:, 2] = 0  # a column that is solved from the start
    config = replace(settings.static, alpha=0.5, max_iter=60)
    found = fit_vectors(SumFeatures(csr_array(counted), dense), targets, config)
    rows = np.hstack([counted, dense]).astype(np.float64)
    exact = np.linalg.solve(rows.T @ rows + 0.5 * np.eye(12), rows.T @ targets)
    np.testing.assert_allclose(found, exact, atol=1e-4)


def test_targets_are_drawn_towards_their_labels_mean():
    teacher = np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32)
    found = targets_of(teacher, np.array([0, 0, 1]), 1, 1.0)
    # The mean of the first label is (.5, .5); texts out of scope stay.
    expected = np.array([[1.5, 0.5], [0.5, 1.5], [1, 0]])
    np.testing.assert_allclose(found, unit_rows(expected.astype(np.float32)), atol=1e-6)
    assert np.array_equal(targets_of(teacher, np.array([0, 0, 1]), None, 0.0), teacher)


def test_features_have_unit_length_and_rare_words_count_more(read):
    _, tokens, features = read
    rows = features.texts
    lengths = np.sqrt(rows.counted.multiply(rows.counted).sum(axis=1) + (rows.dense**2).sum(axis=1))
    np.testing.assert_allclose(lengths, 1, atol=1e-5)
    place = {tokens[token]: i for i, token in enumerate(features.seen.tolist())}
    # log(6 / 5) + 1 of four texts, and log(6 / 3) + 1 of two.
    np.testing.assert_allclose(features.tokens[place["my"]], np.log(6 / 5) + 1, atol=1e-6)
    np.testing.assert_allclose(features.tokens[place["card"]], np.log(6 / 3) + 1, atol=1e-6)
    named = {(tokens[a], tokens[b]) for a, b in features.pair_tokens.tolist()}
    assert {("my", "card"), ("[CLS]", "my"), ("pin", "[SEP]")} <= named
    assert ("[CLS]", "[SEP]") not in named


def test_vectors_add_up_to_what_features_say(read, settings):
    tokenizer, tokens, features = read
    rng = np.random.default_rng(1)
    targets = unit_rows(rng.normal(size=(len(TEXTS), 6)).astype(np.float32))
    weights = fit_vectors(features.texts, targets, settings.static)
    vectors = vectors_of(features, weights, targets.mean(axis=0))
    place = {tuple(pair): i for i, pair in enumerate(vectors.pair_tokens.tolist())}
    for ids, said in zip(token_ids(tokenizer, TEXTS), features.texts.times(weights), strict=True):
        pairs = [place[pair] for pair in pairwise(ids) if pair in place]
        total = vectors.tokens[ids].sum(axis=0) + vectors.pairs[pairs].sum(axis=0)
        np.testing.assert_allclose(
            total / np.linalg.norm(total), said / np.linalg.norm(said), atol=1e-4
        )
    # The marks and the unknown token say nothing; a word that no row has, what encoders say of it.
    assert not vectors.tokens[:3].any()
    assert vectors.tokens[tokens.index("stolen")].any()
    np.testing.assert_allclose(np.linalg.norm(vectors.mean), 1, atol=1e-6)


def test_without_the_encoders_words(settings):
    config = replace(settings.static, pairs=2)
    tokenizer, tokens = student_tokenizer(TEXTS, (), config)
    features = features_of(TEXTS, tokenizer, tokens, None, config)
    assert not features.outputs.any()
    assert len(features.pairs) <= 2
