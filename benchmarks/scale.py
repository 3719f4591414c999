"""How time and memory grow with rows and labels, without the encoder and without LLMs.

    python benchmarks/scale.py [--sizes 20000,100000,500000] [--labels 150,1000,5000] [--seed 0]
        [--exact 100000] [--before CHECKOUT] [--no-write] [--runs FILE] [--work FOLDER]

Mends made-up tables through the same function as the command line; only the encoder is a stand-in
that draws vectors around label centres. Each size runs in a process of its own. `--exact` mends the
tables of that size once more, with all texts compared to find the nearest ones; `--before` mends
the one of that size with the most labels with an earlier commit, too, of which CHECKOUT is a clone.
Writes its part of benchmarks/RESULTS.md, all runs into benchmarks/scale.json (`--runs FILE`: there,
whatever else is not written), the growth that growth.py fits to them, and price_list.py's part of
docs/scale.md. The fit has tables of a dry run's sample, too, by each way of large tables. With
`--work`, each run is kept there, and none that is there is measured again: an interrupted benchmark
goes on. One size alone, as JSON: `--rows 60000 --labels 5000`.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import shlex
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from counted import Counted
from growth import RUNS, SAMPLE, SAMPLED, write_growth, write_runs
from price_list import write_prices
from results_file import typed, write_section

from labelmend.configs.load import load_config
from labelmend.engines.growth import CLASSIFIER, NEIGHBOURS
from labelmend.relabel.diagnostics.explain import RowReader
from labelmend.relabel.forecast import ways_of
from labelmend.relabel.pipeline import relabel
from labelmend.relabel.run_models import RunModels
from labelmend.retrieval.space import TextSpace
from labelmend.runs import columns as results
from labelmend.stopwatch import Clock, Stopwatch
from labelmend.types import Dataset, Floats, Ints

HERE = Path(__file__).parent
SIZES = "20000,100000,500000"
LABELS = "150,1000,5000"
NOISE_RATE = 0.2

_DIMENSIONS = 768
_LABELS_PER_THEME = 10
_THEME = 0.7
"""Share of a theme's direction in its labels' centres: some labels are close to each other."""
_SPREAD = 2.8
"""Length of what sets a text apart from its label's centre, whose length is 1."""
_DECAY = 50
"""Dimensions in which the spectrum halves, as an encoder's spectrum falls off too."""

_COMMON_WORDS = 3000
_OWN_WORDS = 12
_TEXT_COMMON, _TEXT_OWN = 10, 2
_SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]


@dataclass(frozen=True)
class MadeUp:
    """A made-up table and its truth.

    Attributes:
        dataset: rows with their noisy labels.
        truth: int64 [n].
    """

    dataset: Dataset
    truth: Ints


@dataclass(frozen=True)
class Measured:
    """One run.

    Attributes:
        rows: n.
        labels: K.
        seconds: of CPU time by stage, in the order in which the stages began: a busy machine
            stretches them less than time on the clock.
        clock: seconds by the clock, of all.
        peak_gib: by stage, of resident memory.
        before: label accuracy as given.
        after: label accuracy when mended.
        rounds_of: times that supervised evidence was gathered.
        divided: seconds of CPU time in blocks that an executor carries, by stage.
        tasks: blocks that may run side by side, by stage.
        written: bytes of the columns and of the lines of evidence.
        ways: of the stages that have another way for large tables, which it was.
    """

    rows: int
    labels: int
    seconds: dict[str, float]
    clock: float
    peak_gib: dict[str, float]
    before: float
    after: float
    rounds_of: int
    divided: dict[str, float] = field(default_factory=dict)
    tasks: dict[str, float] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    ways: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Seconds of all stages but the stand-in for the encoder."""
        return sum(s for stage, s in self.seconds.items() if stage not in _NOT_OURS)


_NOT_OURS = frozenset({"make the table", "stand-in encoder"})


def word(number: int) -> str:
    """Return a pronounceable word, another one for each number."""
    letters = _SYLLABLES[number % len(_SYLLABLES)]
    while number := number // len(_SYLLABLES):
        letters += _SYLLABLES[number % len(_SYLLABLES)]
    return letters + "x"  # no suffix that a stemmer takes off


def made_up(rows: int, labels: int, seed: int) -> MadeUp:
    """Return a table of random texts: words of their label's among common ones."""
    generator = np.random.default_rng(seed)
    truth = generator.permutation(np.arange(rows) % labels)
    given = truth.copy()
    wrong = generator.choice(rows, round(NOISE_RATE * rows), replace=False)
    given[wrong] = (truth[wrong] + generator.integers(1, labels, len(wrong))) % labels
    words = np.array([word(i) for i in range(_COMMON_WORDS + 4 * labels)], dtype=object)
    own_words = _COMMON_WORDS + generator.integers(0, 4 * labels, (labels, _OWN_WORDS))
    frequency = 1 / np.arange(10, _COMMON_WORDS + 10)
    common = generator.choice(_COMMON_WORDS, (rows, _TEXT_COMMON), p=frequency / frequency.sum())
    place = generator.integers(0, _OWN_WORDS, (rows, _TEXT_OWN))
    numbers = np.concatenate([common, own_words[truth[:, None], place]], axis=1)
    numbers = generator.permuted(numbers, axis=1)
    texts: list[str] = []
    seen: set[str] = set()
    for row, line in enumerate(words[numbers].tolist()):
        text = " ".join(line)
        while text in seen:
            text += f" {word(row)}"
        seen.add(text)
        texts.append(text)
    names = tuple(f"label_{i:06d}" for i in range(labels))
    ids = tuple(str(row + 1) for row in range(rows))
    return MadeUp(Dataset(ids, tuple(texts), given, names, oos=None), truth)


