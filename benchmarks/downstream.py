"""Does the classifier get better? Classifiers on noisy, mended and true labels, on one test set.

    python benchmarks/downstream.py [--noise uniform-20,...] [--kinds logreg,...] [--seeds 0,1,...]

Noise is drawn onto CLINC150's training labels as in correction.py, labelmend mends them (embedded
profile, no LLM), cleanlab prunes and relabels them, and the same classifiers are trained on each
version of the labels with `labelmend.classify`, as `labelmend compare-baseline` does. The test set
is CLINC150's own; nothing is chosen on it. Each result is appended to a file in the work folder as
soon as it is there, so that an interrupted benchmark goes on where it stopped. At the end the
tables are written into benchmarks/RESULTS.md, between the markers of `downstream`; not with --rows.
"""

import argparse
import hashlib
import platform
import shlex
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from correction import (
    NOISES,
    SHARED,
    SOURCES,
    Run,
    Source,
    Table,
    code_digest,
    draw,
    load,
    package_versions,
    spread,
)
from peers import embed_rows, relabel_dataset
from platformdirs import user_cache_path
from results_file import append_record, read_records, write_section

from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.data import overlapping_rows, training_set
from labelmend.configs.load import load_config
from labelmend.evaluation.baseline import (
    Condition,
    TestSet,
    Vectors,
    cleanlab_conditions,
    train_and_test,
)
from labelmend.parallel import usable_cores
from labelmend.protocols import NoProgress
from labelmend.relabel.run_models import locate_models
from labelmend.retrieval.space import open_space
from labelmend.types import Dataset, Floats

HERE = Path(__file__).resolve().parent
KINDS = ("logreg", "linear-svm", "lightgbm", "finetune")
SEEDS = (0, 1, 2, 3, 4)
CONDITIONS = ("dirty", "mended", "cleanlab pruned", "cleanlab relabelled", "gold")
TEST = SHARED / "clinc150" / "test.csv"

_SOURCE = {source.key: source for source in SOURCES}
_NOISE = {noise.key: noise for noise in (*NOISES, *_SOURCE["reference"].noises)}

CASES = (
    *(("clinc", noise.key) for noise in NOISES),
    ("reference", "recorded"),
)
"""Data set and noise."""

RECOVERED = {
    ("clinc", "uniform-20"): 0.9,
    ("clinc", "uniform-40"): 0.9,
    ("reference", "recorded"): 0.9,
    ("clinc", "nearest-40"): 0.8,
}
"""Share of the gap between dirty and gold that is to be recovered, by logreg and linear-svm."""

LEAST_LEAD = -0.002
MOST_LOSS = 0.001
OOS_RECALL, IN_SCOPE_ACCURACY = 0.85, 0.93


@dataclass(frozen=True)
class Line:
    """One line of the results file: one training and its test.

    Attributes:
        run: the data and its noise; its seed is that of the training, too.
        kind: of the classifier.
        condition: version of the labels.
        label_accuracy: of the training labels; of those kept, where some were pruned.
        figures: on the test set, as `evaluate` names them.
        seconds: of training and testing.
        code: digest of labelmend's sources.
        versions: of the packages that matter.
    """

    run: Run
    kind: str
    condition: str
    label_accuracy: float
    figures: Mapping[str, float | None]
    seconds: float
    code: str
    versions: str

    @property
    def key(self) -> tuple[Run, str, str]:
        """What it is of."""
        return self.run, self.kind, self.condition


FIGURES = (
    ("accuracy", "accuracy"),
    ("plain_accuracy", "no flag"),
    ("macro_f1", "macro-F1"),
    ("in_scope_accuracy", "in-scope accuracy"),
    ("oos_recall", "oos recall"),
    ("oos_precision", "oos precision"),
    ("oos_auroc", "oos AUROC"),
    ("log_loss", "log loss"),
    ("ece", "ECE"),
)
_UNSCALED = {"log_loss", "ece"}


