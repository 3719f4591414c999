# ruff: noqa: RUF001 - Russian is meant
import gzip
import json
import os
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelmend.data import read
from labelmend.data.formats.find import known_suffixes
from labelmend.data.read import read_table
from labelmend.data.table import SourceTable
from labelmend.errors import InputError

RUSSIAN = ("Почему моя карта не работает?", "не пришёл перевод", "ок", "ПИН-код забыл")
WESTERN = ("Où est ma carte ?", "smörgåsbord på Åland", "¿Dónde está?", "it’s “fine”", "£5 off")


def put(folder: Path, content: str | bytes, name: str = "a.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def rows(table: SourceTable) -> list[list[str]]:
    return [list(row) for row in zip(*(table.values(c) for c in table.columns), strict=True)]


def refusal(path: Path, encoding: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read_table(path, encoding)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


def test_values_are_text_as_they_stand(tmp_path: Path) -> None:
    text = "text,id,date,x\r\n007,01,2024-01-02,NA\r\n1.10,1e5,,null\r\nTrue,nan, a ,None\r\n"
    table = read_table(put(tmp_path, text))
    assert table.columns == ("text", "id", "date", "x")
    assert rows(table) == [
        ["007", "01", "2024-01-02", "NA"],
        ["1.10", "1e5", "", "null"],
        ["True", "nan", " a ", "None"],
    ]
    assert list(table.row_numbers) == [1, 2, 3]
    assert table.origin.header == "text,id,date,x\r\n"
    assert table.origin.records[1] == "1.10,1e5,,null\r\n"
    assert (table.format, table.encoding, table.origin.bom, table.origin.delimiter) == (
        "csv",
        "utf-8",
        b"",
        ",",
    )


def test_quoting_and_blank_lines(tmp_path: Path) -> None:
    text = '\ntext,label\n"a, ""b""\nc",x\n\n  \n d,"y"\n\n'
    table = read_table(put(tmp_path, text))
    assert rows(table) == [['a, "b"\nc', "x"], [" d", "y"]]
    assert table.origin.header == "\ntext,label\n"
    assert table.origin.records == ('"a, ""b""\nc",x\n', '\n  \n d,"y"\n')
    assert table.origin.tail == "\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found_in_spite_of_the_others(tmp_path: Path, delimiter: str) -> None:
    others = [d for d in ",;\t|" if d != delimiter]
    lines = [f'"a{delimiter} b"{delimiter}x{others[i % 3]}y' for i in range(5)]
    table = read_table(put(tmp_path, "\n".join((f"text{delimiter}label", *lines))))
    assert table.origin.delimiter == delimiter
    assert table.columns == ("text", "label")
    assert table.values("text") == [f"a{delimiter} b"] * 5


def test_semicolons_with_commas_in_every_text(tmp_path: Path) -> None:
    table = read_table(put(tmp_path, "text;label\nhi, you;a\nno, not;b\n"))
    assert rows(table) == [["hi, you", "a"], ["no, not", "b"]]


def test_one_column(tmp_path: Path) -> None:
    table = read_table(put(tmp_path, "text\nhello\nbye"))
    assert rows(table) == [["hello"], ["bye"]]


def test_tsv_takes_tabs_only(tmp_path: Path) -> None:
    table = read_table(put(tmp_path, "text,a\tlabel,b\nx,y\tz,w\n", "a.tsv"))
    assert table.columns == ("text,a", "label,b")
    assert table.format == "tsv"


def test_format_by_content(tmp_path: Path) -> None:
    assert read_table(put(tmp_path, "a;b\n1;2\n", "a.txt")).format == "csv"
    assert read_table(put(tmp_path, "a\tb\n1\t2\n", "b")).format == "tsv"
    assert read_table(put(tmp_path, '{"a": 1}\n', "c.json")).format == "jsonl"
    pq.write_table(pa.table({"a": ["x"]}), tmp_path / "d.data")
    assert read_table(tmp_path / "d.data").format == "parquet"
    assert refusal(put(tmp_path, "hello\nyou\n", "e.txt")) == (
        ": can't tell the format from the suffix '.txt' or the content; use a name that ends in "
        f"one of {known_suffixes(reading=True)}"
    )


def test_a_field_of_a_million_characters(tmp_path: Path) -> None:
    import csv

    before = csv.field_size_limit()
    table = read_table(put(tmp_path, f"text,label\n{'x' * 1_000_000},a\n"))
    assert len(table.values("text")[0]) == 1_000_000
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("encoding", "found", "bom"),
    [
        ("utf-8", "utf-8", b""),
        ("utf-8-sig", "utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", "utf-16-le", b""),
        ("utf-16-be", "utf-16-be", b""),
        ("utf-16", "utf-16-le", b"\xff\xfe"),
        ("cp1251", "cp1251", b""),
    ],
)
@pytest.mark.parametrize("text", RUSSIAN)
def test_russian_encodings(
    tmp_path: Path, encoding: str, found: str, bom: bytes, text: str
) -> None:
    table = read_table(put(tmp_path, f"text,label\n{text},a\n", encoding=encoding))
    assert rows(table) == [[text, "a"]]
    assert (table.encoding, table.origin.bom) == (found, bom)


@pytest.mark.parametrize("text", WESTERN)
def test_western_code_page(tmp_path: Path, text: str) -> None:
    table = read_table(put(tmp_path, f"text,label\n{text},a\n", encoding="cp1252"))
    assert rows(table) == [[text, "a"]]
    assert table.encoding == "cp1252"


def test_a_few_foreign_words_late_in_a_long_file(tmp_path: Path) -> None:
    english = "hello there how are you,greet\n" * 5000
    for word, encoding in (("привет", "cp1251"), ("déjà", "cp1252")):
        text = f"text,label\n{english}{word},a\n{english}"
        table = read_table(put(tmp_path, text, encoding=encoding))
        assert table.encoding == encoding
        assert table.values("text")[5000] == word


@pytest.mark.parametrize("encoding", ["koi8-r", "gbk"])
def test_other_code_pages_are_not_guessed(tmp_path: Path, encoding: str) -> None:
    text = {"gbk": "我的卡不能用了请帮助我", "koi8-r": "верните мои деньги пожалуйста"}[encoding]
    text = f"{text} {text.upper()}" if encoding == "gbk" else f"{text} я не получил заказ ТЧК"
    path = put(tmp_path, f"text,label\n{text},a\n", encoding=encoding)
    assert refusal(path) == (
        ": can't tell the encoding (not UTF-8, UTF-16, cp1251 or latin-1); name it with --encoding"
    )
    assert rows(read_table(path, encoding)) == [[text, "a"]]


def test_undecodable_bytes(tmp_path: Path) -> None:
    path = put(tmp_path, b"text,label\nhi,a\nb\xffd,b\n")
    assert refusal(path, "utf-8") == (
        ": line 3, byte offset 17: byte 0xff is not utf-8; "
        "mend the file, or name its encoding with --encoding"
    )
    # Most of it is good UTF-8, so it isn't taken for an old code page.
    path = put(tmp_path, "text,label\nпривет,a\n".encode() + b"\xff,b\n")
    assert ": line 3, byte offset 26: byte 0xff is not utf-8; " in refusal(path)


def test_damaged_utf16(tmp_path: Path) -> None:
    path = put(tmp_path, b"\xff\xfe" + "text,label\nhi,a\n".encode("utf-16-le") + b"x")
    assert refusal(path).startswith(": line 3, byte offset 34: byte 0x78 is not utf-16-le; ")


def test_explicit_encoding(tmp_path: Path) -> None:
    assert refusal(put(tmp_path, "a,b\n1,2\n"), "utf8x") == (
        ": unknown encoding 'utf8x'; give one that Python knows, such as utf-8, utf-16, cp1251 "
        "or latin-1"
    )
    assert "unknown encoding 'hex'" in refusal(tmp_path / "a.csv", "hex")
    assert r"unknown encoding '\udcff'; give" in refusal(tmp_path / "a.csv", "\udcff")
    assert r"unknown encoding 'a\x00'; give" in refusal(tmp_path / "a.csv", "a\0")
    assert "undefined is no encoding of tables" in refusal(tmp_path / "a.csv", "undefined")
    table = read_table(put(tmp_path, "text\nя\n", encoding="utf-16"), "utf-16")
    assert (table.encoding, table.origin.bom, rows(table)) == ("utf-16-le", b"\xff\xfe", [["я"]])
    # "+AC0-" is a hyphen that UTF-7 writes plainly: the bytes would not come back.
    assert refusal(put(tmp_path, "text\na+AC0-b\n"), "utf-7") == (
        ": utf-7 would not give the same bytes back; convert the file to UTF-8"
    )


def test_missing_file(tmp_path: Path) -> None:
    put(tmp_path, "a,b\n1,2\n", "train.csv")
    assert refusal(tmp_path / "trian.csv") == (
        ": no such file (did you mean 'train.csv'?); check the path"
    )
    assert refusal(tmp_path / "no" / "a.csv") == (
        f": no such file: the folder {tmp_path / 'no'} is missing"
    )


def test_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path) == ": is a folder; give one file in it"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permission_denied(tmp_path: Path) -> None:
    path = put(tmp_path, "a,b\n1,2\n")
    path.chmod(0)
    assert refusal(path) == ": permission denied; make it readable (chmod +r)"


