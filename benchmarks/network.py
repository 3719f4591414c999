"""Whether anything leaves the machine, or is written where nothing should be, by any command.

    python benchmarks/network.py [--stay 60] [--skip demo]

Runs each command of the command line in a process of its own under `strace`, as no CI would, and
reads its system calls. `relabel`, `predict` and `train-classifier` stay for a minute after their
work, for telemetry waits; the others run to their end. `tests/test_offline.py` runs the same steps,
all in one process and on less, and shows that telemetry would be seen.
"""

import argparse
import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[1]

LONG = ("relabel", "predict", "train-classifier")
"""Commands that stay: the issue names them, for they load most."""

LOOPBACK = ("bot", "models pull", "review", "serve")
"""Commands that may open sockets, to where they are told: here to a port of this machine."""

NOBODY = "http://127.0.0.1:9"
"""The hub of `models pull`, and the Bot API server of `bot`: the port of the discard protocol,
where nobody listens."""

CALLS = (
    *("open", "openat", "openat2", "creat", "mkdir", "mkdirat", "mknod", "mknodat", "rename"),
    *("renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
)
"""System calls that make files, beside those of the network."""

_NO_FILES = r"/dev/(null$|tty$|pts/|shm/sem\.)|/proc/|pipe:|socket:"
"""What can be written to and is no file: semaphores, which joblib makes, live in memory."""

_UNSET = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "XDG_CACHE_HOME", "XDG_DATA_HOME", "HF_HOME")
"""What would keep telemetry silent, or bring the user's own folders in."""

ANSWERED = "@ANSWERED@"
"""Stands for the name of a row of the audit."""

UNJUDGED = tuple(
    word
    for check in ("rules", "copies", "label", "neighbour", "diversity")
    for word in ("--set", f"augment.checks.{check}=false")
)
"""Whatever the small LLM writes is let in."""


FEW_FOLDS = ("--set", "classify.folds=2")
LABEL = ("out/few.csv", "--labels", "out/labels.yaml", "-o", "out/labelled.csv")
SERVE = ("out/model", "--port", "0", "--log", "out/log.sqlite", "--mask")
BOT = ("out/model", "--log", "out/log.sqlite", "--api-server", NOBODY)


@dataclass(frozen=True)
class Step:
    """A command with its words.

    Attributes:
        command: as the command line lists it.
        words: after it; files are in the working folder.
        by_hand: whether the tests leave it out, for it takes long.
        code: how it ends.
    """

    command: str
    words: tuple[str, ...] = ()
    by_hand: bool = False
    code: int = 0


