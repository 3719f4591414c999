"""The report's plots, each with its numbers as a table.

Colours are those of Okabe & Ito (2008, "Color universal design"), which people with any colour
vision tell apart; where two series meet, their marks differ in shape as well.
"""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labelmend.classify.calibrate import TradeOff
from labelmend.evaluation.baseline import Cell
from labelmend.evaluation.compare import Outcome
from labelmend.evaluation.comparison import AFTER, BEFORE, GOLD
from labelmend.evaluation.evaluate import ReliabilityBin
from labelmend.report.comparison import LABEL_FIGURES, label_f1, label_mean, mean_figure, points
from labelmend.report.mending import Flow, Mending, label_turnover
from labelmend.runs.findings import ConfusedPair
from labelmend.types import Doubles

if TYPE_CHECKING:
    import plotly.graph_objects as go

VERMILION, BLUE, GREEN = "#D55E00", "#0072B2", "#009E73"
ORANGE, PURPLE, GREY = "#E69F00", "#CC79A7", "#767676"
INK, RULE, PAPER = "#1B1B1B", "#D4D4D4", "#FFFFFF"
FAINT, FULL = "#EAF3F9", "#6FB1DB"
"""Ends of the heat map's scale."""

SHOWN_LABELS = 20
SHOWN_FLOWS = 40
SHOWN_PAIRS = 10

_FLOW_LABELS = 6
_LABEL_CHARS = 22
_CURVE = np.linspace(0, 1, 21)

_OF_ARM = {
    BEFORE: (VERMILION, "circle-open", "dot"),
    AFTER: (BLUE, "circle", "solid"),
    GOLD: (GREEN, "diamond", "dash"),
}
_OTHER_ARMS = ((ORANGE, "square", "dashdot"), (PURPLE, "triangle-up", "longdash"))

_LINE = 34
"""Pixels a bar with its words above it."""


