"""Drift on the demo's texts: false alarms where there is none, and how many new intents are found.

    python benchmarks/drift.py [--logs 200] [--seed 0] [--rows 30,60]

Without drift, reference and log are parts of the demo's training and test texts, drawn at random.
With it, each label in turn is one that nobody knows: the reference is the training table without
it, and the log holds the test texts of all labels and some of its training texts, so that it has
`--rows` of it. Nothing says of the log's texts what their labels are. An intent counts as found if
most of what is called new is of it. The table goes into benchmarks/RESULTS.md, between the markers
of `drift`.
"""

import argparse
import csv
import platform
from collections import Counter
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
from correction import package_versions
from results_file import write_section

from labelmend.arrays import share
from labelmend.classify.space import ProfileSpace
from labelmend.configs.load import load_config
from labelmend.drift.measure import DriftSettings, find_drift
from labelmend.drift.sample import Sample
from labelmend.parallel import usable_cores
from labelmend.protocols import NoProgress
from labelmend.types import Ints, Share

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"

OOS = "oos"
REFERENCE, LOG = 1500, 800


def read(name: str, column: str) -> list[tuple[str, str]]:
    """Return texts and true labels of one of the demo's tables."""
    with resources.files("labelmend.data.demo").joinpath(name).open(encoding="utf-8") as file:
        return [(row["text"], row[column]) for row in csv.DictReader(file)]


class Demo:
    """The demo's texts, in one space."""

    def __init__(self) -> None:
        train, test = read("train_noisy.csv", "true_label"), read("test.csv", "label")
        self.training = len(train)
        self.texts = tuple(text for text, _ in [*train, *test])
        self.labels = np.array([label for _, label in [*train, *test]])
        space = ProfileSpace(load_config("embedded").encoders)
        self.vectors = space.fit(self.texts, NoProgress())

    def sample(self, rows: Ints, *, labelled: bool) -> Sample:
        """Return some texts."""
        labels = tuple(self.labels[rows].tolist())
        texts = tuple(self.texts[row] for row in rows.tolist())
        found = Sample(self.vectors[rows], texts)
        if labelled:
            found = replace(found, labels=labels, outside=np.array([k == OOS for k in labels]))
        return found


def false_alarms(demo: Demo, logs: int, seed: int, settings: DriftSettings) -> Counter[str]:
    """Count the logs without drift in which something is found."""
    found: Counter[str] = Counter()
    for log in range(logs):
        order = np.random.default_rng((seed, log)).permutation(len(demo.texts))
        drift = find_drift(
            demo.sample(np.sort(order[:REFERENCE]), labelled=True),
            demo.sample(np.sort(order[REFERENCE : REFERENCE + LOG]), labelled=True),
            replace(settings, seed=log),
        )
        found.update(["any"] if drift.found else [])
        found.update(drift.found)
    return found


def new_intents(demo: Demo, rows: int, settings: DriftSettings) -> tuple[int, int, list[float]]:
    """Return the labels that are found as new intents, all of them, and what is theirs of each."""
    training = np.arange(len(demo.texts)) < demo.training
    found, labels, purities = 0, sorted({*demo.labels.tolist()} - {OOS}), []
    for label in labels:
        own = demo.labels == label
        asked = np.flatnonzero(~training & ~own)
        theirs = np.concatenate([np.flatnonzero(~training & own), np.flatnonzero(training & own)])
        log = np.sort(np.concatenate([asked, theirs[:rows]]))
        drift = find_drift(
            demo.sample(np.flatnonzero(training & ~own), labelled=True),
            demo.sample(log, labelled=False),
            settings,
        )
        shares = [float(own[log[one.rows]].mean()) for one in drift.intents]
        mine = [value for value in shares if value > 1 / 2]
        found += bool(mine)
        purities += mine
    return found, len(labels), purities


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", default="30,60")
    asked = parser.parse_args()
    demo, settings = Demo(), DriftSettings(seed=asked.seed, language="en")
    alarms = false_alarms(demo, asked.logs, asked.seed, settings)
    command = f"drift.py --logs {asked.logs} --seed {asked.seed} --rows {asked.rows}"
    lines = [
        "## Drift",
        "",
        f"`python benchmarks/{command}`, {package_versions()}; {platform.machine()}, "
        f"{usable_cores()} cores. The demo's texts; the script says how.",
        "",
        f"Logs of {LOG:,} texts without drift, against {REFERENCE:,}: of {asked.logs} so many are "
        "said to drift, at a level of 5 %.",
        "",
        "| found | logs | per cent, with its 95 % interval |",
        "|---|---|---|",
    ]
    lines += [
        f"| {name} | {alarms[name]} | {_in_words(share(alarms[name], asked.logs))} |"
        for name in ("any", "labels", "out_of_scope", "embeddings", "new_intents")
    ]
    lines += [
        "",
        "A label that nobody knows, among about 800 texts of the others:",
        "",
        "| its texts in the log | labels that are found as new | of what is called new, its own |",
        "|---|---|---|",
    ]
    for rows in map(int, asked.rows.split(",")):
        found, labels, purities = new_intents(demo, rows, settings)
        pure = f"{100 * float(np.mean(purities)):.0f} %" if purities else ""
        lines.append(f"| {rows} | {found} of {labels} | {pure} |")
    print("\n".join(lines))
    write_section(RESULTS, "drift", "\n".join(lines))


def _in_words(found: Share) -> str:
    return f"{100 * found.rate:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


if __name__ == "__main__":
    main()
