"""How well labels are corrected: labelmend, cleanlab and simpler ways, on the same noisy data.

    python benchmarks/correction.py [--data clinc,demo,reference] [--seeds 0,1,2,3,4]

Noise is drawn onto labels that are taken as true, and every method mends it in a process of its
own. Each result is appended to a file in the work folder as soon as it is there, so that an
interrupted benchmark goes on where it stopped. At the end the tables are written into
benchmarks/RESULTS.md, between the markers of `correction`; not with --rows, nor for the seeds
100 to 104, which serve to choose constants.

Methods: given (as given), cleanlab, cleanlearning, knn, argmax, labelmend, and on the reference's
set votes (its recorded ones). Noise: none, uniform-10, uniform-20, uniform-40, nearest-20,
nearest-40, oos-swap-20, mixture-30; the reference's set has its own, recorded.
"""

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from peers import (
    CROSS_VALIDATED,
    CROSS_VALIDATION,
    METHODS,
    Mended,
    embed_rows,
    load_mended,
    load_usage,
    save_data,
)
from platformdirs import user_cache_path
from results_file import append_record, read_records, typed, write_section

from labelmend.data.noise import NoiseShare, mixture
from labelmend.data.read import read_table
from labelmend.types import NO_LABEL, Bools, Dataset, Doubles, Floats, Ints

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SHARED = ROOT.parent / "shared" / "data"
DEMO = ROOT / "labelmend" / "data" / "demo" / "train_noisy.csv"

SEEDS = (0, 1, 2, 3, 4)
TUNING_SEEDS = range(100, 105)
"""Constants are chosen on these; what they give is never published."""

BINS = 15
MAX_HARM = 0.005
MAX_ECE = 0.01
MAX_SECONDS = 90.0
MAX_RATIO = 2.0
KEPT_SHARE = 0.95
"""Of the runs, in which the harm budget is to be kept."""
TIMED = ("clinc", "reference")
"""Data sets that the bounds on time were set for: on a small one, start-up is most of it."""
LEAST_OOS = 0.9


# What is run.


@dataclass(frozen=True)
class Noise:
    """One kind of noise.

    Attributes:
        key: names it on the command line.
        title: names it in the tables.
        shares: what is drawn; empty where nothing is.
    """

    key: str
    title: str
    shares: tuple[NoiseShare, ...] = ()

    def seeds(self, seeds: Sequence[int]) -> Sequence[int]:
        """Return the seeds to run: without noise all are alike."""
        return seeds if self.shares else seeds[:1]


NOISES = (
    Noise("none", "no noise"),
    Noise("uniform-10", "uniform 10 %", (NoiseShare("uniform", 0.1),)),
    Noise("uniform-20", "uniform 20 %", (NoiseShare("uniform", 0.2),)),
    Noise("uniform-40", "uniform 40 %", (NoiseShare("uniform", 0.4),)),
    Noise("nearest-20", "nearest three 20 %", (NoiseShare("nearest", 0.2),)),
    Noise("nearest-40", "nearest three 40 %", (NoiseShare("nearest", 0.4),)),
    Noise("oos-swap-20", "oos swap 20 %", (NoiseShare("oos-swap", 0.2),)),
    Noise(
        "mixture-30",
        "mixture 30 %: half uniform, half nearest three",
        (NoiseShare("uniform", 0.15), NoiseShare("nearest", 0.15)),
    ),
)
RECORDED = Noise("recorded", "uniform 10 %, as recorded")
_NOISE = {noise.key: noise for noise in (*NOISES, RECORDED)}


@dataclass(frozen=True)
class Source:
    """Where one data set comes from.

    Attributes:
        key: names it on the command line.
        title: names it in the tables.
        table: a CSV file.
        truth: its column with the true labels.
        given: its column with noisy labels; None where noise is drawn.
    """

    key: str
    title: str
    table: Path
    truth: str
    given: str | None = None

    @property
    def noises(self) -> tuple[Noise, ...]:
        """The kinds of noise that it is run with."""
        return (RECORDED,) if self.given else NOISES


SOURCES = (
    Source("clinc", "CLINC150 train", SHARED / "clinc150" / "train.csv", "label"),
    Source("demo", "demo data", DEMO, "true_label"),
    Source(
        "reference",
        "reference's set",
        SHARED / "sirius" / "noisy_train.csv",
        "true_label",
        "label",
    ),
)
_SOURCE = {source.key: source for source in SOURCES}

