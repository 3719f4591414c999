import dataclasses

import numpy as np
import pytest
from fixtures.memberships import LABELS, all_labels, one_hot, soft_memberships
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from labelmend.arrays import principal_components
from labelmend.protocols import NoProgress
from labelmend.relabel.evidence import classifier as module
from labelmend.relabel.evidence.base import Corpus
from labelmend.relabel.evidence.classifier import (
    ClassifierOptions,
    ClassifierSource,
    Discriminant,
    drawn_folds,
)
from labelmend.retrieval.neighbours import Neighbours

SHRINKAGE = ClassifierOptions().shrinkage
CONFIG = ClassifierOptions(
    folds=4, components=256, inverse_regularization=(3.0,), max_iterations=100
)


class Counted(NoProgress):
    steps = 0

    def advance(self, steps=1):
        self.steps += steps


def clusters(rng, texts=48, labels=LABELS, dimensions=6, spread=0.3):
    """Vectors near their label's own axis, and the labels."""
    truth = rng.integers(0, labels, texts)
    vectors = np.eye(dimensions)[truth] + spread * rng.normal(size=(texts, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), truth


class Made:
    """A source bound to its texts."""

    def __init__(self, vectors, progress, options):
        count = len(vectors)
        near = Neighbours(np.full((count, 1), -1), np.zeros((count, 1), np.float32))
        labels = ("a", "b")
        self.corpus = Corpus(("",) * count, labels, vectors, near, None, progress=progress)
        self.source = ClassifierSource(options)

    def scores(self, memberships, candidates, turn):
        fitted = self.source.fit(self.corpus, memberships, turn)
        return fitted.score(np.arange(len(candidates)), candidates)


def classifier(vectors, progress=None, **changes):
    return Made(vectors, progress or NoProgress(), dataclasses.replace(CONFIG, **changes))


def folds_of(vectors):
    return drawn_folds(len(vectors), CONFIG.folds, 0)


def scored(vectors, memberships, candidates=None, turn=0, **changes):
    return classifier(vectors, **changes).scores(
        memberships, all_labels(memberships) if candidates is None else candidates, turn
    )


def discriminant_scores(features, memberships, candidates):
    return Discriminant(features, memberships, SHRINKAGE).scores(
        np.arange(len(candidates)), candidates
    )


@pytest.mark.parametrize("large_scores", [48 * LABELS - 1, 48 * LABELS])
def test_a_large_table_has_fewer_folds(large_scores):
    vectors, truth = clusters(np.random.default_rng(5))
    counted = Counted()
    made = classifier(vectors, counted, large_scores=large_scores, large_folds=3)
    scores = made.scores(one_hot(truth), all_labels(one_hot(truth)), 0)
    folds = 3 if large_scores < 48 * LABELS else CONFIG.folds
    assert np.array_equal(scores, scored(vectors, one_hot(truth), folds=folds))
    # The progress bar was promised as many steps as there are folds in a small table.
    assert counted.steps == made.source.steps == CONFIG.folds


@pytest.mark.parametrize(("large_scores", "few"), [(48 * LABELS - 1, True), (48 * LABELS, False)])
def test_few_texts_a_label_teach_a_large_tables_regressions_too_little(large_scores, few):
    vectors, truth = clusters(np.random.default_rng(5))
    shares, every = one_hot(truth), all_labels(one_hot(truth))
    settings = {"large_scores": large_scores, "least_texts": 48 / LABELS}
    found = classifier(vectors, **settings).scores(shares, every, 0)
    folds = {"large_folds": CONFIG.large_folds, "large_scores": large_scores}
    regressions = scored(vectors, shares, least_texts=0.0, **folds)
    discriminant = scored(vectors, shares, max_scores=0)
    assert np.array_equal(found, discriminant if few else regressions)
    one_more = classifier(vectors, **{**settings, "least_texts": 48 / LABELS - 0.01})
    assert np.array_equal(one_more.scores(shares, every, 0), regressions)


def test_scores_are_log_probabilities_of_the_right_label():
    vectors, truth = clusters(np.random.default_rng(0))
    scores = scored(vectors, one_hot(truth))
    assert scores.dtype == np.float32
    np.testing.assert_allclose(np.exp(scores.astype(np.float64)).sum(axis=1), 1, rtol=1e-5)
    assert (scores.argmax(axis=1) == truth).mean() > 0.9


def test_a_mislabelled_text_is_seen_through():
    vectors, truth = clusters(np.random.default_rng(1), spread=0.1)
    given = truth.copy()
    given[:3] = (truth[:3] + 1) % LABELS
    scores = scored(vectors, one_hot(given))
    assert scores[:3].argmax(axis=1).tolist() == truth[:3].tolist()


def test_folds_are_of_equal_size_and_drawn_by_the_seed():
    vectors, _ = clusters(np.random.default_rng(2), texts=50)
    folds = folds_of(vectors)
    assert sorted(np.bincount(folds).tolist()) == [12, 12, 13, 13]
    assert np.array_equal(folds_of(vectors), folds)
    assert not np.array_equal(drawn_folds(50, CONFIG.folds, 1), folds)


def test_each_fold_is_scored_by_a_regression_on_the_others():
    vectors, truth = clusters(np.random.default_rng(2))
    folds = folds_of(vectors)
    scores = scored(vectors, one_hot(truth))
    for fold in range(4):
        model = LogisticRegression(C=3.0, max_iter=1000)
        model.fit(vectors[folds != fold], truth[folds != fold])
        expected = model.predict_log_proba(vectors[folds == fold])
        np.testing.assert_allclose(scores[folds == fold], expected, rtol=1e-2, atol=1e-2)


def test_a_text_with_two_labels_teaches_both_by_their_weights():
    vectors, truth = clusters(np.random.default_rng(3))
    weights = one_hot(truth).toarray()
    weights[:10] *= 0.6
    weights[np.arange(10), (truth[:10] + 1) % LABELS] = 0.4
    folds = folds_of(vectors)
    scores = scored(vectors, csr_array(weights))
    texts, labels = np.nonzero(weights)
    train = folds[texts] != 0
    model = LogisticRegression(C=3.0, max_iter=1000)
    model.fit(vectors[texts[train]], labels[train], sample_weight=weights[texts, labels][train])
    expected = model.predict_log_proba(vectors[folds == 0])
    np.testing.assert_allclose(scores[folds == 0], expected, rtol=1e-2, atol=1e-2)


def test_a_texts_own_labels_are_not_seen():
    vectors, truth = clusters(np.random.default_rng(4), texts=120)
    folds = folds_of(vectors)
    scores = scored(vectors, one_hot(truth))
    for text in range(0, 120, 10):
        weights = one_hot(truth).toarray()
        weights[text] = [0.0, 0.6, 0.0, 0.4] if text % 20 else 0.0
        again = scored(vectors, csr_array(weights))
        mates = folds == folds[text]
        assert np.array_equal(again[mates], scores[mates])  # bit by bit
        assert not np.array_equal(again[~mates], scores[~mates])


def test_regularization_is_loosened_by_turns():
    vectors, truth = clusters(np.random.default_rng(5))
    strengths = (0.1, 1.0, 10.0)
    for turn, strength in ((0, 0.1), (1, 1.0), (2, 10.0), (7, 10.0)):
        scores = scored(vectors, one_hot(truth), turn=turn, inverse_regularization=strengths)
        alone = scored(vectors, one_hot(truth), inverse_regularization=(strength,))
        assert np.array_equal(scores, alone)
    mild, loose = (scored(vectors, one_hot(truth), inverse_regularization=(c,)) for c in (0.1, 10))
    assert loose.max(axis=1).mean() > mild.max(axis=1).mean() + 0.3


def test_a_turn_goes_on_from_the_one_before():
    vectors, truth = clusters(np.random.default_rng(6))
    memberships = one_hot(truth)
    settled = scored(vectors, memberships, max_iterations=1000)
    made = classifier(vectors, max_iterations=2)
    errors = [
        np.abs(made.scores(memberships, all_labels(memberships), turn) - settled).max()
        for turn in range(8)
    ]
    assert errors[1] < 0.7 * errors[0]
    assert errors[7] < 0.1 * errors[0]


def test_a_turn_with_other_labels_starts_anew():
    vectors, truth = clusters(np.random.default_rng(7))
    few = one_hot(np.where(truth == 3, 2, truth))
    made = classifier(vectors, max_iterations=2)
    made.scores(few, all_labels(few), 0)
    again = made.scores(one_hot(truth), all_labels(few), 1)
    assert np.array_equal(again, scored(vectors, one_hot(truth), max_iterations=2))


def test_a_label_with_one_text_is_silent_for_that_texts_fold():
    vectors, truth = clusters(np.random.default_rng(6))
    truth[5] = LABELS
    scores = scored(vectors, one_hot(truth, LABELS + 2))
    folds = folds_of(vectors)
    mates = folds == folds[5]
    assert np.isnan(scores[mates, LABELS]).all()  # its classifier never met the label
    assert np.isfinite(scores[~mates, LABELS]).all()
    assert np.isnan(scores[:, LABELS + 1]).all()  # no text carries this one
    assert np.isfinite(scores[:, :LABELS]).all()


def test_two_labels():
    vectors, truth = clusters(np.random.default_rng(7), labels=2)
    scores = scored(vectors, one_hot(truth, 2))
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, rtol=1e-5)
    assert (scores.argmax(axis=1) == truth).mean() > 0.9