class ClusterEncoder:
    """Stands in for an encoder: a row's text lies around its true label's centre.

    A text's vector depends on the text and the seed alone, so copies of a text coincide.
    """

    def __init__(self, table: MadeUp, seed: int, watch: Clock | None = None) -> None:
        """Draw the centres."""
        self._watch = watch or Stopwatch()
        self._row_of = {text: row for row, text in enumerate(table.dataset.texts)}
        self._truth = table.truth
        self._seed = seed
        self._scale = 1 / np.sqrt(1 + np.arange(_DIMENSIONS) / _DECAY)
        self._scale /= np.linalg.norm(self._scale)
        generator = np.random.default_rng([seed, 1])
        labels = len(table.dataset.labels)
        themes = generator.standard_normal((labels // _LABELS_PER_THEME + 1, _DIMENSIONS))
        own = generator.standard_normal((labels, _DIMENSIONS))
        theme_of = np.arange(labels) // _LABELS_PER_THEME
        mixed = _THEME * themes[theme_of] + np.sqrt(1 - _THEME**2) * own
        self._centres = (mixed * self._scale).astype(np.float32)

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), 768], unit rows."""
        with self._watch.stage("stand-in encoder"):
            return self._drawn(texts)

    def _drawn(self, texts: Sequence[str]) -> Floats:
        vectors = np.empty((len(texts), _DIMENSIONS), dtype=np.float32)
        for i, text in enumerate(texts):
            row = self._row_of.get(text, -1)
            key = [self._seed, 2, row if row >= 0 else zlib.crc32(text.encode())]
            vectors[i] = np.random.default_rng(key).standard_normal(_DIMENSIONS) * self._scale
            if row >= 0:
                vectors[i] = _SPREAD * vectors[i] + self._centres[self._truth[row]]
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """Return the same as `encode`: an exemplar is a row's text."""
        return self.encode(texts)


class Watch:
    """CPU seconds and peak memory by stage; an inner stage is taken out of the outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peak: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self._open: list[str] = []
        self._since = time.process_time()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Attribute the time and memory of a block."""
        self._settle()
        self._open.append(name)
        self.calls[name] = self.calls.get(name, 0) + 1
        try:
            yield
        finally:
            self._settle()
            self._open.pop()

    @property
    def current(self) -> str:
        """The stage at work."""
        return self._open[-1] if self._open else "rest"

    def _settle(self) -> None:
        now, name = time.process_time(), self.current
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self.peak[name] = max(self.peak.get(name, 0.0), high_water_gib())
        self._since = now


def high_water_gib() -> float:
    """Return the peak of resident memory (VmHWM) since the last call, and start it anew."""
    status = Path("/proc/self/status").read_text("utf-8").splitlines()
    high = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    Path("/proc/self/clear_refs").write_text("5", "utf-8")
    return high / 2**20


