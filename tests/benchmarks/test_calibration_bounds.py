import numpy as np
import pytest
from calibration_bounds import Bounds, bounds, report


def test_bounds_by_hand():
    # Half of the labels are right, and all are thought to be at 0.9.
    quality, good = np.full(100, 0.9), np.arange(100) < 50
    found = bounds(quality, good, np.random.default_rng(0))
    assert (found.error, found.level) == pytest.approx((0.4, 0.4))
    assert found.level_known == pytest.approx(0, abs=1e-6)
    # The mean deviation of a share of 100 that is 0.9.
    assert found.by_chance == pytest.approx(0.024, abs=0.008)


def test_the_mean_is_that_of_the_tables():
    text = report({"a": [Bounds(0.2, 0.1, 0.0, 0.1)] * 2, "b": [Bounds(0.4, 0.1, 0.2, 0.1)]}, "run")
    assert "| a | 0.200 | 0.100 | 0.000 | 0.100 |" in text
    assert text.splitlines()[-1] == "| **mean** | 0.300 | 0.100 | 0.100 | 0.100 |"
