"""Plots and their tables say the same, and what they say is counted by hand."""

import numpy as np
import pytest

from labelmend.classify.calibrate import TradeOff
from labelmend.evaluation.baseline import by_condition
from labelmend.evaluation.comparison import AFTER, BEFORE
from labelmend.evaluation.evaluate import ReliabilityBin
from labelmend.report.classifier_plots import (
    label_plot,
    mean_curve,
    pooled_bins,
    reliability_plot,
    trade_off_plot,
)
from labelmend.report.comparison import label_f1


def test_bins_of_several_trainings_are_pooled_by_their_rows():
    one = ReliabilityBin(0.0, 0.5, 3, 0.4, 1.0)
    other = ReliabilityBin(0.0, 0.5, 1, 0.2, 0.0)
    alone = ReliabilityBin(0.5, 1.0, 2, 0.9, 0.5)
    # (3 * 0.4 + 0.2) / 4 and 3 of 4
    assert pooled_bins([[one, alone], [other]]) == (
        ReliabilityBin(0.0, 0.5, 4, pytest.approx(0.35), 0.75),
        alone,
    )


def test_curves_are_averaged_at_equal_recall():
    # The first finds half at an accuracy of 0.8, all at 0.6; the second all at once at 0.4.
    first = TradeOff(np.array([3.0, 2, 1]), np.array([1.0, 0.8, 0.6]), np.array([0.0, 0.5, 1.0]))
    second = TradeOff(np.array([9.0, 8]), np.array([1.0, 0.4]), np.array([0.0, 1.0]))
    curve = mean_curve([first, second])
    assert curve[0] == 1.0
    assert curve[10] == pytest.approx((0.8 + 0.4) / 2)  # recall 0.5
    assert curve[11] == pytest.approx((0.6 + 0.4) / 2)
    assert curve[20] == pytest.approx((0.6 + 0.4) / 2)


def test_f1_of_labels_before_and_after(training_runs, known):
    conditions = by_condition(training_runs, "logreg")
    scores = {label: (a, b) for label, a, b in label_f1(conditions[BEFORE], conditions[AFTER])}
    # A: 1 of 2 said and 1 of 3 there, then 2 of 2 and 2 of 3: 2/5 and 4/5.
    assert scores[known.A] == pytest.approx((2 / 5, 4 / 5))
    # B: 2 of 4 and 2 of 2, then 2 of 3 and 2 of 2: 2/3 and 4/5.
    assert scores[known.B] == pytest.approx((2 / 3, 4 / 5))
    assert scores[known.OOS] == pytest.approx((2 / 3, 1.0))
    plot = label_plot("logreg", by_condition(training_runs, "logreg"))
    # F1, precision and recall, each before and after.
    figures = ("40.0", "80.0", "50.0", "100.0", "33.3", "66.7")
    assert plot.numbers.rows[0] == (known.A, "3", "+40.00", *figures)
    drawn = plot.figure["data"][-1]
    assert drawn["x"][0] == pytest.approx(80.0)


def test_labels_are_no_markup_to_plotly(training_runs):
    plot = label_plot("logreg", by_condition(training_runs, "logreg"))
    ticks = plot.figure["layout"]["yaxis"]["ticktext"]
    assert "b &amp; &lt;b&gt;c&lt;/b&gt;" in ticks
    assert not any("<" in tick for tick in ticks)


def test_reliability_says_how_sure_and_how_right(training_runs):
    plot = reliability_plot("logreg", by_condition(training_runs, "logreg"))
    # All seven are called with 0.8; four, six and seven of them are right.
    assert [row[1:] for row in plot.numbers.rows] == [
        ("7", "80.0", "57.1"),
        ("7", "80.0", "85.7"),
        ("7", "80.0", "100.0"),
    ]


def test_the_trade_off_needs_out_of_scope_texts(training_runs, training_runs_without_oos):
    assert trade_off_plot("logreg", by_condition(training_runs_without_oos, "logreg")) is None
    plot = trade_off_plot("logreg", by_condition(training_runs, "logreg"))
    # The bars as set: one of two found and three of five right before, then both and four.
    assert plot.numbers.rows[-3:] == (
        ("as set for as given: 50.0%", "60.0", "", ""),
        ("as set for mended: 100.0%", "", "80.0", ""),
        ("as set for gold: 100.0%", "", "", "100.0"),
    )
