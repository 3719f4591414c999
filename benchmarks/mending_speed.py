"""How long `labelmend relabel` takes without an LLM, from nothing and with embeddings cached.

    python benchmarks/mending_speed.py [--rounds 2] [--work FOLDER]

CLINC150's 15,100 training rows with 20 % uniform label noise (seed 0), by the command that a user
runs, in a process of its own: first with an empty cache, then once more with what that left.
Beside it, where it is installed, cleanlab as its tutorial on texts has it: all-MiniLM-L6-v2 by
sentence-transformers, logistic regression in five folds, `find_label_issues`; its two parts are
told apart. The methods take turns. Writes its section of benchmarks/RESULTS.md.
"""

import argparse
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import pandas as pd
from correction import SHARED, package_versions
from results_file import write_section

from labelmend.parallel import usable_cores

HERE = Path(__file__).resolve().parent
TRAIN = SHARED / "clinc150" / "train.csv"
NOTHING, CACHED = "labelmend, from nothing", "labelmend, embeddings cached"
EMBED, FIND = "cleanlab, embedding", "cleanlab, cross-validation and filter"
MOST = {NOTHING: 60.0, CACHED: 20.0}
"""Seconds on two quiet cores."""

CLEANLAB = """
import sys, time
began = time.perf_counter()
import pandas as pd
from sentence_transformers import SentenceTransformer
from labelmend.weights.locate import locate
table = pd.read_csv(sys.argv[1], keep_default_na=False)
encoder = SentenceTransformer(str(locate("all-MiniLM-L6-v2").path))
vectors = encoder.encode(table["text"].tolist(), show_progress_bar=False)
print(time.perf_counter() - began)
began = time.perf_counter()
from cleanlab.filter import find_label_issues
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
codes, _ = pd.factorize(table["label"], sort=True)
model = LogisticRegression(max_iter=400)
chances = cross_val_predict(model, vectors, codes, cv=5, method="predict_proba")
find_label_issues(codes, chances)
print(time.perf_counter() - began)
"""


def relabel(table: Path, output: Path, home: Path) -> float:
    """Mend a table; return the seconds."""
    began = time.perf_counter()
    _labelmend(home, "relabel", table, "-o", output, "--no-llm")
    return time.perf_counter() - began


def _labelmend(home: Path, *words: str | Path) -> None:
    environment = {**os.environ, "LABELMEND_HOME": str(home)}
    subprocess.run([sys.executable, "-m", "labelmend", *words, "-q"], env=environment, check=True)


def measure(work: Path, rounds: int) -> tuple[dict[str, list[float]], pd.DataFrame]:
    """Return the seconds of each part by round, and the mended table."""
    noisy, output = work / "noisy.csv", work / "mended.csv"
    _labelmend(work / "home", "corrupt", TRAIN, "--noise", "uniform=0.2", "-o", noisy)
    spent: dict[str, list[float]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as home:
            for name in (NOTHING, CACHED):
                spent.setdefault(name, []).append(relabel(noisy, output, Path(home)))
        if importlib.util.find_spec("cleanlab"):
            done = subprocess.run(
                [sys.executable, "-c", CLEANLAB, str(noisy)],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            for name, seconds in zip((EMBED, FIND), done.stdout.split(), strict=True):
                spent.setdefault(name, []).append(float(seconds))
    return spent, pd.read_csv(output, keep_default_na=False)


def report(spent: dict[str, list[float]], mended: pd.DataFrame) -> str:
    """Return the section of RESULTS.md."""
    right = (mended["mended_label"] == mended["true_label"]).mean()
    sound = mended["label"] == mended["true_label"]
    broken = (mended["mended_label"] != mended["true_label"])[sound].mean()
    lines = [
        "# How long mending takes",
        "",
        "`python benchmarks/mending_speed.py`: CLINC150's 15,100 training rows, 20 % uniform noise "
        "(seed 0), without an LLM, each command a process of its own; seconds by the clock, the "
        f"median of {len(spent[NOTHING])} rounds. {right:.2%} of the labels are right afterwards, "
        f"{broken:.2%} of the good ones broken. {package_versions()}; {platform.machine()}, "
        f"{usable_cores()} cores, load {os.getloadavg()[2]:.1f} over the last 15 minutes.",
        "",
        "| what | seconds | goal | |",
        "|---|---|---|---|",
    ]
    for name, rounds in spent.items():
        seconds, most = median(rounds), MOST.get(name)
        goal = "" if most is None else f"at most {most:.0f}"
        held = "" if most is None else "reached" if seconds <= most else "**not reached**"
        lines.append(f"| {name} | {seconds:.1f} | {goal} | {held} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--work", type=Path, help="a folder that is kept")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (told.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        text = report(*measure(work, told.rounds))
    write_section(HERE / "RESULTS.md", "mending_speed", text)
    print(text)


if __name__ == "__main__":
    main()
