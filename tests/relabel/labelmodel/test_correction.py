"""On made-up texts whose noise follows a rule that only answers can show."""

from dataclasses import replace

import numpy as np
import pytest

from labelmend.configs.schema import CorrectionConfig
from labelmend.errors import ConfigError
from labelmend.relabel.labelmodel.correction import Points, Taught, correct, points_of, weights_of

CONFIG = CorrectionConfig()


def made_up(seed=0, texts=600, wrong=0.3):
    """Two labels, evidence that is right on 80 %; where x is high, most given 1s should be 0."""
    rng = np.random.default_rng(seed)
    place = rng.normal(size=(texts, 4)).astype(np.float32)
    truth = rng.integers(0, 2, texts)
    given = truth.copy()
    ruled = (place[:, 0] > 0) & (truth == 0) & (rng.random(texts) < 2 * wrong)
    given[ruled] = 1
    says = np.where(rng.random(texts) < 0.8, truth, 1 - truth)
    log_prior = np.log(np.where(np.arange(2) == says[:, None], 0.8, 0.2))
    candidates = np.tile(np.arange(2), (texts, 1))
    shares = (candidates == given[:, None]).astype(float)
    points = points_of(log_prior, shares, candidates, given, np.zeros((0, texts, 2)), place)
    return points, truth, given


def taught(texts, truth, weight=None):
    one = (np.arange(2) == truth[texts][:, None]).astype(float)
    nothing = np.full((len(texts), 2), 0.5)
    return Taught(texts, one, np.ones(len(texts)) if weight is None else weight, nothing)


def corrected(points, said):
    """What is learned beside a fusion that knows nothing."""
    return correct(points, said, np.full(points.log_prior.shape, 0.5), CONFIG, 0)


def test_a_hundred_answers_teach_what_the_table_hides():
    points, truth, given = made_up(wrong=0.45)
    texts = np.sort(np.random.default_rng(1).choice(len(truth), 100, replace=False))
    found = corrected(points, taught(texts, truth))
    rest = np.setdiff1d(np.arange(len(truth)), texts)
    best = found.probabilities[rest].argmax(axis=1)
    as_given = (given[rest] == truth[rest]).mean()
    evidence = (points.log_prior[rest].argmax(axis=1) == truth[rest]).mean()
    assert (best == truth[rest]).mean() > max(as_given, evidence) + 0.03
    # And it is as sure as it is right.
    quality = found.probabilities[rest, given[rest]]
    assert abs(quality.mean() - as_given) < 0.08
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)
    assert sum(found.widths) == pytest.approx(1)


def test_an_answer_does_not_move_what_is_said_of_its_own_text():
    points, truth, _ = made_up(texts=200)
    texts = np.arange(0, 200, 4)
    right = taught(texts, truth)
    flipped = right.truth.copy()
    flipped[7] = flipped[7, ::-1]
    before = corrected(points, right).held_out
    found = corrected(points, replace(right, truth=flipped))
    # But for the few numbers of the level, which are learned from what others say.
    np.testing.assert_allclose(found.held_out[7], before[7], atol=0.005)
    assert np.abs(found.held_out - before).max() > 0.02


def test_the_order_of_answers_changes_nothing():
    points, truth, _ = made_up(texts=200)
    texts = np.arange(0, 200, 5)
    shuffled = np.random.default_rng(2).permutation(len(texts))
    one = corrected(points, taught(texts, truth))
    other = corrected(points, taught(texts[shuffled], truth))
    np.testing.assert_allclose(other.probabilities, one.probabilities, atol=1e-5)
    np.testing.assert_allclose(other.held_out, one.held_out[shuffled], atol=1e-5)


def test_labels_that_no_answer_has_as_candidates_are_still_predicted():
    points, truth, given = made_up(texts=120)
    candidates = points.candidates.copy()
    candidates[100:] = [5, 6]
    changed = Points(
        candidates,
        points.log_prior,
        points.given,
        np.where(np.arange(120) < 100, given, 5),
        points.sources,
        points.embeddings,
    )
    found = corrected(changed, taught(np.arange(60), truth))
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)


def test_an_answer_that_is_no_candidate_teaches_nothing():
    points, truth, _ = made_up(texts=120)
    texts = np.arange(40)
    some = taught(texts, truth)
    more = Taught(
        np.arange(41),
        np.concatenate([some.truth, np.zeros((1, 2))]),
        np.ones(41),
        np.full((41, 2), 0.5),
    )
    found = corrected(points, more)
    assert np.isfinite(found.probabilities).all()
    assert np.isfinite(found.held_out).all()


def test_answers_speak_for_as_many_texts_as_their_draw_says():
    # Two strata with other levels: the doubtful one was drawn ten times as often.
    points, truth, given = made_up(seed=3, texts=2000, wrong=0.4)
    doubtful = points.log_prior[np.arange(2000), given] < np.log(0.5)
    rng = np.random.default_rng(4)
    texts = np.sort(
        np.concatenate(
            [
                rng.choice(np.flatnonzero(doubtful), 100, replace=False),
                rng.choice(np.flatnonzero(~doubtful), 50, replace=False),
            ]
        )
    )
    inclusion = np.where(doubtful, 100 / doubtful.sum(), 50 / (~doubtful).sum())
    found = corrected(points, taught(texts, truth, weights_of(inclusion[texts])))
    quality = found.probabilities[np.arange(2000), given]
    assert abs(quality.mean() - (given == truth).mean()) < 0.04


def test_weights_by_hand():
    np.testing.assert_array_equal(weights_of(np.array([0.5, np.nan, 0.1])), [2, 1, 10])


def test_lists_of_widths_belong_together():
    with pytest.raises(ConfigError, match="belong together"):
        CorrectionConfig(text_spreads=(1.0,))


def test_what_does_not_help_is_left_out():
    # The fusion is right and sure of it; nothing that a hundred answers teach is as good.
    points, truth, _ = made_up(texts=400)
    believed = np.where(np.arange(2) == truth[:, None], 0.99, 0.01)
    texts = np.arange(0, 400, 4)
    said = replace(taught(texts, truth), believed=believed[texts])
    found = correct(points, said, believed, CONFIG, 0)
    # Each width keeps the one answer that it starts with, and little more.
    assert found.widths[0] > 0.7
    rest = np.setdiff1d(np.arange(400), texts)
    assert (found.probabilities[rest].argmax(axis=1) == truth[rest]).all()


def test_many_labels_are_learned_as_few_are(monkeypatch):
    """With many labels only products with a text's own candidates are made: the same numbers."""
    points, truth, _ = made_up(texts=300)
    said = taught(np.arange(0, 300, 5), truth)
    whole = corrected(points, said)
    monkeypatch.setattr("labelmend.relabel.labelmodel.correction._MOST_PRODUCTS", 0)
    sparse = corrected(points, said)
    np.testing.assert_allclose(sparse.probabilities, whole.probabilities, atol=1e-4)
    np.testing.assert_allclose(sparse.held_out, whole.held_out, atol=1e-4)
