import numpy as np
import pytest

from labelmend.audit.figures import NAMES, Effort, Sample, figures
from labelmend.audit.outlook import further_widths, width, widths
from labelmend.audit.strata import Kind, Stratum


@pytest.fixture
def strata():
    return (
        Stratum("kept 1", Kind.KEPT, 0.01, np.arange(600)),
        Stratum("kept 2", Kind.KEPT, 0.2, np.arange(600, 900)),
        Stratum("changed", Kind.CHANGED, 0.1, np.arange(900, 1000)),
    )


def test_more_rows_make_narrower_intervals(strata):
    told = [widths(strata, rows, seed=0) for rows in (50, 200, 1000)]
    assert [list(one) for one in told] == [list(NAMES)] * 3
    for name in NAMES:
        few, many, whole = (one[name] for one in told)
        assert 0.0 == whole < many < few < 1
    assert widths(strata, 50, seed=0) == told[0]


def test_what_is_told_comes_about(strata):
    rng = np.random.default_rng(0)
    found = []
    for _ in range(20):
        wrong = rng.binomial([40, 40, 20], [0.03, 0.4, 0.2])
        given = np.array([wrong[0], wrong[1], 20 - wrong[2] // 2])
        sample = Sample(
            np.array([Kind.KEPT, Kind.KEPT, Kind.CHANGED]),
            np.array([600, 300, 100]),
            np.array([40, 40, 20]),
            given,
            wrong,
            np.array([0.01, 0.2, 0.1]),
        )
        found.append(
            [width(figure, "fixed_95") for figure in figures(sample, Effort(0, 1000, "fixed_95"))]
        )
    told = widths(strata, 100, seed=0)
    assert np.mean(found, axis=0) == pytest.approx(list(told.values()), rel=0.4)


def test_further_answers_narrow_and_no_rows_left_leave_nothing_open():
    sample = Sample(
        np.array([Kind.KEPT, Kind.CHANGED]),
        np.array([100, 20]),
        np.array([30, 10]),
        np.array([3, 9]),
        np.array([3, 1]),
        np.array([0.1, 0.1]),
    )
    now = {f.name: f for f in figures(sample, Effort(0))}
    for headline in ("fixed_95", "anytime_95"):
        some = further_widths(sample, 50, headline, seed=0)
        assert all(some[name] < width(now[name], headline) for name in NAMES)
        assert set(further_widths(sample, 500, headline, seed=0).values()) == {0.0}
