"""Audits and certificates of tables with several labels a row, from file to file."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from fixtures.audited_sets import make_known_sets

from labelmend.audit.sets.figures import SET_NAMES
from labelmend.configs.load import load_config
from labelmend.data.answer_file import read_answers
from labelmend.data.cells.read import AS_IT_LOOKS
from labelmend.data.request import TableRequest
from labelmend.errors import InputError
from labelmend.workflows.answers import ImportRequest, import_answers
from labelmend.workflows.audit import audit_file
from labelmend.workflows.certify import certify_file

CONFIG = load_config("embedded").data


@pytest.fixture(scope="module")
def known():
    return make_known_sets(np.random.default_rng(2), 150)


@pytest.fixture
def mended(known, tmp_path):
    return known.write(tmp_path)


def audited(mended, known, rows=40, name="audit.csv", truth=None):
    sheet = mended.with_name(name)
    done = audit_file(TableRequest(mended), rows, sheet)
    known.fill_in(sheet, truth)
    return done, sheet


def imported(sheet, **more):
    answers = sheet.with_name("answers.jsonl")
    done = import_answers(
        ImportRequest(TableRequest(sheet), who=("anna",), **more), answers, CONFIG
    )
    return done, answers


def test_from_a_table_to_a_certificate(known, mended):
    drawn, sheet = audited(mended, known)
    assert (len(drawn.rows), drawn.joined_by, drawn.continued) == (40, ";", False)
    assert set(drawn.widths) == {40, 50, 100, 150}
    assert set(drawn.widths[50]) == set(SET_NAMES)
    done, answers = imported(sheet)
    assert (done.written, done.blank, done.notes) == (40, 0, ())
    file = read_answers(answers, "several")
    by_id = {one.id: one for one in file.answers}
    for one in drawn.rows:
        answer = by_id[f"r{one.row + 1}"]
        assert set(answer.labels) == set(known.names(known.truth[one.row]))
        assert answer.verdict == ("label" if answer.labels else "none")
        assert (answer.saw.given, answer.saw.proposed) == (True, True)
        assert answer.shown.design == drawn.design.design
        assert answer.shown.inclusion == pytest.approx(one.inclusion, abs=1e-5)
    found = certify_file(TableRequest(mended), answers)
    assert found.output == mended.with_suffix(".certificate.json")
    plain = json.loads(found.output.read_text())
    assert (plain["task"], plain["answered"], plain["headline"]) == ("several", 40, "fixed_95")
    truth = (known.truth & ~known.given).sum() / known.truth.sum()
    low, high = plain["figures"][0]["fixed_95"]
    assert plain["figures"][0]["name"] == "missing_before"
    assert low <= truth <= high


def test_an_audit_goes_on(known, mended):
    first, sheet = audited(mended, known)
    imported(sheet)
    second, more = audited(mended, known, 20, "more.csv")
    assert second.continued
    assert not {one.row for one in first.rows} & {one.row for one in second.rows}
    _, answers = imported(more)
    found = certify_file(TableRequest(mended), answers).certificate
    assert (found.answered, found.continued, found.headline) == (60, True, "anytime_95")
    again = audit_file(TableRequest(mended), 0, mended.with_name("all.csv"))
    assert len(again.rows) == 60


def test_a_sheet_can_be_read_as_several_by_name_too(known, mended):
    _, sheet = audited(mended, known)
    done, answers = imported(sheet)
    # Its own sign is known, whatever the option says of lists.
    again, _ = imported(sheet, sets=AS_IT_LOOKS)
    assert (done.written, again.written, again.standing) == (40, 0, 40)
    assert read_answers(answers, "several").answers


def test_lists_where_labels_hold_all_signs(tmp_path):
    names = ["a;b", "c|d", "e,f"]
    path = tmp_path / "mended.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "topics", "mended_labels", "decision", "confidence"])
        for row in range(30):
            given = json.dumps(names[: 1 + row % 3])
            writer.writerow([f"r{row}", f"text {row}", given, given, "keep", 0.8])
    sheet = tmp_path / "audit.csv"
    assert audit_file(TableRequest(path), 9, sheet).joined_by == "list"
    with sheet.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["answer"] = row["labels"]
    with sheet.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    done, answers = imported(sheet)
    assert done.written == 9
    assert {label for one in read_answers(answers, "several").answers for label in one.labels} <= {
        *names
    }
    found = certify_file(TableRequest(path), answers).certificate
    assert found.figure("missing_before").estimate == 0


def test_a_label_that_the_table_lacks_leaves_its_row_open(known, mended):
    _, sheet = audited(mended, known)
    text = sheet.read_text("utf-8").splitlines()
    head, first = text[0].split(","), text[1].split(",")
    first[head.index("answer")] = "crad"
    sheet.write_text("\n".join([text[0], ",".join(first), *text[2:]]) + "\n", "utf-8")
    _, answers = imported(sheet)
    found = certify_file(TableRequest(mended), answers).certificate
    assert (found.answered, found.open) == (39, 1)
    assert "'crad' (did you mean 'card'?)" in found.notes[0]


def test_what_answers_taught_they_don_t_prove(known, mended, tmp_path):
    drawn, sheet = audited(mended, known)
    _, answers = imported(sheet)
    decisions = ["change" if one else "keep" for one in known.changed]
    taught = replace(known, mended=known.mended.copy())
    for one in drawn.rows:
        decisions[one.row] = "answered"
        taught.mended[one.row] = known.truth[one.row]
    taught.write(tmp_path, decisions)
    found = certify_file(TableRequest(mended), answers).certificate
    assert found.taught == 40
    assert found.figure("missing_before") is not None
    assert found.figure("missing_after") is None


def test_what_can_t_be_done_is_said_in_a_line(known, mended, tmp_path):
    answers = tmp_path / "answers.jsonl"
    answers.write_text("")
    with pytest.raises(InputError, match="no such file; draw rows with labelmend audit"):
        certify_file(TableRequest(mended), answers)
    _, sheet = audited(mended, known)
    with pytest.raises(InputError, match="no answer to the audit"):
        certify_file(TableRequest(mended), answers)
    assert not mended.with_suffix(".certificate.json").exists()
    # Answers with one label a text are of another task.
    one = sheet.read_text("utf-8").replace(",joined_by,", ",other,")
    sheet.write_text(one, "utf-8")
    imported(sheet)
    with pytest.raises(InputError, match="line 1"):
        certify_file(TableRequest(mended), answers)


def test_what_a_spreadsheet_would_run_comes_back_as_it_was(tmp_path):
    path = tmp_path / "mended.csv"
    head = "id,text,topics,mended_labels,decision,confidence"
    cells = ["=a;b", "b", "=a"]
    rows = [f"r{n},=text {n},{cells[n % 3]},{cells[n % 3]},keep,0.8" for n in range(12)]
    path.write_text("\n".join([head, *rows]) + "\n", "utf-8")
    sheet = tmp_path / "audit.csv"
    audit_file(TableRequest(path), 12, sheet, excel_safe=True)
    with sheet.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["labels"] for row in rows} == {"'=a;b", "b", "'=a"}
    for row in rows:
        row["answer"] = row["labels"]
    with sheet.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    _, answers = imported(sheet)
    found = {one.labels for one in read_answers(answers, "several").answers}
    assert found == {("=a", "b"), ("b",), ("=a",)}
    certificate = certify_file(TableRequest(path), answers).certificate
    assert (certificate.answered, certificate.notes) == (12, ())
    assert certificate.figure("rows_right_after").estimate == 1
