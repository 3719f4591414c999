"""The report in Russian: whole, with its numbers and plurals, and nothing beyond a phone's edge."""

import json
import re

import pytest

from labelmend.report.comparison import titles, verdict_in_words
from labelmend.report.markdown import markdown_page
from labelmend.report.mending import read_mending
from labelmend.report.page import html_page
from labelmend.version import __version__
from labelmend.voice.catalogue import catalogue
from labelmend.voice.speak import speaking

VERSIONS = {__version__, "3.11.7"}
"""Of labelmend, and of the run's Python as the record has it."""

SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture
def read(with_run, comparison):
    done = comparison(with_run)
    return done, read_mending(done.tables, 0)


@pytest.fixture
def page(read):
    with speaking("ru"):
        return html_page(*read)


def shown(page):
    """What a person reads, a line a piece."""
    bare = re.sub(r"<(script|style|pre)\b.*?</\1>", "", page, flags=re.DOTALL)
    return [line.strip() for line in re.sub(r"<[^>]+>", "\n", bare).splitlines() if line.strip()]


def test_the_page_is_russian(page):
    no_english_sentence_is_left(page)
    axes_legends_and_hovers_are_russian_too(page)
    numbers_are_russian(page)


def no_english_sentence_is_left(page):
    said = "\n".join(shown(page))
    plain = [one for one in catalogue("ru").sentences() if "{" not in one and one.count(" ") >= 2]
    assert len(plain) > 100
    assert [one for one in plain if one in said] == []
    assert '<html lang="ru">' in page
    for sentence in (
        "Что изменено",
        "Верны ли изменения?",
        "Стал ли классификатор лучше?",
        "Строки на проверку",
        "Ближайшие тексты с их исходными метками",  # noqa: RUF001
    ):
        assert sentence in said


def axes_legends_and_hovers_are_russian_too(page):
    (source,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    figures = json.loads(source)
    titles = [
        figure["layout"][axis].get("title", {}).get("text", "")
        for figure in figures.values()
        for axis in ("xaxis", "yaxis")
    ]
    named = [title for title in titles if title]
    assert len(named) > 6
    assert all(re.search("[а-я]", title) or title.startswith("F1") for title in named)  # noqa: RUF001
    hovers = [
        t["hovertemplate"] for f in figures.values() for t in f["data"] if "hovertemplate" in t
    ]
    assert hovers
    assert not [one for one in hovers if re.search(r"\b(rows|points|right|found|given)\b", one)]
    assert 'Plotly.setPlotConfig({ locale: "ru" })' in page


def numbers_are_russian(page):
    cells = re.findall(r"<td>([-+\d., \N{NO-BREAK SPACE}]+)</td>", page)
    assert any("," in cell for cell in cells)
    assert {cell for cell in cells if "." in cell} <= VERSIONS
    assert re.search(rf"\d,\d{SPACE}%", page)


def test_the_text_page_and_its_title(read):
    with speaking("ru"):
        text = markdown_page(*read)
    assert text.startswith("# Стал ли классификатор лучше?\n")
    assert "## Что изменено" in text
    assert titles() == ("# Did the classifier get better?", "# Стал ли классификатор лучше?")


def test_a_verdict_on_several_classifiers():
    with speaking("ru"):
        said = verdict_in_words("better with logreg, lightgbm; no difference shown with svm")
    assert said == "лучше у logreg, lightgbm; разница не показана у svm"  # noqa: RUF001


@pytest.mark.browser
def test_nothing_is_beyond_a_phones_edge(chromium, page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page, "utf-8")
    context = chromium.new_context(viewport={"width": 360, "height": 740}, is_mobile=True)
    tab = context.new_page()
    tab.set_default_timeout(120_000)
    tab.goto(path.as_uri())
    tab.wait_for_function("() => document.querySelectorAll('.figure .main-svg').length > 6")
    for opened in ("false", "true"):
        tab.evaluate(f"document.querySelectorAll('details').forEach(d => d.open = {opened})")
        assert tab.evaluate("document.documentElement.scrollWidth") == 360
    beyond = "[...document.querySelectorAll('.gtitle, .xtitle')].filter(t => {"
    beyond += "const b = t.getBoundingClientRect(); return b.left < 0 || b.right > 360 })"
    assert tab.evaluate(f"{beyond}.map(t => t.textContent)") == []
    context.close()
