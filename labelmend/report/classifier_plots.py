"""Plots of what classifiers make of the labels as given and as mended."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labelmend.classify.calibrate import TradeOff
from labelmend.evaluation.baseline import TrainingRun
from labelmend.evaluation.compare import Outcome
from labelmend.evaluation.comparison import AFTER, BEFORE, GOLD
from labelmend.evaluation.evaluate import ReliabilityBin
from labelmend.extras import require
from labelmend.report.comparison import (
    LABEL_FIGURES,
    interval_in_words,
    label_f1,
    label_heads,
    label_mean,
    mean_figure,
    points,
)
from labelmend.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    VERMILION,
    Numbers,
    Plot,
    as_json,
    plain,
    short,
    words_above,
)
from labelmend.types import Doubles
from labelmend.voice.speak import number, retell, tell

SHOWN_LABELS = 20
"""Labels that are drawn; the table has all."""

_CURVE = np.linspace(0, 1, 21)
"""Recalls at which trade-offs are averaged."""

_TOLERANCE = 1e-9
"""Recalls this close are equal: they are quotients, and the steps of the curve are not."""

_OF_CONDITION = {
    BEFORE: (VERMILION, "circle-open", "dot"),
    AFTER: (BLUE, "circle", "solid"),
    GOLD: (GREEN, "diamond", "dash"),
}
_OTHER_CONDITIONS = ((ORANGE, "square", "dashdot"), (PURPLE, "triangle-up", "longdash"))


def change_plot(outcomes: Sequence[Outcome]) -> Plot:
    """Show how much each figure changed, with its interval."""
    require("plotly")
    import plotly.graph_objects as go

    lines = [(outcome.kind, d) for outcome in outcomes for d in outcome.differences]
    figure = go.Figure(
        go.Scatter(
            x=[100 * d.change for _, d in lines],
            y=list(range(len(lines))),
            mode="markers",
            marker={"color": BLUE, "size": 11},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [100 * (d.high - d.change) for _, d in lines],
                "arrayminus": [100 * (d.change - d.low) for _, d in lines],
                "color": BLUE,
                "thickness": 2.5,
            },
            hovertemplate=tell("%{{x:+.2f}} points") + "<extra></extra>",
        )
    )
    names = [
        tell("{kind}, {figure:words}", kind=kind, figure=difference.figure)
        for kind, difference in lines
    ]
    above = [
        tell("{figure}: {change} points", figure=name, change=points(d.change))
        for name, (_, d) in zip(names, lines, strict=True)
    ]
    words_above(figure, above)
    figure.add_vline(x=0, line={"color": INK, "width": 1.5}, layer="below")
    figure.update_xaxes(title=tell("change in points, mended - as given"))
    return Plot(
        "change",
        tell("How much the classifiers changed"),
        tell(
            "Dots are the change from training on the labels as given to training on the mended "
            "ones; right of the line is better. Bars are 95 % intervals over the test rows: one "
            "that crosses the line shows no difference."
        ),
        as_json(figure),
        Numbers(
            tell("Change by classifier and figure, in per cent and points"),
            (
                tell("classifier and figure"),
                *map(retell, (BEFORE, AFTER)),
                tell("change"),
                tell("95 % interval"),
            ),
            tuple(
                (
                    name,
                    number(100 * d.before, ".2f"),
                    number(100 * d.after, ".2f"),
                    points(d.change),
                    interval_in_words(d),
                )
                for name, (_, d) in zip(names, lines, strict=True)
            ),
        ),
    )


def label_plot(kind: str, conditions: Mapping[str, Sequence[TrainingRun]]) -> Plot:
    """Show each label's F1 before and after, for the labels where it changed most."""
    require("plotly")
    import plotly.graph_objects as go

    scores = label_f1(conditions[BEFORE], conditions[AFTER])
    shown = scores[:SHOWN_LABELS]
    places = list(range(len(shown)))
    figure = go.Figure()
    for place, (_, before, after) in zip(places, shown, strict=True):
        figure.add_scatter(
            x=[100 * before, 100 * after],
            y=[place, place],
            mode="lines",
            line={"color": GREY, "width": 2},
            hoverinfo="skip",
            showlegend=False,
        )
    for name, column in ((BEFORE, 1), (AFTER, 2)):
        colour, symbol, _ = _OF_CONDITION[name]
        figure.add_scatter(
            x=[100 * row[column] for row in shown],
            y=places,
            mode="markers",
            name=retell(name),
            marker={
                "color": colour,
                "symbol": symbol,
                "size": 10,
                "line": {"color": colour, "width": 2},
            },
            customdata=[plain(row[0]) for row in shown],
            hovertemplate="%{customdata}: %{x:.1f}<extra></extra>",
        )
    figure.update_xaxes(title=tell("F1, per cent"))
    figure.update_yaxes(
        tickvals=places, ticktext=[short(row[0]) for row in shown], autorange="reversed"
    )
    figure.update_layout(height=150 + 26 * len(shown))
    rows = next(iter(conditions.values()))[0].metrics.labels
    return Plot(
        f"labels-{kind}",
        tell(
            "Labels before and after"
            if len(shown) == len(scores)
            else "Labels before and after; the {labels} that changed most",
            labels=len(shown),
        ),
        tell(
            "F1 is the harmonic mean of a label's precision and recall on the test rows. All "
            "labels are in the table."
        ),
        as_json(figure),
        Numbers(
            tell("By label, per cent; most changed F1 first"),
            (
                *(tell("label"), tell("test rows"), tell("change of F1")),
                *label_heads((BEFORE, AFTER)),
            ),
            tuple(
                (
                    *(label, number(rows[label].rows, ","), points(b - a)),
                    *(
                        number(label_mean(conditions[condition], label, figure) * 100, ".1f")
                        for figure in LABEL_FIGURES.values()
                        for condition in (BEFORE, AFTER)
                    ),
                )
                for label, a, b in scores
            ),
        ),
    )


