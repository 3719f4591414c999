import time

import pytest

from labelmend.stopwatch import Stopwatch


def test_an_inner_stage_is_not_the_outer_ones():
    watch = Stopwatch()
    with watch.stage("outer"):
        time.sleep(0.05)
        with watch.stage("inner"):
            time.sleep(0.1)
    with watch.stage("outer"):
        time.sleep(0.05)
    assert list(watch.seconds) == ["outer", "inner"]
    assert watch.seconds["outer"] == pytest.approx(0.1, abs=0.06)
    assert watch.seconds["inner"] == pytest.approx(0.1, abs=0.06)


def test_a_stage_that_fails_ends():
    watch = Stopwatch()
    with pytest.raises(ValueError, match="x"), watch.stage("fails"):
        raise ValueError("x")
    time.sleep(0.05)
    with watch.stage("next"):
        pass
    assert watch.seconds["fails"] < 0.05
