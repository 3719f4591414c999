"""Kills `labelmend relabel` at each system call while it puts its files in place.

    python benchmarks/kill_at_rename.py [--kills 40] [--folder kills]

One process loads everything once; each run is a fork of it, on sixty rows of the demo and without
LLM, into a folder that holds the files of a run with another seed. Just before the run decides that
its files count, strace is attached to it, with SIGKILL at the n-th call of one name from there on.
Together the kills go through all calls between the decision and the last removal, evenly.

After each kill it is asked

- whether whoever reads the files sees that something is amiss: a journal lies there, and where the
  files are of two runs, their hashes say so without it;
- whether `labelmend explain` finds the files of one run afterwards, all with the bytes of that run
  or of the one before, and nothing else in the folder.

It ends with code 1 where one of them fails. Needs Linux, strace, and leave to trace.
"""

import argparse
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from labelmend.cli.app import main as labelmend
from labelmend.data.outputs.publication import Publication
from labelmend.runs.companions import changed_since, digest_of, two_runs
from labelmend.runs.layout import OutputPaths
from labelmend.runs.look_up import look_up
from labelmend.runs.record import RunRecord

ROWS = 60
"""Of the demo's noisy table."""

SEEDS = (1, 2)
"""The run that stands there, and the one that is killed."""

OPTIONS = ("--no-llm", "--quiet", "--set", "reranker.backend=none")


@dataclass(frozen=True)
class Call:
    """A system call: its name, and which of that name it is since the tracing began."""

    name: str
    number: int


def run(folder: Path, seed: int, strace: Sequence[str] | None) -> int:
    """Mend the table in a child process; return how it ended, as `os.waitpid` says it.

    Args:
        folder: where the table lies and the files go.
        seed: of the run.
        strace: options with which it is traced from the decision on; None for no tracing.
    """
    ready, tell_ready = os.pipe()
    wait_go, go = os.pipe()
    child = os.fork()
    if child == 0:
        _mend(folder, seed, tell_ready, wait_go)
    os.close(tell_ready)
    if not os.read(ready, 1):
        sys.exit("the run ended before it wrote anything")
    tracer = None
    if strace is not None:
        command = ["strace", "-p", str(child), *strace]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert tracer.stderr is not None
        if "attached" not in (said := tracer.stderr.readline()):
            os.kill(child, signal.SIGKILL)
            sys.exit(f"strace can't trace here: {said.strip()}")
    os.write(go, b"x")
    _, status = os.waitpid(child, 0)
    if tracer is not None:
        tracer.communicate()
    for end in (ready, wait_go, go):
        os.close(end)
    return status


def _mend(folder: Path, seed: int, ready: int, go: int) -> None:
    """Be the child: wait where the files are written, and go on once there is a tracer."""
    commit, close = Publication.commit, Publication.close

    def waiting(self: Publication) -> None:
        os.write(ready, b"x")
        os.read(go, 1)
        os.getpriority(os.PRIO_PROCESS, 0)  # marks the place in the trace
        commit(self)

    def marked(self: Publication) -> None:
        close(self)
        os.getpriority(os.PRIO_PROCESS, 0)

    Publication.commit, Publication.close = waiting, marked  # type: ignore[method-assign]
    table, output = folder / "t.csv", folder / "out.csv"
    sys.argv = ["labelmend", "relabel", str(table), "-o", str(output), *OPTIONS]
    sys.argv += ["--seed", str(seed)]
    try:
        labelmend()
    except SystemExit as leave:
        os._exit(int(leave.code or 0))
    os._exit(0)


def calls_of(trace: Path) -> list[Call]:
    """Return the calls between the two marks, from the one that decides on."""
    counts: Counter[str] = Counter()
    found, marks = [], []
    for line in trace.read_text().splitlines():
        if named := re.match(r"(\w+)\(", line):
            counts[named[1]] += 1
            found.append(Call(named[1], counts[named[1]]))
            marks += [len(found) - 1] if named[1] == "getpriority" else []
    inside = found[marks[0] + 1 : marks[-1]]
    first = next(n for n, call in enumerate(inside) if call.name.startswith("rename"))
    decides = max(n for n, call in enumerate(inside[:first]) if call.name == "write")
    return inside[decides:]


def is_mixed(paths: OutputPaths) -> bool:
    """Whether the files are not those of one run, by the hashes in the record."""
    said = RunRecord.read(paths.record).files or {}
    places = {"table": paths.table, "evidence": paths.evidence, "labels": paths.labels}
    return {what: digest_of(path) for what, path in places.items()} != dict(said)


def is_seen(paths: OutputPaths) -> bool:
    """Whether readers see it by the hashes alone."""
    return two_runs(paths.table) is not None or changed_since(paths.table) is not None


def check(folder: Path, call: Call) -> tuple[str, list[str]]:
    """Look at a folder after a kill: the seed of the run that is there, and what is wrong."""
    paths, wrong = OutputPaths.beside(folder / "out.csv"), []
    has_journal = any(folder.glob(".labelmend-*.journal"))
    mixed = is_mixed(paths)
    if mixed and not (has_journal and is_seen(paths)):
        wrong.append(f"{call}: files of two runs go unseen")
    look_up(paths.table, row=1)
    if is_mixed(paths):
        wrong.append(f"{call}: files of two runs after the next command")
    if left := [path.name for path in folder.iterdir() if path.name.startswith(".")]:
        wrong.append(f"{call}: left behind: {left}")
    return str(RunRecord.read(paths.record).seed), wrong


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--folder", type=Path, default=Path("kills"))
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    whole = arguments.folder / "whole"
    shutil.rmtree(arguments.folder, ignore_errors=True)
    whole.mkdir(parents=True)
    source = resources.files("labelmend.data.demo").joinpath("train_noisy.csv")
    with source.open(encoding="utf-8") as file:
        rows = [[row["text"], row["label"]] for row in csv.DictReader(file)][:ROWS]
    with (whole / "t.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", "label"], *rows])
    assert run(whole, SEEDS[0], None) == 0
    trace = arguments.folder / "trace.txt"
    traced = arguments.folder / "traced"
    shutil.copytree(whole, traced)
    assert run(traced, SEEDS[1], ["-o", str(trace)]) == 0
    calls = calls_of(trace)
    ends: Counter[str] = Counter()
    wrong, killed = [], 0
    for number in range(arguments.kills):
        call = calls[number * len(calls) // arguments.kills]
        folder = arguments.folder / f"{number:03d}"
        shutil.copytree(whole, folder)
        inject = f"inject={call.name}:signal=KILL:when={call.number}"
        status = run(
            folder, SEEDS[1], ["-o", "/dev/null", "-e", f"trace={call.name}", "-e", inject]
        )
        killed += status == signal.SIGKILL
        seed, found = check(folder, call)
        ends[seed] += 1
        wrong += found
        print(f"{number + 1}: killed at {call.name} {call.number}, then seed {seed}", flush=True)
    done = {"kills": killed, "calls": len(calls), "ends by seed": dict(ends), "wrong": wrong}
    print(json.dumps(done, indent=2))
    sys.exit(1 if wrong or killed < arguments.kills else 0)


if __name__ == "__main__":
    main()
