"""Do a certificate's intervals hold where a row has several labels? Simulated audits.

    python benchmarks/certificate_sets.py [--audits 8] [--real] [--seed 0]

Tables are made up: 300 or 2,000 rows with one to six labels that hold; 1, 10 or 30 % of them are
missing, each by itself or those of a row together, and some that do not hold are given; beliefs
have a tenth, the same and ten times the odds of the truth, and what they call wrong is mended,
well or badly. With --real, NLU++ with made noise and REDv2 with that of one annotator (see
multilabel.py) are mended first. Each table is audited again and again with 60 and with 100 rows:
fresh rows, the same truth. An audit is answered whole; a tenth of its answers are unsure; it is
looked at after every twentieth answer, where the truth must never have been ruled out; or its first
half taught a run that changed what it did of the others, which the second half alone judges.

Beside them stands what is usual: the estimate and 1.96 standard errors of the linearised ratio.

Written into benchmarks/RESULTS.md between the markers of `certificate-sets` (`-real`): the share
of intervals that hold the truth, in the mean and in the worst kind of table, and mean widths in
points. With another seed or number of audits than 8 of each table, 40 of a real one, they are
only printed.
"""

import argparse
import platform
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from correction import package_versions
from results_file import write_section

from labelmend.audit.figures import Effort, Figure
from labelmend.audit.sets.betting import evidence
from labelmend.audit.sets.counts import RowCounts
from labelmend.audit.sets.figures import (
    SET_NAMES,
    SHARES,
    SetCell,
    SetSample,
    set_figures,
)
from labelmend.audit.sets.ratios import RatioCell, Turns, ratio_estimate
from labelmend.audit.strata import Stratum, allocate, kinds_of, make_strata
from labelmend.types import Bools, Doubles, Ints

DRAWS = 4000
"""Of weights: enough for coverage to a point."""

LOOK = 20
"""Answers between two looks."""

UNSURE = 0.1
BAR = float(np.log(40))
MOST_LABELS = 6
SAMPLES = (60, 100)
AUDITS, REAL_AUDITS = 8, 40
"""Of each table."""

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"


@dataclass(frozen=True)
class Table:
    """A mended table whose truth is known.

    Attributes:
        name: of its kind.
        counts: of its rows.
        doubt: float64 [n], the believed probability that something is wrong with a row.
        unlearned: what its rows were before a run learned from answers.
    """

    name: str
    counts: RowCounts
    doubt: Doubles
    unlearned: RowCounts

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def most_labels(self) -> int:
        """As a certificate has it."""
        sizes = np.maximum(self.counts.given, self.counts.mended)
        return max(2, int(np.quantile(sizes, 0.99, method="higher")))


def truth_of(counts: RowCounts) -> dict[str, float]:
    """Return all figures of rows of which all is known."""
    found = {}
    for share in SHARES:
        whole = getattr(counts, share.whole).sum()
        if whole:
            found[share.name] = float(getattr(counts, share.part).sum() / whole)
    found["rows_right_before"] = float(counts.right_before.mean())
    found["rows_right_after"] = float(counts.right_after.mean())
    return found


def made_up(
    rng: np.random.Generator, rows: int, rate: float, together: float, factor: float
) -> Table:
    """Make a table up: beliefs in the right order, of odds that are so many times too low."""
    holds = np.minimum(1 + rng.poisson(1.0, rows), MOST_LABELS)
    chance = rng.beta(rate * together, (1 - rate) * together, rows)
    missing, false = rng.binomial(holds, chance), rng.binomial(2, chance / 2)
    error = np.clip(1 - (1 - chance) ** holds * (1 - chance / 2) ** 2, 1e-9, 1 - 1e-9)
    odds = error / (1 - error) / factor
    belief = odds / (1 + odds)
    changed = belief > 0.7
    slips = rng.random((2, rows)) < [[0.1], [0.05]]
    found, gone = (np.where(changed, rng.binomial(n, 0.8), 0) for n in (missing, false))
    wrong_added = np.where(changed & slips[0], 1, 0)
    wrong_removed = np.where(changed & slips[1] & (holds > missing), 1, 0)
    counts = decided(holds, missing, false, (found, gone, wrong_added, wrong_removed))
    nothing = (np.zeros_like(holds),) * 4
    moved = counts.changes > 0
    name = f"{rows:,} rows, {rate:.0%} missing, {'by row' if together < 1 else 'one by one'}"
    doubt = np.where(moved, 1 - belief, belief)
    return Table(name, counts, doubt, decided(holds, missing, false, nothing))


