import hashlib
from dataclasses import replace

import pytest

from labelmend.audit.agreement import Agreement, Person
from labelmend.report.certificate import (
    certificate_numbers,
    people_numbers,
    read_certificate,
)
from labelmend.report.mending import read_mending
from labelmend.report.page import html_page
from labelmend.types import Share


@pytest.fixture
def certificate(certificate):
    people = (Person("anna", 97, 10, 0.9375), Person("<b>", 1010, 10, 0.96))
    return replace(certificate, agreement=Agreement(Share(8, 10, 0.49, 0.943), 10, 0.734, people))


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


def test_the_people(certificate):
    assert people_numbers(replace(certificate, agreement=None)) is None
    nobody = Agreement(Share(0, 0, 0.0, 1.0), 0, None, (Person("anna", 97, 0, None),))
    alone = people_numbers(replace(certificate, agreement=nobody))
    assert alone.caption == "Agreement of people: not known: nobody answered the same texts"
    assert alone.rows == (("anna", "97", "0", "not known"),)
    numbers = people_numbers(certificate)
    assert numbers.caption == (
        "Agreement of people, texts: 10 answered by several people; all agree on 8; 80.0 per cent, "
        "95 % interval 49.0 to 94.3; Krippendorff's alpha 0.73"
    )
    assert numbers.rows == (("anna", "97", "10", "93.8"), ("<b>", "1,010", "10", "96.0"))


def test_the_page_has_it(certified, comparison):
    done = comparison(certified)
    page = html_page(done, read_mending(done.tables, 0))
    assert "Certificate: 97 rows drawn by chance" in page
    assert "<td>15.0 to 26.0</td>" in page
    assert "all agree on 8; 80.0 per cent" in page
    assert '<th scope="row">&lt;b&gt;</th><td>1,010</td>' in page