def measure(
    rows: int, labels: int, seed: int, *, exact: bool = False, settings: Sequence[str] = ()
) -> Measured:
    """Mend one made-up table."""
    began = time.monotonic()
    watch = Watch()
    counted = Counted(lambda: watch.current)
    config = load_config("embedded", settings)
    if exact:
        config = replace(config, retrieval=replace(config.retrieval, exact_up_to=rows))
    with watch.stage("make the table"):
        table = made_up(rows, labels, seed)
        encoder = ClusterEncoder(table, seed, watch)
    space = TextSpace([lambda: encoder])
    models = RunModels(encoders=(), reranker=None, describer=None, voters=())
    with watch.stage("rest"):
        result = relabel(table.dataset, config, models, space=space, clock=watch, executor=counted)
    with watch.stage("columns"):
        reader = RowReader(result)
        columns = results.columns_of(result, reader=reader)
    with watch.stage("evidence lines"), Path(os.devnull).open("w", encoding="utf-8") as stream:
        every = results.evidence_lines(result, reader=reader)
        lines = sum(stream.write(line) for line in every)
    cells = sum(len(str(cell)) + 1 for column in columns for cell in column.values)
    ways = ways_of(config)
    return Measured(
        rows=rows,
        labels=labels,
        seconds=watch.seconds,
        clock=time.monotonic() - began,
        peak_gib=watch.peak,
        before=float((table.dataset.given == table.truth).mean()),
        after=float((result.decisions.mended == table.truth).mean()),
        rounds_of=watch.calls["rounds: lexical"],
        divided=counted.seconds,
        tasks=counted.tasks(),
        written={"columns": cells, "evidence": lines},
        ways={stage: ways.of(stage, rows, labels) for stage in (NEIGHBOURS, CLASSIFIER)},
    )


def measure_apart(
    rows: int,
    labels: int,
    seed: int,
    *options: str,
    checkout: Path = HERE.parent,
    work: Path | None = None,
) -> Measured:
    """Mend one made-up table in a process of its own, whose memory nothing else has touched.

    Args:
        rows: n.
        labels: K.
        seed: of the table.
        options: of this script, besides.
        checkout: of the commit that mends it.
        work: folder that keeps what was measured.
    """
    before = [] if checkout == HERE.parent else ["before"]
    name = " ".join(map(str, [rows, labels, seed, *options, *before]))
    kept = None if work is None else work / f"{name}.json"
    if kept is not None and kept.exists():
        return Measured(**json.loads(kept.read_text("utf-8")))
    script = checkout / "benchmarks" / "scale.py"
    command = [sys.executable, str(script), "--rows", str(rows), "--labels", str(labels)]
    done = subprocess.run(
        [*command, "--seed", str(seed), *options],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(checkout)},
    )
    line = done.stdout.splitlines()[-1]
    found = Measured(**json.loads(line))
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(line, "utf-8")
    print(f"{rows:,} x {labels:,}: {found.clock:.0f} s, {found.total:.0f} of CPU", file=sys.stderr)
    return found


def slope(rows: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the exponent b of seconds = a * rows^b, by least squares on logs."""
    found = np.polyfit(np.log(rows), np.log(np.maximum(seconds, 1e-3)), 1)
    return round(float(found[0]), 6) + 0.0  # no -0.0


def stage_rows(runs: Sequence[Measured]) -> list[str]:
    """Return the table's lines: one a stage; those that never took a second are added up."""
    rows = [run.rows for run in runs]
    stages = list(dict.fromkeys(stage for run in runs for stage in run.seconds))
    ours = [stage for stage in stages if stage not in _NOT_OURS]
    small = [s for s in ours if max(run.seconds.get(s, 0.0) for run in runs) < 1.0]
    groups: Mapping[str, list[str]] = {
        **{stage: [stage] for stage in ours if stage not in small},
        **({"all others": small} if small else {}),
        "**all**": ours,
    }
    lines = []
    for name, members in groups.items():
        seconds = [sum(run.seconds.get(s, 0.0) for s in members) for run in runs]
        peaks = [max(run.peak_gib.get(s, 0.0) for s in members) for run in runs]
        cells = [f"{s:.1f} s, {p:.2f} GiB" for s, p in zip(seconds, peaks, strict=True)]
        grows = f"{slope(rows, seconds):.2f}" if len(set(rows)) > 1 else "-"
        lines.append(f"| {name} | {' | '.join(cells)} | {grows} |")
    return lines


def report(runs: Sequence[Measured], command: str, further: Sequence[str] = ()) -> str:
    """Return the section of RESULTS.md.

    Args:
        runs: of all sizes with all numbers of labels.
        command: that was typed.
        further: lines on what was compared.
    """
    packages = ("numpy", "scipy", "scikit-learn", "faiss-cpu")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    lines = [
        "## Time and memory by size",
        "",
        f"`{command}`: made-up texts, {_DIMENSIONS} dimensions, {NOISE_RATE:.0%} uniform noise, "
        "embedded profile without the reranker and LLMs; the encoder is a stand-in, and its time "
        "is left out of all but the clock. `grows` is the exponent of rows (or of labels) that "
        "fits the seconds best.",
        f"Machine: {platform.machine()}, {os.cpu_count()} cores, "
        f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}; "
        f"Python {platform.python_version()}, {versions}.",
        "",
        *overview(runs),
    ]
    for labels in sorted({run.labels for run in runs}):
        some = [run for run in runs if run.labels == labels]
        heads = " | ".join(f"{run.rows:,} rows" for run in some)
        lines += [
            "",
            f"{labels:,} labels, each stage with its seconds of CPU time and the peak of memory "
            "while it ran:",
            "",
            f"| stage | {heads} | grows |",
            f"|---|{'---|' * len(some)}---|",
            *stage_rows(some),
        ]
    return "\n".join([*lines, *further])


