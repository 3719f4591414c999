"""What `train-classifier --kind static` loses beside the default model, and how fast it predicts.

    python benchmarks/student.py [--work FOLDER] [--home FOLDER]

CLINC150's training rows get 20 % uniform label noise (seed 0), `relabel` mends them without an LLM,
and the default kind and the static one are trained on the same mended table; both predict
CLINC150's test rows. Every step is the command that a user runs, in a process of its own.

Texts a second are those of `predict` beyond its start: what 23,700 distinct texts (the default:
3,100) take longer than one text does, with no embedding cached. On a machine that does other work
too, the clock says little, so the processor's seconds stand beside it. Writes its section of
benchmarks/RESULTS.md. Nothing about the kind was chosen on the test rows.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pandas as pd
from correction import SHARED, package_versions
from results_file import write_section

from labelmend.configs.load import load_config
from labelmend.parallel import usable_cores

HERE = Path(__file__).resolve().parent
CLINC = SHARED / "clinc150"
OOS = "oos"
KINDS = ("logreg", "static")
PARTS = {"logreg": ("validation",), "static": ("test", "train", "validation")}
"""Of the data set, whose texts are predicted for the rate."""

ROUNDS = 3
"""Predictions are timed in turns, so that other work slows both kinds alike."""

MOST_LOSS = {"accuracy": 1.5, "recall": 5.0}
"""Points that the static kind may lose of in-scope accuracy, and of oos recall."""

LEAST_RATE = 5000
"""Texts a second that it has to predict on 2 cores."""


@dataclass(frozen=True)
class Spent:
    """What a command took: seconds of the clock, and of the processor, its children's too."""

    clock: float
    processor: float


@dataclass(frozen=True)
class Measured:
    """One kind.

    Attributes:
        kind: of classifier.
        accuracy: share of the in-scope test rows that are right, flags included.
        recall: share of the out-of-scope test rows that are found.
        precision: share of the flagged test rows that are out of scope.
        trained: what the training took; `relabel` has cached the table's embeddings.
        texts: that were predicted for the rate.
        one: what predicting one text took, the least of the rounds.
        all: what predicting all took, by round.
    """

    kind: str
    accuracy: float
    recall: float
    precision: float
    trained: Spent
    texts: int
    one: Spent
    all: tuple[Spent, ...]

    @property
    def rate(self) -> float:
        """Texts a second by the clock, the median of the rounds."""
        return self.texts / max(median(spent.clock for spent in self.all) - self.one.clock, 1e-9)

    @property
    def processor_rate(self) -> float:
        """Texts a second of one processor core, the median of the rounds."""
        spent = median(spent.processor for spent in self.all) - self.one.processor
        return self.texts / max(spent, 1e-9)


def measure(folder: Path, home: Path) -> list[Measured]:
    """Mend, train and predict in a folder; what stands there is gone on with."""
    noisy, mended = folder / "noisy.csv", folder / "mended.csv"
    train = CLINC / "train.csv"
    if not mended.exists():
        noise = ("--noise", "uniform=0.2", "--seed", "0")
        _run(home, "corrupt", train, "-o", noisy, *noise)
        _run(home, "relabel", noisy, "-o", mended, "--no-llm")
    spent = {}
    for kind in KINDS:
        spent[kind] = _run(home, "train-classifier", mended, "-o", folder / kind, "--kind", kind)
    tables = {kind: _tables(folder, kind) for kind in KINDS}
    ones: dict[str, list[Spent]] = {kind: [] for kind in KINDS}
    every: dict[str, list[Spent]] = {kind: [] for kind in KINDS}
    for _ in range(ROUNDS):
        for kind in KINDS:
            one, many, _ = tables[kind]
            ones[kind].append(_predict(folder, kind, one))
            every[kind].append(_predict(folder, kind, many))
    found = []
    for kind in KINDS:
        _predict(folder, kind, CLINC / "test.csv")
        table = pd.read_csv(folder / f"{kind}.csv", keep_default_na=False)
        right, inside = table["predicted_label"] == table["label"], table["label"] != OOS
        flagged = table["predicted_label"] == OOS
        found.append(
            Measured(
                kind,
                float(right[inside].mean()),
                float(right[~inside].mean()),
                float((~inside)[flagged].mean()),
                spent[kind],
                tables[kind][2],
                min(ones[kind], key=lambda spent: spent.clock),
                tuple(every[kind]),
            )
        )
    return found