@dataclass(frozen=True)
class Numbers:
    """A table.

    Attributes:
        caption: what it holds.
        columns: their heads; the first column names the rows, the others hold figures.
        rows: as they are shown.
        words: whether the cells hold words or hashes, not figures.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: bool = False


@dataclass(frozen=True)
class Plot:
    """A plot.

    Attributes:
        key: names it on the page.
        title: what it shows.
        words: how to read it.
        figure: as Plotly's JSON has it.
        numbers: the same as a table.
    """

    key: str
    title: str
    words: str
    figure: Mapping[str, Any]
    numbers: Numbers


def decisions_plot(mending: Mending) -> Plot:
    """Show how many rows were kept, changed and put under review."""
    import plotly.graph_objects as go

    parts = [
        ("kept", mending.kept, GREY),
        ("changed", mending.changed, BLUE),
        ("for review", mending.review, ORANGE),
        ("labelled from scratch", mending.filled or None, GREEN),
    ]
    known = [(name, rows, colour) for name, rows, colour in parts if rows is not None]
    shares = [rows / mending.rows for _, rows, _ in known]
    figure = go.Figure(
        go.Bar(
            x=[rows for _, rows, _ in known],
            y=list(range(len(known))),
            orientation="h",
            width=0.4,
            marker={"color": [colour for _, _, colour in known]},
            hovertemplate="%{x:,} rows<extra></extra>",
        )
    )
    _words_above(
        figure,
        [
            f"{name}: {rows:,} ({part:.1%})"
            for (name, rows, _), part in zip(known, shares, strict=True)
        ],
    )
    figure.update_xaxes(title="rows", rangemode="tozero")
    return Plot(
        "decisions",
        "Rows by decision",
        "A row is changed where the evidence leaves next to no doubt, and put under review where "
        "its label is in doubt but no other is sure enough; there it stays as it was given.",
        _json(figure),
        Numbers(
            "Rows by decision",
            ("decision", "rows", "share"),
            tuple(
                (name, f"{rows:,}", f"{part:.2%}")
                for (name, rows, _), part in zip(known, shares, strict=True)
            ),
        ),
    )


def flow_plot(flows: Sequence[Flow]) -> Plot:
    """Show where changed rows came from and where they went."""
    import plotly.graph_objects as go

    names = list(label_turnover(flows))
    own = names[:_FLOW_LABELS]
    others = len(names) - len(own)
    axis = [*own, *([f"{others} others"] if others else [])]
    place = {name: i for i, name in enumerate(own)}
    counts = np.zeros((len(axis), len(axis)), dtype=np.int64)
    for flow in flows:
        counts[place.get(flow.given, len(own)), place.get(flow.mended, len(own))] += flow.rows
    cells = [[int(c) or None for c in row] for row in counts.tolist()]
    ticks = list(range(len(axis)))
    figure = go.Figure(
        go.Heatmap(
            z=cells,
            x=ticks,
            y=ticks,
            colorscale=[[0, FAINT], [1, FULL]],
            zmin=0,
            # What the rest does among itself is much, and would make all else faint.
            zmax=int(counts[: len(own), : len(own)].max()) or None,
            showscale=False,
            texttemplate="%{z:,}",
            textfont={"color": INK},
            xgap=1,
            ygap=1,
            hoverongaps=False,
            customdata=[[[_plain(g), _plain(m)] for m in axis] for g in axis],
            hovertemplate="%{customdata[0]} → %{customdata[1]}: %{z} rows<extra></extra>",
        )
    )
    short = [_short(name) for name in axis]
    figure.update_xaxes(
        title={"text": "mended label", "standoff": 12},
        tickvals=ticks,
        ticktext=short,
        tickangle=-60,
        showgrid=False,
    )
    figure.update_yaxes(
        tickvals=ticks,
        ticktext=short,
        showgrid=False,
        autorange="reversed",
    )
    figure.update_layout(height=200 + 36 * len(axis))
    shown = flows[:SHOWN_FLOWS]
    more = f", the {len(shown)} most frequent of {len(flows):,} pairs" if shown != flows else ""
    return Plot(
        "flow",
        "From given to mended labels",
        f"Changed rows only, by the label that they were given (down) and the one that they have "
        f"now (across). The {len(own)} labels with the most moved rows have a line of their own.",
        _json(figure),
        Numbers(
            f"Changed rows by given and mended label{more}",
            ("given → mended", "rows"),
            tuple((f"{f.given} → {f.mended}", f"{f.rows:,}") for f in shown),
        ),
    )


def confused_plot(pairs: Sequence[ConfusedPair]) -> Plot:
    """Show the label pairs that are most often confused."""
    import plotly.graph_objects as go

    shown = pairs[:SHOWN_PAIRS]
    figure = go.Figure(
        go.Bar(
            x=[pair.rows for pair in shown],
            y=list(range(len(shown))),
            orientation="h",
            width=0.4,
            marker={"color": VERMILION},
            hovertemplate="about %{x:.1f} rows<extra></extra>",
        )
    )
    _words_above(figure, [f"{_short(pair.true)}, given as {_short(pair.given)}" for pair in shown])
    figure.update_xaxes(title="rows, about", rangemode="tozero")
    return Plot(
        "confused",
        "Most confused label pairs",
        "What texts seem to be, and what they were given as. Rows are expected ones: each counts "
        "with the probability of the true label, whether or not it was changed.",
        _json(figure),
        Numbers(
            "Most confused label pairs, by expected rows",
            ("seems to be", "was given", "rows, about", "of the label's rows"),
            tuple((p.true, p.given, f"{p.rows:.1f}", f"{p.rate:.1%}") for p in pairs),
        ),
    )


def change_plot(outcomes: Sequence[Outcome]) -> Plot:
    """Show how much each figure changed, with its interval."""
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
            hovertemplate="%{x:+.2f} points<extra></extra>",
        )
    )
    _words_above(figure, [f"{kind}, {d.figure}: {points(d.change)} points" for kind, d in lines])
    figure.add_vline(x=0, line={"color": INK, "width": 1.5}, layer="below")
    figure.update_xaxes(title="change in points, mended - as given")
    return Plot(
        "change",
        "How much the classifiers changed",
        "Dots are the change from training on the labels as given to training on the mended ones; "
        "right of the line is better. Bars are 95 % intervals over the test rows: one that "
        "crosses the line shows no difference.",
        _json(figure),
        Numbers(
            "Change by classifier and figure, in per cent and points",
            ("classifier and figure", BEFORE, AFTER, "change", "95 % interval"),
            tuple(
                (
                    f"{kind}, {d.figure}",
                    f"{100 * d.before:.2f}",
                    f"{100 * d.after:.2f}",
                    points(d.change),
                    f"{points(d.low)} to {points(d.high)}",
                )
                for kind, d in lines
            ),
        ),
    )


def label_plot(kind: str, arms: Mapping[str, Sequence[Cell]]) -> Plot:
    """Show each label's F1 before and after, for the labels where it changed most."""
    import plotly.graph_objects as go

    scores = label_f1(arms[BEFORE], arms[AFTER])
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
        colour, symbol, _ = _OF_ARM[name]
        figure.add_scatter(
            x=[100 * row[column] for row in shown],
            y=places,
            mode="markers",
            name=name,
            marker={
                "color": colour,
                "symbol": symbol,
                "size": 10,
                "line": {"color": colour, "width": 2},
            },
            customdata=[_plain(row[0]) for row in shown],
            hovertemplate="%{customdata}: %{x:.1f}<extra></extra>",
        )
    figure.update_xaxes(title="F1, per cent")
    figure.update_yaxes(
        tickvals=places, ticktext=[_short(row[0]) for row in shown], autorange="reversed"
    )
    figure.update_layout(height=150 + 26 * len(shown))
    rows = next(iter(arms.values()))[0].metrics.labels
    most = "" if len(shown) == len(scores) else f"; the {len(shown)} that changed most"
    return Plot(
        f"labels-{kind}",
        f"Labels before and after{most}",
        "F1 is the harmonic mean of a label's precision and recall on the test rows. All labels "
        "are in the table.",
        _json(figure),
        Numbers(
            "By label, per cent; most changed F1 first",
            (
                *("label", "test rows", "change of F1"),
                *(f"{figure} {arm}" for figure in LABEL_FIGURES for arm in (BEFORE, AFTER)),
            ),
            tuple(
                (
                    *(label, f"{rows[label].rows:,}", points(b - a)),
                    *(
                        f"{label_mean(arms[arm], label, figure) * 100:.1f}"
                        for figure in LABEL_FIGURES.values()
                        for arm in (BEFORE, AFTER)
                    ),
                )
                for label, a, b in scores
            ),
        ),
    )