TITLES = {
    "given": "as given",
    "cleanlab": "cleanlab, find_label_issues",
    "cleanlearning": "cleanlab, CleanLearning",
    "knn": "kNN vote",
    "argmax": "retrain and argmax",
    "labelmend": "labelmend",
    "votes:vote_qwen2.5_7b": "reference's Qwen2.5-7B",
    "votes:vote_llama3.1_8b": "reference's Llama-3.1-8B",
    "votes:vote_gemma2_9b": "reference's Gemma-2-9B",
    "votes:merged": "reference's merged vote",
}
"""Methods in the order of the tables."""

CHOICES = ("given", "votes", *METHODS)


@dataclass(frozen=True)
class Table:
    """A data set whose truth is known.

    Attributes:
        texts: one a row.
        labels: the label set, sorted.
        truth: int64 [n].
        given: int64 [n], or None where noise is drawn.
        votes: int64 [n] by voter; the given label where it has none, `NO_LABEL` for no label.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    truth: Ints
    given: Ints | None
    votes: Mapping[str, Ints]

    @property
    def oos(self) -> int | None:
        """The index of the out-of-scope label."""
        return self.labels.index("oos") if "oos" in self.labels else None

    def dataset(self, given: Ints) -> Dataset:
        """Return the table with these given labels, as labelmend takes it."""
        ids = tuple(str(row + 1) for row in range(len(self.texts)))
        return Dataset(ids, self.texts, given, self.labels, self.oos)


@dataclass(frozen=True, order=True)
class Run:
    """One data set with one draw of noise."""

    data: str
    noise: str
    seed: int


def load(source: Source, rows: int | None = None) -> Table:
    """Read a data set, or a random subset of so many rows."""
    table = read_table(source.table)
    chosen = np.arange(len(table))
    if rows is not None and rows < len(table):
        chosen = np.sort(np.random.default_rng(0).choice(len(table), rows, replace=False))

    def column(name: str) -> list[str]:
        values = table.values(name)
        return [values[row] for row in chosen]

    truth = column(source.truth)
    given = column(source.given) if source.given else None
    labels = tuple(sorted({*truth, *(given or ())}))
    index = {label: i for i, label in enumerate(labels)}
    votes = {}
    for name in table.columns if given else ():
        if given and (name == "merged" or name.startswith("vote_")):
            cast = zip(column(name), given, strict=True)
            votes[name] = np.array([index.get(v or g, NO_LABEL) for v, g in cast], np.int64)
    return Table(
        texts=tuple(column("text")),
        labels=labels,
        truth=np.array([index[label] for label in truth], np.int64),
        given=np.array([index[label] for label in given], np.int64) if given else None,
        votes=votes,
    )


def prototypes(embeddings: Floats, truth: Ints, label_count: int) -> Floats:
    """Return float32 [K, d], the unit mean of each label's embeddings."""
    sums = np.zeros((label_count, embeddings.shape[1]), dtype=np.float64)
    np.add.at(sums, truth, embeddings.astype(np.float64))
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    units: Floats = (sums / np.maximum(lengths, 1e-12)).astype(np.float32)
    return units


def draw(table: Table, noise: Noise, seed: int, embeddings: Floats) -> Ints:
    """Return int64 [n], the noisy labels."""
    if table.given is not None:
        return table.given
    count = len(table.labels)
    near = prototypes(embeddings, table.truth, count)
    return mixture(table.truth, count, noise.shares, seed, prototypes=near, oos=table.oos)


# What is measured.


@dataclass(frozen=True)
class Scores:
    """How one method did in one run; shares are from 0 to 1, None where there is nothing to divide.

    Attributes:
        accuracy: final labels that are right.
        fixed: bad labels that are right now.
        broken: good labels that are wrong now.
        flagged: rows that the method calls wrong.
        precision: flagged rows whose given label is wrong.
        average_precision: of finding wrong labels by the method's doubt.
        ece: expected calibration error of the confidence.
        oos_precision: rows called oos that are.
        oos_recall: oos rows that are called so.
        noise_told: whether the share of bad labels lies where the method says; None where it says
            nothing, and in older lines.
        harm_told: whether the number of broken labels lies where 95 of 100 do by the method's own
            beliefs; None likewise.
    """

    accuracy: float
    fixed: float | None
    broken: float | None
    flagged: int
    precision: float | None
    average_precision: float | None
    ece: float | None
    oos_precision: float | None
    oos_recall: float | None
    noise_told: bool | None = None
    harm_told: bool | None = None


