import json

import numpy as np
import pytest
from fixtures.audited import LABELS, make_known, write_held_out

from labelmend.data.answer_file import append_answers
from labelmend.data.request import TableRequest
from labelmend.errors import InputError, OutputError
from labelmend.workflows.audit import audit_file
from labelmend.workflows.certify import certify_file


@pytest.fixture(scope="module")
def known():
    return make_known(np.random.default_rng(2), 120)


@pytest.fixture
def mended(known, tmp_path):
    return known.write(tmp_path)


@pytest.fixture
def answers(known, mended, tmp_path):
    sheet = tmp_path / "audit.csv"
    audit_file(TableRequest(mended), 50, sheet)
    return known.answer_file(tmp_path, sheet)


def test_a_certificate_beside_the_table(known, mended, answers):
    done = certify_file(TableRequest(mended), answers)
    assert done.output == mended.with_suffix(".certificate.json")
    plain = json.loads(done.output.read_text())
    assert plain["headline"] == "fixed_95"
    assert (plain["rows"], plain["drawn"], plain["answered"]) == (120, 50, 50)
    before = next(f for f in plain["figures"] if f["name"] == "wrong_before")
    low, high = before["fixed_95"]
    assert low <= (known.given != known.truth).mean() <= high
    assert set(plain["further"]) == {f["name"] for f in plain["figures"]}


def test_it_can_go_elsewhere_but_not_over_what_it_reads(mended, answers, tmp_path):
    elsewhere = tmp_path / "proof.json"
    assert certify_file(TableRequest(mended), answers, elsewhere).output == elsewhere
    assert elsewhere.is_file()
    for own in (mended, answers, mended.with_suffix(".audit.json")):
        before = own.read_bytes()
        with pytest.raises(OutputError, match="is the input itself"):
            certify_file(TableRequest(mended), answers, own)
        assert own.read_bytes() == before


def test_without_an_audit_there_is_nothing_to_certify(mended, tmp_path):
    append_answers(tmp_path / "none.jsonl", [])
    (tmp_path / "none.jsonl").write_text("")
    with pytest.raises(InputError, match="no such file; draw rows with labelmend audit"):
        certify_file(TableRequest(mended), tmp_path / "none.jsonl")


def test_without_answers_of_the_audit_there_is_nothing_to_certify(mended, answers, tmp_path):
    audit_file(TableRequest(mended), 50, tmp_path / "new.csv", new=True)
    with pytest.raises(InputError, match="no answer to the audit"):
        certify_file(TableRequest(mended), answers)
    assert not mended.with_suffix(".certificate.json").exists()


def test_answers_that_taught_need_what_would_be_without_them(known, mended, answers, tmp_path):
    before = certify_file(TableRequest(mended), answers).certificate
    drawn = [int(a["id"][1:]) - 1 for a in map(json.loads, answers.read_text().splitlines())]
    decisions = [
        "keep" if g == m else "change" for g, m in zip(known.given, known.mended, strict=True)
    ]
    for row in drawn:
        decisions[row] = "answered"
    known.mended[drawn] = known.truth[drawn]
    held = {row: LABELS[known.given[row]] for row in drawn}
    known.write(tmp_path, decisions)
    with pytest.raises(InputError, match="no such file, and without it"):
        certify_file(TableRequest(mended), answers)
    write_held_out(mended, held, 120)
    after = certify_file(TableRequest(mended), answers).certificate
    assert after.taught == 50
    # The labels as given are what they were.
    assert after.figure("wrong_before").estimate == pytest.approx(
        before.figure("wrong_before").estimate, abs=0.05
    )
    # Fifty rows are right now.
    assert after.figure("wrong_after").estimate < before.figure("wrong_before").estimate
