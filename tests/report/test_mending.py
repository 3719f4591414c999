"""What was changed, counted by hand on eight rows."""

import hashlib
import json
from dataclasses import replace

import pytest

from labelmend.report.mending import Flow, change_accuracy, label_turnover, read_mending
from labelmend.types import Share


def counts(share):
    return share.count, share.total


def test_rows_are_counted_by_what_happened_to_their_labels(table, tables, known):
    mending = read_mending(tables(table), seed=0)
    assert (mending.rows, mending.changed, mending.review) == (8, 3, 2)
    assert (mending.filled, mending.kept) == (1, 2)
    assert mending.flows == (Flow(known.A, known.B, 2), Flow(known.B, known.OOS, 1))
    # 1 - (0.9 + 0.1 + 0.2 + 0.4 + 0.6 + 0.1 + 0.9) / 7
    assert mending.estimated_noise == pytest.approx(1 - 3.2 / 7)


def test_changes_are_held_against_the_truth(table, tables):
    found = read_mending(tables(table), seed=0).accuracy
    assert found.rows == 7  # the eighth had no label
    assert counts(found.before) == (4, 7)
    assert counts(found.after) == (4, 7)
    assert counts(found.precision) == (1, 3)
    assert counts(found.recall) == (1, 3)
    assert counts(found.found) == (3, 3)
    assert counts(found.broken) == (1, 4)
    assert counts(found.review) == (1, 2)
    assert read_mending(tables(table, gold=False), seed=0).accuracy is None


def test_nothing_changed_has_no_precision():
    found = change_accuracy(["a", "b"], ["a", "b"], ["a", "b"], None)
    assert found.precision == Share(0, 0, 0.0, 1.0)
    assert found.review is None


def test_what_is_missing_beside_the_table_is_said(table, tables):
    mending = read_mending(tables(table), seed=0)
    assert mending.run is None
    assert [line.split(";")[0] for line in mending.missing] == [
        "there is no mended.run.json beside the mended table",
        "there is no mended.evidence.jsonl beside the mended table",
    ]
    assert {row.row for row in mending.changed_rows} == {2, 3, 6}
    assert [row.row for row in mending.review_rows] == [4, 5]
    assert all(row.explanation is None for row in mending.changed_rows)


def test_the_record_orders_the_rows_for_review(with_run, tables, known):
    mending = read_mending(tables(with_run), seed=0)
    assert mending.missing == ()
    assert [row.row for row in mending.review_rows] == [5, 4]
    assert mending.review_rows[0].explanation.proposed == known.A
    assert mending.estimated_noise == 0.25
    assert mending.run.noise.confused_pairs[0].rows == 2.5


def test_a_label_that_was_only_renamed_is_not_changed(with_run, tables, known):
    record = with_run.with_suffix(".run.json")
    fields = json.loads(record.read_text())
    names = {known.A: known.B}
    fields["input"]["label_edits"] = {"path": "e", "sha256": "", "count": 1, "names": names}
    record.write_text(json.dumps(fields))
    mending = read_mending(tables(with_run), seed=0)
    # Two rows went from A to B; one that kept A has another name than its given one by now.
    assert mending.flows == (Flow(known.B, known.A, 1), Flow(known.B, known.OOS, 1))
    assert mending.changed == 2


def test_the_draw_of_changed_rows_heeds_the_seed_and_not_the_order(tmp_path, tables, write_rows):
    rows = [
        {"text": f"text {i}", "label": "a", "mended_label": "b" if i % 2 else "a"}
        for i in range(60)
    ]
    rows += [{"text": "another", "label": "b", "mended_label": "b"}]
    one = write_rows(tmp_path / "one.csv", rows)
    other = write_rows(tmp_path / "other.csv", rows[::-1])

    def drawn(path, seed):
        shown = read_mending(tables(path, gold=False), seed).changed_rows
        return [row.text for row in shown]

    assert len(drawn(one, 0)) == 20
    assert drawn(one, 0) == drawn(other, 0) != drawn(one, 1)


def test_a_record_of_another_run_is_not_used(with_run, tables):
    path = with_run.with_suffix(".run.json")
    record = json.loads(path.read_text())
    record["input"]["rows"] = 9
    path.write_text(json.dumps(record))
    mending = read_mending(tables(with_run), seed=0)
    assert mending.run is None
    assert "is of a run on 9 rows, and the mended table has 8" in mending.missing[0]


def test_a_table_that_was_edited_since_is_said(with_run, tables):
    path = with_run.with_suffix(".run.json")
    record = json.loads(path.read_text())
    record["files"] = {"table": hashlib.sha256(with_run.read_bytes()).hexdigest()}
    path.write_text(json.dumps(record))
    assert read_mending(tables(with_run), seed=0).missing == ()
    with_run.write_bytes(with_run.read_bytes().replace(b"0.9", b"0.8"))
    mending = read_mending(tables(with_run), seed=0)
    assert mending.missing == (
        f"{with_run} is not as the run left it that mended.run.json tells of: it was changed "
        "since, or is of another run",
    )
    assert mending.run is not None
    assert all(row.explanation is not None for row in mending.changed_rows)


@pytest.mark.parametrize("damaged", ["[]", "{", "{}", '{"input": 3}', "\x00"])
def test_a_damaged_record_is_said(with_run, tables, damaged):
    with_run.with_suffix(".run.json").write_text(damaged)
    mending = read_mending(tables(with_run), seed=0)
    assert mending.run is None
    assert "mended.run.json is damaged" in mending.missing[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [line.replace("text 2", "text II") for line in lines], "of another table"),
        (lambda lines: lines[:2], "ends before the mended table does"),
        (lambda lines: ["{}\n"] * 8, "is damaged"),
    ],
)
def test_evidence_of_something_else_is_not_shown(with_run, tables, change, said):
    path = with_run.with_suffix(".evidence.jsonl")
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))
    mending = read_mending(tables(with_run), seed=0)
    assert said in mending.missing[0]
    assert all(row.explanation is None for row in mending.changed_rows)


def test_tables_of_other_texts_can_not_be_compared_row_by_row(table, tables):
    both = tables(table)
    data = both.after.dataset
    fewer = replace(data, ids=data.ids[1:], texts=data.texts[1:], given=data.given[1:])
    said = read_mending(replace(both, after=replace(both.after, dataset=fewer)), seed=0)
    assert "don't hold the same texts in the same order" in said


def test_turnover_puts_the_most_moved_label_first():
    flows = (Flow("a", "b", 2), Flow("b", "c", 1))
    assert list(label_turnover(flows).items()) == [("b", (1, 2)), ("a", (2, 0)), ("c", (0, 1))]