def score(truth: Ints, given: Ints, mended: Mended, oos: int | None) -> Scores:
    """Compare what a method made of the given labels with the truth."""
    bad, right = given != truth, mended.labels == truth
    average_precision = None
    if mended.doubt is not None and bad.any():
        from sklearn.metrics import average_precision_score

        average_precision = float(average_precision_score(bad, mended.doubt))
    called, is_oos = mended.labels == oos, truth == oos
    return Scores(
        accuracy=float(right.mean()),
        fixed=_share(right, bad),
        broken=_share(~right, ~bad),
        flagged=int(mended.flagged.sum()),
        precision=_share(bad, mended.flagged),
        average_precision=average_precision,
        ece=None if mended.confidence is None else calibration_error(mended.confidence, right),
        oos_precision=None if oos is None else _share(is_oos, called),
        oos_recall=None if oos is None else _share(called, is_oos),
        noise_told=_within(float(bad.mean()), mended.noise),
        harm_told=_within(float((~bad & ~right).sum()), mended.harm),
    )


def _within(value: float, bounds: Doubles | Ints | None) -> bool | None:
    return None if bounds is None else bool(bounds[0] <= value <= bounds[1])


def calibration_error(confidence: Doubles, right: Bools) -> float:
    """Return the gap between confidence and share of right rows, over 15 bins of equal width."""
    place = np.clip((confidence * BINS).astype(np.int64), 0, BINS - 1)
    gaps = np.bincount(place, weights=confidence - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def _share(hits: Bools, among: Bools) -> float | None:
    return float(hits[among].mean()) if among.any() else None


# What is remembered.


@dataclass(frozen=True)
class Line:
    """One line of the results file.

    Attributes:
        run: the data and its noise.
        method: `CROSS_VALIDATION` too, which has no scores.
        scores: how it did.
        seconds: of the method, the cross-validation that it builds on included.
        peak_mb: of its process, or of the cross-validation's where that held more.
        stages: labelmend's seconds by stage.
        code: digest of labelmend's sources, for labelmend.
        versions: of the packages that matter.
    """

    run: Run
    method: str
    scores: Scores | None
    seconds: float | None = None
    peak_mb: float | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    code: str = ""
    versions: str = ""


def read_lines(path: Path) -> dict[tuple[Run, str], Line]:
    """Read the results; of two of one method and run the later one counts.

    A line that an interruption cut short is passed over.
    """
    found = {}
    for plain in read_records(path):
        run, scores = Run(**plain["run"]), plain["scores"]
        line = Line(**{**plain, "run": run, "scores": Scores(**scores) if scores else None})
        found[run, line.method] = line
    return found


def append_line(path: Path, line: Line) -> None:
    """Add one result."""
    append_record(path, asdict(line))


def forget(path: Path, runs: Collection[Run], methods: Collection[str]) -> None:
    """Drop what is to be measured anew."""
    kept = [
        line
        for (run, method), line in read_lines(path).items()
        if run not in runs or method.split(":")[0] not in {*methods, CROSS_VALIDATION}
    ]
    if path.exists():
        path.write_text("".join(json.dumps(asdict(line)) + "\n" for line in kept), "utf-8")


def code_digest() -> str:
    """Return what tells one state of labelmend's sources from another."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "labelmend").rglob("*")):
        if path.suffix in {".py", ".yaml"}:
            digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def package_versions() -> str:
    """Return the versions that a figure depends on, in words."""
    found = [f"Python {platform.python_version()}"]
    for name in ("cleanlab", "scikit-learn", "numpy", "torch", "faiss-cpu", "onnxruntime"):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


# Running.


@dataclass(frozen=True)
class Bench:
    """One call of the benchmark.

    Attributes:
        work: its folder.
        runs: what is run.
        methods: of `CHOICES`.
        rows: of each data set; None for all.
    """

    work: Path
    runs: tuple[Run, ...]
    methods: tuple[str, ...]
    rows: int | None = None

    @property
    def results(self) -> Path:
        """The results file; a subset of the rows has one of its own."""
        return self.folder / "results.jsonl"

    @property
    def folder(self) -> Path:
        """Where everything is kept."""
        return self.work / ("all-rows" if self.rows is None else f"{self.rows}-rows")

    def steps(self, run: Run, votes: Iterable[str]) -> list[str]:
        """Return the methods of a run, in order; cross-validation before those that need it."""
        steps = [m for m in self.methods if m != "votes"]
        if CROSS_VALIDATED & set(steps):
            steps.insert(0, CROSS_VALIDATION)
        if "votes" in self.methods and run.noise == RECORDED.key:
            steps += [f"votes:{name}" for name in votes]
        return steps


def run_all(bench: Bench) -> None:
    """Run whatever the results file does not hold yet."""
    bench.folder.mkdir(parents=True, exist_ok=True)
    code, versions = code_digest(), package_versions()
    tables = {key: load(_SOURCE[key], bench.rows) for key in {run.data for run in bench.runs}}
    embedded: dict[str, Floats] = {}
    for number, run in enumerate(bench.runs, start=1):
        known = read_lines(bench.results)
        table = tables[run.data]
        due = [
            step
            for step in bench.steps(run, table.votes)
            if (run, step) not in known or (step == "labelmend" and known[run, step].code != code)
        ]
        if not due:
            continue
        data = bench.folder / run.data
        if run.data not in embedded:
            _say(f"embedding {len(table.texts):,} texts of {run.data}")
            embedded[run.data] = embed_rows(table.dataset(table.truth))
            save_data(data, table.dataset(table.truth), embedded[run.data])
        folder = data / f"{run.noise}-{run.seed}"
        folder.mkdir(exist_ok=True)
        given = draw(table, _NOISE[run.noise], run.seed, embedded[run.data])
        np.save(folder / "given.npy", given)
        if CROSS_VALIDATED & set(due) and not (folder / "probabilities.npy").exists():
            due = [CROSS_VALIDATION, *(step for step in due if step != CROSS_VALIDATION)]
        for step in due:
            line = replace(_step(step, run, table, given, data, folder), versions=versions)
            if step in CROSS_VALIDATED:
                line = with_shared(line, read_lines(bench.results)[run, CROSS_VALIDATION])
            if step == "labelmend":
                line = replace(line, code=code)
            append_line(bench.results, line)
            _say(f"[{number}/{len(bench.runs)}] {_in_words(line)}")
        shutil.rmtree(folder)


def with_shared(line: Line, shared: Line) -> Line:
    """Return a method's line with the cross-validation that it builds on."""
    seconds = (line.seconds or 0.0) + (shared.seconds or 0.0)
    return replace(line, seconds=seconds, peak_mb=max(line.peak_mb or 0.0, shared.peak_mb or 0.0))


def _step(step: str, run: Run, table: Table, given: Ints, data: Path, folder: Path) -> Line:
    """Run one method, in a process of its own where it takes time or memory."""
    if step == "given":
        mended = Mended(given, np.zeros(len(given), dtype=bool))
        return Line(run, step, score(table.truth, given, mended, table.oos))
    if step.startswith("votes:"):
        vote = table.votes[step.removeprefix("votes:")]
        return Line(run, step, score(table.truth, given, Mended(vote, vote != given), table.oos))
    _spawn(step, data, folder)
    usage = load_usage(folder, step)
    line = Line(run, step, None, usage["seconds"], usage["peak_mb"], usage["stages"])
    if step == CROSS_VALIDATION:
        return line
    mended = load_mended(folder, step)
    return replace(line, scores=score(table.truth, given, mended, table.oos))


def _spawn(method: str, data: Path, folder: Path) -> None:
    """Run one method in a fresh Python.

    Raises:
        SystemExit: it failed; what it said is shown.
    """
    command = [sys.executable, str(HERE / "peers.py"), method, str(data), str(folder)]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)} failed:\n{done.stderr[-4000:]}")