def decided(
    holds: Ints, missing: Ints, false: Ints, moved: tuple[Ints, Ints, Ints, Ints]
) -> RowCounts:
    """Count rows by how many labels were added and taken away rightly, and in error."""
    found, gone, wrong_added, wrong_removed = moved
    added, removed = found + wrong_added, gone + wrong_removed
    given = holds - missing + false
    return RowCounts(
        given=given,
        mended=given + added - removed,
        holds=holds,
        missing_before=missing,
        missing_after=missing - found + wrong_removed,
        false_before=false,
        false_after=false - gone + wrong_added,
        removed=removed,
        added=added,
        removed_holding=wrong_removed,
        added_false=wrong_added,
    )


def real_tables() -> Iterator[Table]:
    """Mend the tables of multilabel.py."""
    from multilabel import corrupted, mended_by_labelmend, nlu, red

    for name, table in (("NLU++", nlu()), ("REDv2", red())):
        given = corrupted(table.truth, "uniform", 0) if table.given is None else table.given
        found = mended_by_labelmend(table, given)
        counts = RowCounts.of(given, found.mended, table.truth)
        before = RowCounts.of(given, given, table.truth)
        yield Table(name, counts, 1 - found.confidence, before)


def cells_of(
    counts: RowCounts, strata: Sequence[Stratum], order: Sequence[Ints], sure: Bools
) -> list[SetCell]:
    """Count what was seen of strata whose rows were drawn in an order, at once."""
    placed = sorted(((k + 0.5) / len(o), h) for h, o in enumerate(order) for k in range(len(o)))
    turn = [np.flatnonzero([of == h for _, of in placed]) for h in range(len(order))]
    cells = []
    for part, rows, turns in zip(strata, order, turn, strict=True):
        seen = sure[rows]
        when = Turns(turns[seen], np.zeros(seen.sum(), dtype=np.int64), np.array([len(rows)]))
        chosen = counts.rows(rows[seen])
        cells.append(SetCell.of(counts.rows(part.rows), chosen, part.doubt, when))
    return cells


def sample_of(table: Table, before: Sequence[SetCell], after: Sequence[SetCell]) -> SetSample:
    most = max(int(cell.seen.holds.max(initial=0)) for cell in (*before, *after))
    return SetSample(tuple(before), tuple(after), max(table.most_labels, most))


