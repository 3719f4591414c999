"""Excel workbooks: values, types, formulas and other sheets stay."""

import datetime as dt
import io
import zipfile

import openpyxl
import pytest
from openpyxl.styles import Font

from labelmend.data.formats.excel import EXCEL
from labelmend.data.read import read_table
from labelmend.data.table import NewColumn
from labelmend.data.write import check_new_columns
from labelmend.errors import InputError


def saved(path, *rows, **sheets):
    book = openpyxl.Workbook()
    book.worksheets[0].title = "mails"
    for row in rows:
        book.worksheets[0].append(row)
    for name, more in sheets.items():
        sheet = book.create_sheet(name)
        for row in more:
            sheet.append(row)
    book.save(path)
    return path


def mended(table, path, *columns):
    path.write_bytes(EXCEL.write(table, columns))
    return openpyxl.load_workbook(path)


def with_part(path, part, change):
    """Change a part of a workbook by hand."""
    with zipfile.ZipFile(path) as packed:
        parts = {each: packed.read(each) for each in packed.namelist()}
    with zipfile.ZipFile(path, "w") as packed:
        for each, content in parts.items():
            packed.writestr(each, change(content) if each == part else content)


def refusal(path):
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(path))


SHEET = "xl/worksheets/sheet1.xml"
ROWS = (
    ("text", "label", "n", "when", "ok"),
    ("a", 3, 1.5, dt.date(2026, 11, 29), True),
    ("=b", None, 2.0, dt.datetime(2026, 11, 29, 19, 0), False),
    (None, None, None, None, None),
    ("c", 4, None, None, None),
)


def test_values(tmp_path):
    path = tmp_path / "a.xlsx"
    saved(path, *ROWS)
    book = openpyxl.load_workbook(path)
    book["mails"]["A3"].data_type = "s"
    book["mails"]["A1"].font = Font(bold=True)
    book.save(path)
    table = read_table(path)
    assert table.format == "excel"
    assert table.rows() == [
        ["a", "3", "1.5", "2026-11-29T00:00:00", "true"],
        ["=b", "", "2", "2026-11-29T19:00:00", "false"],
        ["c", "4", "", "", ""],
    ]
    assert [EXCEL.line_of(table, row) for row in (1, 2, 3, 4)] == [2, 3, 5, None]


def test_ours_stand_behind_with_the_types_of_theirs(tmp_path):
    table = read_table(saved(tmp_path / "a.xlsx", *ROWS, other=[("x", "=1+1")]))
    columns = (
        NewColumn("mended_label", ("4", "5", None), "label"),
        NewColumn("b", ("false", "true", "maybe"), "ok"),
        NewColumn("p", (0.123456789, float("nan"), 1.0)),
        NewColumn("reason", ("=HYPERLINK()", "bell \x07", "x" * 40_000)),
    )
    book = mended(table, tmp_path / "b.xlsx", *columns)
    sheet = book["mails"]
    assert [cell.value for cell in sheet[1]][5:] == ["mended_label", "b", "p", "reason"]
    assert [cell.value for cell in sheet[2]][5:8] == [4, False, 0.123457]
    assert [cell.value for cell in sheet[3]][5:] == [5, True, None, "bell \ufffd"]
    assert [cell.value for cell in sheet[4]][5:] == [None] * 4
    assert [cell.value for cell in sheet[5]][5:8] == [None, "maybe", 1]
    # A text of ours is never a formula, and is as long as Excel takes it.
    assert (sheet["I2"].value, sheet["I2"].data_type) == ("=HYPERLINK()", "s")
    assert len(sheet["I5"].value) == 32_767
    # The user's cells are as they were, those of the other sheet too.
    source = openpyxl.load_workbook(tmp_path / "a.xlsx")
    for name in ("mails", "other"):
        for row in source[name].iter_rows():
            for cell in row:
                assert book[name][cell.coordinate].value == cell.value
    assert book["other"]["B1"].value == "=1+1"
    again = read_table(tmp_path / "b.xlsx")
    assert again.values("mended_label") == ["4", "5", ""]
    assert again.values("label") == table.values("label")
    assert table.notes == ("read from the sheet 'mails'; others are not looked at: 'other'",)


