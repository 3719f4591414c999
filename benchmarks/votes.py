"""What LLM votes add to labelmend's own evidence, on CLINC150 with few rows a label.

    python benchmarks/votes.py [--cases few-5,few-10,...] [--seeds 0,1,2] [--folder MODELS]

Each case draws rows of CLINC150's training set and spoils their labels; labelmend mends them with
label descriptions (those of the reference's set), without votes, with each voter's, and with all.
What an LLM said is kept in the work folder, so that voters are asked once and an interrupted
benchmark goes on where it stopped. The table goes into benchmarks/RESULTS.md, between the markers
of `votes`; not for the seeds 100 to 104, which serve to choose constants.

Cases: few-5, few-10 (so many rows a label, 30 % uniform noise), nearest-40, new-labels (20 of the
labels have a description and no row of their own: their texts are unlabelled), unlabelled (half of
the rows), oos (uniform 20 %, and as many out-of-scope rows as there are).
"""

import argparse
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from correction import (
    SHARED,
    SOURCES,
    TUNING_SEEDS,
    Table,
    code_digest,
    draw,
    load,
    package_versions,
    spread,
)
from correction import Noise as NoiseKind
from peers import embed_rows
from results_file import append_record, read_latest, write_section
from voters import MODELS, add_places, command

from labelmend.configs.load import load_config
from labelmend.configs.schema import Config
from labelmend.data.noise import NoiseShare
from labelmend.llm.store import Store
from labelmend.relabel.pipeline import relabel
from labelmend.relabel.result import Relabelling
from labelmend.relabel.run_models import locate_models, with_voters
from labelmend.types import NO_LABEL, Bools, Dataset, Ints, LabelCard

HERE = Path(__file__).resolve().parent
DESCRIPTIONS = SHARED / "sirius" / "label_descriptions.yaml"
SEEDS = (0, 1, 2)
VOTERS = ("smollm2", "gemma-270m", "qwen-0.5b")
NEW_LABELS = 20
ALL = "all"
NONE = "no votes"

LEAST_GAIN = 0.02
MOST_LOSS = 0.001
LEAST_FOUND = 0.7


@dataclass(frozen=True)
class Case:
    """One way to spoil the labels.

    Attributes:
        key: names it on the command line.
        title: names it in the table.
        rows: drawn of each in-scope label.
        noise: drawn onto the labels.
        unlabelled: share of the rows that lose their label.
        new_labels: labels all of whose rows lose theirs.
        whole: whether every doubtful text may be voted on, not the profile's share alone.
    """

    key: str
    title: str
    rows: int
    noise: tuple[NoiseShare, ...]
    unlabelled: float = 0.0
    new_labels: int = 0
    whole: bool = False


CASES = (
    Case("few-5", "5 rows a label, uniform 30 %", 5, (NoiseShare("uniform", 0.3),), whole=True),
    Case("few-10", "10 rows a label, uniform 30 %", 10, (NoiseShare("uniform", 0.3),)),
    Case("nearest-40", "10 rows a label, nearest three 40 %", 10, (NoiseShare("nearest", 0.4),)),
    Case("new-labels", f"10 rows a label, {NEW_LABELS} labels without", 10, (), 0.0, NEW_LABELS),
    Case("unlabelled", "10 rows a label, half of them unlabelled", 10, (), 0.5),
    Case("oos", "10 rows a label, 100 oos, uniform 20 %", 10, (NoiseShare("uniform", 0.2),)),
)
_CASE = {case.key: case for case in CASES}


@dataclass(frozen=True)
class Problem:
    """A case with one seed.

    Attributes:
        dataset: the rows, with spoiled labels.
        truth: int64 [n].
        of_new: bool [n], rows whose label no row carries.
    """

    dataset: Dataset
    truth: Ints
    of_new: Bools


