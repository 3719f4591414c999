import json
import sys

import pytest
from fixtures.reviewed import TableRequest, draw, record_of, write_reviewed
from fixtures.reviewed_sets import write_reviewed_sets

from labelmend.audit.draw import new_design
from labelmend.audit.sets.mended import read_mended_sets
from labelmend.data.answers import Shown
from labelmend.errors import (
    ConfigError,
    ExtraMissingError,
    InputError,
    LabelmendError,
    OutputError,
)
from labelmend.review.seats import Said, Tab
from labelmend.review.serving.place import Place
from labelmend.workflows.review import ReviewRequest, open_review

HERE = Place(port=0)


@pytest.fixture
def table(tmp_path):
    return write_reviewed(tmp_path, rows=16)


def refused(kind, said, request, place=HERE):
    with pytest.raises(kind) as error:
        open_review(request, place)
    assert isinstance(error.value, LabelmendError)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_answers_go_beside_the_table_and_nothing_is_written_before_one_is_given(table):
    before = sorted(table.parent.iterdir())
    server = open_review(ReviewRequest(TableRequest(table)), HERE)
    server.close()
    assert ReviewRequest(TableRequest(table)).answers_path == table.parent / "answers.jsonl"
    assert sorted(table.parent.iterdir()) == before


def test_without_the_extra(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    said = "review needs uvicorn, which is not installed; run: pip install 'labelmend[review]'"
    refused(ExtraMissingError, said, ReviewRequest(TableRequest(table)))


def test_a_table_without_its_run(table):
    table.with_suffix(".run.json").rename(table.with_suffix(".json"))
    refused(InputError, "there is no mended.run.json", ReviewRequest(TableRequest(table)))


def test_a_table_without_its_evidence(table):
    path = table.with_suffix(".evidence.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    refused(InputError, "has 15 lines, and the table 16 rows", ReviewRequest(TableRequest(table)))
    path.unlink()
    refused(InputError, "mended.evidence.jsonl: no such file", ReviewRequest(TableRequest(table)))


def test_answers_are_not_written_into_the_table(table):
    refused(OutputError, "is the input itself", ReviewRequest(TableRequest(table), answers=table))
    labels = table.with_name("cards.yaml")
    labels.write_text("fees: what is charged\n")
    taken = ReviewRequest(TableRequest(table), answers=labels, labels=labels)
    refused(OutputError, "is given as --labels", taken)


def test_a_file_that_holds_no_answers(table):
    other = table.with_name("other.jsonl")
    other.write_text('{"text": "mine"}\n')
    refused(InputError, "is no file of answers", ReviewRequest(TableRequest(table), answers=other))
    assert other.read_text() == '{"text": "mine"}\n'


def test_a_sheet_of_another_audit(table, tmp_path):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("id,text,label,answer,design,stratum,inclusion\nr1,x,,,other,kept,0.5\n")
    request = ReviewRequest(TableRequest(table), audit=sheet)
    refused(InputError, "is of no audit of this table", request)
    draw(table, 4)
    refused(InputError, "has no row that the audit", request)
    sheet.write_text("id,text\nr1,x\n")
    refused(InputError, "no column 'design'", request)


def test_the_design_itself(table):
    draw(table, 4)
    request = ReviewRequest(TableRequest(table), audit=table.with_suffix(".audit.json"))
    server = open_review(request, HERE)
    assert len(server.desk.sitting.queues.drawn) == 4
    server.close()


def test_other_machines_need_a_token_file(table, tmp_path):
    request = ReviewRequest(TableRequest(table))
    refused(ConfigError, "so it needs --token-file", request, Place("0.0.0.0", 0))
    token = tmp_path / "token"
    refused(InputError, "can't be read", request, Place("127.0.0.1", 0, token))
    for bad in ("", "short", "x" * 19, "spaces in it, and much longer", "x" * 2000):
        token.write_text(bad)
        refused(InputError, "holds no token", request, Place("127.0.0.1", 0, token))
    token.write_text("x" * 20 + "\n")
    server = open_review(request, Place("127.0.0.1", 0, token))
    assert server.door.address.endswith("/?token=" + "x" * 20)
    server.close()


def test_a_token_is_another_one_each_time(table):
    doors = set()
    for _ in range(2):
        server = open_review(ReviewRequest(TableRequest(table)), HERE)
        doors.add(server.door.token)
        assert len(server.door.token) >= 43  # 256 bits
        server.close()
    assert len(doors) == 2


def test_a_port_that_is_taken(table):
    first = open_review(ReviewRequest(TableRequest(table)), HERE)
    taken = Place(port=first.door.port)
    refused(InputError, "name another port", ReviewRequest(TableRequest(table)), taken)
    first.close()


def test_a_run_on_another_number_of_rows(table):
    table.with_suffix(".run.json").write_text(json.dumps(record_of(3, "d.csv", "ab" * 32)))
    refused(InputError, "is of a run on 3 rows", ReviewRequest(TableRequest(table)))


def test_a_blind_name(table):
    refused(ConfigError, "the name is blank", ReviewRequest(TableRequest(table), who=" "))
    assert not (table.parent / "answers.jsonl").exists()


@pytest.fixture
def sets(tmp_path):
    return write_reviewed_sets(tmp_path, rows=16)


def test_a_table_with_several_labels_is_known_by_its_record(sets):
    server = open_review(ReviewRequest(TableRequest(sets)), HERE)
    server.close()
    assert server.desk.sitting.task == "several"
    assert server.desk.start()["queues"] == ["doubtful", "agreement"]
    labels = sets.with_name("cards.yaml")
    labels.write_text("fees: what is charged\n")
    request = ReviewRequest(TableRequest(sets), labels=labels)
    refused(ConfigError, "--labels: not for tables in which a row has several labels", request)


def test_what_is_amiss_with_such_a_table_is_told_in_one_line(sets):
    request = ReviewRequest(TableRequest(sets))
    record, evidence = sets.with_suffix(".run.json"), sets.with_suffix(".evidence.jsonl")
    lines = evidence.read_text().splitlines(keepends=True)
    evidence.write_text("".join(lines[:-1]))
    refused(InputError, "has 15 lines, and the table 16 rows", request)
    evidence.unlink()
    refused(InputError, "mended.evidence.jsonl: no such file", request)
    evidence.write_text("".join(lines))
    whole = sets.read_text()
    sets.write_text(whole.replace(",0.25,", ",1.25,", 1))
    refused(InputError, "row 1: no number from 0 to 1 in column 'confidence'", request)
    sets.write_text(whole.replace("confidence", "sureness", 1))
    refused(InputError, "no column 'confidence'", request)
    sets.write_text(whole.replace(",text,", ",words,", 1))
    refused(InputError, "no column 'text'", request)
    sets.write_text(whole)
    said = record.read_text()
    record.write_text(said.replace('"schema_version": 1', '"schema_version": 2'))
    refused(InputError, "update labelmend", request)
    record.write_text("{")
    refused(InputError, "mended.run.json is damaged", request)
    record.unlink()
    refused(InputError, "there is no mended.run.json beside the mended table", request)


def test_a_file_that_holds_no_answers_of_sets(sets):
    answers = sets.with_name("answers.jsonl")
    answers.write_text('{"text": "mine"}\n')
    refused(InputError, "is no file of answers", ReviewRequest(TableRequest(sets)))
    assert answers.read_text() == '{"text": "mine"}\n'


def drawn_sets(table, rows=6):
    """Draw rows of a table with several labels, and write the design."""
    mended = read_mended_sets(TableRequest(table))
    design = new_design(mended, rows, seed=3)
    table.with_suffix(".audit.json").write_text(design.to_json())
    return design, mended


def test_an_audit_of_such_a_table(tmp_path):
    # Its rows are those that have a text; the page's are those of the table.
    table = write_reviewed_sets(tmp_path, rows=16, texts={0: "", 7: ""})
    blank = '{{"row":{},"id":"r{}","text":"","decision":"blank"}}\n'
    evidence = table.with_suffix(".evidence.jsonl")
    lines = evidence.read_text().splitlines(keepends=True)
    for row in (0, 7):
        lines[row] = blank.format(row + 1, row + 1)
    evidence.write_text("".join(lines))
    cells = table.read_text().splitlines(keepends=True)
    for row in (0, 7):
        cells[row + 1] = f"r{row + 1},,,,,,blank,,,\n"
    table.write_text("".join(cells))
    design, mended = drawn_sets(table)
    server = open_review(ReviewRequest(TableRequest(table)), HERE)
    sitting, start = server.desk.sitting, server.desk.start()
    assert (start["queues"], start["queue"]) == (["audit", "doubtful", "agreement"], "audit")
    names = [mended.ids[one.row] for one in design.rows_of()]
    drawn = [sitting.table.ids[one.row] for one in sitting.queues.drawn]
    assert drawn == names
    assert sitting.queues.designed == {sitting.table.keys[one.row] for one in sitting.queues.drawn}
    tab = Tab("tab-number-1", "anna")
    item = sitting.next_row(tab, "audit")
    assert (item.id, item.hidden, item.given, item.near) == (names[0], True, None, ())
    (answer,) = sitting.answer(tab, Said("audit", item.row, "label", ("fees", "card")))
    server.close()
    first = design.rows_of()[0]
    assert answer.shown == Shown("audit", design.design, first.stratum, first.inclusion)
    assert (answer.labels, answer.task) == (("card", "fees"), "several")
    assert (answer.saw.given, answer.saw.proposed) == (False, False)
    # Drawn rows are kept out of the doubtful ones.
    doubtful = {one.row for one in sitting.queues.open_rows("doubtful", "bob")}
    assert doubtful.isdisjoint(one.row for one in sitting.queues.drawn)


def test_a_sheet_of_such_an_audit(sets, tmp_path):
    design, mended = drawn_sets(sets)
    sheet = tmp_path / "sheet.csv"
    names = [mended.ids[one.row] for one in design.rows_of()][1:3]
    lines = [f"{name},{design.design}\n" for name in names]
    sheet.write_text("".join(["id,design\n", *lines]))
    server = open_review(ReviewRequest(TableRequest(sets), audit=sheet), HERE)
    server.close()
    sitting = server.desk.sitting
    assert [sitting.table.ids[one.row] for one in sitting.queues.drawn] == names
    assert len(sitting.queues.designed) == 6
    sets.with_suffix(".audit.json").unlink()
    refused(
        InputError,
        "is of no audit of this table",
        ReviewRequest(TableRequest(sets), audit=sheet),
    )
