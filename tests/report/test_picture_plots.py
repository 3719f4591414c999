"""The report's map and matrix, counted by hand on a few rows."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from labelmend.report import picture_plots
from labelmend.report.mending import read_mending
from labelmend.report.page import html_page
from labelmend.report.picture_plots import MOST_POINTS, map_plot, matrix_plot
from labelmend.report.pictured import read_index
from labelmend.runs.row_index import DECISIONS, RowIndex
from labelmend.runs.text_hashes import TextHashes

LABELS = ("a", "b <i>", "c", "oos")
PLACES = [(0, 0), (2, 1), (1, 0), (1, 0.5), (np.nan, np.nan)]


def index_of(places=PLACES, decisions=("keep", "change", "review", "keep", ""), **other):
    count = len(places)
    texts = [f"text {i}" for i in range(count)]
    code = np.array([DECISIONS.index(one) for one in decisions])
    given = np.array([0, 0, 1, 3, -1][:count])
    fields = {
        "ids": [str(i + 1) for i in range(count)],
        "texts": texts,
        "hashes": TextHashes.of(hashlib.sha256(text.encode()).hexdigest() for text in texts),
        "labels": LABELS,
        "descriptions": ("",) * len(LABELS),
        "given": given,
        "mended": given,
        "proposed": np.array([0, 1, 0, 3, -1][:count]),
        "decision": code,
        "doubt": np.zeros(count),
        "place": np.where(code > 0, np.arange(count), -1),
        "starts": np.arange(count + 1),
        "points": np.array(places, dtype=np.float32),
        **other,
    }
    return RowIndex(**fields)


def marks(plot):
    drawn = plot.figure["data"]
    return {one["name"]: sorted(zip(one["x"], one["y"], strict=True)) for one in drawn}


def test_rows_lie_where_the_map_has_them():
    plot = map_plot(index_of())
    # Two units across make 1,000 steps; the height, of one unit, lies in the middle.
    assert marks(plot) == {
        "kept": [(0, 250), (500, 500)],
        "changed": [(1000, 750)],
        "for review": [(500, 250)],
    }
    assert plot.numbers.rows == (
        ("kept", "2", "2"),
        ("changed", "1", "1"),
        ("for review", "1", "1"),
    )
    assert "by chance" not in plot.words


def test_one_place_is_in_the_middle_and_no_map_is_no_plot():
    assert marks(map_plot(index_of([(3, 3)], ["keep"]))) == {"kept": [(500, 500)]}
    assert map_plot(index_of(points=None)) is None


def test_of_many_rows_some_are_drawn_whatever_their_order(monkeypatch):
    whole = index_of()
    turned = replace(
        whole,
        points=whole.points[::-1],
        decision=whole.decision[::-1],
        place=whole.place[::-1],
        hashes=whole.hashes[::-1],
    )
    monkeypatch.setattr(picture_plots, "MOST_POINTS", 2)
    plot = map_plot(whole)
    assert plot.figure == map_plot(turned).figure
    assert sum(map(len, marks(plot).values())) == 2
    assert "Of 4 rows, 2 are drawn, picked by chance." in plot.words
    assert [row[1] for row in plot.numbers.rows] == ["2", "1", "1"]


def test_the_page_stays_small_and_is_the_same_again():
    count = MOST_POINTS + 2_000
    places = np.random.default_rng(0).standard_normal((count, 2))
    few = {name: np.zeros(count, dtype=np.int64) for name in ("given", "mended", "proposed")}
    index = index_of(places, ["keep"] * count, **few)
    figure = json.dumps(map_plot(index).figure)
    assert len(figure) < 200_000
    assert figure == json.dumps(map_plot(index).figure)


def test_the_matrix_has_confused_labels_side_by_side():
    given = np.array([0, 0, 0, 2, 3, 1, 1, -1])
    proposed = np.array([2, 2, 1, 0, 1, 1, 1, 1])
    plot = matrix_plot(index_of([(0, 0)] * 8, ["keep"] * 8, given=given, proposed=proposed))
    # a and c three times, either way; a and b, b and oos once.
    assert plot.figure["layout"]["xaxis"]["ticktext"] == ["c", "a", "b &lt;i&gt;", "oos"]
    assert plot.figure["data"][0]["z"] == [
        [None, 1, None, None],
        [2, None, 1, None],
        [None, None, None, None],
        [None, None, 1, None],
    ]
    assert plot.numbers.rows == (
        ("a, c", "2"),
        ("a, b <i>", "1"),
        ("c, a", "1"),
        ("oos, b <i>", "1"),
    )


def test_labels_that_nobody_confuses_make_no_matrix():
    assert matrix_plot(index_of(proposed=np.array([0, 0, 1, 3, -1]))) is None


@pytest.fixture
def indexed(with_run, tables):
    return replace(read_mending(tables(with_run), 0), index=index_of())


def test_the_page_has_both_and_without_an_index_neither(with_run, comparison, indexed):
    done = comparison(with_run)
    page = html_page(done, indexed)
    assert 'id="plot-map"' in page
    assert 'id="plot-matrix"' in page
    assert "b <i>" not in page
    bare = html_page(done, replace(indexed, index=None))
    assert 'id="plot-map"' not in bare
    assert 'id="plot-matrix"' not in bare


def test_an_index_that_is_gone_or_of_another_run_is_told(with_run, indexed):
    run = indexed.run
    assert read_index(with_run, run) == (None, None)  # an older run leaves none
    named = run.model_copy(update={"files": {"index": "ab" * 32}})
    said = "there is no mended.index.arrow beside the mended table, so there is no map"
    assert read_index(with_run, named) == (None, said)
    with_run.with_suffix(".index.arrow").write_bytes(b"ARROW1")
    _, said = read_index(with_run, named)
    assert said.endswith(
        "mended.index.arrow: is of another run, or was changed since, so there is no map"
    )
