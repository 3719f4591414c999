"""The report of several labels: see `test_page` of the reports of one, whose shell it shares."""

import json
from pathlib import Path

import numpy as np
import pytest
from fixtures.html_page import Page

from labelmend.evaluation.comparison import overall
from labelmend.evaluation.set_compare import SetTest, compare_sets
from labelmend.evaluation.set_metrics import evaluate_sets
from labelmend.evaluation.set_runs import SetComparison, SetRun
from labelmend.report.several.mending import (
    LabelTurnover,
    SetMending,
    ShownSetRow,
    set_accuracy,
)
from labelmend.report.several.page import sets_html_page, turnover_plot
from labelmend.voice.speak import speaking

LABELS = ("a <b>", "c")
TRUTH = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], dtype=bool)
CALLED = {
    "as given": np.array([[1, 0], [1, 0], [0, 0], [0, 1]], dtype=bool),
    "mended": np.array([[1, 0], [1, 1], [0, 1], [0, 1]], dtype=bool),
}


@pytest.fixture
def comparison():
    runs = tuple(
        SetRun("logreg", name, 0, evaluate_sets(TRUTH, c, c * 0.8, LABELS, draws=0), c)
        for name, c in CALLED.items()
    )
    pair = ("logreg", *(c[None] for c in CALLED.values()))
    outcomes = compare_sets([pair], SetTest(TRUTH, np.arange(4)), 0)
    return SetComparison(
        runs=runs,
        outcomes=outcomes,
        conditions={"as given": 30, "mended": 30},
        test_rows=4,
        read={},
        notes=("as given: a note <i>on</i> it",),
        files=(Path("report.html"),),
        record={
            "input": {"as given": {"path": "t.csv", "sha256": "ab" * 32}},
            "models": [{"name": "encoder", "sha256": "cd" * 32, "source": "hub"}],
            "verdict": overall(outcomes),
            "seeds": [0],
            "config": {"seed": 0},
            "versions": {"numpy": "2.4.6"},
        },
    )


@pytest.fixture
def mending():
    given, mended = CALLED.values()
    return SetMending(
        rows=4,
        given=3,
        changed=2,
        review=1,
        labels=(LabelTurnover("c", 2, 0), LabelTurnover("a <b>", 0, 0)),
        accuracy=set_accuracy(given, mended, TRUTH),
        changed_rows=(ShownSetRow(2, "a <script>text</script>", ("a <b>",), LABELS, "Why.", ()),),
        review_rows=(ShownSetRow(4, "another", ("c",), ("c",), "c may be wrong.", None),),
        run=None,
        missing=("no run",),
    )


def text_of(page):
    return " ".join(" ".join(page.text).split())


def test_it_says_what_was_done_and_with_what(comparison, mending):
    page = Page(sets_html_page(comparison, mending))
    shown = text_of(page)
    assert "Of 4 rows with 3 labels, 2 were changed: 2 labels were added and 0 taken away." in shown
    # Of eight assignments five are right as given: 2 true positives, 1 false, 2 missing; then 4, 1
    # and 0: micro-F1 4 / 7 and 8 / 9.
    assert "57.1% → 88.9%" in shown
    assert "mended labels that hold 4 5 80.00" in shown
    assert "ab" * 32 in shown
    assert "cd" * 32 in shown
    assert "Row 2: a <b> → a <b>, c" in shown
    assert "a <script>text</script>" in shown
    assert "True labels: no label" in shown
    assert "Row 4: c" in shown
    assert "a note <i>on</i> it" in shown
    (source,) = [text for a, text in page.scripts if a.get("type") == "application/json"]
    assert set(json.loads(source)) == {"change", "turnover"}
    assert "<" not in source


def test_it_is_sound_html(comparison, mending):
    page = Page(sets_html_page(comparison, mending))
    assert all(a.get("scope") in {"row", "col"} for a in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"].removeprefix("#") for a in page.all("a")} <= set(ids)
    assert not any(tag in {"link", "img", "iframe"} for tag, _ in page.tags)


def test_what_can_not_be_said_of_the_rows_leaves_the_classifiers(comparison):
    page = Page(sets_html_page(comparison, "other <texts>"))
    shown = text_of(page)
    assert "other <texts>" in shown
    assert "no column with true labels was given (--gold-column)" in shown
    places = {a["id"] for a in page.all("div") if a.get("class") == "figure"}
    assert places == {"plot-change"}


def test_a_table_without_changes_has_no_plot_of_them():
    assert turnover_plot([LabelTurnover("a", 0, 0)]) is None
    drawn = turnover_plot([LabelTurnover("a", 3, 1), LabelTurnover("b", 0, 0)])
    assert drawn.numbers.rows == (("a", "3", "1"),)
    taken, added = drawn.figure["data"]
    assert (list(taken["x"]), list(added["x"])) == ([-1], [3])


def test_it_speaks_russian(comparison, mending):
    with speaking("ru"):
        page = Page(sets_html_page(comparison, mending))
    shown = text_of(page)
    assert "Из 4 строк с 3 метками изменено 2: добавлено меток 2, снято 0." in shown  # noqa: RUF001
    assert "исправленные метки, которые верны 4 5 80,00" in shown
    assert "Верные метки: без метки" in shown
    assert page.all("html") == [{"lang": "ru"}]
    assert "labels" not in shown.replace("labelmend", "")
