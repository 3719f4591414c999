"""What mending takes on Ray nodes, and that a lost node changes nothing.

    python benchmarks/ray_nodes.py [--rows 15100] [--only votes] [--set KEY=VALUE] [--write]

CLINC150's training rows with 20 % uniform label noise (seed 0), without an LLM, mended by the
command that a user runs: in one process, on a Ray node with two cores, on one with one core, on two
with one core each, and on two such nodes of which one is killed with SIGKILL, its raylet and all
its workers, while texts are encoded. Then with the profile's LLM that votes: in one process, and on
three nodes with one core each, of which one is killed while it encodes and another while it votes.
The nodes are real ones, started by `ray start` on loopback addresses of this machine. Each run has
a cache of its own. All outputs, votes too, are held against those of the run in one process. With
`--only votes` the runs without an LLM are left out. Without `--write` no section of
benchmarks/RESULTS.md is written: figures of a busy machine say nothing.
"""

import argparse
import csv
import json
import os
import platform
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from correction import SHARED, package_versions
from results_file import write_section

from labelmend.parallel import usable_cores

HERE = Path(__file__).resolve().parent
TRAIN = SHARED / "clinc150" / "train.csv"
LOCAL, WIDE, ONE, TWO = "one process", "a node of two cores", "a node of one core", "two such nodes"
KILLED = "two such nodes, one killed"
VOTING = "one process, and an LLM votes"
BOTH = "three such nodes, an LLM votes, one killed while it encodes and one while it votes"
ENCODES, VOTES = "embed texts", "vote "
"""What the lines on progress begin with."""
LONGEST_WAIT, AT_WORK = 300.0, 1.0
"""Seconds that a node is waited for until it is at work, and that it is at work before its end."""
LIKE_LOCAL, TWICE = 1.3, 1.6
"""How much longer than one process a node may take, and how much faster two are to encode."""


@dataclass(frozen=True)
class Ran:
    """A finished run.

    Attributes:
        seconds: of the command by the clock, starting and all.
        encoding: seconds of the stage `embed`.
        rows: of the mended table.
        evidence: a line each.
        votes: their scores, by the key under which they are stored.
    """

    seconds: float
    encoding: float
    rows: list[dict[str, str]]
    evidence: list[dict[str, Any]]
    votes: dict[str, list[float]]


