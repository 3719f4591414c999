"""Mended tables with several labels a row, read as an audit needs them."""

import csv
import os
import signal

import numpy as np
import pytest
from fixtures.audited_sets import LABELS, make_known_sets, write_lists

from labelmend.audit.sets.mended import MendedSetTable, is_of_sets, read_audited, read_mended_sets
from labelmend.audit.strata import Kind
from labelmend.data.outputs import publication
from labelmend.data.request import TableRequest
from labelmend.errors import InputError

HEAD = ("id", "text", "topics", "mended_labels", "decision", "confidence")


def written(path, rows, head=HEAD):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return TableRequest(path)


def test_a_table_is_read_as_it_was_mended(tmp_path):
    known = make_known_sets(np.random.default_rng(0), 60)
    decisions = ["answered" if row < 5 else "keep" for row in range(60)]
    table = read_mended_sets(TableRequest(known.write(tmp_path, decisions)))
    order = [table.sets.labels.index(label) for label in LABELS]
    assert (table.sets.given[:, order] == known.given).all()
    assert (table.mended[:, order] == known.mended).all()
    assert table.answered.sum() == 5
    assert table.doubt[5:] == pytest.approx(known.doubt[5:])
    assert (table.doubt[:5] == 0).all()
    assert (table.ids[0], table.has_ids, len(table)) == ("r1", True, 60)
    kinds = np.where(known.changed, int(Kind.CHANGED), int(Kind.KEPT))
    assert (table.kinds[5:] == kinds[5:]).all()
    assert (table.kinds[:5] == Kind.ANSWERED).all()


def test_rows_without_a_text_are_left_out_and_no_label_is_right(tmp_path):
    rows = [
        ("1", "one", "a;b", "a", "change", "0.9"),
        ("2", " ", "a", "a", "blank", ""),
        ("3", "three", "", "", "keep", "0.8"),
        ("4", "four", "b", "b", "keep", "0.7"),
    ]
    table = read_mended_sets(written(tmp_path / "m.csv", rows))
    assert table.ids == ("1", "3", "4")
    assert table.mended.tolist() == [[True, False], [False, False], [False, True]]
    assert table.said_of(0) == ("a\x1fb", "a")
    assert table.said_of(1) == ("", "")


def test_lists_and_labels_that_only_mending_gave(tmp_path):
    cells = {"decision": "keep", "confidence": 0.9}
    rows = [
        {"text": "one", "tags": ["a", "b"], "mended_labels": ["a", "b"], **cells},
        {"text": "two", "tags": ["a"], "mended_labels": ["a", "c"], **cells},
    ]
    table = read_mended_sets(TableRequest(write_lists(tmp_path / "m.jsonl", rows)))
    assert table.sets.labels == ("a", "b", "c")
    assert table.sets.given.tolist() == [[True, True, False], [True, False, False]]
    assert table.mended.tolist() == [[True, True, False], [True, False, True]]
    assert not table.has_ids


def test_columns_of_0_and_1(tmp_path):
    head = ("text", "is_a", "is_b", "mended_is_a", "mended_is_b", "decision", "confidence")
    rows = [("one", 1, 0, 1, 1, "change", 0.9), ("two", 0, 0, 0, 0, "keep", 0.5)]
    request = written(tmp_path / "m.csv", rows, head)
    request = TableRequest(request.path, label_columns=("is_*",))
    table = read_mended_sets(request)
    assert table.sets.labels == ("is_a", "is_b")
    assert table.sets.given.tolist() == [[True, False], [False, False]]
    assert table.mended.tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize(
    ("row", "head", "what"),
    [
        (("1", "one", "a;b", "a", "change", "much"), HEAD, "no number from 0 to 1"),
        (("1", "one", "a;b", "a", "change"), HEAD[:5], "no column 'confidence'"),
        (("1", "one", "a;b", "a"), (*HEAD[:3], "other"), "no column 'mended_labels'"),
    ],
)
def test_what_is_no_such_table(tmp_path, row, head, what):
    second = ("2", "two", "a", "a", "keep", "0.5")[: len(row)]
    with pytest.raises(InputError, match=what):
        read_mended_sets(written(tmp_path / "m.csv", [row, second], head))


@pytest.mark.parametrize(
    ("head", "several"),
    [
        (HEAD, True),
        (("text", "mended_label"), False),
        # A user's own column may be called so.
        (("text", "mended_label", "mended_labels"), False),
    ],
)
def test_columns_tell_where_there_is_no_record(tmp_path, head, several):
    request = written(tmp_path / "m.csv", [("x",) * len(head)], head)
    assert is_of_sets(request) == several


def test_what_a_killed_run_began_tells_how_many_labels_a_row_may_have(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("text,label,mended_label\none,a,a\n")
    child = os.fork()
    if child == 0:
        publication.put = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        new = publication.Publication([path, path.with_suffix(".evidence.jsonl")])
        names = new.begin()
        written(names[0], [("1", "one", "a;b", "a", "change", "0.9")])
        names[1].write_text("")
        new.commit()
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert not is_of_sets(TableRequest(path))
    table = read_audited(TableRequest(path))
    assert isinstance(table, MendedSetTable)
    assert len([note for note in table.notes if "a run was killed" in note]) == 1