def reliability_plot(kind: str, arms: Mapping[str, Sequence[Cell]]) -> Plot:
    """Show how often labels are right that were given with some probability."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        line={"color": GREY, "width": 1.5},
        name="as probable as right",
        hoverinfo="skip",
    )
    rows: list[tuple[str, ...]] = []
    for (name, cells), style in zip(arms.items(), _styles(arms), strict=True):
        bins = pooled_bins([cell.metrics.reliability for cell in cells])
        figure.add_scatter(
            x=[100 * b.confidence for b in bins],
            y=[100 * b.accuracy for b in bins],
            name=_plain(name),
            customdata=[b.rows for b in bins],
            hovertemplate="%{x:.0f} % probable, %{y:.0f} % right; "
            "%{customdata:,} predictions<extra></extra>",
            **_sized(style, [b.rows for b in bins]),
        )
        rows += [
            (
                f"{name}, {b.low:.0%} to {b.high:.0%}",
                f"{b.rows:,}",
                f"{b.confidence * 100:.1f}",
                f"{b.accuracy * 100:.1f}",
            )
            for b in bins
        ]
    figure.update_xaxes(title="probability of the label, per cent", range=[-3, 103])
    figure.update_yaxes(title="share that is right, per cent", range=[-3, 103])
    said = ", ".join(
        f"{name} {error:.3f}"
        for name, cells in arms.items()
        if (error := mean_figure(cells, lambda m: m.ece)) is not None
    )
    return Plot(
        f"reliability-{kind}",
        "Do its probabilities mean what they say?",
        "Test rows are gathered by the probability of their most probable label, whatever the bar "
        "for out-of-scope says. On the straight line, labels are right as often as they are said "
        "to be; below it, the classifier is too sure. Larger marks stand for more predictions; "
        "those of few jump about. "
        f"The mean distance from it (expected calibration error) is: {said}.",
        _json(figure),
        Numbers(
            "Predictions by probability, over all seeds; shares in per cent",
            ("labels and probability", "predictions", "mean probability", "right"),
            tuple(rows),
        ),
    )


def trade_off_plot(kind: str, arms: Mapping[str, Sequence[Cell]]) -> Plot | None:
    """Show what finding out-of-scope texts costs; None where the test has none."""
    import plotly.graph_objects as go

    figure = go.Figure()
    curves: dict[str, Doubles] = {}
    for (name, cells), style in zip(arms.items(), _styles(arms), strict=True):
        if any(np.isnan(cell.curve.oos_recall).any() for cell in cells):
            return None
        curves[name] = mean_curve([cell.curve for cell in cells])
        figure.add_scatter(
            x=(100 * _CURVE).tolist(),
            y=(100 * curves[name]).tolist(),
            name=_plain(name),
            hovertemplate="%{x:.0f} % found, %{y:.1f} % right<extra></extra>",
            **{**style, "mode": "lines"},
        )
    bars = {}
    for (name, cells), style in zip(arms.items(), _styles(arms), strict=True):
        recall = mean_figure(cells, lambda m: m.oos_recall)
        accuracy = mean_figure(cells, lambda m: m.in_scope_accuracy)
        if recall is None or accuracy is None:
            continue
        bars[name] = recall, accuracy
        figure.add_scatter(
            x=[100 * recall],
            y=[100 * accuracy],
            mode="markers",
            marker={**style["marker"], "size": 13},
            showlegend=False,
            name=_plain(name),
            hovertemplate="as set: %{x:.1f} % found, %{y:.1f} % right",
        )
    figure.update_xaxes(title="out-of-scope texts found, per cent", range=[-3, 103])
    figure.update_yaxes(title="in-scope texts right, per cent")
    rows = [
        (f"{x:.0%}", *(f"{curve[i] * 100:.1f}" for curve in curves.values()))
        for i, x in enumerate(_CURVE)
    ]
    rows += [
        (
            f"as set for {name}: {recall:.1%}",
            *(f"{accuracy * 100:.1f}" if other == name else "" for other in curves),
        )
        for name, (recall, accuracy) in bars.items()
    ]
    return Plot(
        f"trade-off-{kind}",
        "What finding out-of-scope texts costs",
        "The lower the bar above which a text is called out of scope, the more of those texts are "
        "found, and the fewer in-scope texts keep their right label. The marks are the bars that "
        "training set. Higher and further right is better.",
        _json(figure),
        Numbers(
            "In-scope texts right, in per cent, by share of out-of-scope texts found",
            ("found", *curves),
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


_TOLERANCE = 1e-9


def _styles(arms: Mapping[str, object]) -> list[dict[str, Any]]:
    """Return how the series of each version of the labels are drawn."""
    others = iter(_OTHER_ARMS * len(arms))
    found = []
    for name in arms:
        colour, symbol, dash = _OF_ARM.get(name) or next(others)
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


def _words_above(figure: "go.Figure", words: Sequence[str]) -> None:
    """Write each bar's words above it, where a narrow screen has room for them too."""
    for place, text in enumerate(words):
        figure.add_annotation(
            x=0,
            xref="paper",
            y=place,
            text=_plain(text),
            showarrow=False,
            xanchor="left",
            yanchor="bottom",
            yshift=7,
            align="left",
            bgcolor=PAPER,
            borderpad=1,
        )
    figure.update_yaxes(showticklabels=False, showgrid=False, range=[len(words) - 0.4, -0.9])
    figure.update_layout(height=80 + (_LINE + 8) * len(words))


def _plain(text: str) -> str:
    """Return a text that Plotly shows as it is: it would read tags in it."""
    return html.escape(" ".join(text.split()), quote=False)


def _short(label: str) -> str:
    """Return a label that fits beside an axis; the table has it whole."""
    whole = " ".join(label.split())
    return _plain(whole if len(whole) <= _LABEL_CHARS else f"{whole[: _LABEL_CHARS - 1]}…")


def _json(figure: "go.Figure") -> Mapping[str, Any]:
    axis = {"gridcolor": RULE, "linecolor": RULE, "automargin": True, "zeroline": False}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    figure.update_layout(
        template="none",
        font={"color": INK, "size": 13, "family": "system-ui, sans-serif"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 12, "r": 16, "t": 12, "b": 12},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        hoverlabel={"font": {"size": 13}},
        dragmode=False,
    )
    if figure.layout.height is None:
        figure.update_layout(height=420)
    found: Mapping[str, Any] = figure.to_plotly_json()
    return found
