"""Time and memory of a whole `labelmend relabel`, all defaults, from the file to the files.

    python benchmarks/whole_run.py [--rows 100000] [--seed 0] [--no-llm] [--folder FOLDER]

The table is made of CLINC150's training texts: the first words of one and the last words of another
text of the same label, so that texts are of real words and lengths and differ; 20 % of the labels
are drawn anew. It is mended in a process of its own through the function that the command line
calls; what is measured are the steps that the progress bar shows. Writes its part of
benchmarks/RESULTS.md.
"""

import argparse
import csv
import importlib.metadata
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from results_file import write_section
from scale import high_water_gib

from labelmend.configs.load import load_config
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.workflows.relabel import relabel_file

HERE = Path(__file__).parent
CLINC = HERE.parents[1] / "shared" / "data" / "clinc150" / "train.csv"
NOISE_RATE = 0.2


class Steps:
    """A progress listener that keeps what each step takes: a step begins where the last ends."""

    def __init__(self) -> None:
        self.gib: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        self._step = "read the table, load models"
        self._since = 0.0
        high_water_gib()

    def start(self, stage: str, _total: int) -> None:
        """Another step begins."""
        self.settle()
        self._step = stage

    def advance(self, _steps: int = 1) -> None:
        """Within a step nothing is measured."""

    def settle(self) -> None:
        """The step is over."""
        now = time.process_time()
        self.seconds[self._step] = self.seconds.get(self._step, 0.0) + now - self._since
        self.gib[self._step] = max(self.gib.get(self._step, 0.0), high_water_gib())
        self._since = now


def made_table(path: Path, rows: int, seed: int) -> None:
    """Write a table of `rows` different texts, with the columns text, label and true."""
    table = read_table(CLINC)
    by_label: dict[str, list[list[str]]] = {}
    for text, label in zip(table.values("text"), table.values("label"), strict=True):
        by_label.setdefault(str(label), []).append(str(text).split())
    names = sorted(by_label)
    generator = np.random.default_rng(seed)
    seen: set[str] = set()
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label", "true"])
        while len(seen) < rows:
            true = names[len(seen) % len(names)]
            texts = by_label[true]
            first, last = (texts[i] for i in generator.integers(0, len(texts), 2))
            words = first[: -(-len(first) // 2)] + last[len(last) // 2 :]
            if (text := " ".join(words)) in seen:
                words.insert(int(generator.integers(0, len(words))), "please")
                if (text := " ".join(words)) in seen:
                    continue
            seen.add(text)
            wrong = generator.random() < NOISE_RATE
            given = names[int(generator.integers(0, len(names)))] if wrong else true
            writer.writerow([text, given, true])


def mend(folder: Path, *, llm: bool) -> None:
    """Mend the folder's table in this process, and print what it took as JSON."""
    steps, began = Steps(), time.monotonic()
    request = TableRequest(folder / "table.csv", ["text"], "label")
    relabel_file(request, folder / "mended.csv", load_config("embedded"), steps, use_llm=llm)
    steps.settle()
    clock = time.monotonic() - began
    print(json.dumps({"seconds": steps.seconds, "gib": steps.gib, "clock": clock}))


def report(mended_path: Path, measured: dict[str, Any], command: str) -> str:
    """Return the section of RESULTS.md."""
    mended = read_table(mended_path)
    true = mended.values("true")
    before, after = (
        np.mean([a == b for a, b in zip(mended.values(name), true, strict=True)])
        for name in ("label", "mended_label")
    )
    packages = ("numpy", "scipy", "scikit-learn", "faiss-cpu", "onnxruntime")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    seconds, gib = measured["seconds"], measured["gib"]
    total = sum(seconds.values())
    return "\n".join(
        [
            "## A whole run: time and memory",
            "",
            f"`{command}`: {len(true):,} rows, {len(set(true))} labels, {NOISE_RATE:.0%} of them "
            f"drawn anew, the embedded profile. Labels right: {before:.2%}, "
            f"then {after:.2%}. Seconds are of processor, all threads: a busy machine stretches "
            "them less than time by the clock. A step ends where the next begins, so the last one "
            "holds the decisions and the writing.",
            f"Machine: {platform.machine()}, {os.cpu_count()} cores, "
            f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}; "
            f"Python {platform.python_version()}, {versions}.",
            "",
            "| step, as the progress bar has it | seconds | share | peak of memory |",
            "|---|---|---|---|",
            *(
                f"| {step} | {took:.0f} | {took / total:.1%} | {gib[step]:.2f} GiB |"
                for step, took in seconds.items()
            ),
            f"| **all** | {total:.0f} | | {max(gib.values()):.2f} GiB |",
            f"| by the clock | {measured['clock']:.0f} | | |",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-llm", action="store_true", help="as the command line's flag")
    parser.add_argument("--folder", type=Path, help="where the table lies; else it is removed")
    parser.add_argument("--mend", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    options = parser.parse_args()
    if options.mend:
        mend(options.folder, llm=not options.no_llm)
        return
    flags = ["--no-llm"] * options.no_llm
    with tempfile.TemporaryDirectory(prefix="labelmend-whole-run-") as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        made_table(folder / "table.csv", options.rows, options.seed)
        command = [sys.executable, __file__, "--mend", "--folder", str(folder), *flags]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        measured = json.loads(done.stdout.splitlines()[-1])
        words = ["python", "benchmarks/whole_run.py", "--rows", str(options.rows)]
        words += ["--seed", str(options.seed), *flags]
        text = report(folder / "mended.csv", measured, shlex.join(words))
    print(text)
    if not options.no_write:
        write_section(HERE / "RESULTS.md", "whole_run", text)


if __name__ == "__main__":
    main()