def reliability_plot(kind: str, conditions: Mapping[str, Sequence[TrainingRun]]) -> Plot:
    """Show how often labels are right that were given with some probability."""
    require("plotly")
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        line={"color": GREY, "width": 1.5},
        name=tell("as probable as right"),
        hoverinfo="skip",
    )
    rows: list[tuple[str, ...]] = []
    for (name, runs), style in zip(conditions.items(), _styles(conditions), strict=True):
        bins = pooled_bins([run.metrics.reliability for run in runs])
        figure.add_scatter(
            x=[100 * b.confidence for b in bins],
            y=[100 * b.accuracy for b in bins],
            name=plain(retell(name)),
            customdata=[b.rows for b in bins],
            hovertemplate=tell(
                "%{{x:.0f}} % probable, %{{y:.0f}} % right; %{{customdata:,}} predictions"
            )
            + "<extra></extra>",
            **_sized(style, [b.rows for b in bins]),
        )
        rows += [
            (
                tell("{name:name}, {low:.0%} to {high:.0%}", name=name, low=b.low, high=b.high),
                number(b.rows, ","),
                number(b.confidence * 100, ".1f"),
                number(b.accuracy * 100, ".1f"),
            )
            for b in bins
        ]
    figure.update_xaxes(title=tell("probability of the label, per cent"), range=[-3, 103])
    figure.update_yaxes(title=tell("share that is right, per cent"), range=[-3, 103])
    said = ", ".join(
        f"{retell(name)} {number(error, '.3f')}"
        for name, runs in conditions.items()
        if (error := mean_figure(runs, lambda m: m.ece)) is not None
    )
    return Plot(
        f"reliability-{kind}",
        tell("Do its probabilities mean what they say?"),
        tell(
            "Test rows are gathered by the probability of their most probable label, whatever the "
            "bar for out-of-scope says. On the straight line, labels are right as often as they "
            "are said to be; below it, the classifier is too sure. Larger marks stand for more "
            "predictions; those of few jump about. The mean distance from it (expected calibration "
            "error) is: {errors}.",
            errors=said,
        ),
        as_json(figure),
        Numbers(
            tell("Predictions by probability, over all seeds; shares in per cent"),
            (
                tell("labels and probability"),
                tell("predictions"),
                tell("mean probability"),
                tell("right"),
            ),
            tuple(rows),
        ),
    )


