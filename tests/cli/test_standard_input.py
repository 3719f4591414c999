"""`-`, a table that another program pipes in, through the command line."""

import csv
import gzip
import hashlib
import io
import json
import subprocess
import sys

import pytest
from fixtures.tool_files import FOLDER

TINY = b"text,label\nhello there,a\nlost my card,b\nlost the card again,b\n"
NOISE = ("--noise", "uniform=1")
FAST = (
    *("--no-llm", "--set", "encoders=[{backend: onnx, model: bge-small-en-v1.5, max_tokens: 32}]"),
    *("--set", "reranker.backend=none", "--set", "fusion.rounds=1"),
    *("--set", "evidence.classifier.options.folds=2"),
)


@pytest.fixture
def pipe(monkeypatch):
    def put(raw):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))

    return put


@pytest.mark.parametrize(
    "name",
    [
        *("argilla.json", "argilla.jsonl", "argilla.parquet", "doccano.csv", "doccano.json"),
        *("doccano.jsonl", "label_studio.csv", "label_studio.json", "label_studio_min.json"),
        "datasets.parquet",
    ],
)
def test_the_content_tells_the_format(tmp_path, cli, pipe, name):
    """What comes out is what comes out of the file, byte by byte."""
    suffix = (FOLDER / name).suffix
    pipe((FOLDER / name).read_bytes())
    said = cli("corrupt", "-", "-o", tmp_path / f"piped{suffix}", *NOISE)
    assert (said.code, said.err) == (0, "")
    assert cli("corrupt", FOLDER / name, "-o", tmp_path / f"file{suffix}", *NOISE).code == 0
    written = (tmp_path / f"piped{suffix}").read_bytes()
    assert written == (tmp_path / f"file{suffix}").read_bytes()


def test_the_first_bytes_tell_the_packing(tmp_path, cli, pipe):
    pipe(gzip.compress(TINY))
    assert cli("corrupt", "-", "-o", tmp_path / "a.csv", *NOISE).code == 0
    assert (tmp_path / "a.csv").read_bytes().startswith(TINY.splitlines()[0] + b",true_label\n")


def test_what_cannot_be_read_is_told(tmp_path, cli, pipe, monkeypatch):
    def refusal(*words):
        return cli(*words).refusal().removeprefix("standard input: ")

    asked = ("corrupt", "-", "-o", tmp_path / "a.csv", *NOISE)
    pipe(b"  \n")
    assert refusal(*asked) == "the file is empty; give a table with a header and rows"
    pipe(b"just one line")
    assert refusal(*asked).startswith(
        "can't tell the format from the content; use a file of a name that ends in one of .arrow,"
    )
    pipe(b"\x1f\x8b123")
    assert refusal(*asked).startswith("can't be unpacked as gzip (")
    pipe(TINY.replace(b"label", b"x"))
    assert refusal(*asked).startswith("no label column found; name one with --label-column")
    monkeypatch.setattr(sys, "stdin", None)
    assert refusal(*asked) == ("can't be read: it is closed; pipe a table into it, or give a file")
    pipe(TINY)
    for words in (("relabel", "-"), ("predict", "model", "-")):
        assert refusal(*words) == "has no name to call the result after; name it with -o"
    for words in (
        *(("audit", "-", "--rows", "5", "-o", tmp_path / "s.csv"), ("explain", "-", "--row", "1")),
        *(("certify", "-", "--answers", "a.jsonl"), ("review", "-")),
    ):
        assert refusal(*words) == (
            "the record and the evidence of a run lie beside its mended table and are read with "
            "it; give the path of that file"
        )
    assert refusal("compare-baseline", "-", "-", "-o", tmp_path / "report") == (
        "is one table; give the path of the other one"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_is_told_at_once(tmp_path):
    """A pipe that stays open would hang it; a terminal is one."""
    script = (
        "import os, pty, sys\n"
        "pid, terminal = pty.fork()\n"
        "if not pid:\n"
        "    os.execv(sys.executable, [sys.executable, '-m', 'labelmend', *sys.argv[1:]])\n"
        "said = b''\n"
        "try:\n"
        "    while piece := os.read(terminal, 1000):\n"
        "        said += piece\n"
        "except OSError:\n"
        "    pass\n"
        "os.write(1, said)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    words = ("corrupt", "-", "-o", str(tmp_path / "a.csv"), *NOISE)
    ran = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 2, ran
    assert ran.stdout.replace("\r", "").replace("\n", " ").strip() == (
        "labelmend: standard input: can't be read: it is a terminal; pipe a table into it, or give "
        "a file"
    )


def test_relabel_and_explain(tmp_path, cli, pipe, demo_rows, bge_small, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "t.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(demo_rows)
    raw = (tmp_path / "t.csv").read_bytes()
    pipe(raw)
    said = cli("relabel", "-", "-o", "piped.csv", "--quiet", *FAST)
    assert (said.code, said.err) == (0, "")
    assert cli("relabel", "t.csv", "-o", "file.csv", "--quiet", *FAST).code == 0
    for kind in (".csv", ".evidence.jsonl", ".labels.yaml"):
        assert (tmp_path / f"piped{kind}").read_bytes() == (tmp_path / f"file{kind}").read_bytes()
    told = json.loads((tmp_path / "piped.run.json").read_text("utf-8"))["input"]
    assert (told["path"], told["sha256"]) == ("standard input", hashlib.sha256(raw).hexdigest())
    # It is found by its mended table, and by its bytes where somebody kept them.
    for table in ("piped.csv", "t.csv"):
        found = cli("explain", table, "--row", "1")
        assert (found.code, found.err) == (0, "")
        assert "Note" not in found.out
