"""What is known of a base with several labels a row, worked out by hand."""

import csv

import numpy as np
import pytest

from labelmend.errors import ConfigError, InputError
from labelmend.journal.sets import packed
from labelmend.retrain.known import is_held_out
from labelmend.retrain.project import HeldOutConfig, open_project
from labelmend.retrain.rows import MendedRow
from labelmend.retrain.sets.known import (
    base_of_sets,
    exported_sets,
    matrix,
    read_base_sets,
    sets_with_rows,
)
from labelmend.retrain.sets.way import SeveralLabelsWay
from labelmend.retrain.sources.cells import SeveralLabels

HALF = HeldOutConfig(share=0.5, sure=0.9)
OUT = [f"text {i}" for i in range(99) if is_held_out(f"text {i}", 0.5)]
IN = [f"text {i}" for i in range(99) if not is_held_out(f"text {i}", 0.5)]

HEADER = ("text", "topics", "mended_labels", "decision", "confidence")


@pytest.fixture
def opened(tmp_path):
    def write(rows, header=HEADER):
        with (tmp_path / "base.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        path = tmp_path / "project.yaml"
        path.write_text("base: base.csv\nlabel_column: topics\nheld_out: {share: 0.5, sure: 0.9}\n")
        return open_project(path)

    return write


ROWS = [
    (OUT[0], "a;b", "a;b", "keep", 0.95),
    (OUT[1], "a", "a;c", "change", 0.8),  # not sure enough to be tested on
    (OUT[2], "b", "c", "answered", 1.0),
    (OUT[3], "", "", "keep", 0.9),
    (IN[0], "a;b", "b", "change", 0.99),
    (IN[1], "", "", "keep", 0.5),
    (IN[2], "c", "c", "answered", 1.0),
    ("", "a", "a", "blank", ""),
]


def test_a_mended_base(opened):
    project = opened(ROWS)
    assert base_of_sets(project)
    known = read_base_sets(project)
    assert (len(known), known.base_rows, known.learned_rows) == (7, 7, 3)
    assert known.labels == ("a", "b", "c")
    assert known.sets.given.astype(int).tolist() == [
        *([1, 1, 0], [1, 0, 1], [0, 0, 1], [0, 0, 0]),
        *([0, 1, 0], [0, 0, 0], [0, 0, 1]),
    ]
    assert known.came[[1, 2, 4]].astype(int).tolist() == [[1, 0, 0], [0, 1, 0], [1, 1, 0]]
    assert known.answered.tolist() == [False, False, True, False, False, False, True]
    assert (known.shape.column, known.shape.joined_by) == ("topics", ";")
    assert known.learned_from.texts == tuple(IN[:3])
    held_out = known.test_set(HALF)
    assert dict(zip(held_out.texts, held_out.truth.astype(int).tolist(), strict=True)) == {
        OUT[0]: [1, 1, 0],
        OUT[2]: [0, 0, 1],
        OUT[3]: [0, 0, 0],
    }
    assert held_out.answered == 1


def test_any_other_base_counts_as_right(opened):
    project = opened([row[:2] for row in ROWS], HEADER[:2])
    known = read_base_sets(project)
    assert np.array_equal(known.sets.given, known.came)
    assert known.confidence.tolist() == [1.0] * 7
    assert not known.answered.any()
    assert any("was not mended by labelmend" in note for note in known.notes)
    one = opened([(OUT[0], "a"), (IN[0], "b")], HEADER[:2])
    assert not base_of_sets(one)


def test_a_sign_that_cells_do_not_show(opened):
    rows = [(OUT[0], "a;b", "a;b"), (IN[0], "a;b", "a;b"), (IN[1], "c;d", "c;d")]
    project = opened(rows, HEADER[:3])
    assert read_base_sets(project).labels == ("a;b", "c;d")  # no part is a label of its own
    project.path.write_text(project.path.read_text() + "label_separator: ';'\n")
    known = read_base_sets(open_project(project.path))
    assert (known.labels, known.shape.joined_by) == (("a", "b", "c", "d"), ";")
    project = opened([row[:2] for row in rows], HEADER[:2])
    assert not base_of_sets(project)
    project.path.write_text(project.path.read_text() + "label_separator: ';'\n")
    assert base_of_sets(open_project(project.path))
    project.path.write_text(project.path.read_text().replace("';'", "none"))
    with pytest.raises(ConfigError, match="label_separator: give the sign that joins labels"):
        open_project(project.path)


def test_mended_cells_are_joined_as_those_that_came(opened):
    # Of the mended cells none has "b" alone or first: by themselves they would show no sign.
    rows = [(OUT[0], "a;b", "a;b"), (IN[0], "b", "a;b"), (IN[1], "a", "a"), (IN[2], "c", "c")]
    known = read_base_sets(opened(rows, HEADER[:3]))
    assert known.labels == ("a", "b", "c")
    assert known.sets.given.astype(int).tolist() == [[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert known.came.astype(int).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_new_rows_are_read_by_the_sign_of_the_project_or_the_base(opened):
    project = opened([(IN[0], "a"), (IN[1], "b"), (IN[2], "a;b")], HEADER[:2])
    assert SeveralLabelsWay.of(project, writer=None).cells == SeveralLabels(";")
    project = opened([(IN[0], "a"), (IN[1], "b")], HEADER[:2])
    project.path.write_text(project.path.read_text() + "label_separator: '/'\n")
    # No cell of the base has it, and those of new rows may.
    named = SeveralLabelsWay.of(open_project(project.path), writer=None)
    assert named.cells == SeveralLabels("/")


def row(text, said, mended=None, *, name="", rows="labels", decision="keep", confidence=1.0):
    labels = packed(said)
    return MendedRow(
        *("s", name, f"{text}{labels}", text, labels, rows, "train"),
        *(labels if mended is None else mended, confidence, decision),
    )


def test_rows_that_came_since(opened):
    known = read_base_sets(opened(ROWS))
    rows = [
        row(IN[3], ["a"], packed(["a", "d"]), confidence=0.5),
        row(IN[4], ["x"], ""),  # nobody knows x
        row(IN[5], ["b"], name="r1"),
        row(IN[6], ["c"], name="r1"),  # the last word of r1
        row(OUT[4], [], rows="answers", decision="answered"),
        row(OUT[4], ["a"]),  # a person's word goes before it
        row(OUT[5], ["c"], rows="corrections", decision="answered"),
    ]
    after = sets_with_rows(known, rows, HALF)
    assert after.labels == ("a", "b", "c", "d")
    assert after.sets.texts[7:] == (IN[3], IN[6], OUT[4], OUT[4], OUT[5])
    assert after.sets.given[7].tolist() == [True, False, False, True]
    assert after.came[7].tolist() == [True, False, False, False]
    assert after.learned_rows == 5
    held_out = after.test_set(HALF)
    assert set(held_out.texts) == {OUT[0], OUT[2], OUT[3], OUT[4]}  # no corrections
    assert not held_out.truth[held_out.texts.index(OUT[4])].any()
    assert held_out.answered == 2
    assert sets_with_rows(known, [], HALF) is known


def test_a_full_mending_has_what_people_settled(opened):
    known = read_base_sets(opened(ROWS))
    found = exported_sets(known, [row(IN[3], ["a"], packed(["b"]))])
    assert found[1] == (OUT[1], '["a"]', "")
    assert found[2] == (OUT[2], '["c"]', "")  # answered: not as it came
    assert found[-1] == (IN[3], '["a"]', f'{IN[3]}["a"]')


def test_a_base_whose_confidence_is_none(opened):
    with pytest.raises(InputError, match="column 'confidence' has cells that are no numbers from"):
        read_base_sets(opened([*ROWS[:4], (*ROWS[4][:4], "sure")]))


def test_sets_as_a_matrix():
    assert matrix(['["b", "z"]', "[]"], ("a", "b")).tolist() == [[False, True], [False, False]]