def read_lines(path: Path) -> dict[tuple[Run, str, str], Line]:
    """Read the results; of two alike the later one counts, and a line cut short is passed over."""
    found = {}
    for plain in read_records(path):
        # Older lines call the condition an arm.
        fields = {"condition" if name == "arm" else name: value for name, value in plain.items()}
        line = Line(**{**fields, "run": Run(**plain["run"])})
        found[line.key] = line
    return found


def append_line(path: Path, line: Line) -> None:
    """Add one result."""
    append_record(path, asdict(line))


# Running.


@dataclass(frozen=True)
class Problem:
    """One data set, its test set, and the vectors of both."""

    table: Table
    test: TestSet
    vectors: Vectors
    noise_embeddings: Floats


def prepare(source: Source, rows: int | None) -> Problem:
    """Read and embed a data set and CLINC150's test set, each distinct text once."""
    table = load(source, rows)
    tested = load(Source("test", "CLINC150 test", TEST, "label"))
    test = TestSet(tested.texts, tuple(tested.labels[k] for k in tested.truth), "oos")
    config = load_config("embedded")
    models = locate_models(config, use_llm=False)
    space = open_space(config.encoders, models.encoders)
    truth = training_set(table.dataset(table.truth), np.ones(len(table.texts)))
    texts = sorted(truth.texts)
    more = sorted(set(test.texts) - set(texts))
    vectors = np.vstack([space.fit(texts, NoProgress()), space.queries(more)])
    shared = overlapping_rows(test.texts, [texts])
    _say(f"{source.key}: {len(shared)} of {len(test.texts)} test texts are training texts, too")
    return Problem(table, test, Vectors([*texts, *more], vectors), embed_rows(truth_of(table)))


def truth_of(table: Table) -> Dataset:
    """Return the table with its true labels."""
    return table.dataset(table.truth)


def versions_of(
    problem: Problem, run: Run, folder: Path, code: str
) -> Mapping[str, Callable[[], Sequence[Condition]]]:
    """Return how each version of the labels is had; cleanlab's two come together."""
    table = problem.table
    ones = np.ones(len(table.texts))
    given = draw(table, _NOISE[run.noise], run.seed, problem.noise_embeddings)
    dirty = Condition("dirty", table.dataset(given), ones)

    def mended() -> Sequence[Condition]:
        path = folder / f"{run.data}-{run.noise}-{run.seed}-{code}.npz"
        if not path.exists():
            made = relabel_dataset(table.dataset(given)).decisions
            folder.mkdir(parents=True, exist_ok=True)
            np.savez(path, labels=made.mended, confidence=made.confidence)
        held = np.load(path)
        return [Condition("mended", table.dataset(held["labels"]), held["confidence"])]

    def cleanlab() -> Sequence[Condition]:
        config = load_config("embedded")
        point = OperatingPoint("in-scope-loss", config.classify.max_in_scope_loss)
        return cleanlab_conditions(dirty, problem.vectors, config.classify, point, run.seed)

    return {
        "dirty": lambda: [dirty],
        "mended": mended,
        "cleanlab pruned": cleanlab,
        "cleanlab relabelled": cleanlab,
        "gold": lambda: [Condition("gold", truth_of(table), ones)],
    }