def started(work: Path, port: int, nodes: int, cores: int) -> list[subprocess.Popen[bytes]]:
    """Start nodes on loopback addresses, the head first, and wait until they answer."""
    found = []
    for number in range(nodes):
        where = ["--head", f"--port={port}", f"--temp-dir={work}", "--include-dashboard=false"]
        if number:
            where = [f"--address=127.0.0.1:{port}", f"--node-ip-address=127.0.0.{number + 1}"]
        command = [Path(sys.executable).with_name("ray"), "start", "--block", *where]
        command += [f"--num-cpus={cores}", "--object-store-memory=400000000"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        found.append(subprocess.Popen(list(map(str, command)), **quiet))  # type: ignore[call-overload]
        until = time.monotonic() + 60
        while len(raylets(found)) <= number and time.monotonic() < until:
            time.sleep(0.2)
        time.sleep(3)
    return found


def raylets(nodes: list[subprocess.Popen[bytes]]) -> list[psutil.Process]:
    """Return the raylets of nodes, in their order."""
    return [
        child
        for node in nodes
        for child in psutil.Process(node.pid).children(recursive=True)
        if child.name() == "raylet"
    ]


def kill(node: subprocess.Popen[bytes]) -> None:
    """Kill a node with all that it has started."""
    try:
        family = [*psutil.Process(node.pid).children(recursive=True), psutil.Process(node.pid)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    node.wait()


@contextmanager
def cluster(nodes: int, cores: int) -> Iterator[tuple[str, Any]]:
    """Start a cluster, and end it; its address, and its nodes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="ray-nodes-", ignore_cleanup_errors=True) as folder:
        found = started(Path(folder), port, nodes, cores)
        try:
            yield f"127.0.0.1:{port}", found
        finally:
            for node in reversed(found):
                kill(node)


def mended(
    work: Path, name: str, table: Path, options: list[str], stages: tuple[str, ...], nodes: Any
) -> Ran:
    """Mend the table, and kill one of some nodes in each of some stages once it is at work."""
    output = work / f"{name.replace(' ', '-').replace(',', '')}.csv"
    left = list(stages)
    with tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "labelmend", "relabel", str(table), "-o", str(output), *options],
            env={**os.environ, "LABELMEND_HOME": home},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            for stage in [stage for stage in left if line.startswith(stage) and "begins" in line]:
                left.remove(stage)
                kill_at_work(nodes, stage)
        if process.wait():
            raise SystemExit("".join(said))
        if left:
            raise SystemExit(f"{name}: {', '.join(left)} never began, so no node was killed")
        seconds = time.perf_counter() - began
    record = json.loads(output.with_suffix(".run.json").read_text("utf-8"))
    with output.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = output.with_suffix(".evidence.jsonl").read_text("utf-8").splitlines()
    evidence = [json.loads(line) for line in lines]
    votes = stored_votes(output.with_suffix(".votes.sqlite"))
    return Ran(seconds, record["seconds"]["embed"], rows, evidence, votes)


def stored_votes(path: Path) -> dict[str, list[float]]:
    """Return the votes of a run; none where no LLM was asked."""
    if not path.exists():
        return {}
    with sqlite3.connect(path) as database:
        found = database.execute("SELECT key, scores FROM votes").fetchall()
    database.close()
    return {key: np.frombuffer(scores).tolist() for key, scores in found}


def kill_at_work(nodes: list[subprocess.Popen[bytes]], stage: str) -> None:
    """Kill the first of some nodes on which a worker is at work with a model, and forget it."""
    until = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < until:
        for node in nodes:
            if holds_model_at_work(node):
                time.sleep(AT_WORK)
                kill(node)
                nodes.remove(node)
                print(f"killed a node that was at work: {stage}", flush=True)
                return
        time.sleep(0.1)
    raise SystemExit(f"{stage}: no node that could be killed was at work")


def holds_model_at_work(node: subprocess.Popen[bytes]) -> bool:
    for process in psutil.Process(node.pid).children(recursive=True):
        with suppress(psutil.Error):
            line = process.cmdline()
            if line and line[0].startswith("ray::Holder.carry"):
                return True
    return False


def unlike(found: Ran, expected: Ran) -> list[str]:
    """Return what differs from another run's outputs."""
    wrong = [
        column
        for column in ("decision", "mended_label")
        if [row[column] for row in found.rows] != [row[column] for row in expected.rows]
    ]
    furthest = 0.0
    for one, other in zip(found.evidence, expected.evidence, strict=True):
        labels, same = (
            {c["label"]: c["posterior"] for c in each["candidates"]} for each in (one, other)
        )
        if labels.keys() != same.keys():
            wrong.append(f"candidates of row {one['row']}")
            continue
        furthest = max(furthest, *(abs(labels[k] - same[k]) for k in labels))
    if furthest > 1.01e-6:  # they are written with six decimals
        wrong.append(f"posteriors by {furthest:.1e}")
    if found.votes != expected.votes:
        others = sum(expected.votes.get(key) != scores for key, scores in found.votes.items())
        wrong.append(f"{others} of {len(expected.votes)} votes")
    return wrong


def noisy(work: Path, rows: int) -> Path:
    """Return CLINC150's first rows with noise."""
    table, part = work / "noisy.csv", work / "part.csv"
    lines = TRAIN.read_text("utf-8").splitlines(keepends=True)
    part.write_text("".join(lines[: rows + 1]), "utf-8")
    command = [sys.executable, "-m", "labelmend", "corrupt", part, "--noise", "uniform=0.2"]
    subprocess.run([*map(str, command), "-o", str(table), "-q"], check=True)
    return table


SETUPS: dict[str, tuple[int, int, tuple[str, ...]]] = {
    LOCAL: (0, 0, ()),
    WIDE: (1, 2, ()),
    ONE: (1, 1, ()),
    TWO: (2, 1, ()),
    KILLED: (2, 1, (ENCODES,)),
    VOTING: (0, 0, ()),
    BOTH: (3, 1, (ENCODES, VOTES)),
}
"""Nodes, cores of each, and in which stages one is killed; without nodes, one process works."""

WITH_LLM = (VOTING, BOTH)
"""Runs in which an LLM votes."""


def measure(work: Path, rows: int, only: str, settings: list[str]) -> dict[str, Ran]:
    """Return runs by name, with settings of their own."""
    table = noisy(work, rows)
    found = {}
    for name, (nodes, cores, stages) in SETUPS.items():
        votes = name in WITH_LLM
        if only and votes != (only == "votes"):
            continue
        # Its descriptions are written here whatever the executor is.
        options = ["--set", "describe.model=''"] if votes else ["--no-llm"]
        options += [part for setting in settings for part in ("--set", setting)]
        if not nodes:
            found[name] = mended(work, name, table, options, stages, [])
        else:
            with cluster(nodes, cores) as (address, processes):
                options += ["--executor", "ray", "--ray-address", address]
                found[name] = mended(work, name, table, options, stages, processes[1:])
        ran = found[name]
        told = f"{len(ran.votes)} votes" if votes else f"encoding {ran.encoding:.1f} s"
        print(f"{name}: {ran.seconds:.1f} s, {told}", flush=True)
    return found


def report(found: dict[str, Ran]) -> str:
    """Return the section of RESULTS.md."""
    rows = len(next(iter(found.values())).rows)
    lines = [
        "# Mending on Ray nodes",
        "",
        f"`python benchmarks/ray_nodes.py`: {rows:,} of CLINC150's training rows, 20 % "
        "uniform noise (seed 0), without an LLM where none is said to vote, caches empty; the "
        f"nodes are processes of one machine. {package_versions()}; {platform.machine()}, "
        f"{usable_cores()} cores, load {os.getloadavg()[2]:.1f} over the last 15 minutes.",
        "",
        "| carried by | seconds | of them encoding | against one process |",
        "|---|---|---|---|",
    ]
    for name, ran in found.items():
        wrong = unlike(ran, found[VOTING if name in WITH_LLM else LOCAL])
        same = f"the same outputs and {len(ran.votes):,} votes" if ran.votes else "the same outputs"
        said = f"**differs: {', '.join(wrong[:3])}**" if wrong else same
        lines.append(f"| {name} | {ran.seconds:.1f} | {ran.encoding:.1f} | {said} |")
    if LOCAL not in found:
        return "\n".join(lines)
    ratio = found[WIDE].seconds / found[LOCAL].seconds
    faster = found[ONE].encoding / found[TWO].encoding
    lines += [
        "",
        f"A node takes {ratio:.2f} times as long as one process with its cores (goal: at most "
        f"{LIKE_LOCAL}; {'reached' if ratio <= LIKE_LOCAL else '**not reached**'}). Two nodes of "
        f"one core each encode {faster:.2f} times as fast as one (goal: at least {TWICE}; "
        f"{'reached' if faster >= TWICE else '**not reached**'}).",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=15_100)
    parser.add_argument("--only", default="", choices=["", "votes"], help="the runs with an LLM")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of all runs")
    parser.add_argument("--work", type=Path, help="a folder that is kept")
    parser.add_argument("--write", action="store_true", help="write the section of RESULTS.md")
    told = parser.parse_args()
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    os.environ.update(token, RAY_USAGE_STATS_ENABLED="0", RAY_ADDRESS="")
    with tempfile.TemporaryDirectory() as temporary:
        work = (told.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        text = report(measure(work, told.rows, told.only, told.set))
    if told.write:
        write_section(HERE / "RESULTS.md", "ray_nodes", text)
    print(text)


if __name__ == "__main__":
    main()