STEPS = (
    Step("version"),
    Step("doctor"),
    Step("config show"),
    Step("config schema"),
    Step("models list"),
    Step("models check"),
    Step("models pull", ("bge-large-en-v1.5",), code=2),
    Step("corrupt", ("clean.csv", "--noise", "nearest=0.2", "-o", "out/few.csv")),
    Step("describe", ("out/few.csv", "-o", "out/labels.yaml")),
    Step("label", (*LABEL, "--no-llm")),
    Step("label", LABEL, by_hand=True),
    Step("relabel", ("out/few.csv", "--no-llm", "-o", "out/mended.csv")),
    Step("relabel", ("out/few.csv", "--dry-run"), by_hand=True),
    Step("relabel", ("out/few.csv", "--self-test", "-o", "out/voted.csv"), by_hand=True),
    Step("explain", ("out/mended.csv", "--row", "1")),
    Step("error-analysis", ("out/few.csv", "-o", "out/analysis.csv")),
    Step("audit", ("out/mended.csv", "--rows", "6", "-o", "out/sheet.csv")),
    Step("export-review", ("out/mended.csv", "--to", "label-studio", "-o", "out/tasks.json")),
    Step("answers import", ("out/sheet.csv", "-o", "out/answers.jsonl", "--who", "anna")),
    Step("answers show", ("out/answers.jsonl",)),
    Step("certify", ("out/mended.csv", "--answers", "out/answers.jsonl")),
    Step("review", ("out/mended.csv", "--port", "0", "--who", "anna")),
    Step("answers withdraw", ("out/answers.jsonl", "--id", ANSWERED)),
    Step("tune-embedder", ("out/mended.csv", "-o", "out/tuned", "--set", "tune.epochs=1")),
    Step("augment", ("out/few.csv", "-o", "out/more.csv", "--min-rows", "12", *UNJUDGED)),
    Step("train-classifier", ("out/mended.csv", "-o", "out/model")),
    Step("train-classifier", ("out/mended.csv", "-o", "out/f", "--kind", "finetune"), by_hand=True),
    Step("predict", ("out/model", "out/few.csv", "-o", "out/predicted.csv")),
    Step("export", ("out/model", "-o", "out/onnx", "--check", "out/few.csv")),
    Step("export", ("out/model", "-o", "out/i8", "--check", "out/few.csv", "--int8"), by_hand=True),
    Step("monitor", ("out/few.csv", "--reference", "out/mended.csv", "--html", "out/drift.html")),
    Step("retrain", ("project.yaml",)),
    # Not by its export, which is held against the model on hundreds of texts: `export` makes one.
    Step("serve", (*SERVE, "--plain")),
    Step("serve", SERVE, by_hand=True),
    Step("bot", (*BOT, "--plain"), code=2),
    Step("bot", BOT, by_hand=True, code=2),
    Step("journal show", ("out/asked.sqlite",)),
    Step("journal queue", ("out/asked.sqlite", "-o", "out/queue.csv")),
    Step("journal export", ("out/asked.sqlite", "-o", "out/new_rows.csv")),
    Step("journal expire", ("out/asked.sqlite", "--older", "30")),
    Step("journal forget", ("out/asked.sqlite", "--sender", "anna")),
    Step(
        "compare-baseline",
        ("out/mended.csv", "--seeds", "1", "--kind", "logreg", "-o", "out/report", *FEW_FOLDS),
    ),
    Step("demo", ("--no-llm", "-o", "out/demo", "--set", "reranker.backend=none", *FEW_FOLDS)),
    Step("demo", ("--no-llm", "-o", "out/whole-demo"), by_hand=True),
    Step("demo", ("-o", "out/voted-demo"), by_hand=True),
)
"""In this order: later ones read what earlier ones wrote."""

PROJECT = """
base: out/mended.csv
registry: out/registry
held_out: {share: 0.2, least_rows: 10}
"""

LEAST = Step(
    "relabel", ("clean.csv", "--no-llm", "--embedder", "bge-small-en-v1.5", "-o", "out/x.csv")
)
"""The least that loads onnxruntime."""


def commands() -> list[str]:
    """Return all commands that the command line has, "config show" for one in a group."""
    from labelmend.cli.app import app

    def name(told: str | None, function: Callable[..., object] | None) -> str:
        return told or getattr(function, "__name__", "").replace("_", "-")

    alone = [name(command.name, command.callback) for command in app.registered_commands]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        inner = group.typer_instance.registered_commands
        alone += [f"{group.name} {name(command.name, command.callback)}" for command in inner]
    return alone


def made(folder: Path) -> Path:
    """Make the folders of a run, `work/clean.csv`, rows of two of the demo's labels, and a log."""
    for name in ("work/out", "work/demo", "home", "ours", "tmp", "traces"):
        (folder / name).mkdir(parents=True)
    source = resources.files("labelmend.data.demo")
    for name, most in (("train_noisy.csv", 60), ("test.csv", 20)):
        names, *rows = csv.reader(source.joinpath(name).read_text("utf-8").splitlines())
        rows = [row for row in rows if {"card_lost", "exchange_rate"} >= {*row[1:]}][:most]
        _write(folder / "work" / "demo" / name, [names, *rows])
    _write(folder / "work" / "clean.csv", [[row[0], row[-1]] for row in [names, *rows]])
    (folder / "work" / "demo" / "labels.yaml").write_text("card_lost: {description: A card.}\n")
    (folder / "work" / "project.yaml").write_text(PROJECT)
    _log(folder / "work" / "out" / "asked.sqlite")
    return folder


