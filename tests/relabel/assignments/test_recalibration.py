"""What answers teach of other assignments."""

import numpy as np
import pytest
from scipy.special import logit

from labelmend.relabel.assignments.answers import AnsweredTexts
from labelmend.relabel.assignments.recalibration import recalibrated

NOBODY = AnsweredTexts.none(2)


def answered(truth):
    return AnsweredTexts(np.arange(2000), truth[:2000].astype(float))


def made(rows, labels=2, seed=0):
    rng = np.random.default_rng(seed)
    holds = rng.random((rows, labels))
    return holds, rng.random((rows, labels)) < 0.5, rng


def test_without_answers_the_prior_alone_is_averaged_out():
    holds, evidence = np.array([[0.2, 0.9]]), np.array([[0.1, 0.7]])
    found, spread = recalibrated(holds, evidence, np.array([[True, False]]), NOBODY)
    # Slopes' logarithms have a deviation of 0.5, offsets of 1.5, labels' own of 0.7.
    variance = (0.5 * logit(evidence)) ** 2 + 1.5**2 + 0.7**2
    np.testing.assert_allclose(spread, np.sqrt(variance))
    np.testing.assert_allclose(logit(found), logit(holds) / np.sqrt(1 + np.pi / 8 * variance))


def test_what_is_believed_too_much_of_the_given_is_believed_less():
    holds, given, rng = made(4000)
    # Given labels hold with less than is believed, by two nats; the others as is believed.
    truth = rng.random(holds.shape) < 1 / (1 + np.exp(-(logit(holds) - 2 * given)))
    found, _ = recalibrated(holds, np.full_like(holds, 0.5), given, answered(truth))
    moved = (logit(found) - logit(holds))[2000:]
    assert moved[given[2000:]].mean() == pytest.approx(-2, abs=0.15)
    assert moved[~given[2000:]].mean() == pytest.approx(0, abs=0.15)


def test_a_label_has_an_offset_of_its_own():
    holds, given, rng = made(4000, labels=3)
    off = np.array([0.0, 0.0, 1.5])
    truth = rng.random(holds.shape) < 1 / (1 + np.exp(-(logit(holds) + off)))
    found, _ = recalibrated(holds, np.full_like(holds, 0.5), given, answered(truth))
    moved = (logit(found) - logit(holds))[2000:].mean(axis=0)
    np.testing.assert_allclose(moved, off, atol=0.25)


def test_evidence_counts_no_more_than_where_answers_reach():
    holds, given, rng = made(400, labels=1)
    given[:] = True
    evidence = holds.copy()
    evidence[-1], holds[-1] = 1e-6, 1e-6
    found, _ = recalibrated(
        holds, evidence, given, AnsweredTexts(np.arange(200), rng.random((200, 1)) < holds[:200])
    )
    # The tenth least of the answered.
    edge = np.sort(holds[:200, 0])[9]
    assert found[-1] == pytest.approx(
        np.interp(edge, *np.sort([holds[:, 0], found[:, 0]], axis=1)), rel=0.2
    )


def test_a_label_in_all_rows_and_one_in_none():
    given = np.array([[True, False]] * 60)
    evidence = np.array([[0.999, 0.001]] * 60)
    found, spread = recalibrated(
        evidence, evidence, given, AnsweredTexts(np.arange(60), given.astype(float))
    )
    assert np.isfinite(spread).all()
    assert (found[:, 0] > 0.9).all()
    assert (found[:, 1] < 0.1).all()
