"""Nothing leaves the machine: what the system calls of a run say, not what libraries promise."""

import csv
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

_LIVES = 15
"""Seconds that a process stays after its command: telemetry starts some seconds after the load."""

RUN = f"""
import os, sys, time
import labelmend
{{before}}
from labelmend.cli.app import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
time.sleep({_LIVES})
"""


def system_calls(folder, words, before=""):
    """Run a command as no CI would, and return the network calls and the files made under HOME."""
    home = folder / f"home{len(before)}"
    home.mkdir()
    told = folder / f"calls{len(before)}"
    unset = {"CI", "ORT_DISABLE_TELEMETRY", "GITHUB_ACTIONS"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    environment |= {"PYTHONPATH": str(ROOT), "LABELMEND_HOME": str(folder / "labelmend")}
    strace = ["strace", "-f", "-qq", "-e", "trace=network", "-o", str(told)]
    python = [sys.executable, "-c", RUN.format(before=before), *words]
    subprocess.run([*strace, *python], cwd=folder, env=environment, check=True)
    calls = told.read_text("utf-8", errors="replace")
    return calls, sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


def outward(calls):
    """Return the sockets that are neither of this machine's files nor netlink's."""
    return re.findall(r"socket\(AF_(?!UNIX|NETLINK)\w+", calls)


@pytest.mark.slow
def test_a_run_opens_no_socket_and_writes_nothing_under_home(tmp_path, encoders):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    assert all(model.path.is_dir() for model in encoders)
    noisy = resources.files("labelmend.data.demo").joinpath("train_noisy.csv").read_text("utf-8")
    rows = list(csv.reader(noisy.splitlines()))
    few = [r[:2] for r in rows if r[1] in {"label", "card_lost", "exchange_rate"}]
    with (tmp_path / "data.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(few)
    words = ["relabel", "data.csv", "--no-llm", "--quiet"]
    # The same without our setting, at the same time: this is what the test would see.
    bare = "del os.environ['ORT_DISABLE_TELEMETRY']"
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(system_calls, tmp_path, [*words, "-o", f"{i}.csv"], before)
                for i, before in enumerate(("", bare))]  # fmt: skip
        (calls, files), (seen, left) = (run.result() for run in runs)
    assert outward(calls) == []
    assert all(name.startswith(".cache/labelmend/") for name in files)
    assert outward(seen)
    assert any("onnxruntime" in name for name in left)