def run_all(
    runs: Sequence[Run],
    kinds: Sequence[str],
    conditions: Sequence[str],
    work: Path,
    rows: int | None,
) -> None:
    """Run whatever the results file does not hold yet."""
    work.mkdir(parents=True, exist_ok=True)
    results = work / "results.jsonl"
    code, versions = code_digest(), package_versions()
    config = load_config("embedded").classify
    point = OperatingPoint("in-scope-loss", config.max_in_scope_loss)
    problems: dict[str, Problem] = {}
    # Labels that are alike, as gold ones are under any noise, are trained on once a seed.
    trained: dict[tuple[str, int, str, bytes], tuple[Mapping[str, float | None], float]] = {}
    for number, run in enumerate(runs, start=1):
        known = read_lines(results)
        # labelmend trains on every version, so other sources of it measure all anew.
        due = [
            (kind, condition)
            for kind in kinds
            for condition in conditions
            if (run, kind, condition) not in known or known[run, kind, condition].code != code
        ]
        if not due:
            continue
        if run.data not in problems:
            problems[run.data] = prepare(_SOURCE[run.data], rows)
        problem = problems[run.data]
        ways = versions_of(problem, run, work / "mended", code)
        held: dict[str, Condition] = {}
        for kind, name in due:
            if name not in held:
                held |= {condition.name: condition for condition in ways[name]()}
            alike = run.data, run.seed, kind, labels_digest(held[name])
            if alike not in trained:
                began = time.perf_counter()
                metrics = train_and_test(
                    held[name], kind, run.seed, problem.test, problem.vectors, config, point
                ).metrics
                seconds = time.perf_counter() - began
                trained[alike] = {key: getattr(metrics, key) for key, _ in FIGURES}, seconds
            figures, seconds = trained[alike]
            right = label_accuracy(held[name], problem.table)
            line = Line(run, kind, name, right, figures, seconds, code, versions)
            append_line(results, line)
            _say(
                f"[{number}/{len(runs)}] {run.data} {run.noise} seed {run.seed} {kind} {name}: "
                f"accuracy {figures['accuracy']:.2%}, {seconds:.0f} s"
            )


def labels_digest(condition: Condition) -> bytes:
    """Return a digest of what a classifier is trained on, the texts apart."""
    digest = hashlib.sha256(repr(condition.dataset.labels).encode())
    digest.update(np.ascontiguousarray(condition.dataset.given).tobytes())
    digest.update(np.ascontiguousarray(condition.confidence).tobytes())
    return digest.digest()


def label_accuracy(condition: Condition, table: Table) -> float:
    """Return the share of right labels among those that a condition has."""
    names = [condition.dataset.labels[k] if k >= 0 else None for k in condition.dataset.given]
    true = [table.labels[k] for k in table.truth]
    right = [name == t for name, t in zip(names, true, strict=True) if name is not None]
    return right.count(True) / len(right)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# Reporting.

Lines = Mapping[tuple[Run, str, str], Line]


def by_seed(
    lines: Lines, data: str, noise: str, kind: str, condition: str, figure: str
) -> dict[int, float]:
    """Return one figure by seed."""
    found = {}
    for (run, its_kind, its_condition), line in lines.items():
        value = line.figures[figure]
        if (run.data, run.noise, its_kind, its_condition) == (
            data,
            noise,
            kind,
            condition,
        ) and value is not None:
            found[run.seed] = value
    return found


def paired_mean(left: Mapping[int, float], right: Mapping[int, float]) -> float | None:
    """Return the mean of left - right over the seeds that both have."""
    both = sorted(set(left) & set(right))
    return float(np.mean([left[seed] - right[seed] for seed in both])) if both else None


def recovered(
    dirty: Mapping[int, float], mended: Mapping[int, float], gold: Mapping[int, float]
) -> float | None:
    """Return the share of the gap between dirty and gold that mending closes, in the mean."""
    seeds = sorted(set(dirty) & set(mended) & set(gold))
    gap = sum(gold[s] - dirty[s] for s in seeds)
    return sum(mended[s] - dirty[s] for s in seeds) / gap if seeds and gap > 0 else None