@pytest.mark.parametrize("given", [0, -1])
def test_one_label_or_none_teaches_nothing(given):
    vectors, _ = clusters(np.random.default_rng(8))
    heard = Counted()
    scores = scored(vectors, one_hot(np.full(48, given)), progress=heard)
    assert np.isnan(scores).all()
    assert heard.steps == 4


def test_texts_without_a_label_are_scored_too():
    vectors, truth = clusters(np.random.default_rng(9), spread=0.1)
    given = np.where(np.arange(48) % 3 == 0, -1, truth)
    scores = scored(vectors, one_hot(given))
    assert np.isfinite(scores).all()
    assert scores[given < 0].argmax(axis=1).tolist() == truth[given < 0].tolist()


def test_fewer_texts_than_folds():
    vectors = np.eye(4, dtype=np.float32)[[0, 1, 0, 1]]
    heard = Counted()
    scores = scored(vectors, one_hot([0, 1, 0, 1], 2), folds=10, progress=heard)
    assert scores.argmax(axis=1).tolist() == [0, 1, 0, 1]
    assert heard.steps == 10


def test_scores_stand_in_the_order_of_the_candidates():
    rng = np.random.default_rng(10)
    vectors, truth = clusters(rng)
    memberships = one_hot(truth, LABELS + 1)
    whole = scored(vectors, memberships)
    candidates = np.argsort(rng.random((48, LABELS + 1)), axis=1)[:, :3]
    some = scored(vectors, memberships, candidates)
    assert np.array_equal(some, np.take_along_axis(whole, candidates, axis=1), equal_nan=True)
    assert np.isnan(some[candidates == LABELS]).all()


