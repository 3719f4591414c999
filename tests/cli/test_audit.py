import numpy as np
import pytest
from fixtures.audited import make_known


@pytest.fixture
def mended(tmp_path):
    return make_known(np.random.default_rng(2), 120).write(tmp_path)


def test_what_it_says(cli, mended, tmp_path):
    sheet = tmp_path / "audit.csv"
    ran = cli("audit", mended, "-o", sheet, "--rows", 40)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert [line.split(":")[0].strip() for line in lines if " rows: wrong" in line] == [
        "40 rows",
        "50 rows",
        "100 rows",
        "120 rows",
    ]
    assert f"40 rows to look at: {sheet}" in lines
    assert lines[-1].endswith(f"labelmend answers import {sheet} -o answers.jsonl")
    ran = cli("audit", mended, "-o", tmp_path / "more.csv", "--rows", 10)
    assert f"10 further rows to look at: {tmp_path / 'more.csv'}" in ran.out.splitlines()


def test_a_dry_run_and_a_quiet_one(cli, mended, tmp_path):
    ran = cli("audit", mended, "-o", tmp_path / "audit.csv", "--dry-run")
    assert ran.out.endswith("Nothing was written: this was a dry run.\n")
    assert not (tmp_path / "audit.csv").exists()
    ran = cli("audit", mended, "-o", tmp_path / "audit.csv", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert (tmp_path / "audit.csv").exists()


def test_a_table_that_was_not_mended(cli, tiny):
    refusal = cli("audit", tiny, "-o", tiny.with_name("audit.csv")).refusal()
    assert refusal == (
        f"{tiny}: no column 'mended_label'; give the table that labelmend relabel wrote"
    )
