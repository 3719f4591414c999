"""Fits how a run grows with rows and labels: what `--dry-run` and price_list.py reckon with.

    python benchmarks/growth.py [--runs benchmarks/scale.json] [--output FILE]

Reads the runs that scale.py wrote, fits a power law to each stage, and writes
labelmend/engines/growth.json. scale.py calls it at its end. The same runs give the same file.
"""

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from labelmend.engines.growth import Law, Sum

HERE = Path(__file__).parent
RUNS = HERE / "scale.json"
TABLE = HERE.parent / "labelmend" / "engines" / "growth.json"
SAMPLE = 2000
"""Rows of a dry run's sample."""

_CLASSIFIER = "evidence.classifier.options"
_FEW_FOLDS = ("--set", f"{_CLASSIFIER}.large_scores=0", "--set", f"{_CLASSIFIER}.least_texts=0")
SAMPLED = ((), _FEW_FOLDS, ("--set", f"{_CLASSIFIER}.max_scores=0"))
"""Options of runs of a sample: each way that its classifier may take for a larger table."""

WIDTH = 768
"""Numbers of a made-up text's vector."""

TOGETHER = {
    "write": ("columns", "evidence lines"),
    "decide": ("rest", "escalate", "answers", "learnability", "decide", "self-test"),
}
"""Stages that a dry run does not try, under the names by which it tells them."""

_LEFT_OUT = ("make the table", "stand-in encoder")
_STARTS = (0.0, 500.0, 1e3, 2e3, 4e3, 8e3, 16e3, 32e3, 64e3, 128e3, 1e6)
"""Rows that a stage's start may be worth; with the last one, next to nothing is up to rows."""

_LINEAR, _QUADRATIC = (1.0, 0.0), (2.0, 0.0)
"""Powers of rows and labels that are taken where runs are too few or too short to tell."""

_KNOWN = {"neighbours, exact": _QUADRATIC}
"""Powers that follow from what is done: all texts are compared with all."""

_LEAST_OF_ROWS, _MOST_OF_ROWS = 1.0, 1.5
"""Powers of rows: each row is read, and nothing but exact search compares all with all. What seems
to grow by less has a start; what fits better by more is noise."""

_MOST_OF_LABELS = 1.5
"""The same of labels, of which some stages know nothing."""

_LEAST_SECONDS = 1.0
"""A stage that never took as long is not fitted: it is taken to be linear in rows."""

_LEAST = 1e-3
"""Seconds below which no clock is to be believed."""


@dataclass(frozen=True)
class Point:
    """One measurement.

    Attributes:
        rows: of the run.
        labels: of the run.
        value: seconds, bytes or tasks.
    """

    rows: int
    labels: int
    value: float


def fit(points: Sequence[Point], known: tuple[float, float] | None = None) -> Law:
    """Return the power law whose logarithm is nearest to that of the points, by least squares.

    With a start the power of rows is 1, since both would tell of the same bend. What can't be told
    is taken to be linear in rows and the same for all labels.

    Args:
        points: at least one.
        known: powers of rows and labels that are held.
    """
    several = [len({of(point) for point in points}) > 1 for of in (_rows, _labels)]
    of_rows, of_labels = known or (None, None)
    if not several[0] and of_rows is None:
        of_rows = _LINEAR[0]
    if not several[1] and of_labels is None:
        of_labels = _LINEAR[1]
    fits = [_least_squares(points, 0.0, of_rows, of_labels)]
    if several[0] and known is None:
        fits += [_least_squares(points, start, _LINEAR[0], of_labels) for start in _STARTS[1:]]
    return min(fits, key=lambda found: found[0])[1]


def _rows(point: Point) -> int:
    return point.rows


def _labels(point: Point) -> int:
    return max(point.labels, 1)