def test_a_slight_membership_teaches_nothing():
    vectors, truth = clusters(np.random.default_rng(11))
    weights = one_hot(truth).toarray()
    scores = scored(vectors, csr_array(weights))
    weights[7, (truth[7] + 1) % LABELS] = 0.99 * ClassifierOptions().min_weight
    assert np.array_equal(scored(vectors, csr_array(weights)), scores)
    weights[7, (truth[7] + 1) % LABELS] = 0.5
    assert not np.array_equal(scored(vectors, csr_array(weights)), scores)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning:sklearn")
def test_log_probabilities_have_a_floor():
    vectors, truth = clusters(np.random.default_rng(12))
    scores = scored(vectors * 1000, one_hot(truth), inverse_regularization=(1e6,))
    assert scores.min() == module._LEAST_LOG
    assert scores.max() <= 0


def test_the_classifier_reads_the_principal_components():
    vectors, truth = clusters(np.random.default_rng(13))
    scores = scored(vectors, one_hot(truth), components=3)
    assert np.array_equal(scores, scored(principal_components(vectors, 3), one_hot(truth)))
    assert not np.allclose(scores, scored(vectors, one_hot(truth)), atol=0.01)


def test_many_texts_times_labels_are_left_to_the_discriminant():
    vectors, truth = clusters(np.random.default_rng(14))
    memberships = one_hot(truth)
    regression = scored(vectors, memberships)
    discriminant = discriminant_scores(vectors, memberships, all_labels(memberships))
    assert np.array_equal(scored(vectors, memberships, max_scores=48 * LABELS), regression)
    heard = Counted()
    fewer = scored(vectors, memberships, progress=heard, max_scores=48 * LABELS - 1)
    assert np.array_equal(fewer, discriminant)
    assert heard.steps == 4


def naive_discriminant(x, weights):
    """Written down from the docstring: the means without the text, the covariance with it."""
    texts, labels = weights.shape
    everywhere = x.mean(axis=0)

    def mean(k, without=None):
        m = weights[:, k].copy()
        if without is not None:
            m[without] = 0
        return (m @ x + everywhere) / (m.sum() + 1)

    covariance = np.zeros((x.shape[1],) * 2)
    for i in range(texts):
        for k in range(labels):
            off = x[i] - mean(k)
            covariance += weights[i, k] * np.outer(off, off) / weights.sum()
    s = SHRINKAGE
    size = np.trace(covariance) / x.shape[1]
    precision = np.linalg.inv((1 - s) * covariance + s * size * np.eye(x.shape[1]))
    scores = np.full((texts, labels), np.nan)
    for i in range(texts):
        for k in range(labels):
            if np.delete(weights[:, k], i).sum() > 0:
                off = x[i] - mean(k, without=i)
                scores[i, k] = -0.5 * off @ precision @ off
    return scores


def test_the_discriminant_against_brute_force():
    rng = np.random.default_rng(17)
    x = rng.normal(size=(30, 4)) @ rng.normal(size=(4, 4)) + 1
    memberships = soft_memberships(rng, 30, 5)
    expected = naive_discriminant(x, memberships.toarray().astype(np.float64))
    assert np.isnan(expected[:, 0]).tolist() == [i == 2 for i in range(30)]
    found = discriminant_scores(x.astype(np.float32), memberships, all_labels(memberships))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    candidates = np.argsort(rng.random((30, 5)), axis=1)[:, :3]
    some = discriminant_scores(x.astype(np.float32), memberships, candidates)
    np.testing.assert_array_equal(some, np.take_along_axis(found, candidates, axis=1))


def test_the_discriminant_in_blocks_is_the_same(monkeypatch):
    rng = np.random.default_rng(18)
    vectors, truth = clusters(rng)
    memberships = one_hot(truth)
    whole = discriminant_scores(vectors, memberships, all_labels(memberships))
    monkeypatch.setattr(module, "_BLOCK", 7)
    again = discriminant_scores(vectors, memberships, all_labels(memberships))
    np.testing.assert_allclose(again, whole, rtol=1e-5)