def _in_words(line: Line) -> str:
    where = f"{line.run.data} {line.run.noise} seed {line.run.seed} {line.method}"
    facts = []
    if line.scores is not None:
        facts.append(f"accuracy {line.scores.accuracy:.2%}")
    if line.scores is not None and line.scores.broken is not None:
        facts.append(f"broken {line.scores.broken:.2%}")
    if line.seconds is not None:
        facts.append(f"{line.seconds:.1f} s")
    if line.peak_mb is not None:
        facts.append(f"{line.peak_mb:,.0f} MB")
    return f"{where}: {', '.join(facts)}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# Reporting.


@dataclass(frozen=True)
class Goal:
    """What the issue asks of labelmend, as shares."""

    data: str
    noise: str
    accuracy: float
    broken: float


GOALS = (
    Goal("clinc", "none", 0.9995, 0.0005),
    Goal("reference", "recorded", 0.995, 0.0015),
    Goal("clinc", "uniform-20", 0.992, 0.0025),
    Goal("clinc", "uniform-40", 0.984, 0.004),
    Goal("clinc", "nearest-20", 0.986, 0.005),
    Goal("clinc", "nearest-40", 0.976, 0.008),
    Goal("clinc", "oos-swap-20", 0.985, 0.005),
    Goal("clinc", "mixture-30", 0.986, 0.005),
)

