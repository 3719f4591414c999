"""Do a certificate's intervals hold, and how narrow are they? Simulated audits.

    python benchmarks/certificate.py [--audits 40] [--real] [--seed 0]

Tables are made up (error rates of 0.2 to 47 %, beliefs that have a tenth, the same and ten times
the odds of the truth, 60 to 5,000 rows), and with --real those of ../shared/data/real are mended
first. Each table is audited again and again: fresh rows, the same truth. An audit is answered
whole; or looked at after every tenth answer, where an interval misses if it misses at any look; or
a tenth of the answers are unsure. Widths are set against simple random sampling of as many rows
with Clopper and Pearson's (1934) interval, also for the shares that are of a part of the rows.

Prints Markdown: the share of intervals that hold the truth, and mean widths by that of simple
random sampling, both over audits and tables. A precision of no changes counts nowhere.
"""

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelmend.audit.figures import (
    BROKEN,
    NAMES,
    PRECISION,
    WRONG_AFTER,
    WRONG_BEFORE,
    Effort,
    Figure,
    Sample,
    figures,
)
from labelmend.audit.strata import Stratum, allocate, kinds_of, make_strata
from labelmend.types import Bools, Doubles, Ints

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "real"
DRAWS = 4000
"""Of fiducial distributions: enough for coverage to a point."""

LOOK = 10
"""Answers between two looks."""

UNSURE = 0.1


@dataclass(frozen=True)
class Table:
    """A mended table whose truth is known."""

    name: str
    rate: float
    factor: float
    changed: Bools
    doubt: Doubles
    given_wrong: Bools
    mended_wrong: Bools

    def __len__(self) -> int:
        return len(self.changed)

    @property
    def truth(self) -> dict[str, float]:
        """The four figures."""
        broken = self.changed & ~self.given_wrong
        found = {
            WRONG_BEFORE: self.given_wrong.mean(),
            WRONG_AFTER: self.mended_wrong.mean(),
        }
        if self.changed.any():
            found[BROKEN] = broken.sum() / max((~self.given_wrong).sum(), 1)
            found[PRECISION] = 1 - self.mended_wrong[self.changed].mean()
        return {name: float(value) for name, value in found.items()}


def made_up(rng: np.random.Generator, rows: int, rate: float, factor: float) -> Table:
    """Make a table up: beliefs in the right order, of odds that are so many times too low."""
    error = np.clip(rng.beta(rate / 2, (1 - rate) / 2, rows), 1e-9, 1 - 1e-9)
    given_wrong = rng.random(rows) < error
    odds = error / (1 - error) / factor
    belief = odds / (1 + odds)
    changed = belief > 0.8
    right = given_wrong & (rng.random(rows) < 0.85)
    return Table(
        name=f"{rows} rows",
        rate=rate,
        factor=factor,
        changed=changed,
        doubt=np.where(changed, 1 - belief, belief),
        given_wrong=given_wrong,
        mended_wrong=np.where(changed, ~right, given_wrong),
    )


def real_tables() -> Iterator[Table]:
    """Mend the tables whose errors people or rules made; rows of unknown truth are left out."""
    from labelmend import make_dataset, mend

    for path in sorted(REAL.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["text"].strip()]
        dataset = make_dataset([r["text"] for r in rows], [r["label"] or None for r in rows])
        decided = mend(dataset).decisions
        index = {label: i for i, label in enumerate(dataset.labels)}
        truth = np.array([index.get(r["true_label"], -1) for r in rows])
        known = np.array([bool(r["true_label"]) for r in rows]) & (dataset.given >= 0)
        given, mended = dataset.given[known], decided.mended[known]
        changed = given != mended
        doubt = np.where(changed, 1 - decided.confidence[known], 1 - decided.quality[known])
        wrong = given != truth[known]
        yield Table(
            path.stem, float(wrong.mean()), 1.0, changed, doubt, wrong, mended != truth[known]
        )


@dataclass(frozen=True)
class Audit:
    """A table's strata, each with its rows in the order in which they are looked at."""

    table: Table
    strata: tuple[Stratum, ...]
    order: tuple[Ints, ...]

    def sample(self, counts: Ints, sure: Bools) -> Sample:
        """Return what is seen of the first rows of each stratum."""
        seen = [rows[:n][sure[rows[:n]]] for rows, n in zip(self.order, counts, strict=True)]
        table = self.table
        return Sample(
            kind=np.array([s.kind for s in self.strata], dtype=np.int64),
            rows=np.array([len(s) for s in self.strata], dtype=np.int64),
            seen=np.array([len(rows) for rows in seen], dtype=np.int64),
            given_wrong=np.array([table.given_wrong[rows].sum() for rows in seen]),
            mended_wrong=np.array([table.mended_wrong[rows].sum() for rows in seen]),
            doubt=np.array([s.doubt for s in self.strata]),
        )


