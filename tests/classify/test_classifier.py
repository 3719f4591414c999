import numpy as np
import pytest

from labelmend.classify.calibrate import OosDetector
from labelmend.classify.classifier import Nearness, assemble

AXES = np.eye(4, dtype=np.float32)


def detector(threshold, slope=1.0, signs=3):
    # The score is the second sign: how little resembles the text.
    weights = np.eye(signs)[1]
    offset = None if slope is None else 0.0
    return OosDetector(np.zeros(signs), weights, slope, offset, threshold, "oos texts")


def test_nearness_is_the_mean_of_the_nearest_and_passes_over_the_text_itself():
    references = np.array([[1, 0, 0, 0], [0.5, 0.75, 0, 0], [0, 1, 0, 0]], dtype=np.float16)
    near = Nearness(references, 2)
    # Cosines of the first axis with them: 1, 0.5, 0.
    assert near.of(AXES[:1]).tolist() == [0.75]
    assert near.of(AXES[:1], own=np.array([0])).tolist() == [0.25]
    assert near.of(AXES[:1], own=np.array([-1])).tolist() == [0.75]


def test_nearness_where_there_are_fewer_references():
    alone = Nearness(np.array([[1, 0, 0, 0]], dtype=np.float16), 3)
    assert alone.of(AXES[:2]).tolist() == [1.0, 0.0]
    assert alone.of(AXES[:1], own=np.array([0])).tolist() == [0.0]


def test_oos_takes_its_share_and_the_labels_share_the_rest():
    scores = np.log(np.array([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]])) / 2
    found = assemble(scores, 2.0, 1, np.array([np.log(3), -np.log(3)]), detector(0.0))
    # P(oos) = expit(-log 3) = 1/4 and expit(log 3) = 3/4; the rest is shared 6 : 1.
    np.testing.assert_allclose(
        found.probabilities,
        [[0.75 * 6 / 7, 0.25, 0.75 / 7], [0.25 * 6 / 7, 0.75, 0.25 / 7]],
    )
    assert found.is_oos.tolist() == [False, True]
    assert found.labels.tolist() == [0, 1]
    assert found.top(2).tolist() == [[0, 1], [1, 0]]


def test_the_flag_decides_not_the_most_probable_label():
    scores = np.log(np.array([[0.2, 0.7, 0.1]]))
    kept = assemble(scores, 1.0, 1, np.array([-1.0]), detector(2.0))
    assert (kept.labels.tolist(), kept.is_oos.tolist()) == ([0], [False])
    assert kept.probabilities.argmax() == 1


def test_without_an_oos_label_the_flag_stands_beside_the_probabilities():
    scores = np.log(np.array([[0.2, 0.8]]))
    found = assemble(scores, 1.0, None, np.array([-1.0]), detector(0.5, slope=None, signs=2))
    assert (found.labels.tolist(), found.is_oos.tolist()) == ([1], [True])
    np.testing.assert_allclose(found.probabilities, [[0.2, 0.8]])
    assert found.oos_scores.tolist() == [1.0]


def test_a_detector_without_probability_leaves_that_of_the_oos_label():
    scores = np.log(np.array([[0.5, 0.4, 0.1]]))
    found = assemble(scores, 1.0, 1, np.array([0.0]), detector(0.5, slope=None))
    np.testing.assert_allclose(found.probabilities, [[0.5, 0.4, 0.1]])


def test_equal_probabilities_rank_by_label():
    scores = np.zeros((1, 3))
    found = assemble(scores, 1.0, None, np.array([0.0]), detector(9.0, signs=2))
    assert found.top(3).tolist() == [[0, 1, 2]]
    assert found.labels.tolist() == [0]
    assert found.probabilities.sum() == pytest.approx(1)
