"""Do new texts help rare labels? Ten labels of CLINC150 cut to a few rows, and texts for them.

    python benchmarks/augment.py --model qwen2.5-coder-1.5b-instruct-q4_k_m.gguf [--rows 3,5]
        [--seeds 0,1,2] [--min-rows 30] [--questions]

The labels and the rows that are left to them are drawn by the seed; all other labels keep their
rows. The same drafts go to judges that leave one check out each, and to none. Classifiers read the
first encoder of the embedded profile, the judge the second. Beside them: nothing done, random
oversampling (the rows of rare labels weigh as many times as they would be drawn), and EDA without
synonyms (Wei and Zou 2019: words swapped, left out, put in again elsewhere). The test set is
CLINC150's own; nothing is chosen on it, but that near copies of its texts are let in nowhere, as
with `--apart-from`. A classifier of all the rows that CLINC150 has tells how
many accepted texts carry their label.

Answers of the LLM are kept in the work folder, and each result is appended to a file there, so an
interrupted benchmark goes on where it stopped. At the end the tables are written into
benchmarks/RESULTS.md, between the markers of `augment`; not with --keep-out.
"""

import argparse
import platform
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
from correction import code_digest, package_versions
from downstream import TEST
from platformdirs import user_cache_path
from results_file import append_record, read_latest, write_section

from labelmend.augment.judge import open_judge
from labelmend.augment.known import KnownTexts
from labelmend.augment.language import any_language
from labelmend.augment.plan import RealTexts, plan_of
from labelmend.augment.questions import Interview
from labelmend.augment.result import Augmentation
from labelmend.augment.rounds import write_texts
from labelmend.augment.texts import real_texts
from labelmend.augment.writers import LlamaWriter
from labelmend.classify.calibrate import OperatingPoint
from labelmend.configs.load import load_config
from labelmend.configs.schema import AugmentConfig, ChecksConfig, EncoderConfig
from labelmend.data.labels_file import read_labels_file
from labelmend.data.read import read_table
from labelmend.evaluation.baseline import Condition, TestSet, TrainingRun, Vectors, train_and_test
from labelmend.llm.store import Store
from labelmend.protocols import NoProgress
from labelmend.retrieval.encoders.cache import open_encoder
from labelmend.retrieval.space import open_space
from labelmend.types import Dataset, LabelCard
from labelmend.weights.locate import locate

HERE = Path(__file__).resolve().parent
TRAIN = TEST.with_name("train.csv")
CARDS = TEST.parents[1] / "sirius" / "label_descriptions.yaml"
KINDS = ("logreg", "linear-svm")
RARE = 10
"""Labels that are cut, as the issue has it."""
GOAL = 0.03
"""Macro-F1 of the rare labels that new texts are to add at 3 rows."""
NEAR = 0.95
"""Cosine above which a new text is a near copy of a test text."""

CHECKS = tuple(field.name for field in fields(ChecksConfig))
FULL, OFF = "augmented", "judge off"
PLAIN = ("cut", "oversampled", "EDA")


@dataclass(frozen=True)
class Cell:
    """Some rows a rare label, and one seed."""

    rows: int
    seed: int
    min_rows: int
    questions: bool


@dataclass(frozen=True)
class Line:
    """One condition of a cell.

    Attributes:
        cell: of the data.
        condition: what was done for the rare labels.
        drafts: that were judged; 0 where none were.
        accepted: texts that were let in.
        rejected: the others, by reason.
        right: of the accepted, those that the classifier of all rows gives their label.
        near: of the accepted, near copies of a test text.
        rare_f1: mean F1 of the rare labels on the test set, by kind of classifier.
        macro_f1: of all labels.
        distinct: distinct pairs of words of real and new texts, mean over the rare labels.
        distance: mean distance likewise.
        seconds: of the processor, writing and judging.
        model: the LLM.
        code: digest of labelmend's sources.
        versions: of the packages that matter.
    """

    cell: Cell
    condition: str
    drafts: int
    accepted: int
    rejected: Mapping[str, int]
    right: int
    near: int
    rare_f1: Mapping[str, float]
    macro_f1: Mapping[str, float]
    distinct: tuple[float | None, float | None]
    distance: tuple[float | None, float | None]
    seconds: float
    model: str
    code: str
    versions: str

    @property
    def key(self) -> tuple[Cell, str]:
        """What it is of."""
        return self.cell, self.condition


