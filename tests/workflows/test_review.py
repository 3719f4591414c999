import json
import sys

import pytest
from fixtures.reviewed import TableRequest, draw, record_of, write_reviewed

from labelmend.errors import (
    ConfigError,
    ExtraMissingError,
    InputError,
    LabelmendError,
    OutputError,
)
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
