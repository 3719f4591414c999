import math

import pytest

from labelmend.review.outlook import Pace, likely_wrong, outlook, rows_to_width, standing


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_the_rate_leaves_pauses_out():
    clock = Clock()
    pace = Pace(clock)
    assert pace.per_minute() is None
    for seconds in (0, 6, 12, 1000, 1006):
        clock.now = float(seconds)
        pace.add()
    assert pace.count == 5
    assert pace.per_minute() == pytest.approx(10)  # three gaps of six seconds


def test_the_rate_is_of_the_last_answers():
    clock = Clock()
    pace = Pace(clock)
    for step in range(60):
        clock.now += 30 if step < 30 else 3
        pace.add()
    assert pace.per_minute() == pytest.approx(20)


def test_widths_that_fall_with_the_square_root():
    # 50 answers, 0.2 wide; 50 more make it 0.2 / sqrt(2). A width of 0.1 needs four times as many.
    assert rows_to_width(50, 0.2, 0.2 / math.sqrt(2), 0.1) == pytest.approx(150, abs=1)
    assert rows_to_width(50, 0.2, 0.1, 0.1) == 50


def test_widths_of_which_nothing_can_be_said():
    assert rows_to_width(50, 0.1, 0.08, 0.1) == 0
    assert rows_to_width(0, 1.0, 0.5, 0.1) is None
    assert rows_to_width(50, 0.2, 0.2, 1e-300) is None
    assert rows_to_width(50, 0.2, 0.19, 1e-300) is None


def test_fifty_more_may_tell_nothing_as_where_there_are_no_fifty():
    assert rows_to_width(50, 0.2, 0.2, 0.1) == 150
    assert rows_to_width(50, 0.2, 0.0, 0.1) == 150


def test_what_the_audit_proves_so_far(certificate):
    found = standing(certificate)
    assert found["answered"] == 97
    assert not found["anytime"]
    after = found["figures"][1]
    assert after == {"name": "wrong_after", "estimate": 0.1, "low": 0.0625, "high": 0.15}
    # 0.0875 wide, 0.07 after 147: 0.05 takes 147 * (0.07 / 0.05) ** 2 = 288.1.
    assert outlook(certificate, 0.05) == {"goal": 0.05, "more": 289 - 97}
    # Between the two the power is ln(1.25) / ln(147 / 97).
    power = math.log(0.0875 / 0.07) / math.log(147 / 97)
    near = outlook(certificate, 0.08)["more"]
    assert near == math.ceil(97 * (0.0875 / 0.08) ** (1 / power) - 97)
    assert outlook(certificate, 0.09)["more"] == 0
    assert outlook(certificate, 0.001)["more"] == 1500 - 97


def test_how_many_of_the_next_rows_are_likely_wrong():
    assert likely_wrong([0.5] * 30) == {"rows": 25, "wrong": 12.5}
    assert likely_wrong([]) == {"rows": 0, "wrong": 0.0}