@dataclass(frozen=True)
class Line:
    """One line of the results file.

    Attributes:
        case: its key.
        seed: of the rows and their noise.
        voters: a voter's key, `all` or `no votes`.
        best: share of rows whose most probable label is right.
        mended: share of rows whose label is right once mended, within the harm budget.
        broken: good labels that are wrong now.
        found: rows of new labels whose most probable label is right; None without any.
        filled: unlabelled rows whose most probable label is right; None without any.
        oos_precision: of the most probable labels.
        oos_recall: of the most probable labels.
        asked: texts that voters saw.
        weights: nats a unit of each voter's scores.
        seconds: of the run; votes that were remembered cost none.
        code: digest of labelmend's sources.
        versions: of the packages that matter.
    """

    case: str
    seed: int
    voters: str
    best: float
    mended: float
    broken: float | None
    found: float | None
    filled: float | None
    oos_precision: float | None
    oos_recall: float | None
    asked: int
    weights: Mapping[str, float]
    seconds: float
    code: str
    versions: str

    @property
    def key(self) -> tuple[str, int, str]:
        """What it is of."""
        return self.case, self.seed, self.voters


def spoil(table: Table, case: Case, seed: int) -> Problem:
    """Draw a case's rows, and spoil their labels."""
    rng = np.random.default_rng(seed)
    chosen = []
    for label in range(len(table.labels)):
        rows = np.flatnonzero(table.truth == label)
        count = len(rows) if label == table.oos and case.key == "oos" else case.rows
        chosen.append(rng.choice(rows, min(count, len(rows)), replace=False))
    rows = np.sort(np.concatenate(chosen))
    drawn = Table(
        texts=tuple(table.texts[row] for row in rows),
        labels=table.labels,
        truth=table.truth[rows],
        given=None,
        votes={},
    )
    given = drawn.truth.copy()
    if case.noise:
        embeddings = embed_rows(drawn.dataset(drawn.truth))
        given = draw(drawn, NoiseKind(case.key, case.title, case.noise), seed, embeddings)
    given[rng.random(len(given)) < case.unlabelled] = NO_LABEL
    in_scope = [k for k in range(len(table.labels)) if k != table.oos]
    new = rng.choice(in_scope, case.new_labels, replace=False)
    of_new = np.isin(drawn.truth, new)
    given[of_new] = NO_LABEL
    return Problem(drawn.dataset(given), drawn.truth, of_new)


def configured(case: Case, voters: str, folder: Path) -> Config:
    """Return the profile with these voters instead of its own."""
    config = load_config("embedded")
    config = replace(config, voters=(), describe=replace(config.describe, model=""))
    if case.whole:
        config = replace(config, routing=replace(config.routing, llm_rows=-1))
    keys = [] if voters == NONE else VOTERS if voters == ALL else [voters]
    return with_voters(config, [f"channel:{folder / _file(key)}" for key in keys])


def _file(key: str) -> str:
    return next(model.file for model in MODELS if model.key == key)


def measure(
    problem: Problem, done: Relabelling, names: Collection[str]
) -> dict[str, float | int | dict[str, float] | None]:
    """Compare with the truth."""
    dataset, truth = problem.dataset, problem.truth
    best = done.posterior.best()[0][done.unique.of_row]
    right, given = best == truth, dataset.given
    good = given == truth
    is_oos, called = truth == dataset.oos, best == dataset.oos
    kept = {name: weight for name, weight in done.posterior.weights.items() if name in names}
    return {
        "best": float(right.mean()),
        "mended": float((done.decisions.mended == truth).mean()),
        "broken": _share(done.decisions.mended != truth, good),
        "found": _share(right, problem.of_new),
        "filled": _share(right, (given == NO_LABEL) & ~problem.of_new),
        "oos_precision": _share(is_oos, called),
        "oos_recall": _share(called, is_oos),
        "asked": int(done.routed.sum()),
        "weights": kept,
    }


def _share(hits: Bools, among: Bools) -> float | None:
    return float(hits[among].mean()) if among.any() else None


def read_lines(path: Path) -> dict[tuple[str, int, str], Line]:
    """Read the results; of two alike the later one counts."""
    return read_latest(path, Line)