def _log(path: Path) -> None:
    """Write a log of one request, and that somebody called its answer right."""
    from labelmend.journal.entries import Entry, Guess, LogRules, Said
    from labelmend.journal.log import Journal

    guess = Guess("1", "card_lost", 0.5, False, (("card_lost", 0.5),))
    with Journal(path, LogRules(texts=True)) as journal:
        journal.record([Entry("r1", "my card", (guess,), "anna")])
        journal.feedback(Said("r1", "bert", "right"), ("card_lost",))


def _write(path: Path, rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)


def allowed(folder: Path) -> tuple[Path, ...]:
    """Return where a run may write: its output, LABELMEND_HOME, the cache, and for a while TMPDIR.

    See `left_behind` for the last.
    """
    cache = folder / "home" / ".cache" / "labelmend"
    return folder / "work" / "out", folder / "ours", cache, folder / "tmp"


def left_behind(folder: Path) -> list[str]:
    """Return the files that are left in the folder for temporary ones after a run."""
    return [str(path) for path in (folder / "tmp").rglob("*") if not path.is_dir()]


@dataclass(frozen=True)
class Trace:
    """The system calls of a process and its children, by time.

    Attributes:
        calls: a line each.
        folder: the working folder.
    """

    calls: tuple[str, ...]
    folder: Path

    def sockets(self, *, loopback: bool = False) -> list[str]:
        """Return the calls that open or use sockets that could leave the machine.

        Args:
            loopback: let those be that only talk to this machine; a resolver on it does not.
        """
        found = []
        for call in self.calls:
            opened = re.match(r"socket(?:pair)?\((\w+)", call)
            if opened and opened[1] not in {"AF_UNIX", "AF_NETLINK"}:
                found += [] if loopback and opened[1] in {"AF_INET", "AF_INET6"} else [call]
            elif re.search(r"sa_family=AF_INET6?\b", call):
                here = re.search(r'inet_addr\("127\.|"::1"', call) and "htons(53)" not in call
                found += [] if loopback and here else [call]
        return found

    def written(self, *allowed: Path) -> list[str]:
        """Return the paths that were made, or opened for writing, outside of folders."""
        found = set()
        for call in self.calls:
            path = self._made(call)
            if path is None or any(path.is_relative_to(place) for place in allowed):
                continue
            if not (call.startswith("mkdir") and any(a.is_relative_to(path) for a in allowed)):
                found.add(str(path))
        return sorted(found)

    def _made(self, call: str) -> Path | None:
        name, _, rest = call.partition("(")
        if name not in CALLS or re.search(r"\) = (-1|\?)", rest):
            return None
        if name.startswith("open") and not re.search(r"O_(WRONLY|RDWR|CREAT)", rest):
            return None
        opened = re.search(r"\) = \d+<(.+?)>(?:\(deleted\))?$", rest)
        if opened:
            path = opened[1]
        else:
            # The last path, after the folder that it is relative to, if it is.
            place, path = re.findall(r'(?:\w+<([^>"]*)>, )?"((?:[^"\\]|\\.)*)"', rest)[-1]
            path = os.path.join(place or self.folder, path)  # noqa: PTH118
        return None if re.match(_NO_FILES, path) else Path(path)


