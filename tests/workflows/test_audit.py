import csv
import json

import numpy as np
import pytest
from fixtures.audited import make_known

from labelmend.data.request import TableRequest
from labelmend.errors import InputError, OutputError
from labelmend.workflows.audit import audit_file


@pytest.fixture(scope="module")
def known():
    return make_known(np.random.default_rng(2), 200)


@pytest.fixture
def mended(known, tmp_path):
    return known.write(tmp_path)


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_sheet_to_fill_in_and_a_design_beside_the_table(mended, tmp_path, known):
    sheet = tmp_path / "audit.csv"
    done = audit_file(TableRequest(mended), 40, sheet)
    rows = read(sheet)
    assert list(rows[0]) == ["id", "text", "label", "answer", "design", "stratum", "inclusion"]
    assert len(rows) == len(done.rows) == 40
    design = json.loads((tmp_path / "mended.audit.json").read_text())
    assert {row["design"] for row in rows} == {design["design"]}
    assert design["seed"] == 0
    for row in rows:
        number = int(row["id"][1:]) - 1
        assert row["text"] == known.text(number)
        assert row["label"] == "abc"[known.given[number]]
        assert row["answer"] == ""
    sizes = {s["name"]: s["rows"] for s in design["strata"]}
    drawn = dict(zip(sizes, design["draws"][0], strict=True))
    for row in rows:
        share = drawn[row["stratum"]] / sizes[row["stratum"]]
        assert float(row["inclusion"]) == pytest.approx(share, rel=1e-4)
    assert list(done.widths) == [40, 50, 100, 200]
    assert set(done.widths[200].values()) == {0.0}


def test_a_sheet_for_spreadsheets(known, tmp_path):
    mended = known.write(tmp_path)
    table = mended.read_text("utf-8").replace("text number", "=text number")
    mended.write_text(table, "utf-8")
    audit_file(TableRequest(mended), 10, tmp_path / "plain.csv")
    audit_file(TableRequest(mended), 0, tmp_path / "safe.csv", excel_safe=True)
    plain, safe = read(tmp_path / "plain.csv"), read(tmp_path / "safe.csv")
    assert {row["text"][:6] for row in plain} == {"=text "}
    assert [row["text"] for row in safe] == [f"'{row['text']}" for row in plain]
    assert [row["label"] for row in safe] == [row["label"] for row in plain]


def test_running_it_again_goes_on(mended, tmp_path):
    first = audit_file(TableRequest(mended), 40, tmp_path / "a.csv")
    second = audit_file(TableRequest(mended), 30, tmp_path / "b.csv")
    assert second.continued
    assert not {r["id"] for r in read(tmp_path / "a.csv")} & {
        r["id"] for r in read(tmp_path / "b.csv")
    }
    assert first.design.design == second.design.design
    # All that was drawn, once more.
    again = audit_file(TableRequest(mended), 0, tmp_path / "c.csv")
    assert len(again.rows) == len(read(tmp_path / "c.csv")) == 70
    audit_file(TableRequest(mended), 500, tmp_path / "d.csv")
    assert len(read(tmp_path / "d.csv")) == 130
    with pytest.raises(InputError, match="all rows that can be drawn are drawn already"):
        audit_file(TableRequest(mended), 1, tmp_path / "e.csv")


def test_it_goes_on_after_the_table_was_mended_again(mended, tmp_path, known):
    first = audit_file(TableRequest(mended), 40, tmp_path / "a.csv")
    known.write(tmp_path, decisions=["answered"] * 200)
    second = audit_file(TableRequest(mended), 30, tmp_path / "b.csv")
    assert second.design.design == first.design.design
    assert second.design.drawn.sum() == 70


def test_starting_anew_keeps_the_old_design(mended, tmp_path):
    first = audit_file(TableRequest(mended), 40, tmp_path / "a.csv")
    second = audit_file(TableRequest(mended), 40, tmp_path / "b.csv", new=True)
    assert second.design.seed == 1
    assert second.design.design != first.design.design
    kept = tmp_path / f"mended.audit.{first.design.design}.json"
    assert json.loads(kept.read_text())["design"] == first.design.design
    with pytest.raises(InputError, match="was begun with 1; leave it out"):
        audit_file(TableRequest(mended), 10, tmp_path / "c.csv", seed=5)


def test_answers_are_never_written_over(mended, tmp_path):
    sheet = tmp_path / "audit.csv"
    sheet.write_text("answers of days\n")
    with pytest.raises(OutputError, match="may hold answers; give another name"):
        audit_file(TableRequest(mended), 40, sheet)
    assert sheet.read_text() == "answers of days\n"
    assert names(tmp_path) == ["audit.csv", "mended.csv"]


def test_a_dry_run_writes_nothing(mended, tmp_path):
    done = audit_file(TableRequest(mended), 40, tmp_path / "audit.csv", dry_run=True)
    assert done.widths[50]["wrong_before"] > done.widths[100]["wrong_before"] > 0
    assert names(tmp_path) == ["mended.csv"]


@pytest.mark.parametrize("name", ["audit.jsonl", "audit.txt"])
def test_a_sheet_is_csv(mended, tmp_path, name):
    with pytest.raises(OutputError):
        audit_file(TableRequest(mended), 40, tmp_path / name)
    assert names(tmp_path) == ["mended.csv"]


def test_nothing_was_drawn_yet(mended, tmp_path):
    with pytest.raises(InputError, match="say how many rows with --rows"):
        audit_file(TableRequest(mended), 0, tmp_path / "audit.csv")


def test_a_damaged_design_stops_it_and_can_be_left_behind(mended, tmp_path):
    (tmp_path / "mended.audit.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        audit_file(TableRequest(mended), 40, tmp_path / "audit.csv")
    assert len(audit_file(TableRequest(mended), 40, tmp_path / "audit.csv", new=True).rows) == 40
