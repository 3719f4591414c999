"""One bad input a kind, in forked children of one process that has imported everything once."""

import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.forked import Case, run
from fuzz.run_cases import chosen

SCRIPT = Path(__file__).parent / "run_cases.py"


def test_there_are_cases_of_all_kinds():
    every, few = chosen(one_a_kind=False, pattern=""), chosen(one_a_kind=True, pattern="")
    assert len(every) > 1000
    assert 120 <= len(few) <= 320


@pytest.mark.parametrize("part", ["1/2", "2/2"])
def test_each_kind_ends_in_one_clear_line(part, bge_small):
    """Some thirty seconds of processor for each part."""
    ran = subprocess.run(
        # CI's machines are slow, and other tests run beside this one.
        [*(sys.executable, SCRIPT, "--one-a-kind", "--faults"), "--part", part, "--patience", "4"],
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("raise ValueError('x')", "exit code 1"),
        ("print('\\x1b[31m')", "raw control characters"),
        ("import os; os.abort()", "ended by signal 6"),
        ("import time; time.sleep(60)", "hang"),
        ("held = b'x' * (2 << 30)", "GiB of memory"),
        ("open('mine.csv', 'w').close(); sys.exit(2)", "changed mine.csv"),
        ("open('half.csv', 'w').close(); sys.exit(2)", "left half.csv"),
        ("sys.stderr.write('labelmend: a\\nlabelmend: b\\n'); sys.exit(2)", "not one line"),
        ("sys.exit(70)", "unexpected error"),
    ],
)
def test_what_goes_wrong_is_seen(body, fault, tmp_path, monkeypatch):
    """The judge itself: a command that misbehaves in each way is found out."""
    from labelmend.cli import app

    def misbehaves():
        exec(body, {"sys": sys})

    monkeypatch.setattr(app, "main", misbehaves)
    ended = run(
        Case("x", (), {"mine.csv": b"a,b\n"}, seconds=2 if "sleep" in body else 30), tmp_path
    )
    assert fault in " ".join(ended.faults)
    assert list(tmp_path.iterdir()) == []