def test_without_a_header(tmp_path):
    path = saved(tmp_path / "a.xlsx", ("my roses have black spots", "x"), ("b", "y"), ("c", "x"))
    assert read_table(path).headless
    table = read_table(path, header=False)
    assert (table.columns, len(table)) == (("column_1", "column_2"), 3)
    sheet = mended(table, tmp_path / "b.xlsx", NewColumn("m", ("x", "y", "z")))["mails"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["column_1", "column_2", "m"],
        ["my roses have black spots", "x", "x"],
        ["b", "y", "y"],
        ["c", "x", "z"],
    ]


def test_a_table_that_stands_somewhere(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.create_sheet("data")
    sheet["B3"], sheet["D3"], sheet["B4"], sheet["D4"] = "text", "label", "a", "x"
    book.save(tmp_path / "a.xlsx")
    table = read_table(tmp_path / "a.xlsx")
    assert (table.columns, table.rows()) == (("text", "label"), [["a", "x"]])
    changed = EXCEL.with_values(table, "label", ["y"])
    sheet = mended(changed, tmp_path / "b.xlsx", NewColumn("m", ("z",)))["data"]
    assert [sheet[place].value for place in ("D3", "D4", "E3", "E4")] == ["label", "y", "m", "z"]
    sheet["E4"] = 1
    sheet["F4"] = 1
    sheet.parent.save(tmp_path / "c.xlsx")
    sheet["E3"] = None
    sheet.parent.save(tmp_path / "c.xlsx")
    assert refusal(tmp_path / "c.xlsx").startswith(": more than one column is named ''; rename")


def test_changed_labels(tmp_path):
    table = read_table(saved(tmp_path / "a.xlsx", *ROWS))
    changed = EXCEL.with_values(table, "label", ["4", "", "4"])
    sheet = mended(changed, tmp_path / "b.xlsx")["mails"]
    assert [sheet.cell(row, 2).value for row in (2, 3, 5)] == [4, None, 4]


def test_another_format(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n=a,1\nb,\n")
    table = read_table(tmp_path / "a.csv")
    sheet = mended(table, tmp_path / "b.xlsx", NewColumn("m", ("1", None), "label")).worksheets[0]
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["text", "label", "m"],
        ["=a", "1", "1"],
        ["b", None, None],
    ]
    assert sheet["A2"].data_type == "s"


def zipped(path, **parts):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return path


def test_what_is_no_workbook(tmp_path):
    path = tmp_path / "a.xlsx"
    assert refusal(saved(path)) == ": has a header and no rows; give at least two rows"
    assert refusal(saved(path, ("text", "label"))) == (
        ": has a header and no rows; give at least two rows"
    )
    path.write_bytes(b"text,label\n")
    assert refusal(path).startswith(": can't be read as an Excel workbook (")
    assert refusal(zipped(path, a="x")).startswith(": is no Excel workbook; save")
    assert refusal(zipped(path, **{"xl__workbook.xml": "<x"})).startswith(": can't be read as an")
    whole = saved(tmp_path / "b.xlsx", *ROWS).read_bytes()
    path.write_bytes(whole[:-40])
    assert refusal(path).startswith(": can't be read as an Excel workbook (")


def test_bombs_are_refused_before_they_unpack(tmp_path):
    path = tmp_path / "a.xlsx"
    zipped(path, **{"xl__workbook.xml": "x", "xl__sheet1.xml": bytes(100 << 20)})
    assert "unpack to 104,857,601, which no table does that is meant well" in refusal(path)
    entities = '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    assert refusal(zipped(path, **{"xl__workbook.xml": entities})).startswith(": can't be read")


def test_a_cell_far_away(tmp_path):
    book = openpyxl.Workbook()
    book.worksheets[0].append(["text", "label"])
    book.worksheets[0].append(["a", "x"])
    book.worksheets[0]["ALM1048576"] = 1  # column 1,001, the last row
    stream = io.BytesIO()
    book.save(stream)
    (tmp_path / "a.xlsx").write_bytes(stream.getvalue())
    assert "has more than 1,000 columns; save the table as CSV" in refusal(tmp_path / "a.xlsx")


def test_what_can_be_read_past_and_not_written(tmp_path):
    """Only the first sheet is read; the others would be lost in what is written."""
    path = saved(tmp_path / "a.xlsx", *ROWS, more=[("x",)])
    with_part(path, "xl/worksheets/sheet2.xml", lambda raw: raw[:-20])
    table = read_table(path)
    with pytest.raises(InputError) as caught:
        check_new_columns(table, ["mended_label"])
    assert str(caught.value).startswith(f"{path}: can't be read as an Excel workbook (")
    check_new_columns(read_table(saved(tmp_path / "b.xlsx", *ROWS)), ["mended_label"])


def merged(path, place):
    book = openpyxl.load_workbook(saved(path, *ROWS))
    book["mails"].merge_cells(place)
    book.save(path)
    return read_table(path)


def test_merged_cells_where_ours_go(tmp_path):
    """Our columns are F and G: what is merged over them is taken apart, and nothing else is."""
    table = merged(tmp_path / "a.xlsx", "A4:H4")
    check_new_columns(table, ["x"])
    ours = NewColumn("x", ("1", "2", "3")), NewColumn("y", ("4", "5", "6"))
    sheet = mended(table, tmp_path / "b.xlsx", *ours)["mails"]
    assert [[cell.value for cell in row[5:7]] for row in sheet] == [
        *(["x", "y"], ["1", "4"], ["2", "5"], [None, None], ["3", "6"])
    ]
    assert not sheet.merged_cells.ranges
    for place in ("A4:E4", "H1:H5", "A9:H9"):
        table = merged(tmp_path / "c.xlsx", place)
        found = mended(table, tmp_path / "d.xlsx", *ours)["mails"].merged_cells.ranges
        assert [str(each) for each in found] == [place]


def test_merged_cells_without_end(tmp_path):
    path = saved(tmp_path / "a.xlsx", *ROWS)
    everything = b'</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    with_part(path, SHEET, lambda raw: raw.replace(b"</sheetData>", everything))
    with pytest.raises(InputError, match=r"merged cells cover 17,179,869,184 cells, more than 1,0"):
        check_new_columns(read_table(path), ["x"])


@pytest.mark.parametrize("name", [b'""', b'"mails"'])
def test_sheets_whose_names_are_blank_or_repeat(name, tmp_path):
    path = saved(tmp_path / "a.xlsx", (None,), more=ROWS)
    with_part(path, "xl/workbook.xml", lambda raw: raw.replace(b'"more"', name))
    table = read_table(path)
    check_new_columns(table, ["x"])
    book = mended(table, tmp_path / "b.xlsx", NewColumn("x", ("1", "2", "3")))
    assert book.worksheets[1]["F1"].value == "x"


def test_what_openpyxl_warns_of_is_not_told(tmp_path, recwarn):
    path = saved(tmp_path / "a.xlsx", *ROWS)
    more = b'<extLst><ext uri="{CCE6A557-97BC-4b89-ADB6-D9C93CAAB3DF}"/></extLst></worksheet>'
    with_part(path, SHEET, lambda raw: raw.replace(b"</worksheet>", more))
    table = read_table(path)
    check_new_columns(table, ["x"])
    mended(table, tmp_path / "b.xlsx", NewColumn("x", ("1", "2", "3")))
    assert not recwarn.list


@pytest.mark.parametrize("number", [b"1048577", b"9" * 400])
def test_a_row_beyond_the_last_one(number, tmp_path):
    path = saved(tmp_path / "a.xlsx", *ROWS)
    with_part(path, SHEET, lambda raw: raw.replace(b'<row r="5"', b'<row r="' + number + b'"'))
    assert "has rows beyond 1,048,576, which is where Excel ends" in refusal(path)


@pytest.mark.parametrize("at", range(0, 400, 25))
def test_a_sheet_whose_bytes_were_changed(at, tmp_path):
    """The archive's list is whole, and what it lists is not: each ends in one line, or is read."""
    path = saved(tmp_path / "a.xlsx", *ROWS)
    with zipfile.ZipFile(path) as packed:
        place = packed.getinfo(SHEET).header_offset + 60 + at
    raw = bytearray(path.read_bytes())
    raw[place] ^= 0x55
    path.write_bytes(bytes(raw))
    refusal(path)
