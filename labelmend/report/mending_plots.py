"""Plots of what was changed in the labels."""

from collections.abc import Sequence

import numpy as np

from labelmend.extras import require
from labelmend.relabel.diagnostics.advice import ConfusedPair
from labelmend.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    VERMILION,
    Numbers,
    Plot,
    as_json,
    plain,
    short,
    words_above,
)
from labelmend.report.mending import Flow, Mending, label_turnover
from labelmend.voice.speak import number, tell

FAINT, FULL = "#EAF3F9", "#6FB1DB"
"""Ends of the heat map's scale."""

SHOWN_FLOWS = 40
"""Pairs of labels in the table beside the heat map."""

SHOWN_PAIRS = 10
"""Confused pairs that are drawn; the table has all."""

_FLOW_LABELS = 6
"""Labels with a line of their own in the heat map: as many as a telephone shows legibly."""


def decisions_plot(mending: Mending) -> Plot:
    """Show how many rows were kept, changed and put under review."""
    require("plotly")
    import plotly.graph_objects as go

    parts = [
        (tell("kept"), mending.kept, GREY),
        (tell("changed"), mending.changed, BLUE),
        (tell("for review"), mending.review, ORANGE),
        (tell("labelled from scratch"), mending.filled or None, GREEN),
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
            hovertemplate=tell("%{{x:,}} rows") + "<extra></extra>",
        )
    )
    words_above(
        figure,
        [
            f"{name}: {number(rows, ',')} ({number(part, '.1%')})"
            for (name, rows, _), part in zip(known, shares, strict=True)
        ],
    )
    figure.update_xaxes(title=tell("rows"), rangemode="tozero")
    return Plot(
        "decisions",
        tell("Rows by decision"),
        tell(
            "A row is changed where the evidence leaves next to no doubt, and put under review "
            "where its label is in doubt but no other is sure enough; there it stays as it was "
            "given."
        ),
        as_json(figure),
        Numbers(
            tell("Rows by decision"),
            (tell("decision"), tell("rows"), tell("share")),
            tuple(
                (name, number(rows, ","), number(part, ".2%"))
                for (name, rows, _), part in zip(known, shares, strict=True)
            ),
        ),
    )


def flow_plot(flows: Sequence[Flow]) -> Plot:
    """Show where changed rows came from and where they went."""
    require("plotly")
    import plotly.graph_objects as go

    names = list(label_turnover(flows))
    own = names[:_FLOW_LABELS]
    others = len(names) - len(own)
    axis = [*own, *([tell("{labels} others", labels=others)] if others else [])]
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
            customdata=[[[plain(g), plain(m)] for m in axis] for g in axis],
            hovertemplate=tell("%{{customdata[0]}} → %{{customdata[1]}}: %{{z}} rows")
            + "<extra></extra>",
        )
    )
    words = [short(name) for name in axis]
    figure.update_xaxes(
        title={"text": tell("mended label"), "standoff": 12},
        tickvals=ticks,
        ticktext=words,
        tickangle=-60,
        showgrid=False,
    )
    figure.update_yaxes(
        tickvals=ticks,
        ticktext=words,
        showgrid=False,
        autorange="reversed",
    )
    figure.update_layout(height=200 + 36 * len(axis))
    shown = flows[:SHOWN_FLOWS]
    return Plot(
        "flow",
        tell("From given to mended labels"),
        tell(
            "Changed rows only, by the label that they were given (down) and the one that they "
            "have now (across). The {labels} labels with the most moved rows have a line of their "
            "own.",
            labels=len(own),
        ),
        as_json(figure),
        Numbers(
            tell(
                "Changed rows by given and mended label"
                if shown == flows
                else "Changed rows by given and mended label, the {shown} most frequent of "
                "{pairs:,} pairs",
                shown=len(shown),
                pairs=len(flows),
            ),
            (tell("given → mended"), tell("rows")),
            tuple((f"{f.given} → {f.mended}", number(f.rows, ",")) for f in shown),
        ),
    )


def confused_plot(pairs: Sequence[ConfusedPair]) -> Plot:
    """Show the label pairs that are most often confused."""
    require("plotly")
    import plotly.graph_objects as go

    shown = pairs[:SHOWN_PAIRS]
    figure = go.Figure(
        go.Bar(
            x=[pair.rows for pair in shown],
            y=list(range(len(shown))),
            orientation="h",
            width=0.4,
            marker={"color": VERMILION},
            hovertemplate=tell("about %{{x:.1f}} rows") + "<extra></extra>",
        )
    )
    above = [
        tell("{true}, given as {given}", true=short(pair.true), given=short(pair.given))
        for pair in shown
    ]
    words_above(figure, above)
    figure.update_xaxes(title=tell("rows, about"), rangemode="tozero")
    return Plot(
        "confused",
        tell("Most confused label pairs"),
        tell(
            "What texts seem to be, and what they were given as. Rows are expected ones: each "
            "counts with the probability of the true label, whether or not it was changed."
        ),
        as_json(figure),
        Numbers(
            tell("Most confused label pairs, by expected rows"),
            (
                tell("seems to be"),
                tell("was given"),
                tell("rows, about"),
                tell("of the label's rows"),
            ),
            tuple((p.true, p.given, number(p.rows, ".1f"), number(p.rate, ".1%")) for p in pairs),
        ),
    )
