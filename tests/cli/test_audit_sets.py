"""`audit`, `answers import` and `certify` where a row may have several labels."""

import numpy as np
import pytest
from fixtures.audited_sets import make_known_sets


@pytest.fixture(scope="module")
def known():
    return make_known_sets(np.random.default_rng(2), 120)


def test_from_a_sheet_to_a_certificate(cli, known, tmp_path):
    mended, sheet, answers = known.write(tmp_path), tmp_path / "a.csv", tmp_path / "answers.jsonl"
    ran = cli("audit", mended, "-o", sheet, "--rows", 50)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    widths = [line for line in lines if " rows: missing labels before " in line]
    assert [line.split(":")[0].strip() for line in widths] == ["50 rows", "100 rows", "120 rows"]
    assert lines[-1] == (
        "Fill in the column answer (all labels that hold, joined by ';', [] for none, or unsure), "
        f"then: labelmend answers import {sheet} -o answers.jsonl"
    )
    known.fill_in(sheet)
    assert cli("answers", "import", sheet, "-o", answers, "--who", "anna").code == 0
    ran = cli("certify", mended, "--answers", answers)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "50 of 50 drawn rows are answered; the table has 120."
    titles = [line.split(":")[0] for line in lines[1:10]]
    assert titles == [
        "missing labels before",
        "missing labels now",
        "false labels before",
        "false labels now",
        "right labels taken away",
        "false labels added",
        "changes that are right",
        "rows wholly right before",
        "rows wholly right now",
    ]
    assert lines[-1] == f"certificate: {tmp_path / 'mended.certificate.json'}"


def test_columns_of_0_and_1_may_be_named(cli, tmp_path):
    path = tmp_path / "m.csv"
    head = "text,is_a,is_b,mended_is_a,mended_is_b,decision,confidence"
    rows = [f"text {n},{n % 2},1,{n % 2},1,keep,0.9" for n in range(12)]
    path.write_text("\n".join([head, *rows]) + "\n")
    more = ("--label-columns", "is_*", "--rows", 4)
    assert cli("audit", path, "-o", tmp_path / "a.csv", *more).code == 0
    assert (tmp_path / "a.csv").read_text().startswith("id,text,labels,mended_labels,answer,")
    # Without a record and without their names nobody can tell which they are.
    refusal = cli("audit", path, "-o", tmp_path / "b.csv").refusal()
    assert "no column 'mended_label'" in refusal


def test_tables_that_were_not_mended(cli, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,topics,mended_labels\nx,a;b,a\ny,a,a\nz,b,b\n")
    refusal = cli("audit", path, "-o", tmp_path / "a.csv").refusal()
    assert refusal == (f"{path}: no column 'decision'; give the table that labelmend relabel wrote")