Lines = Mapping[tuple[Run, str], Line]
Verdict = tuple[str, str, str, bool | None]
"""What is asked, the goal, what was measured, and whether it is reached; None if not measured."""


def chosen_lines(lines: Lines, seeds: Collection[int]) -> Lines:
    """Return the lines of these seeds."""
    return {key: line for key, line in lines.items() if line.run.seed in seeds}


def verdicts(lines: Lines) -> list[Verdict]:
    """Hold labelmend to the goals."""
    found = [verdict for goal in GOALS for verdict in _goal_verdicts(lines, goal)]
    found += _oos_verdicts(lines)
    for source in SOURCES:
        if any(run.data == source.key and method == "labelmend" for run, method in lines):
            found += [
                _average_precision_verdict(lines, source),
                _run_by_run(
                    lines,
                    source,
                    "good labels broken",
                    MAX_HARM,
                    2,
                    " %",
                    lambda s: s.broken,
                    least_share=KEPT_SHARE,
                ),
                _run_by_run(
                    lines,
                    source,
                    "calibration error of confidence",
                    MAX_ECE,
                    4,
                    "",
                    lambda s: s.ece,
                ),
                _told_verdict(lines, source, "true noise within what is told", 1.0, "noise_told"),
                _told_verdict(
                    lines, source, "broken labels within what was expected", 0.9, "harm_told"
                ),
                *(_time_verdicts(lines, source) if source.key in TIMED else ()),
            ]
    return found


def _scores(lines: Lines, data: str, noise: str, method: str) -> list[Scores]:
    return [
        line.scores
        for (run, name), line in lines.items()
        if (run.data, run.noise, name) == (data, noise, method) and line.scores is not None
    ]


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _goal_verdicts(lines: Lines, goal: Goal) -> list[Verdict]:
    found = _scores(lines, goal.data, goal.noise, "labelmend")
    where = f"{_SOURCE[goal.data].title}, {_NOISE[goal.noise].title}"
    accuracy = [s.accuracy for s in found]
    broken = [s.broken for s in found]
    return [
        _verdict(f"{where}: label accuracy", accuracy, goal.accuracy, at_least=True),
        _verdict(f"{where}: good labels broken", broken, goal.broken, at_least=False),
    ]


def _oos_verdicts(lines: Lines) -> list[Verdict]:
    found = _scores(lines, "clinc", "uniform-20", "labelmend")
    where = f"{_SOURCE['clinc'].title}, {_NOISE['uniform-20'].title}"
    precision = [s.oos_precision for s in found]
    recall = [s.oos_recall for s in found]
    return [
        _verdict(f"{where}: oos precision", precision, LEAST_OOS, at_least=True),
        _verdict(f"{where}: oos recall", recall, LEAST_OOS, at_least=True),
    ]


def _verdict(what: str, values: Sequence[float | None], goal: float, *, at_least: bool) -> Verdict:
    """Hold the mean over the seeds to a goal, both unrounded."""
    mean = _mean(values)
    asked = f"at {'least' if at_least else 'most'} {goal * 100:g} %"
    if mean is None:
        return what, asked, "", None
    reached = mean >= goal if at_least else mean <= goal
    return what, asked, f"{spread(values)} %", reached


