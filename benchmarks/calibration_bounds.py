"""What a hundred answers can't settle: of the calibration error, how much is out of reach.

    python benchmarks/calibration_bounds.py [--draws 20] [--work FOLDER]

The tables of real_noise.py, whose mended runs in the work folder are used again. A person answers
for 100 rows at random, labelmend learns from them, and `label_quality` of the rows that nobody saw
is held to the truth, as there. Beside its calibration error stand: the error that chance alone
would make if each of these qualities were exactly right (the mean of 40 made-up truths), and what
is left of it if the share of wrong labels in those rows were known (all log odds moved alike until
their mean is the true share). Writes its section of benchmarks/RESULTS.md.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from correction import calibration_error, code_digest, package_versions
from platformdirs import user_cache_path
from real_noise import (
    TABLES,
    Case,
    at_random,
    load,
    mend_and_save,
    taught,
    unseen,
)
from results_file import write_section
from scipy.optimize import brentq
from scipy.special import expit, logit

from labelmend.parallel import usable_cores
from labelmend.relabel.run_state import found
from labelmend.types import Bools, Doubles

HERE = Path(__file__).resolve().parent
ANSWERS = 100
MADE_UP = 40
"""Truths that are drawn from the qualities."""


@dataclass(frozen=True)
class Bounds:
    """Of one draw.

    Attributes:
        error: calibration error of the qualities, in 15 bins.
        by_chance: the same if each were exactly right.
        level: how far their mean is from the share of right labels.
        level_known: the error that is left once it is not.
    """

    error: float
    by_chance: float
    level: float
    level_known: float


def bounds(quality: Doubles, good: Bools, rng: np.random.Generator) -> Bounds:
    """Hold qualities to the truth, both [m]; some of the labels are right, and some wrong."""
    odds = logit(np.clip(quality, 1e-6, 1 - 1e-6))
    moved = brentq(lambda by: expit(odds + by).mean() - good.mean(), -30, 30)
    by_chance = [
        calibration_error(quality, rng.random(len(quality)) < quality) for _ in range(MADE_UP)
    ]
    return Bounds(
        calibration_error(quality, good),
        float(np.mean(by_chance)),
        abs(float(quality.mean() - good.mean())),
        calibration_error(expit(odds + moved), good),
    )


def measure(place: Path, draws: int) -> list[Bounds]:
    """Return the bounds of each draw of a table."""
    saved = load(place)
    measured = []
    for draw in range(draws):
        case = Case(saved, slips=False, draw=draw)
        asked = at_random(saved, ANSWERS, draw)
        state = taught(saved, asked.said(case.person, saved.of_row)).state
        rows = unseen(saved, asked)
        quality = found(state.decisions).quality[rows]
        good = (saved.table.dataset.given == saved.table.truth)[rows]
        measured.append(bounds(quality, good, np.random.default_rng(draw)))
    return measured


def report(by_table: Mapping[str, Sequence[Bounds]], command: str) -> str:
    """Return the section of RESULTS.md."""
    lines = [
        "# Calibration: what answers can't settle",
        "",
        f"`{command}`: {ANSWERS} answers at random, rows that nobody saw, means of "
        f"{len(next(iter(by_table.values())))} draws. By chance: the error if each quality were "
        "exactly right. Share known: what is left if the share of wrong labels were known. "
        f"{package_versions()}; {usable_cores()} cores; labelmend's sources {code_digest()}.",
        "",
        "| table | calibration error | by chance | share missed by | share known |",
        "|---|---|---|---|---|",
    ]
    means = {
        name: np.mean([astuple(one) for one in each], axis=0) for name, each in by_table.items()
    }
    means["**mean**"] = np.mean(list(means.values()), axis=0)
    lines += [
        f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} |"
        for name, values in means.items()
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--work", type=Path, default=user_cache_path("labelmend") / "real-noise")
    options = parser.parse_args()
    by_table = {}
    for path in sorted(TABLES.glob("*.csv")):
        place = mend_and_save(path, options.work / code_digest())
        by_table[path.stem] = measure(place, options.draws)
        print(path.stem, flush=True)
    text = report(by_table, f"python benchmarks/calibration_bounds.py --draws {options.draws}")
    print(text)
    write_section(HERE / "RESULTS.md", "calibration_bounds", text)


if __name__ == "__main__":
    main()
