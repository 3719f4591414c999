"""An error analysis in the report."""

import re
from dataclasses import replace

import pytest

from labelmend.evaluation.error_analysis.counts import ErrorCounts, Example, LabelShare
from labelmend.evaluation.error_analysis.kinds import KINDS
from labelmend.report.errors import crossed_numbers, example_numbers, how_found, kind_numbers
from labelmend.report.markdown import markdown_page
from labelmend.report.mending import read_mending
from labelmend.report.page import html_page
from labelmend.voice.speak import speaking

TITLE = "What stands behind the mended labels"


@pytest.fixture
def counts():
    cells = {
        (True, True): {"fine": 80},
        (True, False): {"hard": 3, "missing data": 5},
        (False, True): {},
        (False, False): {"label error": 12},
    }
    labels = dict.fromkeys(KINDS, ())
    labels["label error"] = tuple(LabelShare(f"<k{i}>", 7 - i, 10) for i in range(7))
    examples = dict.fromkeys(KINDS, ())
    examples["hard"] = (Example(4, "a  text\n" + "x" * 90, "a|b", "no other text has this label"),)
    return ErrorCounts(100, cells, labels, 9, 0.125, examples)


def test_the_numbers_by_hand(counts):
    assert crossed_numbers(counts).rows == (
        ("learned", "fine 80 (80.0%)", "hard 3 (3.0%); missing data 5 (5.0%)"),
        ("can't be learned", "0", "label error 12 (12.0%)"),
    )
    error, hard, missing, fine = kind_numbers(counts).rows
    assert error[:3] == (
        "label error",
        "12 (12.0%)",
        "<k0> 7 of 10, <k1> 6 of 10, <k2> 5 of 10, <k3> 4 of 10, <k4> 3 of 10, and 2 more",
    )
    assert [row[3].split(":")[0] for row in (error, hard, missing, fine)] == [
        *("relabel", "review", "add texts like these", "nothing"),
    ]
    ((kind, row, text, label, why),) = example_numbers(counts).rows
    assert (kind, row, label, why) == ("hard", "4", "a|b", "no other text has this label")
    assert (text[:8], text[-1], len(text)) == ("a text x", "…", 80)
    assert how_found(counts) == (
        "The overfitted model reads 9 features: of labels that were planted wrong on purpose it "
        "learned 12.5%."
    )


def test_pages_have_it_where_somebody_looked(counts, with_run, comparison):
    without = comparison(with_run)
    done = replace(without, errors=counts)
    mending = read_mending(done.tables, 0)
    page = html_page(done, mending)
    assert f'<a href="#errors">{TITLE}</a>' in page
    assert "&lt;k0&gt; 7 of 10" in page
    text = markdown_page(done, mending)
    assert f"## {TITLE}" in text
    assert "| label error | 12 (12.0%) | " in text
    assert f"## {TITLE}" in markdown_page(done, "nothing is known")
    assert TITLE not in html_page(without, mending) + markdown_page(without, mending)
    with speaking("ru"):
        said = re.sub(r"<(script|style|pre)\b.*?</\1>", "", html_page(done, mending), flags=re.S)
    assert "Что стоит за исправленными метками" in said
    assert "ошибка разметки" in said
    for english in (TITLE, "label error", "missing data", "held out", "most in", "no other text"):
        assert english not in said


def test_what_programs_read(counts):
    record = counts.to_json()
    assert record["crossed"][1] == {
        "learned": True,
        "right_held_out": False,
        "kinds": {"hard": 3, "missing data": 5},
    }
    assert record["labels"]["label error"][0] == {"label": "<k0>", "rows": 7, "of": 10}
    assert (record["rows"], record["features"], record["learned_by_heart"]) == (100, 9, 0.125)
    assert record["examples"]["hard"][0]["row"] == 4