def a_line(**plain: object) -> Line:
    """Return a line as it was written."""
    cell = plain.pop("cell")
    assert isinstance(cell, dict)
    return Line(cell=Cell(**cell), **plain)  # type: ignore[arg-type]


# The data.


@dataclass(frozen=True)
class World:
    """CLINC150 and what reads it.

    Attributes:
        texts: of the training set.
        labels: theirs.
        test: the test set.
        cards: GPT-4o's descriptions of the labels.
        encoder: that judges.
        gold: finds the labels of texts as a classifier of all rows does.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    test: TestSet
    cards: Mapping[str, LabelCard]


def read_world() -> World:
    """Read CLINC150."""
    tables = [read_table(path) for path in (TRAIN, TEST)]
    (texts, labels), (tested, truth) = (
        (tuple(t.values("text")), tuple(t.values("label"))) for t in tables
    )
    inside = [i for i, label in enumerate(truth) if label != "oos"]
    test = TestSet(tuple(tested[i] for i in inside), tuple(truth[i] for i in inside), None)
    return World(texts, labels, test, read_labels_file(CARDS))


def cut(world: World, cell: Cell) -> tuple[Dataset, tuple[str, ...]]:
    """Return the training set with few rows of ten labels, and which these are."""
    rng = np.random.default_rng(cell.seed)
    names = tuple(sorted({label for label in world.labels if label != "oos"}))
    rare = tuple(sorted(rng.choice(names, RARE, replace=False).tolist()))
    kept = []
    for label in names:
        rows = [i for i, own in enumerate(world.labels) if own == label]
        if label in rare:
            rows = sorted(rng.choice(rows, cell.rows, replace=False).tolist())
        kept += rows
    index = {name: k for k, name in enumerate(names)}
    given = np.array([index[world.labels[i]] for i in kept], dtype=np.int64)
    ids = tuple(str(i + 1) for i in range(len(kept)))
    return Dataset(ids, tuple(world.texts[i] for i in kept), given, names, None), rare


def eda(texts: Sequence[str], count: int, seed: int) -> list[str]:
    """Return texts with words swapped, left out, or put in again elsewhere."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        words = texts[number % len(texts)].split()
        for _ in range(max(1, len(words) // 10)):
            way = rng.integers(3)
            if way == 0 and len(words) > 1:
                one, other = rng.choice(len(words), 2, replace=False)
                words[one], words[other] = words[other], words[one]
            elif way == 1 and len(words) > 1:
                del words[int(rng.integers(len(words)))]
            else:
                words.insert(int(rng.integers(len(words) + 1)), str(rng.choice(words)))
        found.append(" ".join(words))
    return found


def with_texts(dataset: Dataset, new: Sequence[tuple[str, int]]) -> Dataset:
    """Return a training set with more texts, each with its label."""
    texts = (*dataset.texts, *(text for text, _ in new))
    ids = tuple(str(i + 1) for i in range(len(texts)))
    given = np.concatenate([dataset.given, np.array([k for _, k in new], dtype=np.int64)])
    made = {len(dataset.texts) + i: () for i in range(len(new))}
    return replace(dataset, ids=ids, texts=texts, given=given, made_from=made)


# Running.


class Bench:
    """What all cells share: encoders, vectors, the classifier of all rows."""

    def __init__(self, world: World, config: AugmentConfig, store: Store, model: Path) -> None:
        profile = load_config("embedded")
        self.world = world
        self.config = config
        # Held-out folds calibrate, which no figure here depends on: two are enough.
        self.classify = replace(profile.classify, folds=2)
        self.point = OperatingPoint("in-scope-loss", profile.classify.max_in_scope_loss)
        self.encoders: tuple[EncoderConfig, ...] = profile.encoders
        self.located = [locate(encoder.model) for encoder in self.encoders]
        self.space = open_space(self.encoders[:1], self.located[:1])
        # The space is that of all training texts, so that all conditions are read alike.
        self.vectors = dict(zip(*self._fitted(), strict=True))
        self.writer = LlamaWriter(config, locate(str(model)))
        self.store = store
        self.known: dict[Cell, KnownTexts] = {}
        self.gold = self._gold()

    def _fitted(self) -> tuple[list[str], list[np.ndarray]]:
        texts = sorted(set(self.world.texts))
        return texts, list(self.space.fit(texts, NoProgress()))

    def vectors_of(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts by the encoder that the classifiers read."""
        new = sorted(set(texts) - set(self.vectors))
        if new:
            self.vectors.update(zip(new, self.space.queries(new), strict=True))
        every = sorted(set(texts))
        return Vectors(every, np.stack([self.vectors[text] for text in every]))

    def _gold(self) -> Condition:
        names = tuple(sorted(set(self.world.labels)))
        index = {name: k for k, name in enumerate(names)}
        given = np.array([index[label] for label in self.world.labels], dtype=np.int64)
        ids = tuple(str(i + 1) for i in range(len(given)))
        whole = Dataset(ids, self.world.texts, given, names, names.index("oos"))
        return Condition("gold", whole, np.ones(len(given)))

    def labels_by_gold(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Return the labels that a classifier of all rows gives to texts."""
        test = TestSet(tuple(texts), (self.gold.dataset.labels[0],) * len(texts), None)
        vectors = self.vectors_of([*self.world.texts, *texts])
        run = train_and_test(self.gold, KINDS[0], 0, test, vectors, self.classify, self.point)
        return run.called

    def tested(self, condition: Condition, seed: int) -> dict[str, TrainingRun]:
        """Return how classifiers do on the test set, by kind."""
        test = self.world.test
        vectors = self.vectors_of([*condition.dataset.texts, *test.texts])
        return {
            kind: train_and_test(condition, kind, seed, test, vectors, self.classify, self.point)
            for kind in KINDS
        }

    def near_copies(self, texts: Sequence[str]) -> int:
        """Return how many texts are near copies of a test text, by either encoder."""
        if not texts:
            return 0
        near = np.zeros(len(texts), dtype=bool)
        for encoder, model in zip(self.encoders, self.located, strict=True):
            reader = open_encoder(encoder, model)
            tests = reader.encode(list(self.world.test.texts))
            near |= (reader.encode(list(texts)) @ tests.T).max(axis=1) > NEAR
        return int(near.sum())

    def augmented(
        self, cell: Cell, dataset: Dataset, real: RealTexts, checks: ChecksConfig
    ) -> Augmentation:
        """Return what a judge with some checks lets in."""
        config = replace(self.config, checks=checks, min_rows=cell.min_rows)
        # As with --apart-from: where copies are looked for, none is to be of a test text.
        apart = self.world.test.texts if checks.copies else ()
        texts = list(dict.fromkeys((*real.texts, *apart)))
        known = KnownTexts(open_encoder(self.encoders[1], self.located[1]), texts, NoProgress())
        writer = Interview(self.writer, self.store, _Told())
        asks = Interview(self.writer, self.store, NoProgress()) if cell.questions else None
        judge = open_judge(real, known, dataset, self.world.cards, config, any_language, asks)
        plan = plan_of(dataset.labels, None, real, self.world.cards, cell.min_rows)
        return write_texts(plan, real, writer, judge, config, cell.seed, _Told())


class _Told:
    """Says now and then how far the LLM is."""

    def start(self, stage: str, total: int) -> None:
        """A round begins."""
        _say(f"{stage}: {total} questions")

    def advance(self, steps: int = 1) -> None:
        """Say nothing."""


def named_conditions(cell: Cell, names: Sequence[str]) -> Iterator[tuple[str, ChecksConfig | None]]:
    """Yield those of a cell's conditions that are named; all where none is."""
    for name, checks in conditions_of(cell):
        if not names or name in names:
            yield name, checks


def conditions_of(cell: Cell) -> Iterator[tuple[str, ChecksConfig | None]]:
    """Yield the conditions of a cell, those with a judge with its checks."""
    yield from ((name, None) for name in PLAIN)
    whole = ChecksConfig(questions=cell.questions)
    yield FULL, whole
    for check in CHECKS:
        if getattr(whole, check):
            yield f"without {check}", replace(whole, **{check: False})
    yield OFF, ChecksConfig(**dict.fromkeys(CHECKS, False))


def run_cell(bench: Bench, cell: Cell, results: Path, code: str, names: Sequence[str] = ()) -> None:
    """Run what the results file does not hold yet of a cell."""
    known = read_latest(results, a_line)
    dataset, rare = cut(bench.world, cell)
    real, _ = real_texts(dataset, 0.0, cell.seed)
    places = [dataset.labels.index(name) for name in rare]
    for name, checks in named_conditions(cell, names):
        held = known.get((cell, name))
        if held is not None and held.code == code:
            continue
        began = time.process_time()
        found = None if checks is None else bench.augmented(cell, dataset, real, checks)
        seconds = time.process_time() - began
        weights = np.ones(len(dataset))
        new: list[tuple[str, int]] = []
        if name == "oversampled":
            weights[np.isin(dataset.given, places)] = cell.min_rows / cell.rows
        elif name == "EDA":
            for k in places:
                own = [dataset.texts[i] for i in np.flatnonzero(dataset.given == k)]
                made = eda(own, cell.min_rows - cell.rows, cell.seed)
                new += [(text, k) for text in made]
        elif found is not None:
            new = [(text.draft.text, text.draft.label) for text in found.accepted]
        whole = with_texts(dataset, new)
        weights = np.concatenate([weights, np.ones(len(new))])
        runs = bench.tested(Condition(name, whole, weights), cell.seed)
        texts = [text for text, _ in new] if found is not None else []
        called = bench.labels_by_gold(texts) if texts else ()
        right = sum(dataset.labels[k] == by for (_, k), by in zip(new, called, strict=False))
        line = Line(
            cell=cell,
            condition=name,
            drafts=0 if found is None else found.drafts,
            accepted=len(texts),
            rejected={} if found is None else found.rejected,
            right=right,
            near=bench.near_copies(texts),
            rare_f1={k: _rare_f1(run, rare) for k, run in runs.items()},
            macro_f1={k: run.metrics.macro_f1 for k, run in runs.items()},
            distinct=_diversity(found, "distinct_2"),
            distance=_diversity(found, "distance"),
            seconds=seconds,
            model=bench.writer.name,
            code=code,
            versions=package_versions(),
        )
        append_record(results, asdict(line))
        f1 = ", ".join(f"{kind} {value:.2%}" for kind, value in line.rare_f1.items())
        _say(f"{cell.rows} rows, seed {cell.seed}, {name}: {len(texts)} texts, F1 {f1}")


def _rare_f1(run: TrainingRun, rare: Sequence[str]) -> float:
    return float(np.mean([run.metrics.labels[label].f1 for label in rare]))


def _diversity(found: Augmentation | None, figure: str) -> tuple[float | None, float | None]:
    """Return a figure of real and of new texts, the mean over the labels that got some."""
    labels = [] if found is None else [label for label in found.labels if label.accepted]
    means = []
    for which in ("real", "new"):
        values = [getattr(label.diversity[which], figure) for label in labels]
        known = [value for value in values if value is not None]
        means.append(float(np.mean(known)) if known else None)
    return means[0], means[1]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# Reporting.


def report(lines: Mapping[tuple[Cell, str], Line], cells: Sequence[Cell], command: str) -> str:
    """Return the section of RESULTS.md."""
    one = next(iter(lines.values()))
    asked = "asked twice about each draft" if cells[0].questions else "not asked about drafts"
    parts = [
        "# Texts for rare labels",
        "",
        f"`{command}`",
        f"Seeds: {', '.join(str(s) for s in sorted({cell.seed for cell in cells}))}. Machine: "
        f"{platform.machine()}, no GPU. {one.versions}; labelmend's sources {one.code}; "
        f"LLM {one.model}, {asked}.",
        "",
        f"CLINC150, {RARE} labels cut to some rows and filled up to {cells[0].min_rows} texts. F1: "
        "mean over the rare labels on CLINC150's in-scope test rows. Right: of the accepted texts, "
        "those that a classifier of all of CLINC150's rows gives their label. Near copies: of test "
        "texts, cosine above 0.95 by either encoder. Means over the seeds.",
    ]
    for rows in sorted({cell.rows for cell in cells}):
        parts += ["", f"## {rows} rows a label", "", *_table(lines, cells, rows)]
        parts += ["", *_goals(lines, cells, rows)]
    return "\n".join(parts)


def _table(
    lines: Mapping[tuple[Cell, str], Line], cells: Sequence[Cell], rows: int
) -> Iterator[str]:
    kinds = " | ".join(f"F1 {kind}" for kind in KINDS)
    yield (
        f"| what | texts | of drafts | right | near copies | distinct pairs: real, new | distance: "
        f"real, new | {kinds} |"
    )
    yield "|---" * (7 + len(KINDS)) + "|"
    chosen = [cell for cell in cells if cell.rows == rows]
    for name, _ in conditions_of(chosen[0]):
        held = [lines[cell, name] for cell in chosen if (cell, name) in lines]
        if not held:
            continue
        texts = sum(line.accepted for line in held)
        drafts, right = (sum(getattr(line, f) for line in held) for f in ("drafts", "right"))
        judged = (
            [f"{texts}", f"{texts / drafts:.0%}", f"{right / texts:.1%}" if texts else ""]
            if drafts
            else ["", "", ""]
        )
        near = str(sum(line.near for line in held)) if drafts else ""
        cells_ = [name, *judged, near, _pair(held, "distinct"), _pair(held, "distance")]
        f1 = [f"{np.mean([line.rare_f1[kind] for line in held]):.2%}" for kind in KINDS]
        yield f"| {' | '.join([*cells_, *f1])} |"


def _pair(held: Sequence[Line], figure: str) -> str:
    pairs = [getattr(line, figure) for line in held]
    means = []
    for place in (0, 1):
        values = [pair[place] for pair in pairs if pair[place] is not None]
        means.append(f"{np.mean(values):.2f}" if values else "")
    return ", ".join(means) if any(means) else ""


def _goals(
    lines: Mapping[tuple[Cell, str], Line], cells: Sequence[Cell], rows: int
) -> Iterator[str]:
    yield "| goal | measured | |"
    yield "|---|---|---|"
    chosen = [cell for cell in cells if cell.rows == rows and (cell, FULL) in lines]
    for kind in KINDS:
        means = {
            name: float(np.mean([lines[cell, name].rare_f1[kind] for cell in chosen]))
            for name in (*PLAIN, FULL)
        }
        gain, lead = means[FULL] - means["cut"], means[FULL] - means["oversampled"]
        reached = "reached" if gain >= GOAL else "**not reached**"
        yield f"| {kind}: F1 up by at least 3 points | {100 * gain:+.1f} | {reached} |"
        reached = "reached" if lead >= 0 else "**not reached**"
        yield f"| {kind}: never worse than oversampling | {100 * lead:+.1f} | {reached} |"
    near = sum(lines[cell, FULL].near for cell in chosen)
    reached = "**not reached**" if near else "reached"
    yield f"| no near copy of a test text | {near} | {reached} |"


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--rows", default="3,5")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--min-rows", type=int, default=30)
    parser.add_argument("--questions", action="store_true", help="the LLM judges, too")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--work", type=Path, default=user_cache_path("labelmend") / "augment")
    parser.add_argument("--keep-out", action="store_true", help="write nothing to RESULTS.md")
    parser.add_argument("--conditions", default="", help="some of them, to try; not published")
    args = parser.parse_args()
    names = [name for name in args.conditions.split(",") if name]
    args.work.mkdir(parents=True, exist_ok=True)
    results = args.work / "results.jsonl"
    config = replace(load_config("embedded").augment, threads=args.threads)
    cells = [
        Cell(rows, seed, args.min_rows, args.questions)
        for rows in map(int, args.rows.split(","))
        for seed in map(int, args.seeds.split(","))
    ]
    code = code_digest()
    with Store(args.work / "answers.sqlite") as store:
        bench = Bench(read_world(), config, store, args.model)
        for cell in cells:
            run_cell(bench, cell, results, code, names)
        bench.writer.close()
    lines = {key: line for key, line in read_latest(results, a_line).items() if key[0] in cells}
    asked = ["--model", args.model.name, "--rows", args.rows, "--seeds", args.seeds]
    asked += ["--min-rows", str(args.min_rows), *(["--questions"] if args.questions else [])]
    if names:
        _say(f"{len(lines)} lines in {results}")
        return
    text = report(lines, cells, shlex.join(["python", "benchmarks/augment.py", *asked]))
    if args.keep_out:
        print(text)
    else:
        write_section(HERE / "RESULTS.md", "augment", text)


if __name__ == "__main__":
    main()
