"""What all plots of the report share: colours, words beside marks, and the numbers as a table.

Colours are those of Okabe & Ito (2008, "Color universal design"), which people with any colour
vision tell apart; where two series meet, their marks differ in shape as well.
"""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

VERMILION, BLUE, GREEN = "#D55E00", "#0072B2", "#009E73"
ORANGE, PURPLE, GREY = "#E69F00", "#CC79A7", "#767676"
INK, RULE, PAPER = "#1B1B1B", "#D4D4D4", "#FFFFFF"

_LABEL_CHARS = 22
"""Of a label beside an axis: on a telephone, more would leave no room for the plot."""

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


def words_above(figure: "go.Figure", words: Sequence[str]) -> None:
    """Write each bar's words above it, where a narrow screen has room for them too."""
    for place, text in enumerate(words):
        figure.add_annotation(
            x=0,
            xref="paper",
            y=place,
            text=plain(text),
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


def plain(text: str) -> str:
    """Return a text that Plotly shows as it is: it would read tags in it."""
    return html.escape(" ".join(text.split()), quote=False)


def short(label: str) -> str:
    """Return a label that fits beside an axis; the table has it whole."""
    whole = " ".join(label.split())
    return plain(whole if len(whole) <= _LABEL_CHARS else f"{whole[: _LABEL_CHARS - 1]}…")


def as_json(figure: "go.Figure") -> Mapping[str, Any]:
    """Return a figure as Plotly's JSON has it, in the colours and margins of the page."""
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
