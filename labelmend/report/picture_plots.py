"""Where the errors are: a map of the texts, and the matrix of given against proposed labels."""

import numpy as np

from labelmend.extras import require
from labelmend.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    Numbers,
    Plot,
    as_json,
    plain,
    short,
)
from labelmend.report.mending_plots import FAINT, FULL, SHOWN_FLOWS
from labelmend.review.pictures.matrix import confused_pairs, confused_together, count_pairs
from labelmend.runs.row_index import DECISIONS, RowIndex
from labelmend.types import Bools, Doubles, Ints
from labelmend.voice.speak import meant, number, tell

MOST_POINTS = 10_000
"""Of the map: each takes the page some twenty bytes, and a browser some twenty microseconds."""

_MATRIX_LABELS = 10
"""Labels of the matrix: as many as a telephone shows with their numbers."""

_ACROSS = 1000
"""Steps of the map across: finer than the pixels that a page has for it."""

_MARKS = (
    # decision, words, colour, symbol, size, opacity; later ones lie on top
    ("keep", meant("kept"), GREY, "circle", 4, 0.35),
    ("answered", meant("answered by people"), PURPLE, "square", 6, 0.9),
    ("label", meant("labelled from scratch"), GREEN, "triangle-up", 7, 0.9),
    ("change", meant("changed"), BLUE, "diamond", 6, 0.9),
    ("review", meant("for review"), ORANGE, "square", 6, 0.9),
)


def map_plot(index: RowIndex) -> Plot | None:
    """Show where on a map of the texts labels were changed; None where there is no map."""
    require("plotly")
    import plotly.graph_objects as go

    if index.points is None:
        return None
    rows = np.flatnonzero(index.place >= 0)
    drawn = rows[_first_by_chance(index, rows)[:MOST_POINTS]]
    codes = {name: code for code, name in enumerate(DECISIONS)}
    places = _steps(index.points[rows].astype(np.float64), index.points[drawn].astype(np.float64))
    figure = go.Figure()
    lines = []
    for decision, words, colour, symbol, size, opacity in _MARKS:
        here: Bools = index.decision[drawn] == codes[decision]
        if not (total := int((index.decision[rows] == codes[decision]).sum())):
            continue
        lines.append((tell(words), number(total, ","), number(int(here.sum()), ",")))
        figure.add_scatter(
            x=places[here, 0].tolist(),
            y=places[here, 1].tolist(),
            name=tell(words),
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": size, "opacity": opacity},
            hoverinfo="skip",
        )
    nowhere = {"visible": False, "range": [-0.03 * _ACROSS, 1.03 * _ACROSS]}
    figure.update_xaxes(**nowhere)
    figure.update_yaxes(**nowhere, scaleanchor="x")
    figure.update_layout(height=560, legend={"itemsizing": "constant"})
    some = len(drawn) < len(rows)
    explained = tell(
        "Each mark is a row. Texts that are alike lie near to each other: these are the two "
        "directions in which their embeddings differ most, and most of how texts differ is not to "
        "be seen in two."
    )
    if some:
        part = tell(
            "Of {rows:,} rows, {drawn:,} are drawn, picked by chance.",
            rows=len(rows),
            drawn=len(drawn),
        )
        explained = f"{explained} {part}"
    heads = (tell("decision"), tell("rows"), tell("drawn"))
    return Plot(
        "map",
        tell("Where the changes are"),
        explained,
        as_json(figure),
        Numbers(tell("Rows on the map"), heads, tuple(lines)),
    )


def matrix_plot(index: RowIndex) -> Plot | None:
    """Show which labels are proposed in the place of which; None where none is."""
    require("plotly")
    import plotly.graph_objects as go

    counts = count_pairs(index.given, index.proposed, len(index.labels))
    pairs = confused_pairs(counts)
    if not pairs:
        return None
    shown = confused_together(counts, _MATRIX_LABELS)
    cells = counts[shown][:, shown].toarray()
    np.fill_diagonal(cells, 0)
    names = [index.labels[label] for label in shown]
    ticks = list(range(len(names)))
    figure = go.Figure(
        go.Heatmap(
            z=[[int(n) or None for n in row] for row in cells.tolist()],
            x=ticks,
            y=ticks,
            colorscale=[[0, FAINT], [1, FULL]],
            zmin=0,
            showscale=False,
            texttemplate="%{z:,}",
            textfont={"color": INK, "size": 11},
            xgap=1,
            ygap=1,
            hoverongaps=False,
            customdata=[[[plain(g), plain(p)] for p in names] for g in names],
            hovertemplate=tell("given %{{customdata[0]}}, proposed %{{customdata[1]}}: %{{z}}")
            + "<extra></extra>",
        )
    )
    axis = {"tickvals": ticks, "ticktext": [short(name) for name in names], "showgrid": False}
    title = {"text": tell("proposed label"), "standoff": 12}
    figure.update_xaxes(**axis, title=title, tickangle=-60)
    figure.update_yaxes(**axis, autorange="reversed")
    figure.update_layout(height=200 + 32 * len(names))
    listed = pairs[:SHOWN_FLOWS]
    return Plot(
        "matrix",
        tell("Given against proposed labels"),
        tell(
            "Rows by the label that they were given (down) and the most probable one (across), "
            "whether or not it was put in its place. The {labels} labels that are confused most, "
            "those that are confused with each other side by side; rows of one and the same label "
            "are left out.",
            labels=len(names),
        ),
        as_json(figure),
        Numbers(
            tell(
                "Rows by given and proposed label, the {shown} most frequent of {pairs:,}"
                if len(listed) < len(pairs)
                else "Rows by given and proposed label",
                shown=len(listed),
                pairs=len(pairs),
            ),
            (tell("given, proposed"), tell("rows")),
            tuple(
                (
                    f"{index.labels[one.given]}, {index.labels[one.proposed]}",
                    number(one.texts, ","),
                )
                for one in listed
            ),
        ),
    )


def _first_by_chance(index: RowIndex, rows: Ints) -> Ints:
    """Return the rows in an order that is as by chance, and the same for any order of the table.

    The hashes of the texts are that.
    """
    return np.argsort(index.hashes.short[rows], kind="stable").astype(np.int64)


def _steps(whole: Doubles, drawn: Doubles) -> Ints:
    """Return int64 [m, 2], places in steps of the longer side of all of them, 0 to `_ACROSS`.

    Whole numbers are the same on every machine.
    """
    low, high = whole.min(axis=0), whole.max(axis=0)
    span = max(float((high - low).max()), 1e-12)
    found: Ints = np.rint(_ACROSS * ((drawn - (low + high) / 2) / span + 0.5)).astype(np.int64)
    return found
