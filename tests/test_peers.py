"""Peer tests are left out of ordinary runs, and may not skip where they are required."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

TESTS = """
import pytest

def test_ordinary(): pytest.skip("no cat")

@pytest.mark.peer
def test_skips(): pytest.skip("no dog")

@pytest.mark.peer
@pytest.mark.skipif(True, reason="no horse")
def test_is_skipped(): pass

@pytest.mark.peer
@pytest.mark.xfail
def test_fails(): assert False

@pytest.mark.peer
def test_runs(): pass
"""

WHOLE = """
import pytest
pytest.importorskip("no_such_package_here")
@pytest.mark.peer
def test_runs(): pass
"""


def said(folder, *words, **environment):
    """What pytest says of the two files, with the plugin and this repository's markers."""
    (folder / "test_some.py").write_text(TESTS)
    (folder / "test_whole.py").write_text(WHOLE)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = peer: x\n")
    ours = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    ours.pop("LABELMEND_PEERS", None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "fixtures.peers", "-p", "no:schemathesis", *words],
        cwd=folder,
        env={**ours, "PYTHONPATH": str(ROOT / "tests"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout


def test_skips_stay_skips_where_nobody_requires_peers(tmp_path):
    code, text = said(tmp_path)
    assert code == 0, text
    assert "1 passed, 4 skipped, 1 xfailed" in text


def test_a_required_peer_may_not_skip(tmp_path):
    code, text = said(tmp_path, "-k", "not whole", LABELMEND_PEERS="required")
    assert code != 0
    # The ordinary skip stays one; a file that skips as a whole is an error of collection.
    assert "1 error" in text
    code, text = said(tmp_path, "test_some.py", LABELMEND_PEERS="required")
    assert code == 1
    # What a mark skips is skipped before it is called: pytest calls that an error.
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed, 1 error" in text
    assert "a peer test may not skip. Skipped: no dog" in text


def test_an_ordinary_run_leaves_peers_out():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]
    assert "-m 'not peer'" in settings["ini_options"]["addopts"]
    assert "LABELMEND_PEERS=required make peers" in (ROOT / ".ci" / "run").read_text("utf-8")