def _least_squares(
    points: Sequence[Point], start: float, of_rows: float | None, of_labels: float | None
) -> tuple[float, Law]:
    """Return the squared error, rounded so that equal ones are equal, and the law."""
    values = np.log([max(point.value, _LEAST) for point in points])
    grown = np.log([point.rows + start for point in points])
    labels = np.log([_labels(point) for point in points])
    free = [x for x, power in ((grown, of_rows), (labels, of_labels)) if power is None]
    held = (of_rows or 0.0) * grown + (of_labels or 0.0) * labels
    design = np.stack([np.ones(len(values)), *free], axis=1)
    found = np.linalg.lstsq(design, values - held, rcond=None)[0]
    powers = [float(power) for power in found[1:]]
    if of_rows is None:
        power = powers.pop(0)
        inside = min(max(power, _LEAST_OF_ROWS), _MOST_OF_ROWS)
        if power != inside:
            return _least_squares(points, start, inside, of_labels)
        of_rows = power
    if of_labels is None:
        power = powers.pop(0)
        inside = min(max(power, 0.0), _MOST_OF_LABELS)
        if power != inside:
            return _least_squares(points, start, of_rows, inside)
        of_labels = power
    error = float(((design @ found + held - values) ** 2).sum())
    # Few digits: the file is read by people, and equal on all machines.
    factor = float(f"{np.exp(found[0]):.6g}")
    return round(error, 9), Law(factor, start, round(of_rows, 4), round(of_labels, 4) + 0.0)


def fit_tasks(points: Sequence[Point]) -> Law:
    """Return the law of a number of blocks: they grow with rows, or are as many as folds."""
    laws = [fit(points, (power, 0.0)) for power in (1.0, 0.0)]
    logs = [np.log([point.value / law.at(point.rows, 1) for point in points]) for law in laws]
    return laws[int(np.argmin([float((each**2).sum()) for each in logs]))]


def fit_sum(points: Sequence[Point]) -> Sum:
    """Return the sum whose shares of the points are nearest to 1; no part of it is negative."""
    values = np.array([max(point.value, _LEAST) for point in points])
    parts = np.array([[1.0, point.rows, point.labels] for point in points])
    found, _ = nnls(parts / values[:, None], np.ones(len(values)))
    return Sum(*(float(f"{part:.6g}") for part in found))


@dataclass(frozen=True)
class _Measured:
    """A stage of a run: its seconds, those in blocks, and how many blocks side by side."""

    run: Mapping[str, Any]
    name: str
    seconds: float
    divided: float
    tasks: float


def growth_of(runs: Sequence[Mapping[str, Any]], head: Mapping[str, str]) -> dict[str, Any]:
    """Return the table that `labelmend.engines.growth` reads.

    Args:
        runs: as scale.py measures them.
        head: where they come from.
    """
    table = _table(runs)
    base = min(run["peak_gib"]["make the table"] for run in runs)
    most = [(run, (max(run["peak_gib"].values()) - base) * 2**30) for run in runs]
    written = [(run, run["written"]) for run in runs]
    return {
        "stages": table,
        "peak_bytes": asdict(fit_sum(_points(most))),
        "evidence_bytes": asdict(fit(_points((run, w["evidence"]) for run, w in written))),
        "column_bytes": asdict(fit(_points((run, w["columns"]) for run, w in written))),
        "width": WIDTH,
        "rows": max(run["rows"] for run in runs),
        "labels": max(run["labels"] for run in runs),
        "off_by": _off_by(runs, table),
        "drawn_out_by": _drawn_out_by(runs),
        "fitted": dict(head),
    }


def _stages(run: Mapping[str, Any]) -> Iterable[_Measured]:
    """Yield a run's stages, as the table has them."""
    ours = [name for name in run["seconds"] if name not in _LEFT_OUT]
    together = [name for names in TOGETHER.values() for name in names]
    groups = {run["ways"].get(s, s): [s] for s in ours if s not in together}
    groups |= {name: [s for s in names if s in ours] for name, names in TOGETHER.items()}
    for name, members in groups.items():
        divided = [(run["divided"].get(s, 0.0), run["tasks"].get(s, 1.0)) for s in members]
        carried = sum(took for took, _ in divided)
        spread = sum(took / tasks for took, tasks in divided if tasks)
        took = sum(run["seconds"][s] for s in members)
        yield _Measured(run, name, took, carried, carried / spread if spread else 0.0)