def run_all(
    cases: Sequence[Case], seeds: Sequence[int], every: Sequence[str], folder: Path, work: Path
) -> None:
    """Run whatever the results file does not hold yet."""
    work.mkdir(parents=True, exist_ok=True)
    results, code = work / "results.jsonl", code_digest()
    table = load(next(source for source in SOURCES if source.key == "clinc"))
    told = yaml.safe_load(DESCRIPTIONS.read_text("utf-8"))
    cards = {
        label: LabelCard(label, str(told[label]), (), "user")
        for label in table.labels
        if label in told
    }
    for seed in seeds:
        for case in cases:
            problem = spoil(table, case, seed)
            for voters in every:
                known = read_lines(results)
                if (case.key, seed, voters) in known and known[case.key, seed, voters].code == code:
                    continue
                config = configured(case, voters, folder)
                models = locate_models(config, use_llm=True)
                began = time.perf_counter()
                with Store(work / "votes.sqlite") as store:
                    done = relabel(problem.dataset, config, models, written=cards, store=store)
                names = [model.name for _, model in models.voters]
                line = Line(
                    case=case.key,
                    seed=seed,
                    voters=voters,
                    seconds=time.perf_counter() - began,
                    code=code,
                    versions=package_versions(),
                    **measure(problem, done, names),  # type: ignore[arg-type]
                )
                append_record(results, asdict(line))
                _say(f"{case.key} seed {seed} {voters}: {asdict(line)}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# Reporting.

Lines = Mapping[tuple[str, int, str], Line]
FIGURES = ("best", "mended", "broken", "found", "filled", "oos_precision", "oos_recall")
_HARMFUL_IF_LOWER = ("best", "mended", "found", "filled")
_OF_OOS = ("oos_precision", "oos_recall")
"""Told of every case, but judged where there are more than ten such rows."""


def gain(lines: Lines, case: str, voters: str, figure: str) -> float | None:
    """Return how much votes add, in the mean over the seeds that have both."""
    gains = []
    for (its_case, seed, its_voters), line in lines.items():
        without = lines.get((case, seed, NONE))
        if (its_case, its_voters) == (case, voters) and without is not None:
            ours, theirs = getattr(line, figure), getattr(without, figure)
            if ours is not None and theirs is not None:
                gains.append(ours - theirs)
    return float(np.mean(gains)) if gains else None


def values_of(lines: Lines, case: str, voters: str, figure: str) -> list[float]:
    """Return one figure of each seed."""
    found = [
        getattr(line, figure)
        for (its_case, _, its_voters), line in sorted(lines.items())
        if (its_case, its_voters) == (case, voters)
    ]
    return [value for value in found if value is not None]


def verdicts(lines: Lines) -> list[tuple[str, str, str, bool]]:
    """Hold what was measured to the issue's goals."""
    found = []
    lead = gain(lines, "few-5", ALL, "mended")
    if lead is not None:
        where = f"{_CASE['few-5'].title}: what all votes add to the label accuracy"
        asked = f"at least {LEAST_GAIN * 100:g} points"
        found.append((where, asked, f"{lead * 100:+.2f}", lead >= LEAST_GAIN))
    share = values_of(lines, "new-labels", ALL, "found")
    if share:
        where = f"{_CASE['new-labels'].title}: their texts found"
        asked = f"at least {LEAST_FOUND:.0%}"
        found.append((where, asked, f"{spread(share)} %", float(np.mean(share)) >= LEAST_FOUND))
    changes = {
        (case.title, voters, figure): change
        for case in CASES
        for voters in (*VOTERS, ALL)
        for figure in (*_HARMFUL_IF_LOWER, *(_OF_OOS if case.key == "oos" else ()))
        if (change := gain(lines, case.key, voters, figure)) is not None
    }
    if changes:
        worst = min(changes, key=lambda key: changes[key])
        said = f"{changes[worst] * 100:+.2f} ({', '.join(worst)})"
        asked = f"nowhere below {-MOST_LOSS * 100:g} points"
        within = changes[worst] >= -MOST_LOSS
        found.append(("what votes add to any figure, the least", asked, said, within))
    return found


_EXPLANATION = """\
Per cent: the mean over the seeds, and the least and the most. best: rows whose most probable \
label is right; mended, the label accuracy: whose label is right in the mended table, within the \
harm budget of 0.5 %; found: rows of \
labels that no row carries, and filled: other unlabelled rows, whose most probable label is \
right. Labels have the descriptions of the reference's set (GPT-4o's). Voters score texts by the \
channel ballot, the profile's settings; texts: that each saw (the profile lets LLMs see 15 % of \
the texts; with 5 rows a label, here, all that are in doubt and the audit). Weights: nats a unit \
of the voter's scores. One more text that is right adds, in the mean of three seeds, 0.02 to best \
and mended (0.04 with 5 rows a label), 0.2 to found, and 0.3 to oos precision and recall where \
there are 100 such rows."""


def report(lines: Lines, command: str) -> str:
    """Return the section of RESULTS.md."""
    codes = ", ".join(sorted({line.code for line in lines.values()}))
    versions = "; ".join(sorted({line.versions for line in lines.values()}))
    seeds = sorted({seed for _, seed, _ in lines})
    parts = [
        "# What votes add",
        "",
        f"`{command}`",
        f"Seeds: {', '.join(map(str, seeds))}. {versions}; labelmend's sources {codes}.",
        "",
        _EXPLANATION,
        "",
        "| what | goal | measured | |",
        "|---|---|---|---|",
    ]
    for what, asked, measured, reached in verdicts(lines):
        said = "reached" if reached else "**not reached**"
        parts.append(f"| {what} | {asked} | {measured} | {said} |")
    for case in CASES:
        there = {key: line for key, line in lines.items() if key[0] == case.key}
        if there:
            parts += ["", *_table(case, there)]
    return "\n".join(parts)


def _table(case: Case, lines: Lines) -> list[str]:
    seeds = ", ".join(map(str, sorted({seed for _, seed, _ in lines})))
    rows = [
        f"### {case.title} (seeds {seeds})",
        "",
        f"| voters | {' | '.join(FIGURES).replace('_', ' ')} | texts | weights |",
        "|---" * (len(FIGURES) + 3) + "|",
    ]
    for voters in (NONE, *VOTERS, ALL):
        chosen = [line for (_, _, its), line in sorted(lines.items()) if its == voters]
        if not chosen:
            continue
        cells = [spread(values_of(lines, case.key, voters, figure)) for figure in FIGURES]
        asked = f"{np.mean([line.asked for line in chosen]):.0f}"
        weights = "; ".join(
            ", ".join(f"{weight:.2f}" for weight in line.weights.values())
            for line in chosen
            if line.weights
        )
        rows.append(f"| {voters} | {' | '.join(cells)} | {asked} | {weights} |")
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = (NONE, *VOTERS, ALL)
    parser.add_argument("--cases", default=",".join(_CASE), help=f"of {', '.join(_CASE)}")
    parser.add_argument("--voters", default=",".join(every), help=f"of {', '.join(every)}")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    add_places(parser, "votes")
    options = parser.parse_args(arguments)
    cases = [_CASE[key] for key in options.cases.split(",")]
    seeds = [int(seed) for seed in options.seeds.split(",")]
    chosen = [voters for voters in every if voters in options.voters.split(",")]
    if not options.report_only:
        run_all(cases, seeds, chosen, options.folder, options.work)
    lines = {k: v for k, v in read_lines(options.work / "results.jsonl").items() if k[1] in seeds}
    text = report(lines, command("votes.py", arguments or sys.argv[1:]))
    print(text)
    if not set(seeds) & set(TUNING_SEEDS):
        write_section(HERE / "RESULTS.md", "votes", text)


if __name__ == "__main__":
    main()
