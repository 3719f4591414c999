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
    assert 120 <= len(few) <= 260


def faults(*words, seconds):
    """What a run of the script says is wrong; it imports everything once."""
    ran = subprocess.run(
        # CI's machines are slow, and other tests run beside this one.
        [*(sys.executable, SCRIPT, "--one-a-kind", "--faults", "--patience", "4"), *words],
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


@pytest.mark.slow
def test_kinds_end_in_one_clear_line(bge_small):
    """Those that ended badly once, and one in ten of the others."""
    assert faults(seconds=580) == ""


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_each_kind_ends_in_one_clear_line(bge_small):
    """Each of them: four minutes of processor."""
    assert faults("--every", "1", seconds=2300) == ""


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