class Tally:
    """Counts intervals that hold, and adds up widths, by kind, figure and table."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], dict[str, list[bool]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self.width: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, kind: str, figure: str, table: str, held: bool, width: float) -> None:
        """Count an interval."""
        self.held[kind, figure][table].append(held)
        self.width[kind, figure].append(width)

    def add_all(
        self, words: str, table: Table, figures: Sequence[Figure], truth: dict[str, float]
    ) -> None:
        """Count both intervals of all figures; of unsure answers, the fixed one alone."""
        for figure in figures:
            for name, (low, high) in (("fixed", figure.fixed_95), ("anytime", figure.anytime_95)):
                if words and name == "anytime":
                    continue
                held = low - 1e-9 <= truth[figure.name] <= high + 1e-9
                self.add(f"{name}{words}", figure.name, table.name, held, high - low)

    def lines(self) -> Iterator[str]:
        """Yield the rows of the table of coverage and of that of widths."""
        kinds = sorted({kind for kind, _ in self.held})
        head = " | ".join(name.replace("_", " ") for name in SET_NAMES)
        yield f"| intervals that hold, per cent (the worst kind of table) | {head} |"
        yield "|---" * (len(SET_NAMES) + 1) + "|"
        for kind in kinds:
            yield f"| {kind} | {' | '.join(self._held(kind, name) for name in SET_NAMES)} |"
        yield ""
        yield f"| mean width, points | {head} |"
        yield "|---" * (len(SET_NAMES) + 1) + "|"
        for kind in kinds:
            if "look" not in kind:
                cells = [self.width.get((kind, name), []) for name in SET_NAMES]
                words = [f"{100 * np.mean(cell):.1f}" if cell else "" for cell in cells]
                yield f"| {kind} | {' | '.join(words)} |"

    def _held(self, kind: str, name: str) -> str:
        tables = self.held.get((kind, name))
        if not tables:
            return ""
        every = [one for held in tables.values() for one in held]
        worst = min(float(np.mean(held)) for held in tables.values())
        return f"{100 * np.mean(every):.1f} ({100 * worst:.0f})"


def usual(cells: Sequence[RatioCell]) -> tuple[float, float]:
    """Return the interval of the linearised ratio."""
    share = ratio_estimate(cells)
    variance = whole = 0.0
    for cell in cells:
        off = cell.part - share * cell.whole
        if cell.seen > 1:
            left = 1 - cell.seen / cell.rows
            variance += cell.rows**2 * float(off.var(ddof=1)) / cell.seen * left
        whole += cell.rows * float(cell.whole.mean()) if cell.seen else 0.0
    error = 1.96 * float(np.sqrt(variance)) / max(whole, 1e-9)
    return share - error, share + error


def audit_again(table: Table, rows: int, rng: np.random.Generator, tally: Tally) -> None:
    """Audit a table once, in all ways."""
    counts, everything = table.counts, np.ones(len(table), dtype=bool)
    kinds = kinds_of(everything, everything, counts.changes == 0)
    strata = make_strata(kinds, table.doubt, rows)
    order = [rng.permutation(part.rows) for part in strata]
    drawn = [o[:n] for o, n in zip(order, allocate(strata, rows).tolist(), strict=True)]
    truth, seed = truth_of(counts), int(rng.integers(1 << 31))
    for words, sure in (("", everything), (", unsure", rng.random(len(table)) >= UNSURE)):
        cells = cells_of(counts, strata, drawn, sure)
        sample = sample_of(table, cells, cells)
        effort = Effort(seed, DRAWS, "fixed_95" if words else None)
        tally.add_all(words, table, set_figures(sample, effort), truth)
        if not words:
            looks(table, sample, rows, truth, tally)
    learned(table, (strata, order, drawn), seed, tally)


def looks(
    table: Table, sample: SetSample, rows: int, truth: dict[str, float], tally: Tally
) -> None:
    """Look after every twentieth answer, and count the shares that are never ruled out."""
    for share in SHARES:
        cells = [share.cell(cell, sample.most_labels) for cell in sample.after]
        cells = [cell for cell in cells if cell.most != (0, 0) or cell.least != (0, 0)]
        if share.name not in truth or not any(cell.whole.any() for cell in cells):
            continue
        low, high = usual(cells)
        held = low - 1e-9 <= truth[share.name] <= high + 1e-9
        tally.add("1.96 standard errors", share.name, table.name, held, high - low)
        value = np.array([truth[share.name]])
        kept = all(
            evidence([so_far(cell, seen) for cell in cells], value, upper=upper)[0] < BAR
            for seen in range(LOOK, rows + 1, LOOK)
            for upper in (False, True)
        )
        tally.add("anytime, any look", share.name, table.name, kept, 0.0)


def so_far(cell: RatioCell, looked: int) -> RatioCell:
    """Return a cell when so many rows of all had been answered."""
    seen = cell.turns.turn < looked
    turns = Turns(cell.turns.turn[seen], cell.turns.draw[seen], cell.turns.drawn)
    return replace(cell, part=cell.part[seen], whole=cell.whole[seen], turns=turns)


def learned(
    table: Table,
    drawn: tuple[Sequence[Stratum], Sequence[Ints], Sequence[Ints]],
    seed: int,
    tally: Tally,
) -> None:
    """Let the first half of the answers teach a run, and judge it by the second."""
    strata, order, whole = drawn
    first = np.concatenate([rows[: len(rows) // 2] for rows in whole])
    known = np.isin(np.arange(len(table)), first)
    # It mends only where the answers show that enough is wrong; answered rows are right.
    bold = table.counts.missing_before[first].mean() > 0.1
    now = table.counts if bold else table.unlearned
    right = replace(
        now,
        given=now.holds,
        mended=now.holds,
        **{
            name: np.zeros(len(table), dtype=np.int64)
            for name in (
                *("missing_before", "missing_after", "false_before", "false_after"),
                *("removed", "added", "removed_holding", "added_false"),
            )
        },
    )
    counts = RowCounts(
        *(
            np.where(known, getattr(right, name), getattr(now, name))
            for name in RowCounts.__dataclass_fields__
        )
    )
    parts, rows = [], []
    for part, of, taken in zip(strata, order, whole, strict=True):
        rest = of[~known[of]]
        for moved in (False, True):
            here = rest[(counts.changes[rest] > 0) == moved]
            seen = np.intersect1d(here, taken)
            if len(here):
                parts.append(replace(part, rows=here))
                rows.append(here[np.isin(here, seen)])
    parts.append(Stratum("answered", strata[0].kind, 0.0, first))
    rows.append(first)
    cells = cells_of(counts, parts, rows, np.ones(len(table), dtype=bool))
    sample = sample_of(table, (), cells)
    effort = Effort(seed, DRAWS, "fixed_95")
    truth = truth_of(counts)
    for figure in set_figures(sample, effort):
        low, high = figure.fixed_95
        held = low - 1e-9 <= truth[figure.name] <= high + 1e-9
        tally.add("fixed, learned", figure.name, table.name, held, high - low)


def made_up_tables(rng: np.random.Generator) -> Iterator[Table]:
    for rows in (300, 2000):
        for rate in (0.01, 0.1, 0.3):
            for together in (0.1, 5.0):
                for factor in (0.1, 1.0, 10.0):
                    yield made_up(rng, rows, rate, together, factor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--audits", type=int, help="of each table")
    parser.add_argument("--real", action="store_true", help="mend and audit the real tables alone")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    usual_audits = REAL_AUDITS if options.real else AUDITS
    tallies = {rows: Tally() for rows in SAMPLES}
    audits = 0
    for table in real_tables() if options.real else made_up_tables(rng):
        for rows, tally in tallies.items():
            for _ in range(options.audits or usual_audits):
                audit_again(table, rows, rng, tally)
                audits += 1
    text = report(tallies, audits, options.seed, is_real=options.real)
    print(text)
    if options.audits in {None, usual_audits} and not options.seed:
        write_section(
            RESULTS, "certificate-sets-real" if options.real else "certificate-sets", text
        )


def report(tallies: dict[int, Tally], audits: int, seed: int, *, is_real: bool) -> str:
    """Return the section."""
    of = "NLU++ with made noise and REDv2 with that of people" if is_real else "made-up tables"
    lines = [
        f"## Certificates where a row has several labels, {of}",
        "",
        f"`python benchmarks/certificate_sets.py{' --real' if is_real else ''}`",
        f"Seed: {seed}. Machine: {platform.machine()}, 2 cores, no GPU. {package_versions()}.",
        "",
        f"{audits:,} simulated audits, each answered in all ways; in brackets, the worst kind of "
        "table.",
    ]
    for rows, tally in tallies.items():
        lines += ["", f"{rows} rows:", "", *tally.lines()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