class Tally:
    """Counts intervals that hold, and adds up widths, by figure."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], list[bool]] = {}
        self.width: dict[tuple[str, str], list[float]] = {}

    def add(self, kind: str, name: str, held: bool, width: float) -> None:
        """Count an interval."""
        self.held.setdefault((kind, name), []).append(held)
        self.width.setdefault((kind, name), []).append(width)

    def line(self, kind: str, by: str | None = None) -> str:
        """Return the cells of a row: coverage of each figure, or its width by that of another."""
        cells = []
        for name in NAMES:
            values = self.held.get((kind, name), [])
            if not values:
                cells.append("")
            elif by is None:
                cells.append(f"{100 * np.mean(values):.1f}")
            else:
                ratio = np.sum(self.width[kind, name]) / np.sum(self.width[by, name])
                cells.append(f"{ratio:.2f}")
        return " | ".join(cells)


def simple_random(table: Table, rows: int, rng: np.random.Generator) -> dict[str, float]:
    """Return widths of Clopper and Pearson's intervals on a simple random sample."""
    drawn = rng.choice(len(table), rows, replace=False)
    wrong, changed = table.given_wrong[drawn], table.changed[drawn]
    after = table.mended_wrong[drawn]
    counted = {
        WRONG_BEFORE: (wrong, wrong | True),
        WRONG_AFTER: (after, wrong | True),
        BROKEN: (changed & ~wrong, ~wrong),
        PRECISION: (changed & ~after, changed),
    }
    return {n: clopper_pearson(int(x.sum()), int(of.sum())) for n, (x, of) in counted.items()}


def clopper_pearson(positive: int, total: int) -> float:
    """Return the width of the interval."""
    from scipy.stats import beta

    if not total:
        return 1.0
    low = beta.ppf(0.025, positive, total - positive + 1) if positive else 0.0
    high = beta.ppf(0.975, positive + 1, total - positive) if positive < total else 1.0
    return float(high - low)


def holds(figure: Figure, kind: str, truth: float) -> tuple[bool, float]:
    low, high = figure.fixed_95 if kind == "fixed" else figure.anytime_95
    return low - 1e-9 <= truth <= high + 1e-9, high - low


def audit_again(table: Table, rows: int, rng: np.random.Generator, tally: Tally) -> None:
    """Audit a table once: answered whole, with unsure answers, and with looks."""
    given = np.ones(len(table), dtype=bool)
    strata = make_strata(kinds_of(given, given, ~table.changed), table.doubt, rows)
    audit = Audit(table, strata, tuple(rng.permutation(s.rows) for s in strata))
    counts = allocate(strata, rows)
    truth, seed = table.truth, int(rng.integers(1 << 31))
    srs = simple_random(table, rows, rng)
    for words, sure in (("", given), (", unsure", rng.random(len(table)) >= UNSURE)):
        for figure in figures(audit.sample(counts, sure), Effort(seed, DRAWS)):
            for kind in ("fixed", "anytime"):
                held, width = holds(figure, kind, truth[figure.name])
                tally.add(kind + words, figure.name, held, width)
    for name in truth:
        tally.add("srs", name, True, srs[name])
    missed: dict[tuple[str, str], bool] = {}
    order = sorted(((k + 0.5) / n, h) for h, n in enumerate(counts.tolist()) for k in range(n))
    so_far = np.zeros(len(strata), dtype=np.int64)
    for looked, (_, h) in enumerate(order, start=1):
        so_far[h] += 1
        if looked % LOOK and looked < rows:
            continue
        for figure in figures(audit.sample(so_far, given), Effort(seed, DRAWS // 4)):
            for kind in ("fixed", "anytime"):
                held, _ = holds(figure, kind, truth[figure.name])
                key = kind, figure.name
                missed[key] = missed.get(key, False) or not held
    for (kind, name), miss in missed.items():
        tally.add(f"{kind}, any look", name, not miss, 0.0)


def made_up_tables(rng: np.random.Generator) -> Iterator[tuple[Table, int]]:
    for rows in (60, 300, 1500, 5000):
        for rate in (0.002, 0.03, 0.15, 0.47):
            for factor in (0.1, 1.0, 10.0):
                for sample in (60, 100, 200) if rows > 60 else (20, 40):
                    yield made_up(rng, rows, rate, factor), sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audits", type=int, default=40, help="of each table")
    parser.add_argument("--real", action="store_true", help="mend and audit the real tables, too")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    groups: dict[str, Tally] = {}
    everything = Tally()
    real = [(t, n) for t in real_tables() for n in (60, 100, 200)] if options.real else []
    audits = 0
    for table, rows in [*made_up_tables(rng), *real]:
        names = [table.name, f"{table.rate:.1%} wrong"] if table.name.endswith("rows") else ["real"]
        for _ in range(options.audits):
            one = Tally()
            audit_again(table, rows, rng, one)
            audits += 1
            for tally in (everything, *(groups.setdefault(n, Tally()) for n in names)):
                for (kind, name), values in one.held.items():
                    tally.add(kind, name, values[0], one.width[kind, name][0])
    show(audits, everything, groups)


def show(audits: int, everything: Tally, groups: dict[str, Tally]) -> None:
    head = " | ".join(name.replace("_", " ") for name in NAMES)
    print(f"{audits:,} simulated audits, and as many with unsure answers and with looks.\n")
    for title, by in (("intervals that hold, per cent", None), ("width by that of simple", "srs")):
        print(f"| {title} | {head} |\n|---|---|---|---|---|")
        for kind in sorted({kind for kind, _ in everything.held} - {"srs"}):
            if by is None or "look" not in kind:
                print(f"| {kind} | {everything.line(kind, by)} |")
        for name, tally in groups.items():
            for kind in ("fixed", "anytime"):
                print(f"| {kind}: {name} | {tally.line(kind, by)} |")
        print()


if __name__ == "__main__":
    main()
