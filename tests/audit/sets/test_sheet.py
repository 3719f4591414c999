import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures.audited_sets import make_known_sets

from labelmend.audit.draw import new_design
from labelmend.audit.sets.sheet import LISTS, SET_COLUMNS, joined_in, set_sheet, sheet_rules
from labelmend.data.cells.read import AS_IT_LOOKS, LabelRules
from labelmend.data.sets.label_sets import SetShape
from labelmend.data.table import SourceTable, frame_of


@pytest.fixture(scope="module")
def known():
    return make_known_sets(np.random.default_rng(2), 80)


def shaped(table, joined_by, labels=None):
    sets = table.sets if labels is None else replace(table.sets, labels=labels)
    return replace(
        table, loaded=replace(table.loaded, sets=sets, shape=SetShape("topics", joined_by))
    )


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_row_with_what_it_has_and_an_empty_answer(known):
    table = known.table()
    design = new_design(table, 20, seed=0)
    drawn = design.rows_of()
    rows = read(set_sheet(table, design, drawn, excel_safe=False))
    assert (tuple(rows[0]), len(rows)) == (SET_COLUMNS, 20)
    for one, row in zip(drawn, rows, strict=True):
        assert (row["id"], row["text"]) == (f"r{one.row + 1}", known.text(one.row))
        assert row["labels"] == ";".join(known.names(known.given[one.row]))
        assert row["mended_labels"] == ";".join(known.names(known.mended[one.row]))
        assert (row["answer"], row["joined_by"], row["design"]) == ("", ";", design.design)
        assert (row["stratum"], float(row["inclusion"])) == (
            one.stratum,
            pytest.approx(one.inclusion, abs=1e-5),
        )


@pytest.mark.parametrize(
    ("own", "labels", "sign"),
    [
        ("|", None, "|"),
        (None, None, ";"),
        ("\n", None, ";"),
        (None, ("a;b", "c", "d", "e"), "|"),
        (None, ("a;b", "c|d", "e,f", "g"), LISTS),
    ],
)
def test_the_sign_is_in_no_label(known, own, labels, sign):
    assert joined_in(shaped(known.table(), own, labels)) == sign


def test_lists_where_labels_hold_all_signs(known):
    table = shaped(known.table(), None, ("a;b", "c|d", "e,f", "g"))
    design = new_design(table, 80, seed=0)
    rows = read(set_sheet(table, design, design.rows_of(), excel_safe=False))
    assert '["a;b", "c|d"]' in {row["labels"] for row in rows}


def test_spreadsheets_run_nothing(known):
    table = shaped(known.table(), ";", ("=a", "b", "c", "d"))
    design = new_design(table, 80, seed=0)
    rows = read(set_sheet(table, design, design.rows_of(), excel_safe=True))
    cells = {row[name] for row in rows for name in ("labels", "mended_labels")}
    assert any(cell.startswith("'=a") for cell in cells)
    assert not any(cell.startswith("=") for cell in cells)


def sheet(columns, *rows):
    return SourceTable(Path("s.csv"), "csv", tuple(columns), frame_of(columns, rows))


def test_the_sheet_says_how_its_cells_are_read():
    columns = ("text", "joined_by", "design")
    assert sheet_rules(sheet(columns, ("x", "|", "d1"), ("y", "|", "d1"))) == LabelRules("|")
    assert sheet_rules(sheet(columns, ("x", LISTS, "d1"))) == AS_IT_LOOKS
    # Nobody knows which of two it is.
    assert sheet_rules(sheet(columns, ("x", "|", "d1"), ("y", ";", "d1"))) == AS_IT_LOOKS
    assert sheet_rules(sheet(("text", "answer", "design"), ("x", "a", "d1"))) is None
