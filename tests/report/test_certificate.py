import hashlib
from dataclasses import replace

import pytest

from labelmend.report.certificate import certificate_numbers, read_certificate
from labelmend.report.mending import read_mending
from labelmend.report.page import html_page


@pytest.fixture
def certified(with_run, certificate):
    digest = hashlib.sha256(with_run.read_bytes()).hexdigest()
    path = with_run.with_suffix(".certificate.json")
    path.write_text(replace(certificate, sha256=digest).to_json(), "utf-8")
    return with_run


def test_it_is_read_as_it_was_written(certified, certificate):
    found, problem = read_certificate(certified)
    assert problem is None
    assert replace(found, sha256=certificate.sha256) == certificate


def test_one_of_another_table_is_none(certified):
    certified.write_text(certified.read_text("utf-8").replace("0.9,", "0.8,", 1), "utf-8")
    found, problem = read_certificate(certified)
    assert found is None
    assert "is of the table as it was before; run labelmend certify again" in problem


def test_a_damaged_one_is_told_and_a_missing_one_is_not(with_run):
    assert read_certificate(with_run) == (None, None)
    for broken in ("{", "[]", '{"schema_version": 9}', '{"schema_version": 1}'):
        with_run.with_suffix(".certificate.json").write_text(broken)
        found, problem = read_certificate(with_run)
        assert found is None
        assert "can't be read" in problem


def test_its_table(certificate):
    numbers = certificate_numbers(certificate)
    assert numbers.rows[0] == ("wrong labels before", "20.0", "15.0 to 26.0")
    assert "fixed beforehand" in numbers.caption
    whenever = certificate_numbers(replace(certificate, headline="anytime_95"))
    assert whenever.rows[0] == ("wrong labels before", "20.0", "12.5 to 30.0")


def test_the_page_has_it(certified, comparison):
    done = comparison(certified)
    page = html_page(done, read_mending(done.tables, 0))
    assert "Certificate: 97 rows drawn by chance" in page
    assert "<td>15.0 to 26.0</td>" in page
