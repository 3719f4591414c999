"""The benchmark of labels from nothing: what it draws, and what it measures."""

from collections import Counter

import from_scratch
import numpy as np


def test_shares_follow_a_power_law():
    rows = [(f"{label} {i}", label) for label in "abcdefghij" for i in range(100)]
    counts = sorted(Counter(label for _, label in from_scratch.uneven(rows, 0)).values())
    assert (counts[0], counts[-1]) == (2, 100)
    # With ten labels the exponent is log(50) / log(10) = 1.699: 100 * 2 ** -1.699 = 30.8.
    assert counts[-2] == 31
    assert (
        from_scratch.uneven(rows, 0) == from_scratch.uneven(rows, 0) != from_scratch.uneven(rows, 1)
    )


def test_so_many_rows_of_each_label_keep_it():
    truth = list("aabbbccccc")
    found = from_scratch.drawn(truth, 2)
    assert Counter(truth[i] for i in found) == {"a": 2, "b": 2, "c": 2}


def test_calibration_error_by_hand():
    confidence = np.repeat(np.linspace(0.05, 0.95, 10), 10)
    assert from_scratch.calibration_error(confidence, np.ones(100)) - 0.5 < 1e-9
    told = np.array([i % 10 < round(10 * c + 0.5) for i, c in enumerate(confidence)])
    assert abs(from_scratch.calibration_error(confidence, told) - 0.05) < 1e-9