def _table(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the growth of each stage."""
    stages: dict[str, list[_Measured]] = {}
    for run in runs:
        for each in _stages(run):
            stages.setdefault(each.name, []).append(each)
    return {name: _stage(name, found) for name, found in sorted(stages.items())}


def _drawn_out_by(runs: Sequence[Mapping[str, Any]]) -> float:
    """Return how many times off the runs with most rows are by a fit to all others; 0: unknown."""
    most = max(run["rows"] for run in runs)
    seen = [run for run in runs if run["rows"] < most]
    table = _table(seen)
    known = [
        run
        for run in runs
        if run["rows"] == most and all(each.name in table for each in _stages(run))
    ]
    return _off_by(known, table) if known else 0.0


def _stage(name: str, found: Sequence[_Measured]) -> dict[str, Any]:
    seconds = [(each.run, each.seconds) for each in found]
    known = _KNOWN.get(name)
    if max(took for _, took in seconds) < _LEAST_SECONDS:
        known = known or _LINEAR
    whole = sum(each.seconds for each in found)
    divides = min(sum(each.divided for each in found) / max(whole, _LEAST), 1.0)
    tasks = [(each.run, each.tasks) for each in found if each.divided]
    return {
        "seconds": asdict(fit(_points(seconds), known)),
        "divides": round(divides, 3),
        "tasks": asdict(fit_tasks(_points(tasks))) if tasks else None,
    }


def _points(values: Iterable[tuple[Mapping[str, Any], float]]) -> list[Point]:
    return [Point(run["rows"], run["labels"], float(value)) for run, value in values]


def _off_by(runs: Sequence[Mapping[str, Any]], table: Mapping[str, Any]) -> float:
    """Return how many times the total time of the worst run is off."""
    worst = 1.0
    for run in runs:
        measured = list(_stages(run))
        laws = [Law(**table[each.name]["seconds"]) for each in measured]
        told = sum(law.at(run["rows"], run["labels"]) for law in laws)
        ratio = told / max(sum(each.seconds for each in measured), _LEAST)
        worst = max(worst, ratio, 1 / ratio)
    return round(worst, 2)


def write_runs(path: Path, runs: Sequence[Mapping[str, Any]], said: Sequence[str]) -> None:
    """Write runs, and where they come from.

    Args:
        path: of the file.
        runs: as scale.py measures them.
        said: the report's lines on command and machine.
    """
    head = {
        "command": said[0].split("`")[1],
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    lines = ",\n".join(json.dumps(_rounded(run)) for run in runs)
    path.write_text(f'{{"head": {json.dumps(head)},\n"runs": [\n{lines}\n]}}\n', "utf-8")


def _rounded(value: Any) -> Any:
    """Return numbers to four places: more is noise."""
    if isinstance(value, Mapping):
        return {name: _rounded(each) for name, each in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def _commit() -> str:
    done = subprocess.run(
        ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return done.stdout.strip() or "unknown"


def table_text(path: Path) -> str:
    """Return the table of a file of runs, as the package holds it."""
    kept = json.loads(path.read_text("utf-8"))
    return json.dumps(growth_of(kept["runs"], kept["head"]), indent=1) + "\n"


def write_growth(path: Path, output: Path = TABLE) -> None:
    """Fit the runs of a file, and write the table into the package."""
    output.write_text(table_text(path), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--output", type=Path, default=TABLE)
    options = parser.parse_args()
    write_growth(options.runs, options.output)


if __name__ == "__main__":
    main()
