"""Formats are found by their entry points: ours, and one that a stranger's package brings."""

import os
import subprocess
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from labelmend.data.formats import find
from labelmend.data.formats.base import Format
from labelmend.data.formats.delimited import CSV, TSV
from labelmend.data.formats.jsonl import JSONL
from labelmend.data.formats.parquet import PARQUET
from labelmend.data.read import read_table
from labelmend.data.table import Content
from labelmend.errors import InputError

ROOT = Path(__file__).parents[3]
MODULE = '''
"""Blocks of `key: value`, a blank line between them."""

from labelmend.data.formats.base import Format
from labelmend.data.table import SourceTable, frame_of


class Blocks(Format):
    name = "blocks"
    suffixes = (".blk",)

    def recognises(self, content):
        return 0.8 if content.text.text.startswith("%blocks\\n") else 0.0

    def read(self, content):
        text = content.text.text.removeprefix("%blocks\\n").strip()
        rows = [dict(line.split(": ", 1) for line in b.split("\\n")) for b in text.split("\\n\\n")]
        columns = tuple(rows[0])
        return SourceTable(
            path=content.path,
            format=self.name,
            columns=columns,
            frame=frame_of(columns, [[row[name] for name in columns] for row in rows]),
        )

    def write(self, table, columns):
        names = (*table.columns, *(column.name for column in columns))
        rows = [
            (*row, *("" if c.values[i] is None else str(c.values[i]) for c in columns))
            for i, row in enumerate(table.rows())
        ]
        pairs = (zip(names, row, strict=True) for row in rows)
        blocks = ("\\n".join(f"{k}: {v}" for k, v in block) + "\\n" for block in pairs)
        return ("%blocks\\n" + "\\n".join(blocks)).encode()


BLOCKS = Blocks()
'''
TABLE = """\
%blocks
text: where is my card?
label: card

text: it was stolen: help
label: theft

text: and my card
label: card

text: a thief took it
label: theft
"""


@pytest.fixture
def package(tmp_path):
    """A package of a stranger's, installed in a folder of its own: one module, and one line."""
    folder = tmp_path / "site"
    metadata = folder / "blocks_format-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "blocks_format.py").write_text(MODULE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: blocks-format\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[labelmend.formats]\nblocks = blocks_format:BLOCKS\n"
    )
    return folder


