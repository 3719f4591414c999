from math import exp, log

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import expit, logit

from labelmend.relabel.channel import channel_terms, observe
from labelmend.types import NoiseChannel

CHANNEL = NoiseChannel(keep_rate=0.8, similar_share=0.25, temperature=0.5)
# Cosines: a to b 0.8, a to c 0, b to c 0.6.
PROTOTYPES = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], dtype=np.float32)


def unit_rows(count, width=8, seed=0):
    rows = np.random.default_rng(seed).normal(size=(count, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def confusion(prototypes, channel):
    """P(g | k) as an array [k, g]: each label given once, to a text of which all are candidates."""
    count = len(prototypes)
    given = csr_array(np.eye(count, dtype=np.float32))
    candidates = np.tile(np.arange(count), (count, 1))
    terms = channel_terms(observe(given, candidates, prototypes), channel)
    return np.exp(terms.log_likelihood).T


def test_three_labels_by_hand():
    # S(. | k) is a softmax of cosine / 0.5; an error is uniform (1/2 a label) with 0.75.
    s_ba = exp(1.6) / (exp(1.6) + 1)
    s_ab = exp(1.6) / (exp(1.6) + exp(1.2))
    s_ac = 1 / (1 + exp(1.2))
    expected = [
        [0.8, 0.2 * (0.375 + 0.25 * s_ba), 0.2 * (0.375 + 0.25 * (1 - s_ba))],
        [0.2 * (0.375 + 0.25 * s_ab), 0.8, 0.2 * (0.375 + 0.25 * (1 - s_ab))],
        [0.2 * (0.375 + 0.25 * s_ac), 0.2 * (0.375 + 0.25 * (1 - s_ac)), 0.8],
    ]
    assert confusion(PROTOTYPES, CHANNEL) == pytest.approx(np.array(expected), abs=1e-7)


def test_several_given_labels_multiply_and_columns_follow_the_candidates():
    given = csr_array(np.array([[0, 2, 1], [0, 0, 0], [1, 0, 0]], dtype=np.float32))
    candidates = np.array([[0, 1, 2], [2, 0, 1], [1, 2, 0]])
    terms = channel_terms(observe(given, candidates, PROTOTYPES), CHANNEL)
    p = confusion(PROTOTYPES, CHANNEL)
    expected = [
        [2 * log(p[k, 1]) + log(p[k, 2]) for k in (0, 1, 2)],
        [0.0, 0.0, 0.0],
        [log(p[k, 0]) for k in (1, 2, 0)],
    ]
    assert terms.log_likelihood == pytest.approx(np.array(expected))


def test_derivatives_by_hand_at_the_given_label():
    # log rho has derivative 1 - rho by its logit; log (1 - rho) has -rho.
    given = csr_array(np.array([[3, 0, 0]], dtype=np.float32))
    terms = channel_terms(observe(given, np.array([[0, 1, 2]]), PROTOTYPES), CHANNEL)
    assert terms.by_keep_rate == pytest.approx(np.array([[3 * 0.2, 3 * -0.8, 3 * -0.8]]))
    assert terms.by_similar_share[0, 0] == 0
    assert terms.by_sharpness[0, 0] == 0


@pytest.mark.parametrize("labels", [2, 5, 11, 15, 40])
def test_errors_of_a_label_sum_to_one(labels):
    # With more than eleven labels the similar part covers the ten nearest and still sums to one.
    sums = confusion(unit_rows(labels), CHANNEL).sum(axis=1)
    assert sums == pytest.approx(np.ones(labels))


def test_beyond_the_ten_nearest_an_error_is_uniform():
    prototypes = unit_rows(15)
    cosine = (prototypes @ prototypes.T).astype(float)
    np.fill_diagonal(cosine, -np.inf)
    far = np.argsort(-cosine, axis=1)[:, 10:14]
    p = confusion(prototypes, CHANNEL)
    assert np.take_along_axis(p, far, axis=1) == pytest.approx(np.full((15, 4), 0.2 * 0.75 / 14))


def test_a_given_label_that_is_no_candidate_is_wrong_under_all_of_them():
    given = csr_array(np.array([[0, 1, 0]], dtype=np.float32))
    terms = channel_terms(observe(given, np.array([[0, 2]]), PROTOTYPES), CHANNEL)
    p = confusion(PROTOTYPES, CHANNEL)
    assert terms.log_likelihood == pytest.approx(np.log([[p[0, 1], p[2, 1]]]))


def test_a_label_without_texts_has_a_prototype_of_zeros_and_a_proper_row():
    prototypes = PROTOTYPES.copy()
    prototypes[2] = 0
    p = confusion(prototypes, CHANNEL)
    assert p[2] == pytest.approx(np.array([0.1, 0.1, 0.8]))


def test_derivatives_against_finite_differences():
    prototypes = unit_rows(15)
    generator = np.random.default_rng(1)
    given = csr_array(generator.poisson(0.15, size=(30, 15)).astype(np.float32))
    candidates = generator.permuted(np.tile(np.arange(15), (30, 1)), axis=1)[:, :6]
    seen = observe(given, candidates, prototypes)

    def at(theta):
        rho, mu, sharpness = float(expit(theta[0])), float(expit(theta[1])), np.exp(theta[2])
        return channel_terms(seen, NoiseChannel(rho, mu, float(1 / sharpness)))

    theta = np.array([logit(0.8), logit(0.3), log(6.0)])
    terms = at(theta)
    for place, derivative in enumerate(
        (terms.by_keep_rate, terms.by_similar_share, terms.by_sharpness)
    ):
        step = np.zeros(3)
        step[place] = 1e-5
        slope = (at(theta + step).log_likelihood - at(theta - step).log_likelihood) / 2e-5
        assert derivative == pytest.approx(slope, abs=1e-8)
        assert np.abs(derivative).max() > 0.01
