"""The command line in this process: the heavy imports are paid for once."""

import contextlib
import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from labelmend.cli.app import main

DEMO = Path(__file__).parents[2] / "labelmend" / "data" / "demo" / "train_noisy.csv"
LABELS = ("card_lost", "card_stolen", "oos", "pin_reset", "transfer_failed")


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    def refusal(self):
        """The one line that says what is wrong."""
        assert (self.code, self.out) == (2, ""), self
        (line,) = self.err.splitlines()
        return line.removeprefix("labelmend: ")


def run_cli(*arguments):
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["labelmend", *map(str, arguments)]
    code: object = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as leave:
        code = leave.code or 0
    finally:
        sys.argv = before
    assert isinstance(code, int)
    return Ran(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def cli():
    return run_cli


@pytest.fixture(scope="session")
def demo_rows():
    """Sixty rows of the demo's noisy table: twelve of each of five labels."""
    with DEMO.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["true_label"] in LABELS]
    return [row for label in LABELS for row in [r for r in rows if r["label"] == label][:12]]


TINY = b"text,label\nhello there,a\nlost my card,b\nlost the card again,b\n"


@pytest.fixture
def tiny(tmp_path):
    """A table of three rows, the folder's only file."""
    path = tmp_path / "tiny.csv"
    path.write_bytes(TINY)
    return path
