"""Runs commands in forked children of one process that has imported everything, and judges them."""

import contextlib
import hashlib
import io
import os
import re
import select
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

import labelmend  # noqa: F401 - before onnxruntime is imported: it switches off its telemetry

GIB = 1 << 20  # what a child's memory is told in is KiB
STEERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Case:
    """A command line on files, which may be bad.

    Attributes:
        name: no other case has it.
        argv: of the command line.
        files: that lie in the folder, by name.
        make: makes what bytes can't.
        kind: of which one runs in CI; the name if not given.
        seconds: until it counts as hanging.
        slow: it does real work, and runs by hand only.
        piped: what comes by standard input; nothing for None.
    """

    name: str
    argv: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    make: Callable[[Path], object] | None = None
    kind: str = ""
    seconds: float = 60
    slow: bool = False
    piped: bytes | None = None


@dataclass(frozen=True)
class Ending:
    """How a case ended.

    Attributes:
        code: the exit code; negative for a signal.
        seconds: it took.
        memory: KiB at most, more than the process had when it began. Less than was taken, by up to
            the pages of libraries that the process had read and the child did not.
        out: what it printed.
        err: what it printed on stderr.
        faults: what is wrong with that: nothing where a user would be content.
    """

    code: int
    seconds: float
    memory: int
    out: str
    err: str
    faults: tuple[str, ...]


def preload() -> None:
    """Import all that commands import, once; nothing is run, so that no thread is there yet."""
    import faiss
    import lightgbm
    import onnxruntime
    import pandas as pd
    import plotly.graph_objects
    import pyarrow.parquet
    import rich.progress
    import scipy.optimize
    import sklearn.discriminant_analysis
    import sklearn.linear_model
    import sklearn.svm
    import skops.io
    import tokenizers
    import torch

    import labelmend.cli.app
    import labelmend.cli.classify_summary
    import labelmend.cli.summary
    import labelmend.data.formats.delimited
    import labelmend.data.formats.jsonl
    import labelmend.data.formats.parquet
    import labelmend.relabel.pipeline
    import labelmend.review.serving.server
    import labelmend.runs.look_up
    import labelmend.workflows.audit
    import labelmend.workflows.certify
    import labelmend.workflows.compare
    import labelmend.workflows.corrupt
    import labelmend.workflows.export
    import labelmend.workflows.predict
    import labelmend.workflows.relabel
    import labelmend.workflows.review
    import labelmend.workflows.train

    torch.set_num_threads(1)
    del (
        faiss,
        lightgbm,
        onnxruntime,
        pd,
        plotly,
        pyarrow,
        rich,
        scipy,
        sklearn,
        skops,
        tokenizers,
    )
    assert labelmend


def run(case: Case, scratch: Path) -> Ending:
    """Run a case in a folder of its own, which is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="case-", dir=scratch))
    try:
        for name, content in case.files.items():
            (folder / name).write_bytes(content)
        if case.make is not None:
            case.make(folder)
        before = _seen(folder)
        code, seconds, memory, out, err = in_folder(case.argv, folder, case.seconds, case.piped)
        hung = code is None
        faults = list(_faults(code, hung, memory, out, err))
        if code != 0:
            now = _seen(folder)
            faults += [f"changed {name}" for name in before if now.get(name) != before[name]]
            faults += [f"left {name}" for name in sorted(now.keys() - before.keys())]
        return Ending(-9 if code is None else code, seconds, memory, out, err, tuple(faults))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _faults(code: int | None, hung: bool, memory: int, out: str, err: str):
    if hung:
        yield "hang"
    elif code is not None and code < 0:
        yield f"ended by signal {-code}"
    elif code == 70:
        yield "unexpected error"
    elif code not in (0, 2):
        yield f"exit code {code}"
    if "Traceback (most recent call last)" in out + err:
        yield "traceback"
    if memory > GIB:
        yield f"{memory / GIB:.1f} GiB of memory"
    if STEERS.search(out) or STEERS.search(err):
        yield "raw control characters"
    lines = [line for line in err.splitlines() if line.strip()]
    if (
        code == 2
        and not err.startswith("Usage:")
        and (len(lines) != 1 or not lines[0].startswith("labelmend: "))
    ):
        yield "not one line"


def _seen(folder: Path) -> dict[str, str]:
    """What lies in a folder; nothing but regular files is opened."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        name = path.relative_to(folder).as_posix()
        if stat.S_ISLNK(mode):
            found[name] = f"link to {path.readlink()}"
        elif stat.S_ISREG(mode) and path.stat().st_size < 1 << 27:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = f"{stat.S_IFMT(mode)} {path.lstat().st_size}"
    return found


def in_folder(argv, folder: Path, seconds: float, piped: bytes | None = None):
    """Return exit code (None where it hung), seconds, memory and what was printed."""
    sys.stdout.flush()
    sys.stderr.flush()
    out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
    given = tempfile.TemporaryFile()  # noqa: SIM115
    given.write(piped or b"")
    given.seek(0)
    held = psutil.Process().memory_info().rss // 1024
    began = time.monotonic()
    child = os.fork()
    if not child:
        _be_the_command(argv, folder, given.fileno(), out.fileno(), err.fileno())
    ended = os.pidfd_open(child)
    ready, _, _ = select.select([ended], [], [], seconds)
    os.close(ended)
    if not ready:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    given.close()
    texts = []
    for file in (out, err):
        file.seek(0)
        texts.append(file.read().decode("utf-8", "replace"))
        file.close()
    code = os.waitstatus_to_exitcode(status) if ready else None
    return code, time.monotonic() - began, max(used.ru_maxrss - held, 0), *texts


def _be_the_command(argv, folder: Path, given: int, out: int, err: int) -> None:
    """Never return: run the command line in this child, as a process of its own would."""
    code = 99
    try:
        os.setsid()
        os.chdir(folder)
        for here, there in ((given, 0), (out, 1), (err, 2)):
            os.dup2(here, there)
        sys.stdin = io.TextIOWrapper(os.fdopen(0, "rb", closefd=False), "utf-8")
        sys.stdout = io.TextIOWrapper(
            os.fdopen(1, "wb", closefd=False), "utf-8", write_through=True
        )
        sys.stderr = io.TextIOWrapper(
            os.fdopen(2, "wb", closefd=False), "utf-8", write_through=True
        )
        sys.argv = ["labelmend", *argv]
        from labelmend.cli.app import main

        try:
            main()
            code = 0
        except SystemExit as leave:
            code = leave.code if isinstance(leave.code, int) else 0 if leave.code is None else 1
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - the parent must never run in this child
        import traceback

        with contextlib.suppress(BaseException):
            os.write(2, traceback.format_exc().encode())
        code = 1
    finally:
        os._exit(code)