def test_permission_denied_by_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(read, "read_regular", deny)
    assert refusal(put(tmp_path, "x")) == ": permission denied; make it readable (chmod +r)"


@pytest.mark.parametrize("content", [b"", b" \r\n\n", b"\xef\xbb\xbf \n", b"\xff\xfe"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a"])
def test_empty(tmp_path: Path, content: bytes, name: str) -> None:
    assert refusal(put(tmp_path, content, name)) == (
        ": the file is empty; give a table with a header and rows"
    )


def test_header_only(tmp_path: Path) -> None:
    message = ": has a header and no rows; give at least two rows"
    assert refusal(put(tmp_path, "text,label\n\n")) == message
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    assert refusal(tmp_path / "a.parquet") == message


def test_binary(tmp_path: Path) -> None:
    nul = (
        ": holds NUL bytes, so it is binary, not a text table; give a table in one of the formats "
        "of docs/files.md"
    )
    assert refusal(put(tmp_path, b"\x7fELF\x02\x01\0\0\0\0\x03\0>\0\x01\0\0\0")) == nul
    assert refusal(put(tmp_path, bytes(range(256)) * 8)) == nul
    assert refusal(put(tmp_path, b"text,label\na\0b,c\n")) == nul
    assert refusal(put(tmp_path, b"text,label\na\0b,c\n"), "utf-8") == nul
    assert refusal(put(tmp_path, gzip.compress(b"a,b\n"))) == (
        ": looks like a gzip archive, not a text table; end its name in .gz, such as table.csv.gz"
    )
    assert "looks like a PDF, not a text table" in refusal(put(tmp_path, b"%PDF-1.7\n"))
    assert "looks like Parquet, not a text table; rename" in refusal(put(tmp_path, b"PAR1abc"))
    with zipfile.ZipFile(tmp_path / "z.csv", "w") as archive:
        archive.writestr("a.csv", "a,b\n")
    assert refusal(tmp_path / "z.csv") == (
        ": looks like a zip archive, not a text table; unpack it and give the table inside"
    )
    with zipfile.ZipFile(tmp_path / "x.csv", "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    assert refusal(tmp_path / "x.csv") == (": looks like an Excel workbook; end its name in .xlsx")


def test_ragged_rows(tmp_path: Path) -> None:
    text = 'text,label\n"a\nb",x\nhello, you,y\nlonely\nc,z\n'
    assert refusal(put(tmp_path, text)) == (
        ": row 2 (ends on line 4) has 3 fields, the header has 2 (and 1 more such); "
        "quote texts that hold ',', or mend it"
    )
    assert "row 1 (ends on line 2) has 1 field, the header has 2; quote" in refusal(
        put(tmp_path, "text,label\nlonely\nc,z\n")
    )


def test_repeated_columns(tmp_path: Path) -> None:
    message = ": more than one column is named 'a', ''; rename all but one"
    assert refusal(put(tmp_path, "a,,a,,b\n1,2,3,4,5\n")) == message


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('text,label\na,x\n"b,y\nc,z\n', "row 2 (line 3)"),
        ('text,label\na,"x', "row 1 (line 2)"),
        ('text,label\n"a,x\nb,y\n"c",z\n', "row 1 (line 2)"),  # closed much later
        ('"text,label\na,x\n', "the header"),
    ],
)
def test_unclosed_quote(tmp_path: Path, text: str, where: str) -> None:
    assert refusal(put(tmp_path, text)) == (
        f': {where}: a quote (") is opened and not closed before the next field; '
        "close it, or double it if it belongs to the text"
    )


def test_jsonl(tmp_path: Path) -> None:
    lines = [
        '{"text": "a\\u00e9", "n": 1.10, "big": 12345678901234567890123}\n',
        "\n",
        ' {"n": null, "ok": true, "list": [1, {"é": 2.5}], "text": "007"} \r\n',
    ]
    table = read_table(put(tmp_path, "".join(lines), "a.jsonl"))
    assert table.columns == ("text", "n", "big", "ok", "list")
    assert rows(table) == [
        ["aé", "1.10", "12345678901234567890123", "", ""],
        ["007", "", "", "true", '[1, {"é": 2.5}]'],
    ]
    assert table.origin.records == (lines[0], lines[1] + lines[2])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("[1, 2]", "holds an array"),
        ('"a"', "holds a single value"),
        ("3", "holds a single value"),
        ("null", "holds null"),
        ('{"a": }', "not valid JSON (Expecting value)"),
        ("[" * 100_000, "not valid JSON (can't be parsed)"),
    ],
)
def test_jsonl_line_that_is_no_object(tmp_path: Path, line: str, problem: str) -> None:
    path = put(tmp_path, '{"text": "a"}\n\n' + line + "\n", "a.jsonl")
    assert refusal(path) == f": line 3: {problem}; each line has to be one JSON object"


