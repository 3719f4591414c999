"""The HTML page: it loads nothing, runs nothing of the user's, and reads well without eyes."""

import base64
import hashlib
import itertools
import json
import re

import pytest
from fixtures.html_page import Page

from labelmend.report.comparison import cell_text
from labelmend.report.markdown import markdown_page
from labelmend.report.mending import read_mending
from labelmend.report.page import html_page


@pytest.fixture
def built(with_run, comparison):
    done = comparison(with_run)
    return html_page(done, read_mending(done.tables, 0))


@pytest.fixture
def page(built):
    return Page(built)


def test_nothing_is_loaded(page):
    for tag, attributes in page.tags:
        assert tag not in {"link", "img", "iframe", "object", "base", "form"}, tag
        for name in ("src", "href", "srcset", "action", "data"):
            assert attributes.get(name, "#").startswith("#"), (tag, attributes)
    (style,) = page.styles
    assert "url(" not in style
    assert "@import" not in style


def test_only_our_scripts_run(page):
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'; ")
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    run = [text for attributes, text in page.scripts if "type" not in attributes]
    assert len(run) == 2
    assert allowed == [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run
    ]
    assert "unsafe-inline" not in policy.split("script-src")[1]
    assert not any(name.startswith("on") for _, a in page.tags for name in a)


def test_texts_and_labels_are_text(built, page, known):
    shown = "".join(page.text)
    assert all(text in shown for text in known.TEXTS[1:6])
    assert known.A in shown
    assert "a note <script>of</script> the run" in shown
    assert "near <i>text</i>" in shown
    markup = built.split('<script type="application/json"')[0]
    assert "<script" not in markup
    (figures,) = [text for a, text in page.scripts if a.get("type") == "application/json"]
    assert "<" not in figures


def test_a_cell_of_markdown_is_no_markup():
    assert cell_text("a | b\n c") == "a \\| b c"
    assert cell_text("<b>x</b> & [y](z) `w` card_lost") == (
        "&lt;b&gt;x&lt;/b&gt; &amp; \\[y\\](z) \\`w\\` card_lost"
    )


def test_every_plot_has_its_place_and_its_numbers(page):
    (source,) = [text for a, text in page.scripts if a.get("type") == "application/json"]
    figures = json.loads(source)
    kinds = ("labels", "reliability", "trade-off")
    expected = {"decisions", "flow", "confused", "change", *(f"{k}-logreg" for k in kinds)}
    assert set(figures) == expected
    places = [a["id"] for a in page.all("div") if a.get("class") == "figure"]
    assert sorted(places) == sorted(f"plot-{key}" for key in figures)
    assert sum(a.get("class") == "numbers" for a in page.all("details")) == len(figures)


def test_it_is_sound_html(page):
    assert page.all("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all(
        "meta"
    )
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(a.get("scope") in {"row", "col"} for a in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {a["href"].removeprefix("#") for a in page.all("a")}
    assert targets <= set(ids)
    named = {a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a}
    assert named <= set(ids)


def test_it_says_what_was_done_and_with_what(page):
    shown = " ".join(" ".join(page.text).split())
    assert "Of 8 rows, 3 changed, 1 labelled from scratch, 2 for review, 2 kept" in shown
    assert "75.0% of the given labels are taken to be right" in shown
    assert "ab" * 32 in shown
    assert "cd" * 32 in shown
    assert "(changed rightly)" in shown
    assert "(changed wrongly)" in shown
    assert "(neither)" in shown
    # Row 2: its neighbours say 3 nats for b, the given label 1 against it.
    assert "neighbour +3.0, the given label itself -1.0; in all +2.0" in shown


def test_without_run_gold_or_out_of_scope_it_says_what_is_missing(
    table, comparison, training_runs_without_oos
):
    done = comparison(table, gold=False, runs=training_runs_without_oos)
    page = Page(html_page(done, read_mending(done.tables, 0)))
    shown = " ".join(" ".join(page.text).split())
    assert "there is no mended.run.json beside the mended table" in shown
    assert "no column with true labels was given (--gold-column)" in shown
    assert "There is no out-of-scope text among the test rows" in shown
    places = [a["id"] for a in page.all("div") if a.get("class") == "figure"]
    assert "plot-confused" not in places
    assert "plot-trade-off-logreg" not in places


def test_what_can_not_be_said_of_the_rows_leaves_the_classifiers(table, comparison):
    page = Page(html_page(comparison(table), "the tables don't hold the same <texts>"))
    assert "the tables don't hold the same <texts>" in "".join(page.text)
    places = {a["id"] for a in page.all("div") if a.get("class") == "figure"}
    assert "plot-decisions" not in places
    assert "plot-change" in places


def test_markdown_says_the_same(with_run, comparison):
    done = comparison(with_run)
    page = markdown_page(done, read_mending(done.tables, 0))
    assert "## What was changed\n\nOf 8 rows, 3 changed" in page
    assert "| precision: changed rows that are right now | 1 | 3 | 33.33 |" in page
    assert "| given | mended | rows |" in page
    assert markdown_page(done, "no | such").endswith("## What was changed\n\nno \\| such\n")
