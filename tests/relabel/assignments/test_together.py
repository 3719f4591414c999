"""What a text's other labels say of one."""

import numpy as np
import pytest

from labelmend.parallel import LOCAL
from labelmend.relabel.assignments import together
from labelmend.relabel.assignments.together import with_others
from labelmend.relabel.evidence.classifier import drawn_folds

TEXTS, OPEN = 400, 30


@pytest.fixture
def beliefs():
    """What holds, the evidence on it, and what is believed, as labels were given.

    Where 0 holds, 1 does, and never 2; 3 knows nothing of them. Of 1 and 2 the evidence on half of
    the texts is open, and of the first 30 nothing was given that would tell.
    """
    rng = np.random.default_rng(0)
    first = rng.random(TEXTS) < 0.4
    third = ~first & (rng.random(TEXTS) < 0.6)
    truth = np.stack([first, first, third, rng.random(TEXTS) < 0.5], axis=1)
    evidence = np.where(truth, 0.98, 0.02)
    evidence[: TEXTS // 2, 1:3] = 0.4
    holds = np.where(truth, 0.95, 0.05)
    holds[:OPEN, 1:3] = 0.4
    return truth, evidence, holds


def folds():
    return drawn_folds(TEXTS, 8, 1)


def test_labels_that_go_together_speak_for_each_other(beliefs):
    truth, evidence, holds = beliefs
    found = with_others(evidence, holds, folds(), LOCAL)
    here = truth[:OPEN, 0]
    assert found[:OPEN, 1][here].min() > 0.6 > 0.3 > found[:OPEN, 1][~here].max()
    # 0.4 without: what excludes it is there, or isn't.
    third = found[:OPEN, 2]
    assert third[here].max() < 0.375 < third[~here].min()
    # What nothing goes with is as sure as it was, and what was sure is no less so.
    assert ((found[:, 3] > 0.5) == truth[:, 3]).all()
    assert ((found[:, 0] > 0.5) == truth[:, 0]).all()


def test_a_labels_own_belief_is_in_none_of_its_evidence(beliefs):
    _, evidence, holds = beliefs
    plain = with_others(evidence, holds, folds(), LOCAL)
    # Two texts of one fold change their beliefs on label 1 in opposite ways, so that the mean and
    # the models that score them stay as they were.
    one, other = np.flatnonzero(folds() == 3)[:2]
    changed = holds.copy()
    changed[one, 1] += 0.02
    changed[other, 1] -= 0.02
    found = with_others(evidence, changed, folds(), LOCAL)
    moved = np.abs(found - plain)[[one, other]]
    np.testing.assert_allclose(moved[:, 1], 0, atol=1e-6)
    assert (moved[:, 0] > 1e-5).all()


def test_the_order_of_labels_is_nothing_to_it(beliefs):
    _, evidence, holds = beliefs
    turned = [2, 0, 3, 1]
    plain = with_others(evidence, holds, folds(), LOCAL)[:, turned]
    found = with_others(evidence[:, turned], holds[:, turned], folds(), LOCAL)
    np.testing.assert_allclose(found, plain, atol=5e-3)


def test_very_many_labels_are_left_alone(beliefs, monkeypatch):
    _, evidence, holds = beliefs
    monkeypatch.setattr(together, "_MOST", TEXTS * 16 - 1)
    assert with_others(evidence, holds, folds(), LOCAL) is evidence
    monkeypatch.setattr(together, "_MOST", TEXTS * 16)
    assert with_others(evidence, holds, folds(), LOCAL) is not evidence
