import csv

import numpy as np
import pytest
from fixtures.audited import LABELS, make_known


@pytest.fixture(scope="module")
def known():
    return make_known(np.random.default_rng(2), 120)


def fill_in(sheet, known):
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["answer"] = LABELS[known.truth[int(row["id"][1:]) - 1]]
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_from_a_sheet_to_a_certificate(cli, known, tmp_path):
    mended, sheet, answers = known.write(tmp_path), tmp_path / "a.csv", tmp_path / "answers.jsonl"
    assert cli("audit", mended, "-o", sheet, "--rows", 50).code == 0
    fill_in(sheet, known)
    assert cli("answers", "import", sheet, "-o", answers, "--who", "anna").code == 0
    ran = cli("certify", mended, "--answers", answers)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert len(lines) <= 10
    assert lines[0] == "50 of 50 drawn rows are answered; the table has 120."
    assert lines[1].startswith("wrong labels before:")
    assert "fixed beforehand" in ran.out
    assert lines[-3] == "Agreement of people: not known: nobody answered the same texts."
    assert lines[-1] == f"certificate: {tmp_path / 'mended.certificate.json'}"
    assert cli("certify", mended, "--answers", answers, "--quiet").out == ""


def test_no_audit_yet(cli, known, tmp_path):
    mended = known.write(tmp_path)
    refusal = cli("certify", mended, "--answers", tmp_path / "answers.jsonl").refusal()
    assert refusal == (
        f"{tmp_path / 'mended.audit.json'}: no such file; draw rows with labelmend audit, and "
        "answer them, first"
    )
