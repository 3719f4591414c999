from dataclasses import replace
from pathlib import Path

import pytest

from labelmend.configs.load import load_config
from labelmend.data.cells.read import AS_IT_LOOKS, LabelRules
from labelmend.data.request import TableRequest
from labelmend.runs.again import as_the_run
from labelmend.runs.parts import InputColumns, LabelReading, RunInput
from labelmend.runs.record import RunRecord

COLUMNS = ("n", "subject", "body", "kind", "mended_label")
REQUEST = TableRequest(Path("t.csv"))


@pytest.fixture
def run(four_rows):
    source = RunInput(
        path="t.csv",
        sha256="ab" * 32,
        rows=4,
        texts=3,
        columns=InputColumns(text="subject", label="kind", id="n", votes=(), more_text=("body",)),
        reading=LabelReading(separator="none", missing=("-1",), merge_spellings=True),
    )
    return RunRecord.of(four_rows, load_config("embedded"), {}, source, ())


def test_a_mended_table_is_read_as_its_run_read_it(run):
    told = as_the_run(REQUEST, COLUMNS, run)
    assert told == replace(
        REQUEST,
        text_column=("subject", "body"),
        label_column="kind",
        id_column="n",
        oos_label="c",
        rules=LabelRules("none", ("-1",), merge_spellings=True),
    )


def test_what_the_user_says_counts(run):
    rules = LabelRules(missing=("x",))
    mine = TableRequest(Path("t.csv"), ["body"], "mended_label", "subject", "oos", rules=rules)
    assert as_the_run(mine, COLUMNS, run) == mine
    assert as_the_run(replace(mine, text_column=None), COLUMNS, run).rules == rules


def test_columns_that_are_not_there_are_not_asked_for(run):
    told = as_the_run(REQUEST, ("subject", "text", "kind"), run)
    assert (told.text_column, told.label_column, told.id_column) == (None, "kind", None)
    assert told.rules.separator == "none"


def test_without_a_record_nothing_is_known():
    assert as_the_run(REQUEST, COLUMNS, None) == REQUEST
    assert REQUEST.rules == AS_IT_LOOKS