def test_jsonl_half_character(tmp_path: Path) -> None:
    path = put(tmp_path, json.dumps({"text": "\ud83d"}) + "\n", "a.jsonl")
    assert refusal(path) == (
        ": line 1: holds half of a character (an unpaired \\ud800-\\udfff); mend that escape"
    )


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = {
        "text": ["a", None, "NA"],
        "n": [1, 2, None],
        "list": [[1], None, []],
        "raw": [b"x", b"\xff", None],
    }
    pq.write_table(pa.table(columns), path)
    table = read_table(path)
    assert table.values("list") == ["[1]", "", "[]"]
    assert table.values("raw") == ["b'x'", "b'\\xff'", ""]
    assert table.values("text") == ["a", "", "NA"]
    assert table.values("n") == ["1", "2", ""]
    assert table.format == "parquet"


def test_corrupt_parquet(tmp_path: Path) -> None:
    message = refusal(put(tmp_path, "text,label\na,b\n", "a.parquet"))
    assert message.startswith(": can't be read as Parquet (Parquet magic bytes not found")
    assert message.endswith("; write the file again")
    pq.write_table(pa.table({"a": ["x"] * 100}), tmp_path / "b.parquet")
    whole = (tmp_path / "b.parquet").read_bytes()
    assert "can't be read as Parquet" in refusal(put(tmp_path, whole[:-20], "b.parquet"))