def _average_precision_verdict(lines: Lines, source: Source) -> Verdict:
    """Compare with the better of cleanlab's two, noise by noise, in the mean over the seeds."""
    leads = {}
    for noise in source.noises:
        ours, *theirs = (
            _mean(s.average_precision for s in _scores(lines, source.key, noise.key, method))
            for method in ("labelmend", "cleanlab", "cleanlearning")
        )
        known = [value for value in theirs if value is not None]
        if ours is not None and known:
            leads[noise.title] = ours - max(known)
    what, asked = f"{source.title}: average precision", "above cleanlab's with every noise"
    if not leads:
        return what, asked, "", None
    least = min(leads, key=lambda title: leads[title])
    above = sum(lead > 0 for lead in leads.values())
    measured = f"{above} of {len(leads)}; least lead {leads[least] * 100:+.2f} ({least})"
    return what, asked, measured, above == len(leads)


def _run_by_run(
    lines: Lines,
    source: Source,
    what: str,
    most: float,
    digits: int,
    unit: str,
    value: Callable[[Scores], float | None],
    *,
    least_share: float = 1.0,
) -> Verdict:
    """Count the runs that stay within a bound."""
    found = {
        run: value(line.scores)
        for (run, method), line in lines.items()
        if run.data == source.key and method == "labelmend" and line.scores is not None
    }
    known = {run: measured for run, measured in found.items() if measured is not None}
    return _count_verdict(
        f"{source.title}: {what}", known, most, digits, unit, least_share=least_share
    )


def _told_verdict(
    lines: Lines, source: Source, what: str, least_share: float, name: str
) -> Verdict:
    """Count the runs in which the truth lies where labelmend says that it does."""
    runs = "every run" if least_share == 1 else f"{least_share:.0%} of the runs"
    told = {
        run: getattr(line.scores, name)
        for (run, method), line in lines.items()
        if run.data == source.key and method == "labelmend" and line.scores is not None
    }
    known = {run: held for run, held in told.items() if held is not None}
    if not known:
        return f"{source.title}: {what}", f"in {runs}", "", None
    held = sum(known.values())
    missed = [f"{_NOISE[r.noise].title}, seed {r.seed}" for r, held in known.items() if not held]
    measured = f"{held} of {len(known)} runs" + (f"; not: {'; '.join(missed)}" if missed else "")
    return f"{source.title}: {what}", f"in {runs}", measured, held >= least_share * len(known)


def _time_verdicts(lines: Lines, source: Source) -> list[Verdict]:
    seconds, ratios = {}, {}
    for (run, method), line in lines.items():
        if run.data != source.key or method != "labelmend" or line.seconds is None:
            continue
        seconds[run] = line.seconds
        shared = lines.get((run, CROSS_VALIDATION))
        if shared is not None and shared.seconds:
            ratios[run] = line.seconds / shared.seconds
    what = f"{source.title}: seconds to those of cleanlab's cross-validation"
    return [
        _count_verdict(f"{source.title}: seconds", seconds, MAX_SECONDS, 1, ""),
        _count_verdict(what, ratios, MAX_RATIO, 2, ""),
    ]


def _count_verdict(
    what: str,
    values: Mapping[Run, float],
    most: float,
    digits: int,
    unit: str,
    *,
    least_share: float = 1.0,
) -> Verdict:
    scale = 100 if unit == " %" else 1
    runs = "every run" if least_share == 1 else f"{least_share:.0%} of the runs"
    asked = f"at most {most * scale:g}{unit} in {runs}"
    if not values:
        return what, asked, "", None
    within = sum(value <= most for value in values.values())
    worst = max(values, key=lambda run: values[run])
    mean = sum(values.values()) / len(values)
    measured = (
        f"{within} of {len(values)} runs; mean {mean * scale:.{digits}f}{unit}, "
        f"worst {values[worst] * scale:.{digits}f}{unit} "
        f"({_NOISE[worst.noise].title}, seed {worst.seed})"
    )
    return what, asked, measured, within >= least_share * len(values)


