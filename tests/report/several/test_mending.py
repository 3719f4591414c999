import json

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.data.cells.read import LabelRules
from labelmend.data.request import TableRequest
from labelmend.report.several.mending import read_set_mending, set_accuracy
from labelmend.workflows.train_sets import read_sets

ROWS = [
    # text, given, mended, truth, decision, reason
    ("one", "a;b", "a;b", "a;b", "keep", "as given"),
    ("two", "a", "a;b", "a;b", "change", "added b"),
    ("three", "a;b", "b", "a;b", "change", "took a away"),
    ("four", "b", "b", "c", "review", "b may be wrong"),
    ("five", "", "", "", "keep", ""),
]


@pytest.fixture
def tables(tmp_path):
    def read(column, rows=ROWS):
        path = tmp_path / f"{column}{len(rows)}.csv"
        heads = ("text", "given", "mended_labels", "truth", "decision", "reason")
        lines = [",".join(heads), *(",".join(row) for row in rows)]
        path.write_text("\n".join(lines) + "\n", "utf-8")
        request = TableRequest(path, "text", column, rules=LabelRules(separator=";"))
        return read_sets(request, load_config().data)

    return read


def test_what_was_changed_is_told_by_label_and_row(tables):
    found = read_set_mending({"as given": tables("given"), "mended": tables("mended_labels")}, 0)
    assert (found.rows, found.given, found.changed, found.review) == (5, 6, 2, 1)
    assert [(one.label, one.added, one.removed) for one in found.labels] == [
        ("a", 0, 1),
        ("b", 1, 0),
    ]
    assert (found.added, found.removed, found.accuracy) == (1, 1, None)
    shown = {row.number: row for row in found.changed_rows}
    assert sorted(shown) == [2, 3]
    assert (shown[3].given, shown[3].mended, shown[3].truth) == (("a", "b"), ("b",), None)
    assert shown[2].reason == "added b"
    (review,) = found.review_rows
    assert (review.number, review.given, review.mended) == (4, ("b",), ("b",))
    (missing,) = found.missing
    assert missing.startswith("there is no mended_labels5.run.json beside the mended table")
    assert json.loads(json.dumps(found.to_json()))["labels"][0]["removed"] == 1


def test_which_changed_rows_are_shown_does_not_depend_on_the_order_of_rows(tables, monkeypatch):
    monkeypatch.setattr("labelmend.report.several.mending.SHOWN_ROWS", 1)

    def shown(rows):
        read = {"as given": tables("given", rows), "mended": tables("mended_labels", rows)}
        return read_set_mending(read, 3).changed_rows[0].text

    assert shown(ROWS) == shown(ROWS[::-1])


def test_labels_and_changes_are_held_against_the_truth(tables):
    named = {"as given": "given", "mended": "mended_labels", "gold": "truth"}
    found = read_set_mending({name: tables(column) for name, column in named.items()}, 0)
    right = found.accuracy
    counts = {name: (one.count, one.total) for name, one in vars(right).items() if name != "rows"}
    assert counts == {
        "rows_before": (3, 5),  # one, three, five
        "rows_after": (3, 5),  # one, two, five
        "given": (5, 6),
        "mended": (5, 6),
        "added": (1, 1),
        "removed": (0, 1),
        "broken": (1, 5),
        "found": (1, 2),  # b of two, but not c of four
    }
    assert found.changed_rows[0].truth == ("a", "b")
    assert found.to_json()["accuracy"]["removed"]["rate"] == 0


def test_nothing_was_added_or_taken_away():
    none = set_accuracy(*[np.zeros((2, 3), dtype=bool)] * 3)
    assert (none.rows_after.count, none.added.total, none.broken.total) == (2, 0, 0)


def test_tables_of_other_texts_say_nothing_of_changes(tables):
    read = {"as given": tables("given"), "mended": tables("mended_labels", ROWS[:4])}
    said = read_set_mending(read, 0)
    assert said.startswith("the tables don't hold the same texts in the same order")


def test_labels_of_another_hand_have_no_run(tables):
    read = {"as given": tables("given"), "mended": tables("truth")}
    found = read_set_mending(read, 0)
    assert (found.review, found.run) == (None, None)
    assert found.missing == (
        "the mended labels were not written by labelmend, so what it knew of them isn't here",
    )
