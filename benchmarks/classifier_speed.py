"""How long `train-classifier` and `predict` take, and what a second encoder buys.

    python benchmarks/classifier_speed.py

Runs the commands as a user does, each in a process of its own, on CLINC150 as published: trains on
its training rows, then predicts its test rows. LABELMEND_HOME is an empty folder for each choice of
encoders, so the first training embeds all texts and the others find the embeddings; each prediction
has an empty one of its own. Writes its section of benchmarks/RESULTS.md.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from correction import SHARED, package_versions
from results_file import write_section

from labelmend.data.read import read_table
from labelmend.parallel import usable_cores

HERE = Path(__file__).resolve().parent
CLINC = SHARED / "clinc150"
OOS = "oos"
KINDS = ("logreg", "linear-svm", "lightgbm")


@dataclass(frozen=True)
class Choice:
    """Which encoders of the embedded profile the classifier reads."""

    title: str
    options: tuple[str, ...]


CHOICES = (
    Choice("both (default)", ()),
    Choice("bge-small-en-v1.5", ("--embedder", "bge-small-en-v1.5")),
    Choice("use-multilingual-v3", ("--embedder", "use-multilingual-v3")),
)


ROUNDS = 3
"""Predictions are timed in turns, so that a busy machine slows all choices alike."""


@dataclass(frozen=True)
class Measured:
    """One choice of encoders.

    Attributes:
        choice: of encoders.
        cold: seconds of the first training, of a logistic regression, embedding included.
        warm: seconds of each training on embeddings that are there, in the order of `KINDS`.
        rates: texts predicted a second, by round, the start of the process included.
        in_scope_accuracy: of the logistic regression on the test rows.
        oos_recall: of the same.
    """

    choice: Choice
    cold: float
    warm: tuple[float, ...]
    rates: tuple[float, ...]
    in_scope_accuracy: float
    oos_recall: float


def measure(folder: Path) -> list[Measured]:
    """Train and predict in an empty folder."""
    trained = [_train(choice, folder / str(i)) for i, choice in enumerate(CHOICES)]
    seconds = [
        [_predict(folder / str(i), folder / f"{turn}-{i}") for i in range(len(CHOICES))]
        for turn in range(ROUNDS)
    ]
    found = []
    for i, choice in enumerate(CHOICES):
        table = read_table(folder / str(i) / "predicted.csv").frame
        right, inside = table["predicted_label"] == table["label"], table["label"] != OOS
        found.append(
            Measured(
                choice,
                *trained[i],
                tuple(len(table) / turn[i] for turn in seconds),
                float(right[inside].mean()),
                float(right[~inside].mean()),
            )
        )
    return found


def _train(choice: Choice, folder: Path) -> tuple[float, tuple[float, ...]]:
    """Return the seconds with nothing cached, and those of each kind after."""

    def train(kind: str) -> float:
        table, model = CLINC / "train.csv", folder / kind
        options = ("--kind", kind, *choice.options)
        return _timed(folder / "home", "train-classifier", table, "-o", model, *options)

    folder.mkdir()
    return train("logreg"), tuple(train(kind) for kind in KINDS)


def _predict(folder: Path, home: Path) -> float:
    """Return the seconds that predicting the test rows takes with nothing cached."""
    output = folder / "predicted.csv"
    return _timed(home, "predict", folder / "logreg", CLINC / "test.csv", "-o", output)


def _timed(home: Path, *command: str | Path) -> float:
    environment = {**os.environ, "LABELMEND_HOME": str(home)}
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "labelmend", *command, "-q"], env=environment, check=True)
    return time.perf_counter() - began


def report(found: Sequence[Measured]) -> str:
    """Return the section of RESULTS.md."""
    lines = [
        "# Speed of the classifiers",
        "",
        "`python benchmarks/classifier_speed.py`: CLINC150 as published, 15,100 training rows and "
        "5,500 test rows; whole commands, the start of Python included. Seconds of a training: "
        "logistic regression with nothing cached, then each kind on embeddings that are there. "
        f"Predicting embeds every text: the median of {ROUNDS} rounds, least and most beside it. "
        "Figures are the logistic regression's.",
        f"{package_versions()}; {platform.machine()}, {usable_cores()} cores.",
        "",
        f"| encoder | nothing cached | {' | '.join(KINDS)} | predict, texts/s | by the default's | "
        "in-scope accuracy | oos recall |",
        "|---|---|" + "---|" * len(KINDS) + "---|---|---|---|",
    ]
    (default,) = (median(one.rates) for one in found if not one.choice.options)
    for one in found:
        trained = " | ".join(f"{seconds:.0f} s" for seconds in one.warm)
        rate = median(one.rates)
        lines.append(
            f"| {one.choice.title} | {one.cold:.0f} s | {trained} "
            f"| {rate:.0f} ({min(one.rates):.0f} to {max(one.rates):.0f}) | {rate / default:.1f} x "
            f"| {one.in_scope_accuracy:.2%} | {one.oos_recall:.2%} |"
        )
    return "\n".join(lines)


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = report(measure(Path(folder)))
    print(text)
    write_section(HERE / "RESULTS.md", "classifier_speed", text)


if __name__ == "__main__":
    main()