def verdicts(lines: Lines) -> list[tuple[str, str, str, bool | None]]:
    """Hold what was measured to the issue's goals; None where it was not measured."""
    found = []
    for data, noise in CASES:
        for kind in ("logreg", "linear-svm"):
            by_condition = {
                condition: by_seed(lines, data, noise, kind, condition, "accuracy")
                for condition in CONDITIONS
            }
            where = f"{_title(data, noise)}, {kind}"
            if (data, noise) in RECOVERED:
                goal = RECOVERED[data, noise]
                share = recovered(
                    by_condition["dirty"], by_condition["mended"], by_condition["gold"]
                )
                found.append(_held(f"{where}: gap recovered", share, goal, 1))
        for kind in KINDS:
            by_condition = {
                condition: by_seed(lines, data, noise, kind, condition, "accuracy")
                for condition in CONDITIONS
            }
            where = f"{_title(data, noise)}, {kind}"
            where += _own_seeds(by_condition["mended"], lines)
            leads = [
                paired_mean(by_condition["mended"], by_condition[condition])
                for condition in CONDITIONS
                if "cleanlab" in condition
            ]
            known = [lead for lead in leads if lead is not None]
            lead = min(known) if len(known) == len(leads) else None
            found.append(_held(f"{where}: lead over cleanlab's better one", lead, LEAST_LEAD, 2))
            if noise == "none":
                change = paired_mean(by_condition["mended"], by_condition["dirty"])
                found.append(_held(f"{where}: mended - untouched", change, -MOST_LOSS, 2))
    for kind in KINDS:
        for figure, goal in (("oos_recall", OOS_RECALL), ("in_scope_accuracy", IN_SCOPE_ACCURACY)):
            values = by_seed(lines, "clinc", "uniform-20", kind, "mended", figure)
            mean = float(np.mean(list(values.values()))) if values else None
            where = f"{_title('clinc', 'uniform-20')}, {kind}, mended"
            where += _own_seeds(values, lines)
            found.append(_held(f"{where}: {figure.replace('_', ' ')}", mean, goal, 2))
    return found


def _held(
    what: str, value: float | None, goal: float, digits: int
) -> tuple[str, str, str, bool | None]:
    asked = f"at least {goal * 100:g} %"
    if value is None:
        return what, asked, "", None
    return what, asked, f"{value * 100:.{digits}f} %", value >= goal


def _title(data: str, noise: str) -> str:
    return f"{_SOURCE[data].title}, {_NOISE[noise].title}"


_EXPLANATION = """\
Per cent (log loss and ECE excepted): the mean over the seeds, and the least and the most of the \
accuracy. `accuracy` counts a row that is flagged as out of scope as called so; `no flag` takes \
the most probable label. All classifiers read the same embeddings, are calibrated on held-out \
folds of their own training labels, and flag at the same operating point there (1.5 % of the \
in-scope rows that are right may be lost); the test set has no say in anything. cleanlab is \
`find_label_issues` on the calibrated out-of-fold probabilities of our logistic regression: \
flagged rows taken out, or given their most probable label. Rows of the mended labels weigh by \
labelmend's confidence, as with --weight-by-confidence. The seed draws the noise and the \
folds; labelmend's own seed is 0. The test set is CLINC150's, whole: 5,500 rows, \
1,000 of them oos; two of its texts stand in the training set, too."""


def report(lines: Lines, seeds: Sequence[int], command: str) -> str:
    """Return the section of RESULTS.md."""
    codes = ", ".join(sorted({line.code for line in lines.values()}))
    versions = "; ".join(sorted({line.versions for line in lines.values()}))
    parts = [
        "# Results downstream: does the classifier get better?",
        "",
        f"`{command}`",
        f"Seeds: {', '.join(map(str, seeds))}. {versions}; labelmend's sources {codes}; "
        f"{platform.machine()}, {usable_cores()} cores.",
        "",
        _EXPLANATION,
        "",
        "| what | goal | measured | |",
        "|---|---|---|---|",
    ]
    said = {True: "reached", False: "**not reached**", None: "not measured"}
    parts += [f"| {a} | {b} | {c} | {said[d]} |" for a, b, c, d in verdicts(lines) if d is not None]
    unmeasured = sum(d is None for *_, d in verdicts(lines))
    if unmeasured:
        parts += ["", f"{unmeasured} of the goals were not measured yet."]
    for data, noise in CASES:
        there = [
            line for line in lines.values() if (line.run.data, line.run.noise) == (data, noise)
        ]
        if there:
            parts += ["", *_table(_title(data, noise), there)]
    return "\n".join(parts)