def spread(values: Iterable[float | None], digits: int = 2, scale: float = 100) -> str:
    """Return the mean, and the least and the most where there are several: per cent by default."""
    known = [value * scale for value in values if value is not None]
    if not known:
        return ""
    mean = f"{sum(known) / len(known):.{digits}f}"
    if len(known) == 1:
        return mean
    return f"{mean} ({min(known):.{digits}f} to {max(known):.{digits}f})"


def report(lines: Lines, seeds: Sequence[int], command: str) -> str:
    """Return the section of RESULTS.md."""
    parts = [
        "# Results of label correction",
        "",
        f"`{command}`",
        f"Seeds: {', '.join(map(str, seeds))}. {_machine()} {_versions(lines)}",
        "",
        _EXPLANATION,
        "",
        "## labelmend against the goals",
        "",
        "| what | goal | measured | |",
        "|---|---|---|---|",
    ]
    said = {True: "reached", False: "**not reached**", None: "not measured"}
    parts += [
        f"| {what} | {goal} | {measured} | {said[reached]} |"
        for what, goal, measured, reached in verdicts(lines)
    ]
    for source in SOURCES:
        if any(run.data == source.key for run, _ in lines):
            parts += ["", f"## {source.title}"]
        for noise in source.noises:
            if _methods(lines, source.key, noise.key):
                parts += ["", *_noise_table(lines, source, noise)]
    return "\n".join(parts)


_EXPLANATION = """\
Shares are per cent: the mean over the seeds, and the least and the most. All methods work on the \
same embeddings. Seconds leave the embedding of the texts out (labelmend reads it from its \
cache) and include loading libraries and models; those of cleanlab and of retrain and argmax \
include the shared 5-fold cross-validation, which CleanLearning reuses too. Peak memory is that of \
a method's own process, or of the cross-validation's where that held more. Precision: of the \
flagged rows, those whose given label is wrong; where a method flags none, of the changed rows. \
Average precision: of finding wrong labels. ECE: expected calibration error of `confidence` in 15 \
bins. Goals hold for the unrounded mean over the seeds, unless they say every run. labelmend gets \
no label descriptions, and its own seed is 0 throughout. In the reference's votes a blank leaves \
the given label, and an answer that is no label of the set is wrong."""

_COLUMNS = (
    "method",
    "label accuracy",
    "bad labels fixed",
    "good labels broken",
    "precision",
    "average precision",
    "oos precision",
    "oos recall",
    "ECE",
    "seconds",
    "peak MB",
)


def _methods(lines: Lines, data: str, noise: str) -> list[str]:
    there = {method for run, method in lines if (run.data, run.noise) == (data, noise)}
    return [method for method in TITLES if method in there]


