import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from labelmend.classify.classifier import Predictions
from labelmend.evaluation.evaluate import evaluate, reliability_curve

LABELS = ("a", "b", "oos")


def predictions(probabilities, flagged, oos=2):
    probabilities = np.array(probabilities, dtype=np.float64)
    flagged = np.array(flagged, dtype=bool)
    inside = probabilities.copy()
    if oos is not None:
        inside[:, oos] = -1
    best = inside.argmax(axis=1)
    labels = best if oos is None else np.where(flagged, oos, best)
    return Predictions(labels, flagged, probabilities[:, -1].copy(), probabilities)


def test_every_figure_by_hand():
    truth = np.array([0, 0, 1, 2, 2])
    found = predictions(
        [[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.1, 0.7, 0.2], [0.2, 0.2, 0.6], [0.5, 0.1, 0.4]],
        [False, False, True, True, False],
    )
    m = evaluate(truth, found, LABELS, 2)
    # Called: a, b, oos, oos, a.
    assert m.rows == 5
    assert m.accuracy == 2 / 5
    assert m.plain_accuracy == 3 / 5  # a, b, b, oos, a
    assert m.in_scope_accuracy == 1 / 3
    assert m.oos_recall == 1 / 2
    assert m.oos_precision == 1 / 2
    assert m.oos_auroc == 1.0
    a, b, oos = (m.labels[name] for name in LABELS)
    assert (a.precision, a.recall, a.f1, a.rows) == (0.5, 0.5, 0.5, 2)
    assert (b.precision, b.recall, b.f1, b.rows) == (0.0, 0.0, 0.0, 1)
    assert (oos.precision, oos.recall, oos.f1, oos.rows) == (0.5, 0.5, 0.5, 2)
    assert m.macro_f1 == pytest.approx(1 / 3)
    assert m.weighted_f1 == pytest.approx((2 * 0.5 + 2 * 0.5) / 5)
    likelihood = np.array([0.8, 0.3, 0.7, 0.6, 0.4])
    assert m.log_loss == pytest.approx(-np.log(likelihood).mean())
    # Highest probabilities 0.8, 0.6, 0.7, 0.6, 0.5, of these right: 1, 0, 1, 1, 0. Bins of 1/15:
    # 0.6 and 0.6 share one: |1.2 - 1| = 0.2; the others stand alone: 0.2, 0.3, 0.5.
    assert m.ece == pytest.approx((0.2 + 0.2 + 0.3 + 0.5) / 5)
    assert sum(part.rows for part in m.reliability) == 5


def test_roc_auc_is_the_mean_of_one_against_the_rest():
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=60)
    probabilities = rng.dirichlet([1, 1, 1], size=60)
    m = evaluate(truth, predictions(probabilities, np.zeros(60)), LABELS, 2)
    theirs = roc_auc_score(truth, probabilities, multi_class="ovr", average="macro")
    assert m.roc_auc == pytest.approx(theirs)


def test_a_test_set_that_lacks_a_label_counts_the_others():
    found = predictions([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]], [False, True])
    m = evaluate(np.array([0, 1]), found, LABELS, 2)
    assert m.macro_f1 == 0.5
    assert m.roc_auc == 1.0
    assert (m.oos_recall, m.oos_precision, m.oos_auroc) == (None, None, None)


def test_an_oos_label_that_only_the_test_set_has():
    found = predictions([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], [False, True, True], oos=None)
    m = evaluate(np.array([0, 2, 2]), found, LABELS, 2)
    assert m.accuracy == 1.0
    assert (m.oos_recall, m.oos_precision) == (1.0, 1.0)
    # No probability was given to a label that was never trained on.
    assert m.log_loss == pytest.approx(-np.log(0.9))


def test_reliability_bins():
    curve = reliability_curve(np.array([0.99, 1.0, 0.5]), np.array([True, False, True]))
    assert [(part.rows, part.accuracy) for part in curve] == [(1, 1.0), (2, 0.5)]
    assert curve[1].confidence == pytest.approx(0.995)
    assert (curve[1].low, curve[1].high) == (14 / 15, 1.0)