@pytest.fixture
def labelmend(package):
    """The command line in a process that can import the stranger's package."""

    def run(*words):
        paths = [str(package), str(ROOT), os.environ.get("PYTHONPATH", "")]
        return subprocess.run(
            [sys.executable, "-m", "labelmend", *map(str, words)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_a_format_of_another_package_is_read_and_written(tmp_path, labelmend):
    source, blocks, csv = (tmp_path / name for name in ("a.blk", "b.blk", "c.csv"))
    source.write_text(TABLE)
    # All four labels flip to the other one, whatever the seed.
    done = labelmend("corrupt", source, "-o", blocks, "--noise", "uniform=1")
    assert (done.returncode, done.stderr) == (0, "")
    assert blocks.read_text() == (
        "%blocks\ntext: where is my card?\nlabel: theft\ntrue_label: card\n"
        "\ntext: it was stolen: help\nlabel: card\ntrue_label: theft\n"
        "\ntext: and my card\nlabel: theft\ntrue_label: card\n"
        "\ntext: a thief took it\nlabel: card\ntrue_label: theft\n"
    )
    assert labelmend("corrupt", source, "-o", csv, "--noise", "uniform=1").returncode == 0
    assert csv.read_text() == (
        "text,label,true_label\nwhere is my card?,theft,card\nit was stolen: help,card,theft\n"
        "and my card,theft,card\na thief took it,card,theft\n"
    )
    back = tmp_path / "d.blk"
    csv.write_text("text,label\nx,a\ny,b\n")
    assert labelmend("corrupt", csv, "-o", back, "--noise", "uniform=1").returncode == 0
    assert back.read_text() == (
        "%blocks\ntext: x\nlabel: b\ntrue_label: a\n\ntext: y\nlabel: a\ntrue_label: b\n"
    )


def test_a_format_of_another_package_is_known_by_its_content_and_named(tmp_path, labelmend):
    source = tmp_path / "a.txt"
    source.write_text(TABLE)
    output = tmp_path / "b.blk"
    assert labelmend("corrupt", source, "-o", output, "--noise", "uniform=1").returncode == 0
    assert output.read_text().startswith("%blocks\ntext: where is my card?\nlabel: theft\n")
    said = labelmend("corrupt", source, "-o", tmp_path / "b.xyz", "--noise", "uniform=1").stderr
    suffixes = sorted([".blk", *find.known_suffixes().split(", ")])
    assert said.endswith(f"end the name in one of {', '.join(suffixes)}\n")


def test_without_the_package_the_suffix_is_unknown(tmp_path):
    (tmp_path / "a.blk").write_text("hello\nyou\n")
    with pytest.raises(InputError, match=r"can't tell the format from the suffix '.blk'"):
        read_table(tmp_path / "a.blk")


@pytest.fixture
def installed(monkeypatch):
    """Have other entry points beside ours, or instead of them."""

    def put(*points, ours=True):
        known = [*entry_points(group=find.GROUP)] if ours else []
        others = [EntryPoint(name, value, find.GROUP) for name, value in points]
        monkeypatch.setattr(find, "entry_points", lambda group: [*others, *known])
        find._installed.cache_clear()

    yield put
    monkeypatch.undo()
    find._installed.cache_clear()


def test_ours():
    for kind in (CSV, JSONL, PARQUET, TSV):
        assert find.format_by_name(kind.name) is kind
        for suffix in kind.suffixes:
            assert find.format_by_suffix(Path(f"a{suffix.upper()}")) is kind
    assert find.format_by_suffix(Path("a.data")) is None


def test_a_suffix_that_says_little():
    # A .txt is read by what is in it; a table of another format that is to be one is fastText's.
    assert find.format_by_suffix(Path("a.txt")).name == "fasttext"
    for text, name in (("a;b\n1;2\n", "csv"), ("__label__a b\n", "fasttext")):
        assert find.format_of(Content(Path("a.txt"), text.encode())).name == name
    assert ".txt" not in find.known_suffixes(reading=True)
    assert find.known_suffixes().endswith(", .tsv, .txt, .xlsx, .yaml, .yml")


def test_a_suffix_that_tools_share():
    for text, name in (
        ('{"text": "t", "label": "l", "answer": "accept"}', "prodigy"),
        ('{"text": "t", "label": "l"}', "jsonl"),
        ("text,label\n", "jsonl"),  # its owner, who says what is wrong
    ):
        assert find.format_of(Content(Path("a.jsonl"), text.encode())).name == name


def test_a_table_whose_suffix_stays_keeps_its_format(tmp_path):
    (tmp_path / "a.txt").write_text("text;label\nx;a\n")
    table = read_table(tmp_path / "a.txt")
    assert find.format_to_write(table, tmp_path / "b.txt") is CSV
    assert find.format_to_write(table, tmp_path / "b.json").name == "json"
    assert find.format_to_write(table, tmp_path / "b.data") is None


def test_names_of_results(tmp_path):
    for name, result in (
        ("a.csv", "a.mended.csv"),
        ("a.b.JSONL", "a.b.mended.JSONL"),
        ("a.csv.gz", "a.mended.csv.gz"),
        ("a", "a.mended"),
    ):
        assert find.beside(tmp_path / name, "mended") == tmp_path / result
    assert find.beside(tmp_path, "mended") == tmp_path.with_name(f"{tmp_path.name}.mended.parquet")


def refusal(tmp_path):
    (tmp_path / "a.xyz").write_text("hello\nyou\n")
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / "a.xyz")
    (line,) = str(caught.value).splitlines()
    return line


class Greedy(Format):
    name = "greedy"
    suffixes = (".new", ".csv")

    def read(self, content):
        raise AssertionError

    def write(self, table, columns):
        raise AssertionError


GREEDY = Greedy()


class Rising(Greedy):
    name = "rising"
    suffixes = (".up",)

    def recognises(self, content):
        return float(content.raw == b"up")


RISING = Rising()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_module_of_anyones:X", "No module named 'no_such_module_of_anyones'"),
        ("json:X", "module 'json' has no attribute 'X'"),
        ("json:loads", "it is no instance of labelmend.data.formats.base.Format"),
        (f"{__name__}:Greedy", "it is no instance of labelmend.data.formats.base.Format"),
        (f"{__name__}:GREEDY", "csv has .csv already"),
    ],
)
def test_a_format_that_can_not_be_used_is_named_where_one_is_missing(
    tmp_path, installed, value, reason, monkeypatch
):
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Greedy.__module__])
    installed(("x", value))
    known = find.known_suffixes(reading=True)
    assert known.startswith(".arrow, .csv, .feather, .json, .jsonl, ")
    assert known.endswith(f"; {value} can't be used: {reason}")
    assert refusal(tmp_path).endswith(known)
    # All others work as ever.
    (tmp_path / "a.csv").write_text("text,label\nx,a\n")
    assert read_table(tmp_path / "a.csv").format == "csv"


def test_an_installation_of_older_code(tmp_path, installed):
    installed(ours=False)
    assert refusal(tmp_path) == (
        "labelmend's own file formats are not registered: it was installed from older code; "
        "install it again (pip install -e .)"
    )


def test_what_no_text_is_can_be_another_format_all_the_same(tmp_path, installed, monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Greedy.__module__])
    installed(("rising", f"{__name__}:RISING"))
    assert find.format_by_content(Content(tmp_path / "a", b"up")) is RISING
    with pytest.raises(InputError, match="looks like a PDF, not a text table"):
        find.format_by_content(Content(tmp_path / "a", b"%PDF-1.4"))


def test_what_a_format_need_not_write(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\nx,a\ny,b\n")
    table = read_table(tmp_path / "a.csv")
    assert (CSV.line_of(table, 2), CSV.line_of(table, 3), CSV.line_of(table, 0)) == (3, None, None)
    assert RISING.line_of(table, 2) is None
    changed = RISING.with_values(table, "label", ["c", "b"])
    assert (changed.rows(), changed.origin) == ([["x", "c"], ["y", "b"]], None)
    assert table.rows() == [["x", "a"], ["y", "b"]]
    # A table that lost its records is written anew, from its values.
    assert CSV.write(changed, ()) == b"text,label\nx,c\ny,b\n"
    assert CSV.with_values(changed, "text", ["é", "z"]).rows() == [["é", "c"], ["z", "b"]]
