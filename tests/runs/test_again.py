import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from labelmend.configs.load import load_config
from labelmend.data.cells.read import AS_IT_LOOKS, LabelRules
from labelmend.data.request import TableRequest
from labelmend.errors import InputError
from labelmend.runs.again import as_the_run, given_labels, label_cards
from labelmend.runs.parts import InputColumns, LabelReading, LabelsFile, RunInput
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


def with_labels_file(run, path, content):
    given = LabelsFile(path=path, sha256=hashlib.sha256(content).hexdigest())
    return run.model_copy(update={"input": run.input.model_copy(update={"labels_file": given})})


def test_the_labels_file_that_a_run_was_given(run, tmp_path):
    table, cards = tmp_path / "out" / "mended.csv", tmp_path / "cards.yaml"
    table.parent.mkdir()
    given = with_labels_file(run, "../cards.yaml", b"a: {}\n")
    cards.write_bytes(b"a: {}\n")
    assert given_labels(table, given).samefile(cards)
    # What the run would have written itself, had it not been given one, is another run's.
    table.with_suffix(".labels.yaml").write_bytes(b"b: {}\n")
    assert given_labels(table, given).samefile(cards)
    assert label_cards(table, given).samefile(cards)
    # Somebody moved it beside the table.
    cards.rename(table.parent / "cards.yaml")
    assert given_labels(table, given) == table.parent / "cards.yaml"
    (table.parent / "cards.yaml").write_bytes(b"a: {description: other}\n")
    with pytest.raises(InputError, match="the labels file that the run was given is not there"):
        given_labels(table, given)
    assert label_cards(table, given) is None


def test_the_labels_file_that_a_run_wrote(run, tmp_path):
    table = tmp_path / "mended.csv"
    with pytest.raises(InputError, match="name it: labelmend review --labels"):
        given_labels(table, run)
    assert label_cards(table, run) is None
    assert label_cards(table, None) is None
    own = table.with_suffix(".labels.yaml")
    own.write_bytes(b"b: {}\n")
    assert given_labels(table, run) is None
    assert label_cards(table, run) == own
    assert label_cards(table, None) == own