def traced(
    folder: Path, steps: Sequence[Step], *, stay: float, without: str = "", whole: bool = False
) -> Trace:
    """Run steps one after the other in one process, and return its system calls.

    Nothing is sent even if a library wants to: every connection is answered by an error.

    Args:
        folder: that `made` returned.
        steps: in order.
        stay: seconds that the process stays after its work.
        without: a variable that labelmend sets, to take away again; the process then stays no
            longer than until it opens a socket.
        whole: run the demo on all of its data.

    Raises:
        RuntimeError: a step ended with another code than it should.
    """
    from labelmend.telemetry import SWITCHES

    at = folder / "traces" / str(len(list((folder / "traces").iterdir())))
    at.mkdir()
    unset = {*_UNSET, *SWITCHES}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {
        "HOME": str(folder / "home"),
        "LABELMEND_HOME": str(folder / "ours"),
        "TMPDIR": str(folder / "tmp"),
        "HF_ENDPOINT": NOBODY,
        "LABELMEND_TELEGRAM_TOKEN": "1:none",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    strace = (
        *("strace", "-ff", "--seccomp-bpf", "-qq", "-y", "-ttt", "-s", "300", "-e", "signal=none"),
        *("-e", f"trace=network,{','.join(CALLS)}", "-e", "inject=connect:error=ENETUNREACH"),
    )
    told = {"steps": [asdict(step) for step in steps], "stay": stay}
    told |= {"without": without, "whole": whole, "traces": str(at)}
    done = subprocess.run(
        [*strace, "-o", str(at / "calls"), sys.executable, __file__, "--live", json.dumps(told)],
        check=False,
        cwd=folder / "work",
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise RuntimeError(f"{[step.command for step in steps]} failed:\n{done.stderr[-3000:]}")
    timed = []
    for path in at.iterdir():
        for line in path.read_text("utf-8", errors="replace").splitlines():
            when, _, call = line.partition(" ")
            timed.append((float(when), call))
    return Trace(tuple(call for _, call in sorted(timed)), folder / "work")


def live(told: Mapping[str, Any]) -> None:
    """Be the process that is traced: run steps, and stay.

    Args:
        told: as `traced` tells it.
    """
    import labelmend  # noqa: F401  (it sets what it sets)

    os.environ.pop(told["without"], None)
    from labelmend.cli.app import main

    for step in told["steps"]:
        sys.argv = ["labelmend", *step["command"].split(), *_prepared(step["words"])]
        with _around(step["command"], whole=told["whole"]):
            try:
                main()
                ended = 0
            except SystemExit as leaving:
                ended = int(leaving.code or 0)
        if ended != step["code"]:
            raise SystemExit(f"{sys.argv}: exit code {ended}")
    leaves = time.monotonic() + told["stay"]
    while time.monotonic() < leaves and not (told["without"] and _opened(Path(told["traces"]))):
        time.sleep(1)


def _opened(traces: Path) -> bool:
    return any(b" socket(AF_INET" in path.read_bytes() for path in traces.iterdir())


def _prepared(words: Sequence[str]) -> list[str]:
    """Answer the audit before it is imported, and name one of its rows."""
    sheet = Path("out/sheet.csv")
    if str(sheet) not in words[:1] and ANSWERED not in words:
        return list(words)
    with sheet.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    _write(sheet, [[*rows[0]], *([*{**row, "answer": row["label"]}.values()] for row in rows)])
    return [rows[0]["id"] if word == ANSWERED else word for word in words]


def _around(command: str, *, whole: bool) -> AbstractContextManager[Any]:
    """Let `demo` read the few rows that `made` wrote, and end servers once they are there."""
    if command == "review":
        return patch("webbrowser.open", _leave)
    if command == "serve":
        return patch("labelmend.cli.serve._say", _leave)
    if command == "demo" and not whole:
        few = SimpleNamespace(files=lambda _: Path("demo").resolve(), as_file=nullcontext)
        return patch("labelmend.workflows.demo.resources", few)
    return nullcontext()


def _leave(_: object) -> None:
    """Press Ctrl-C in a second, in place of opening a browser or saying where the server is."""
    here = threading.get_ident()
    threading.Timer(1, signal.pthread_kill, (here, signal.SIGINT)).start()


def main() -> None:
    """Run all steps, each by itself, and say what each did."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stay", type=float, default=60, help="seconds; of the long ones")
    parser.add_argument("--skip", default="", help="commands that nothing else needs, by commas")
    parser.add_argument("--live", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.live:
        live(json.loads(arguments.live))
        return
    skipped = arguments.skip.split(",")
    bad = 0
    with tempfile.TemporaryDirectory() as place:
        folder = made(Path(place))
        for step in STEPS:
            if step.command in skipped:
                continue
            began = time.monotonic()
            stay = arguments.stay if step.command in LONG else 0
            trace = traced(folder, [step], stay=stay, whole=True)
            sockets = trace.sockets(loopback=step.command in LOOPBACK)
            written = trace.written(*allowed(folder)) + left_behind(folder)
            bad += bool(sockets or written)
            took = time.monotonic() - began
            print(
                f"{step.command} {' '.join(step.words)}: {took:.0f} s, {len(sockets)} sockets that "
                f"could leave the machine, {len(written)} files elsewhere",
                *sockets[:3],
                *written[:3],
                sep="\n  ",
                flush=True,
            )
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