def trade_off_plot(kind: str, conditions: Mapping[str, Sequence[TrainingRun]]) -> Plot | None:
    """Show what finding out-of-scope texts costs; None where the test has none."""
    require("plotly")
    import plotly.graph_objects as go

    figure = go.Figure()
    curves: dict[str, Doubles] = {}
    for (name, runs), style in zip(conditions.items(), _styles(conditions), strict=True):
        if any(np.isnan(run.curve.oos_recall).any() for run in runs):
            return None
        curves[name] = mean_curve([run.curve for run in runs])
        figure.add_scatter(
            x=(100 * _CURVE).tolist(),
            y=(100 * curves[name]).tolist(),
            name=plain(retell(name)),
            hovertemplate=tell("%{{x:.0f}} % found, %{{y:.1f}} % right") + "<extra></extra>",
            **{**style, "mode": "lines"},
        )
    bars = {}
    for (name, runs), style in zip(conditions.items(), _styles(conditions), strict=True):
        recall = mean_figure(runs, lambda m: m.oos_recall)
        accuracy = mean_figure(runs, lambda m: m.in_scope_accuracy)
        if recall is None or accuracy is None:
            continue
        bars[name] = recall, accuracy
        figure.add_scatter(
            x=[100 * recall],
            y=[100 * accuracy],
            mode="markers",
            marker={**style["marker"], "size": 13},
            showlegend=False,
            name=plain(retell(name)),
            hovertemplate=tell("as set: %{{x:.1f}} % found, %{{y:.1f}} % right"),
        )
    figure.update_xaxes(title=tell("out-of-scope texts found, per cent"), range=[-3, 103])
    figure.update_yaxes(title=tell("in-scope texts right, per cent"))
    rows = [
        (number(x, ".0%"), *(number(curve[i] * 100, ".1f") for curve in curves.values()))
        for i, x in enumerate(_CURVE.tolist())
    ]
    rows += [
        (
            tell("as set for {name:name}: {share:.1%}", name=name, share=recall),
            *(number(accuracy * 100, ".1f") if other == name else "" for other in curves),
        )
        for name, (recall, accuracy) in bars.items()
    ]
    return Plot(
        f"trade-off-{kind}",
        tell("What finding out-of-scope texts costs"),
        tell(
            "The lower the bar above which a text is called out of scope, the more of those texts "
            "are found, and the fewer in-scope texts keep their right label. The marks are the "
            "bars that training set. Higher and further right is better."
        ),
        as_json(figure),
        Numbers(
            tell("In-scope texts right, in per cent, by share of out-of-scope texts found"),
            (tell("found"), *map(retell, curves)),
            tuple(rows),
        ),
    )


def pooled_bins(curves: Sequence[Sequence[ReliabilityBin]]) -> tuple[ReliabilityBin, ...]:
    """Return the bins of several trainings as those of all their predictions."""
    gathered: dict[float, list[ReliabilityBin]] = {}
    for curve in curves:
        for part in curve:
            gathered.setdefault(part.low, []).append(part)
    pooled = []
    for low, parts in sorted(gathered.items()):
        weights = [part.rows for part in parts]
        pooled.append(
            ReliabilityBin(
                low=low,
                high=parts[0].high,
                rows=sum(weights),
                confidence=float(np.average([p.confidence for p in parts], weights=weights)),
                accuracy=float(np.average([p.accuracy for p in parts], weights=weights)),
            )
        )
    return tuple(pooled)


def mean_curve(curves: Sequence[TradeOff]) -> Doubles:
    """Return the best in-scope accuracy with at least each recall, in the mean over trainings.

    Each training's bars mean something else, so curves are averaged at equal recall (vertical
    averaging: Fawcett 2006, "An introduction to ROC analysis").

    Returns:
        float64 [21], at recalls from 0 to 1 in steps of 0.05.
    """
    found = []
    for curve in curves:
        enough = curve.oos_recall[None, :] >= _CURVE[:, None] - _TOLERANCE
        found.append(np.where(enough, curve.in_scope_accuracy[None, :], 0.0).max(axis=1))
    return np.asarray(np.mean(found, axis=0), dtype=np.float64)


def _styles(conditions: Mapping[str, object]) -> list[dict[str, Any]]:
    """Return how the series of each condition are drawn."""
    others = iter(_OTHER_CONDITIONS * len(conditions))
    found = []
    for name in conditions:
        colour, symbol, dash = _OF_CONDITION.get(name) or next(others)
        found.append(
            {
                "mode": "lines+markers",
                "line": {"color": colour, "dash": dash, "width": 2.5},
                "marker": {"color": colour, "symbol": symbol, "size": 8},
            }
        )
    return found


def _sized(style: Mapping[str, Any], rows: Sequence[int]) -> dict[str, Any]:
    """Return a style whose marks have an area that goes with their rows."""
    most = max(rows, default=1)
    sizes = [round(5 + 11 * (n / most) ** 0.5, 1) for n in rows]
    return {**style, "marker": {**style["marker"], "size": sizes}}
