"""What models say of a batch, in numbers, worked out by hand."""

import numpy as np
import pytest

from labelmend.serve.models.scored import Scored, SetsScored, SoftScored


def test_one_label_a_text():
    shares = np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    found = Scored(np.array([1, 0]), np.array([False, True]), shares)
    assert found.top(2).tolist() == [[1, 2], [0, 1]]
    tally = found.tally()
    assert (tally.texts, tally.flagged, tally.labels.tolist()) == (2, 1, [1, 0])
    assert tally.doubts.tolist() == pytest.approx([0.5, 0.6])


def test_several_labels_a_text():
    shares = np.array(
        [[0.9, 0.1, 0.2, 0.8, 0.05], [0.1, 0.3, 0.3, 0.3, 0.3], [0.5, 0.4, 0.3, 0.2, 0.0]]
    )
    called = np.array([[1, 0, 0, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0]], dtype=bool)
    found = SetsScored(shares, called)
    # A label may be called that is less likely.
    assert found.worth_saying(3) == [[0, 3, 2], [1, 2, 3], [0, 1, 2, 3]]
    assert found.worth_saying(9) == [[0, 3, 2, 1, 4], [1, 2, 3, 4, 0], [0, 1, 2, 3, 4]]
    right = [0.9 * 0.9 * 0.8 * 0.8 * 0.95, 0.9 * 0.7**4, 0.5 * 0.6 * 0.7 * 0.2]
    assert found.all_right().tolist() == pytest.approx(right)
    tally = found.tally()
    assert (tally.texts, tally.flagged, sorted(tally.labels.tolist())) == (3, 0, [0, 3, 3])
    assert tally.doubts.tolist() == pytest.approx([1 - one for one in right])


def test_soft_targets():
    tally = SoftScored(np.zeros((4, 2))).tally()
    assert (tally.texts, tally.flagged, len(tally.labels), len(tally.doubts)) == (4, 0, 0, 0)
