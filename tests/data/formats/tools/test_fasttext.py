"""fastText's lines: the label changes in its place, all else stays."""

import time

import pytest
from fixtures.formats.make import NONE
from fixtures.round_trip import table_of, written
from fixtures.tool_files import FOLDER, LABELS, TEXTS

from labelmend.data.formats.tools.fasttext import FASTTEXT
from labelmend.data.read import read_table
from labelmend.data.table import NewColumn
from labelmend.errors import InputError, OutputError

LINES = (
    "__label__a  hello , you\r\n\n\t__label__b bye\n__label__a __label__b both\n"
    "none\n__label__c\n\n"
)


def test_lines():
    table = table_of(LINES, "a.txt")
    assert (table.format, table.columns) == ("fasttext", ("text", "label"))
    assert table.rows() == [
        ["hello , you", "a"],
        ["bye", "b"],
        ["both", '["a", "b"]'],
        ["none", ""],
        ["", "c"],
    ]
    assert written(table) == LINES
    assert [FASTTEXT.line_of(table, row) for row in (1, 2, 6)] == [1, 3, None]


def test_a_text_with_a_million_blanks_is_read_at_once():
    began = time.process_time()
    table = table_of(f"__label__a x{' ' * 1_000_000}y   __comment__ z\n", "a.txt")
    assert time.process_time() - began < 1
    assert table.values("text") == [f"x{' ' * 1_000_000}y"]


def test_only_other_labels_change():
    table = table_of(LINES, "a.train")
    mended = NewColumn("mended_label", ("a", "c d", "b", "x", None), "label")
    assert written(table, mended, NewColumn("decision", ("keep",) * 5)) == (
        "__label__a  hello , you\r\n\n\t__label__c-d bye\n__label__b both\n__label__x none\n\n\n"
    )
    changed = FASTTEXT.with_values(table, "label", ["b", "b", '["a", "b"]', "", "c"])
    assert written(changed).splitlines()[0] == "__label__b hello , you"
    assert written(changed)[23:] == LINES[24:]


def test_a_file_of_doccano():
    path = FOLDER / "doccano.txt"
    table = read_table(path)
    assert table.format == "fasttext"
    assert (table.values("text"), table.values("label")) == (TEXTS, LABELS)
    assert written(table) == path.read_text("utf-8")
    labels = ["x" if row in {2, 3, NONE} else label for row, label in enumerate(LABELS)]
    mended = written(table, NewColumn("mended_label", tuple(labels), "label"))
    again = table_of(mended, "b.txt")
    assert (again.values("text"), again.values("label")) == (TEXTS, labels)
    assert '"__label__x the spade, ""long handle"", broke after a week "\n' in mended
    assert "__label__x leaves of the lemon tree turn yellow __comment__ask anna\n" in mended


def test_texts_of_several_lines_in_quotes():
    table = table_of('"__label__a one\ntwo, ""three"""\n__label__b x\n', "a.txt")
    assert table.rows() == [['one\ntwo, "three"', "a"], ["x", "b"]]
    # Read as they are, the lines behind the quote would be one text, and its label none.
    for lines in (2000, 1, 0):
        with pytest.raises(InputError, match=r"^a\.txt: line 2: a quote"):
            table_of("__label__a x\n" + '"__label__b y\n' + "z\n" * lines, "a.txt")
    assert table_of('"__label__a x\ry"\n', "a.txt").rows() == [["x\ry", "a"]]


def test_there_is_no_place_for_columns(tmp_path):
    table = table_of(LINES, "a.txt")
    with pytest.raises(OutputError) as caught:
        FASTTEXT.write(table, [NewColumn("true_label", ("a",) * 5)])
    assert str(caught.value) == (
        "a.txt: a fastText file holds labels and texts, nothing else; end the output's name in "
        ".csv or .jsonl"
    )
    other = table_of("q,label\na,x\n", "a.csv")
    with pytest.raises(OutputError, match="a fastText file holds labels and texts"):
        FASTTEXT.write(other, ())


def test_another_format_whose_columns_are_known():
    from dataclasses import replace

    table = replace(
        table_of('body,tag\n"a\n b",x\nc,\n', "a.csv"), text_column="body", label_column="tag"
    )
    assert FASTTEXT.write(table, ()) == b"__label__x a b\nc\n"
    mended = NewColumn("mended_label", ("y", "z"), "tag")
    assert FASTTEXT.write(table, (mended,)) == b"__label__y a b\n__label__z c\n"