def _table(title: str, lines: Sequence[Line]) -> list[str]:
    seeds = sorted({line.run.seed for line in lines})
    names = [name for _, name in FIGURES]
    rows = [
        f"### {title} ({_seeds(seeds)})",
        "",
        f"| classifier | labels | right labels | {' | '.join(names)} | seconds |",
        "|---" * (len(names) + 4) + "|",
    ]
    for kind in KINDS:
        for condition in CONDITIONS:
            chosen = [line for line in lines if (line.kind, line.condition) == (kind, condition)]
            if not chosen:
                continue
            own = {line.run.seed for line in chosen}
            name = kind if own == set(seeds) else f"{kind}, {_seeds(own)}"
            cells = [spread((line.figures["accuracy"] for line in chosen), 2)]
            for key, _ in FIGURES[1:]:
                scale, digits = (1, 4) if key in _UNSCALED else (100, 2)
                cells.append(_mean((line.figures[key] for line in chosen), digits, scale))
            right = _mean((line.label_accuracy for line in chosen), 2, 100)
            seconds = _mean((line.seconds for line in chosen), 0, 1)
            rows.append(f"| {name} | {condition} | {right} | {' | '.join(cells)} | {seconds} |")
    return rows


def _seeds(seeds: Collection[int]) -> str:
    """Return "seed 0", or "seeds 0, 1"."""
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, sorted(seeds)))}"


def _own_seeds(found: Collection[int], lines: Lines) -> str:
    """Return the seeds of what was found, where other things were measured on others."""
    every = {run.seed for run, _, _ in lines}
    return f" ({_seeds(found)})" if found and set(found) != every else ""


def _mean(values: Iterable[float | None], digits: int, scale: float) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known) * scale:.{digits}f}" if known else ""


# The command line.


def planned_runs(cases: Iterable[tuple[str, str]], seeds: Sequence[int]) -> list[Run]:
    """Return the runs; where the noise is no draw, seeds are those of the training alone."""
    return [Run(data, noise, seed) for seed in seeds for data, noise in cases]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = [noise for _, noise in CASES]
    parser.add_argument("--noise", default=",".join(every), help=f"of {', '.join(every)}")
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"of {', '.join(KINDS)}")
    parser.add_argument(
        "--conditions", default=",".join(CONDITIONS), help=f"of {', '.join(CONDITIONS)}"
    )
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)), help="of noise and training")
    parser.add_argument("--rows", type=int, help="a random subset of so many rows, for a look")
    parser.add_argument("--work", type=Path, default=user_cache_path("labelmend") / "downstream")
    parser.add_argument("--report-only", action="store_true", help="run nothing")
    options = parser.parse_args(arguments)
    noises = _names(parser, "--noise", options.noise, every)
    kinds = _names(parser, "--kinds", options.kinds, KINDS)
    conditions = _names(parser, "--conditions", options.conditions, CONDITIONS)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    if not TEST.exists():
        parser.error(f"{TEST} is not here")
    work = options.work / ("all-rows" if options.rows is None else f"{options.rows}-rows")
    cases = [(data, noise) for data, noise in CASES if noise in noises]
    if not options.report_only:
        chosen: list[str] = [kind for kind in KINDS if kind in kinds]
        run_all(planned_runs(cases, seeds), chosen, conditions, work, options.rows)
    lines = {k: v for k, v in read_lines(work / "results.jsonl").items() if k[0].seed in seeds}
    typed = [a for a in (arguments or sys.argv[1:]) if a != "--report-only"]
    text = report(lines, seeds, shlex.join(["python", "benchmarks/downstream.py", *typed]))
    print(text)
    if options.rows is None:
        write_section(HERE / "RESULTS.md", "downstream", text)


def _names(
    parser: argparse.ArgumentParser, option: str, text: str, known: Iterable[str]
) -> list[str]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        parser.error(f"{option}: unknown {', '.join(unknown)}; use of {', '.join(known)}")
    return names


if __name__ == "__main__":
    main()
