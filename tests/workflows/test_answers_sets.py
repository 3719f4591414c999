"""Answers that may have several labels, from a table that people filled in."""

import pytest

from labelmend.configs.load import load_config
from labelmend.data.answer_file import read_answers
from labelmend.data.cells.read import AS_IT_LOOKS, LabelRules
from labelmend.data.request import TableRequest
from labelmend.errors import ConfigError, InputError
from labelmend.workflows.answers import ImportRequest, import_answers, summarise, withdraw_answers

CONFIG = load_config("embedded").data
SHEET = """id,text,tags,answer
1,hello world,a;b,a
2,good bye,b,none of these
3,again,a,
4,once more,,a;b
5,what,a,[]
6,hm,a,unsure
"""


def imported(tmp_path, content=SHEET, sets=AS_IT_LOOKS, **more):
    (tmp_path / "sheet.csv").write_text(content)
    asked = ImportRequest(TableRequest(tmp_path / "sheet.csv"), who=("ann",), sets=sets, **more)
    return import_answers(asked, tmp_path / "answers.jsonl", CONFIG)


def test_a_cell_says_all_labels_of_its_text(tmp_path):
    done = imported(tmp_path)
    assert (done.written, done.blank, done.notes) == (5, 1, ())
    file = read_answers(tmp_path / "answers.jsonl", "several")
    assert [(a.id, a.verdict, a.labels) for a in file.answers] == [
        ("1", "label", ("a",)),
        ("2", "none", ()),
        ("4", "label", ("a", "b")),
        ("5", "none", ()),
        ("6", "unsure", ()),
    ]
    assert {a.task for a in file.answers} == {"several"}
    assert imported(tmp_path).written == 0


def test_the_sign_may_be_named(tmp_path):
    imported(tmp_path, "text,answer\nx,p / q\n", LabelRules("/"))
    (answer,) = read_answers(tmp_path / "answers.jsonl", "several").answers
    assert answer.labels == ("p", "q")


def test_one_file_has_answers_of_one_kind(tmp_path):
    imported(tmp_path)
    with pytest.raises(InputError, match="line 1: is an answer that may have several labels"):
        imported(tmp_path, "text,answer\nx,a\n", None)


def test_such_answers_are_counted_and_taken_back(tmp_path):
    imported(tmp_path)
    path = tmp_path / "answers.jsonl"
    assert (summarise(path).standing, summarise(path).none) == (5, 2)
    withdraw_answers(path, row="4")
    assert summarise(path).standing == 4


def test_other_tools_have_one_label_a_text(tmp_path):
    with pytest.raises(ConfigError, match="--several: takes answers from a table"):
        imported(tmp_path, source="doccano")


def test_the_order_of_labels_does_not_matter(tmp_path):
    done = imported(tmp_path, "text,answer\nsame,b;a\nsame,a;b\n", LabelRules(";"))
    assert (done.written, done.notes) == (1, ())
    (answer,) = read_answers(tmp_path / "answers.jsonl", "several").answers
    assert answer.labels == ("a", "b")
    assert imported(tmp_path, "text,answer\nsame,b;a\n", LabelRules(";")).written == 0


def test_a_label_wins_over_the_words_also_where_rows_have_others_beside_it(tmp_path):
    content = "text,tags,answer\none,a;unsure,unsure\ntwo,a,none of these\n"
    imported(tmp_path, content, LabelRules(";"))
    file = read_answers(tmp_path / "answers.jsonl", "several")
    assert [(a.verdict, a.labels) for a in file.answers] == [("label", ("unsure",)), ("none", ())]