def overview(runs: Sequence[Measured]) -> list[str]:
    """Return the table of all runs, and one line on how they grow."""
    lines = [
        "| rows | labels | by the clock | CPU | peak memory | rounds | right as given | mended |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {run.rows:,} | {run.labels:,} | {run.clock:.0f} s | {run.total:.0f} s "
        f"| {max(run.peak_gib.values()):.1f} GiB | {run.rounds_of} | {run.before:.2%} "
        f"| {run.after:.2%} |"
        for run in runs
    ]
    grows = [
        *_growth(runs, "rows", "labels"),
        *_growth(runs, "labels", "rows"),
    ]
    return [*lines, "", f"CPU grows by the power of {', '.join(grows)}."] if grows else lines


def _growth(runs: Sequence[Measured], by: str, held: str) -> list[str]:
    """Say by which power of one size the seconds grow, the other held."""
    said = []
    for value in sorted({getattr(run, held) for run in runs}):
        some = [run for run in runs if getattr(run, held) == value]
        if len(some) > 1:
            power = slope([getattr(run, by) for run in some], [run.total for run in some])
            said.append(f"{power:.2f} in {by} ({value:,} {held})")
    return said


def compared(runs: Sequence[Measured], others: Sequence[Measured], name: str) -> list[str]:
    """Return lines that hold runs to others of the same sizes."""
    lines = [
        "",
        f"| rows | labels | mended | {name} | by the clock | {name} | times as long |",
        "|---|---|---|---|---|---|---|",
    ]
    for other in others:
        run = next(r for r in runs if (r.rows, r.labels) == (other.rows, other.labels))
        lines.append(
            f"| {run.rows:,} | {run.labels:,} | {run.after:.2%} | {other.after:.2%} "
            f"| {run.clock:.0f} s | {other.clock:.0f} s | {other.clock / run.clock:.2f} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, help="measure this size alone and print JSON")
    parser.add_argument(
        "--exact-search", action="store_true", help="with --rows: compare all texts"
    )
    parser.add_argument("--sizes", default=SIZES, help="rows of each run")
    parser.add_argument("--labels", default=LABELS, help="of each size")
    parser.add_argument("--exact", type=int, help="a size that is mended with exact search, too")
    parser.add_argument("--before", type=Path, help="a checkout of an earlier commit")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], help="with --rows: a setting")
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    parser.add_argument("--work", type=Path, help="keep each run there, and go on from those there")
    parser.add_argument("--runs", type=Path, help=f"write the runs there, not to {RUNS.name}")
    options = parser.parse_args()
    every = [int(labels) for labels in options.labels.split(",")]
    if options.rows:
        exact = options.exact_search
        found = measure(options.rows, every[0], options.seed, exact=exact, settings=options.set)
        print(json.dumps(asdict(found)))
        return
    sizes = [(int(rows), labels) for labels in every for rows in options.sizes.split(",")]
    apart = partial(measure_apart, work=options.work)
    runs = [apart(rows, labels, options.seed) for rows, labels in sizes]
    further: list[str] = []
    if options.exact is not None:
        some = [size for size in sizes if size[0] == options.exact]
        exact_runs = [apart(*size, options.seed, "--exact-search") for size in some]
        further += compared(runs, exact_runs, "all texts compared")
        if options.before is not None:
            checkout = options.before.resolve()
            old = [apart(*max(some), options.seed, checkout=checkout)]
            further += compared(runs, old, "the earlier commit")
    words = typed(sys.argv[1:], {"--no-write"}, {"--work", "--runs"})
    if "--before" in words:
        words[words.index("--before") + 1] = "CHECKOUT"
    text = report(runs, shlex.join(["python", "benchmarks/scale.py", *words]), further)
    print(text)
    if options.runs is None and options.no_write:
        return
    sampled = [
        apart(SAMPLE, labels, options.seed, *settings) for labels in every for settings in SAMPLED
    ]
    path = options.runs or RUNS
    write_runs(path, [asdict(run) for run in (*sampled, *runs)], text.splitlines()[2:4])
    if not options.no_write:
        write_section(HERE / "RESULTS.md", "scale", text)
        write_growth(path)
        write_prices()


if __name__ == "__main__":
    main()