def _noise_table(lines: Lines, source: Source, noise: Noise) -> list[str]:
    of_noise = [
        line
        for line in lines.values()
        if (line.run.data, line.run.noise) == (source.key, noise.key)
    ]
    seeds = sorted({line.run.seed for line in of_noise if line.method != CROSS_VALIDATION})
    told = f"seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else "one run"
    rows = [f"### {source.title}: {noise.title} ({told})", ""]
    rows += [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    for method in _methods(lines, source.key, noise.key):
        rows.append(_method_row(method, [line for line in of_noise if line.method == method]))
    of_all = [line.seconds for line in of_noise if line.method == CROSS_VALIDATION]
    shared = [seconds for seconds in of_all if seconds is not None]
    if shared:
        rows += ["", f"Cross-validation alone: {spread(shared, 1, 1)} seconds."]
    return rows


def _method_row(method: str, lines: Sequence[Line]) -> str:
    found = [line.scores for line in lines if line.scores is not None]

    def mean(value: Callable[[Scores], float | None], digits: int = 2, scale: float = 100) -> str:
        known = _mean(map(value, found))
        return "" if known is None else f"{known * scale:.{digits}f}"

    seconds, memory = _mean(line.seconds for line in lines), _mean(line.peak_mb for line in lines)
    cells = [
        TITLES[method],
        spread(s.accuracy for s in found),
        mean(lambda s: s.fixed),
        spread(s.broken for s in found),
        mean(lambda s: s.precision),
        mean(lambda s: s.average_precision),
        mean(lambda s: s.oos_precision),
        mean(lambda s: s.oos_recall),
        mean(lambda s: s.ece, 4, 1),
        "" if seconds is None else f"{seconds:.1f}",
        "" if memory is None else f"{memory:,.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _machine() -> str:
    settings = [f"{k}={os.environ[k]}" for k in sorted(os.environ) if k.startswith("OMP_")]
    told = f"; {', '.join(settings)}" if settings else ""
    return f"Machine: {platform.machine()}, {os.cpu_count()} cores, no GPU{told}."


def _versions(lines: Lines) -> str:
    """Return with what the figures were taken, which may be more than one state of the code."""
    packages = sorted({line.versions for line in lines.values() if line.versions})
    codes = sorted({line.code for line in lines.values() if line.code})
    told = f"; labelmend's sources {', '.join(codes)}" if codes else ""
    mixed = " Not all runs of labelmend are of one state of its sources." if len(codes) > 1 else ""
    return f"{'; '.join(packages)}{told}.{mixed}"


# The command line.


def planned_runs(
    data: Collection[str], noises: Collection[str], seeds: Sequence[int]
) -> tuple[Run, ...]:
    """Return the runs of these data sets, kinds of noise and seeds."""
    return tuple(
        Run(source.key, noise.key, seed)
        for source in SOURCES
        if source.key in data
        for noise in source.noises
        if noise.key in noises
        for seed in noise.seeds(seeds)
    )


def is_published(rows: int | None, seeds: Collection[int]) -> bool:
    """Tell whether results belong into RESULTS.md: whole data sets, and no tuning seeds."""
    return rows is None and not set(seeds) & set(TUNING_SEEDS)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default=",".join(_SOURCE), help="of clinc, demo, reference")
    parser.add_argument("--noise", default=",".join(_NOISE), help="of the kinds above")
    parser.add_argument("--methods", default=",".join(CHOICES), help="of the methods above")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)), help="of the noise")
    parser.add_argument("--rows", type=int, help="a random subset of so many rows, for a look")
    parser.add_argument("--work", type=Path, default=user_cache_path("labelmend") / "correction")
    parser.add_argument("--fresh", action="store_true", help="forget what is asked for, first")
    parser.add_argument("--report-only", action="store_true", help="run nothing")
    parser.add_argument(
        "--without-times", action="store_true", help="leave seconds out: other work ran beside it"
    )
    options = parser.parse_args(arguments)
    data = _names(parser, "--data", options.data, _SOURCE)
    noises = _names(parser, "--noise", options.noise, _NOISE)
    methods = _names(parser, "--methods", options.methods, CHOICES)
    seeds = _seeds(parser, options.seeds)
    needing = sorted({"cleanlab", "cleanlearning"} & set(methods))
    if needing and not options.report_only and importlib.util.find_spec("cleanlab") is None:
        parser.error(f"{' and '.join(needing)}: run pip install -c constraints.txt '.[benchmark]'")
    for key in [key for key in data if not _SOURCE[key].table.exists()]:
        _say(f"skipped, {_SOURCE[key].table} is not here: {key}")
        data.remove(key)
    runs = planned_runs(data, noises, seeds)
    bench = Bench(options.work, runs, tuple(methods), options.rows)
    if not options.report_only:
        if options.fresh:
            forget(bench.results, runs, methods)
        run_all(bench)
    lines = chosen_lines(read_lines(bench.results), seeds)
    if options.without_times:
        lines = {key: replace(line, seconds=None) for key, line in lines.items()}
    words = typed(arguments or sys.argv[1:], {"--report-only", "--fresh"}, {"--work"})
    text = report(lines, seeds, shlex.join(["python", "benchmarks/correction.py", *words]))
    print(text)
    if is_published(options.rows, seeds):
        write_section(HERE / "RESULTS.md", "correction", text)
    else:
        _say("a subset of rows or tuning seeds: not written to RESULTS.md")


def _names(
    parser: argparse.ArgumentParser, option: str, text: str, known: Iterable[str]
) -> list[str]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        parser.error(f"{option}: unknown {', '.join(unknown)}; use of {', '.join(known)}")
    return names


def _seeds(parser: argparse.ArgumentParser, text: str) -> list[int]:
    try:
        seeds = [int(seed) for seed in text.split(",")]
    except ValueError:
        parser.error(f"--seeds {text}: give numbers, such as 0,1,2")
    return seeds


if __name__ == "__main__":
    main()
