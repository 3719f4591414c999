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

MOST_POINTS = 10_000
"""Of the map: each takes the page some twenty bytes, and a browser some twenty microseconds."""

_MATRIX_LABELS = 10
"""Labels of the matrix: as many as a telephone shows with their numbers."""

_ACROSS = 1000
"""Steps of the map across: finer than the pixels that a page has for it."""

_MARKS = (
    # decision, words, colour, symbol, size, opacity; later ones lie on top
    ("keep", "kept", GREY, "circle", 4, 0.35),
    ("answered", "answered by people", PURPLE, "square", 6, 0.9),
    ("label", "labelled from scratch", GREEN, "triangle-up", 7, 0.9),
    ("change", "changed", BLUE, "diamond", 6, 0.9),
    ("review", "for review", ORANGE, "square", 6, 0.9),
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
        lines.append((words, f"{total:,}", f"{int(here.sum()):,}"))
        figure.add_scatter(
            x=places[here, 0].tolist(),
            y=places[here, 1].tolist(),
            name=words,
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": size, "opacity": opacity},
            hoverinfo="skip",
        )
    nowhere = {"visible": False, "range": [-0.03 * _ACROSS, 1.03 * _ACROSS]}
    figure.update_xaxes(**nowhere)
    figure.update_yaxes(**nowhere, scaleanchor="x")
    figure.update_layout(height=560, legend={"itemsizing": "constant"})
    some = len(drawn) < len(rows)
    part = f" Of {len(rows):,} rows, {len(drawn):,} are drawn, picked by chance." if some else ""
    return Plot(
        "map",
        "Where the changes are",
        "Each mark is a row. Texts that are alike lie near to each other: these are the two "
        "directions in which their embeddings differ most, and most of how texts differ is not to "
        f"be seen in two.{part}",
        as_json(figure),
        Numbers("Rows on the map", ("decision", "rows", "drawn"), tuple(lines)),
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
            hovertemplate="given %{customdata[0]}, proposed %{customdata[1]}: %{z}<extra></extra>",
        )
    )
    axis = {"tickvals": ticks, "ticktext": [short(name) for name in names], "showgrid": False}
    title = {"text": "proposed label", "standoff": 12}
    figure.update_xaxes(**axis, title=title, tickangle=-60)
    figure.update_yaxes(**axis, autorange="reversed")
    figure.update_layout(height=200 + 32 * len(names))
    listed = pairs[:SHOWN_FLOWS]
    more = (
        f", the {len(listed)} most frequent of {len(pairs):,}" if len(listed) < len(pairs) else ""
    )
    return Plot(
        "matrix",
        "Given against proposed labels",
        "Rows by the label that they were given (down) and the most probable one (across), whether "
        f"or not it was put in its place. The {len(names)} labels that are confused most, those "
        "that are confused with each other side by side; rows of one and the same label are left "
        "out.",
        as_json(figure),
        Numbers(
            f"Rows by given and proposed label{more}",
            ("given, proposed", "rows"),
            tuple(
                (f"{index.labels[one.given]}, {index.labels[one.proposed]}", f"{one.texts:,}")
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
