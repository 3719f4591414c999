from pathlib import Path

import numpy as np
import pytest
from fixtures.audited import Known

from labelmend.audit.mended import audit_paths, read_mended
from labelmend.audit.strata import Kind
from labelmend.data.request import TableRequest
from labelmend.errors import InputError, OutputError


@pytest.fixture
def known():
    return Known(
        given=np.array([0, 0, 1]),
        mended=np.array([0, 1, 1]),
        truth=np.array([0, 1, 2]),
        doubt=np.array([0.125, 0.25, 0.5]),
    )


def test_what_was_decided_and_how_sure(known, tmp_path):
    table = read_mended(TableRequest(known.write(tmp_path)))
    assert table.kinds.tolist() == [Kind.KEPT, Kind.CHANGED, Kind.KEPT]
    assert table.doubt.tolist() == [0.125, 0.25, 0.5]
    assert table.dataset.ids == ("r1", "r2", "r3")
    # c is no row's label, given or mended.
    assert table.dataset.labels == ("a", "b")
    assert table.notes == ()


def test_answered_rows_are_certain(known, tmp_path):
    table = read_mended(
        TableRequest(known.write(tmp_path, decisions=["answered", "change", "keep"]))
    )
    assert table.answered.tolist() == [True, False, False]
    assert table.kinds.tolist() == [Kind.ANSWERED, Kind.CHANGED, Kind.KEPT]
    assert table.doubt[0] == 0


def test_rows_without_a_given_label(tmp_path):
    path = tmp_path / "mended.csv"
    path.write_text(
        "text,label,mended_label,decision,label_quality,confidence\n"
        "one,a,a,keep,0.75,0.75\ntwo,,b,label,,0.5\nthree,,,review,,0.25\n"
    )
    table = read_mended(TableRequest(path))
    assert table.kinds.tolist() == [Kind.KEPT, Kind.FILLED, Kind.UNLABELLED]
    assert table.doubt.tolist() == [0.25, 0.5, 1.0]


def test_the_record_of_the_run_knows_the_columns(with_run, known):
    table = read_mended(TableRequest(with_run))
    assert table.columns.text == "text"
    assert len(table.dataset) == 8


def test_a_table_that_labelmend_did_not_write_is_refused(known, tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text("text,label\none,a\ntwo,b\n")
    with pytest.raises(InputError, match="no column 'mended_label'; give the table"):
        read_mended(TableRequest(path))


def test_a_quality_that_is_no_number_is_refused(known, tmp_path):
    path = known.write(tmp_path)
    path.write_text(path.read_text().replace("0.875", "high"))
    with pytest.raises(InputError, match="row 1: no number from 0 to 1 in column 'label_quality'"):
        read_mended(TableRequest(path))


def test_where_the_files_lie(tmp_path):
    design, certificate = audit_paths(tmp_path / "x.mended.csv")
    assert (design.name, certificate.name) == ("x.mended.audit.json", "x.mended.certificate.json")
    with pytest.raises(OutputError, match="is a folder"):
        audit_paths(Path())
