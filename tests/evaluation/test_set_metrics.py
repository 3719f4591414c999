"""The metrics of label sets, held to scikit-learn's own on the same predictions."""

import numpy as np
import pytest
from sklearn import metrics

from labelmend.evaluation.set_metrics import (
    SetCounts,
    evaluate_sets,
    ranking_precision,
    resamples,
    set_headline,
)

LABELS = tuple("abcdef")


@pytest.fixture
def drawn():
    """Sixty rows; the last label holds nowhere, the one before everywhere, and many are tied."""
    rng = np.random.default_rng(3)
    truth = rng.random((60, 6)) < (0.5, 0.3, 0.1, 0.4, 0, 0)
    truth[:, 4] = True
    likely = np.round(np.clip(0.4 * truth + 0.7 * rng.random((60, 6)), 0, 1), 1)
    return truth, likely >= 0.5, likely


def test_figures_are_those_of_scikit_learn(drawn):
    truth, called, likely = drawn
    found = evaluate_sets(truth, called, likely, LABELS)
    there = truth.any(axis=0)
    assert found.rows == found.texts == 60
    assert found.micro_f1.value == pytest.approx(metrics.f1_score(truth, called, average="micro"))
    assert found.macro_f1.value == pytest.approx(
        metrics.f1_score(truth[:, there], called[:, there], average="macro")
    )
    assert found.subset_accuracy.value == pytest.approx(metrics.accuracy_score(truth, called))
    assert found.ranking.value == pytest.approx(
        metrics.label_ranking_average_precision_score(truth, likely)
    )
    assert list(found.labels) == list("abcde")
    for k, label in enumerate("abcde"):
        one = found.labels[label]
        scores = metrics.precision_recall_fscore_support(
            truth[:, k], called[:, k], average="binary"
        )
        assert (one.precision, one.recall, one.f1.value) == pytest.approx(scores[:3])
        assert one.average_precision.value == pytest.approx(
            metrics.average_precision_score(truth[:, k], likely[:, k])
        )
        if label == "e":  # holds everywhere
            assert one.roc_auc is None
        else:
            auc = metrics.roc_auc_score(truth[:, k], likely[:, k])
            assert one.roc_auc.value == pytest.approx(auc)
            assert one.roc_auc.low < auc < one.roc_auc.high
    aucs = [found.labels[label].roc_auc.value for label in "abcd"]
    assert found.roc_auc == pytest.approx(np.mean(aucs))


def test_weights_are_those_of_rows(drawn):
    truth, called, _ = drawn
    (weights, *_) = resamples(60, 0)
    counts = SetCounts.of(truth, called, np.arange(60))
    for drawn_rows, micro, each in zip(
        weights[:5], counts.micro_f1(weights), counts.f1_by_label(weights), strict=False
    ):
        copied = np.repeat(np.arange(60), drawn_rows.astype(int))
        assert micro == pytest.approx(
            metrics.f1_score(truth[copied], called[copied], average="micro")
        )
        carried = truth[copied].any(axis=0)
        assert counts.macro_f1(drawn_rows[None]) == pytest.approx(
            metrics.f1_score(truth[copied][:, carried], called[copied][:, carried], average="macro")
        )
        assert each == pytest.approx(
            metrics.f1_score(truth[copied], called[copied], average=None, zero_division=0)
        )


def test_intervals_draw_texts_and_not_copies():
    """Ten texts, each of them ten times, leave as much to chance as ten."""
    rng = np.random.default_rng(0)
    truth, likely = rng.random((10, 2)) < 0.5, rng.random((10, 2))
    once = evaluate_sets(truth, likely > 0.5, likely, ("a", "b"))
    many = np.repeat(np.arange(10), 10)
    again = evaluate_sets(truth[many], likely[many] > 0.5, likely[many], ("a", "b"), text_of=many)
    assert again.texts == 10
    assert again.micro_f1 == once.micro_f1
    assert again.subset_accuracy.low == pytest.approx(once.subset_accuracy.low)
    assert again.labels["a"].roc_auc.low == pytest.approx(once.labels["a"].roc_auc.low)


def test_labels_that_the_classifier_lacks_count_as_never_called():
    truth = np.array([[1, 1], [0, 1], [0, 0]], dtype=bool)
    found = evaluate_sets(truth, truth[:, :1], np.array([[0.9], [0.2], [0.1]]), ("a", "new"))
    assert found.labels["a"].f1.value == 1.0
    assert found.labels["new"].f1.value == found.labels["new"].recall == 0.0
    assert (found.labels["new"].roc_auc, found.labels["new"].average_precision) == (None, None)
    assert found.macro_f1.value == 0.5
    assert found.subset_accuracy.value == pytest.approx(1 / 3)
    assert set_headline(found)["average precision, mean over labels"].value == 1.0


def test_a_row_without_labels_ranks_right():
    truth = np.array([[0, 0], [1, 1], [1, 0], [0, 1]], dtype=bool)
    likely = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]])
    assert ranking_precision(truth, likely).tolist() == [1.0, 1.0, 1.0, 0.5]