def _tables(folder: Path, kind: str) -> tuple[Path, Path, int]:
    """Write a table of one text and one of many distinct ones; with how many more it has."""
    parts = [pd.read_csv(CLINC / f"{part}.csv", keep_default_na=False) for part in PARTS[kind]]
    table = pd.concat(parts).drop_duplicates("text")[["text"]]
    one, many = folder / f"{kind}-one.csv", folder / f"{kind}-many.csv"
    table.head(1).to_csv(one, index=False)
    table.to_csv(many, index=False)
    return one, many, len(table) - 1


def _predict(folder: Path, kind: str, table: Path) -> Spent:
    with tempfile.TemporaryDirectory() as home:
        return _run(Path(home), "predict", folder / kind, table, "-o", folder / f"{kind}.csv")


def _run(home: Path, *command: str | Path) -> Spent:
    environment = {**os.environ, "LABELMEND_HOME": str(home)}
    began, before = time.perf_counter(), _processor()
    subprocess.run([sys.executable, "-m", "labelmend", *command, "-q"], env=environment, check=True)
    return Spent(time.perf_counter() - began, _processor() - before)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(found: Sequence[Measured]) -> str:
    """Return the section of RESULTS.md."""
    encoders = " and ".join(encoder.model for encoder in load_config("embedded").encoders)
    default, static = found
    lines = [
        "# The static student",
        "",
        "`python benchmarks/student.py`: CLINC150's training rows with 20 % uniform noise, mended "
        f"without an LLM; the default kind and `--kind static`, both of the encoders {encoders}, "
        "on the same mended table. Figures are of CLINC150's 5,500 test rows, a row that is "
        "flagged counted as called out of scope. Texts a second: what `predict` takes beyond its "
        f"start, nothing cached, the median of {ROUNDS} rounds by the clock, and per second of one "
        "processor core. The machine did other work meanwhile.",
        f"{package_versions()}; {platform.machine()}, {usable_cores()} cores.",
        "",
        "| kind | in-scope accuracy | oos recall | oos precision | predict, texts/s | texts per "
        "core second | one text, start included | training |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.kind} | {one.accuracy:.2%} | {one.recall:.2%} | {one.precision:.2%} "
        f"| {one.rate:,.0f} | {one.processor_rate:,.0f} | {one.one.clock:.1f} s "
        f"| {one.trained.clock:.0f} s ({one.trained.processor:.0f} s of the processor) |"
        for one in found
    ]
    lines += ["", "| what | goal | measured | |", "|---|---|---|---|"]
    lost = {
        "accuracy": ("in-scope accuracy", default.accuracy - static.accuracy),
        "recall": ("oos recall", default.recall - static.recall),
    }
    for key, (name, points) in lost.items():
        most = MOST_LOSS[key]
        held = "reached" if points * 100 <= most else "**not reached**"
        lines.append(
            f"| {name} lost beside the default | at most {most:g} points | {points * 100:.2f} | "
            f"{held} |"
        )
    held = "reached" if static.rate >= LEAST_RATE else "**not reached**"
    lines.append(
        f"| `predict`, texts/s by the clock | at least {LEAST_RATE:,} | {static.rate:,.0f} | "
        f"{held} |"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, help="keeps tables and models; a new one if not given")
    parser.add_argument("--home", type=Path, help="keeps embeddings; inside the work folder if not")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = given.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        text = report(measure(work, given.home or work / "home"))
    print(text)
    write_section(HERE / "RESULTS.md", "student", text)


if __name__ == "__main__":
    main()
