"""Whether a row that `labelmend error-analysis` calls a label error is one.

    python benchmarks/error_analysis.py [--seeds 0,1,2] [--tables clinc,trec_rules,...]

CLINC150's training rows, of which a tenth of the labels keep five rows each and a tenth of all rows
then get another label at random; and the tables of ../shared/data/real, whose wrong labels people
or rules really made, as far as their truth is known. Labelmend's own order by `label_quality`, of a
run without an LLM and without answers, stands beside it: of as many rows, the worst. Results are
kept in the work folder as they come. Written into benchmarks/RESULTS.md between the markers of
`error_analysis`, if all was asked.

Nothing was chosen on these tables: the constants come from the demo's texts.
"""

import argparse
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from correction import SOURCES, code_digest, load, package_versions
from platformdirs import user_cache_path
from real_noise import TABLES, read
from results_file import append_record, read_latest, write_section
from sklearn.metrics import average_precision_score

import labelmend
from labelmend.classify.data import trainable_set
from labelmend.classify.heads.logreg import LogisticRegressionHead
from labelmend.classify.space import ProfileSpace
from labelmend.configs.load import load_config
from labelmend.data.noise import uniform_noise
from labelmend.evaluation.error_analysis.analysis import analyse_errors
from labelmend.evaluation.error_analysis.kinds import KINDS
from labelmend.protocols import NoProgress
from labelmend.types import Bools, Dataset

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
CLINC = "clinc"

SEEDS = (0, 1, 2)
RARE_SHARE, RARE_ROWS = 0.1, 5
"""Labels that are made rare, and the rows that each of them keeps."""
NOISE = 0.1


@dataclass(frozen=True)
class Case:
    """A table whose truth is known.

    Attributes:
        dataset: its rows.
        wrong: bool [n], the label is not the true one.
        scored: bool [n], somebody knows the truth.
        rare: bool [n], the label is one of those that were made rare.
    """

    dataset: Dataset
    wrong: Bools
    scored: Bools
    rare: Bools


@dataclass(frozen=True)
class Line:
    """What one table gave.

    Attributes:
        table: its name.
        seed: of the noise, the folds and the mending.
        code: digest of labelmend's sources.
        rows: that are judged and whose truth is known.
        wrong: of them.
        kinds: rows of each kind.
        wrong_of: wrong ones among those.
        worst_wrong: wrong ones among as many rows as are called label errors, by `label_quality`.
        precision: average precision of the doubt of both models.
        quality_precision: the same of `label_quality`.
        rare: right rows of labels that were made rare.
        rare_of: of them, those of each kind.
    """

    table: str
    seed: int
    code: str
    rows: int
    wrong: int
    kinds: dict[str, int]
    wrong_of: dict[str, int]
    worst_wrong: int
    precision: float
    quality_precision: float
    rare: int
    rare_of: dict[str, int]

    @property
    def key(self) -> tuple[str, int, str]:
        """Two lines of one key say the same."""
        return self.table, self.seed, self.code


def clinc(seed: int) -> Case:
    """Make labels rare, then put noise into all."""
    table = load(next(source for source in SOURCES if source.key == CLINC))
    rng = np.random.default_rng(seed)
    labels = [k for k in range(len(table.labels)) if k != table.oos]
    chosen = rng.choice(labels, round(RARE_SHARE * len(labels)), replace=False)
    kept = np.ones(len(table.truth), dtype=bool)
    for label in chosen.tolist():
        kept[rng.permutation(np.flatnonzero(table.truth == label))[RARE_ROWS:]] = False
    rows = np.flatnonzero(kept)
    truth = table.truth[rows]
    given = uniform_noise(truth, len(table.labels), NOISE, seed)
    dataset = labelmend.make_dataset(
        [table.texts[row] for row in rows.tolist()], [table.labels[k] for k in given.tolist()]
    )
    everything = np.ones(len(rows), dtype=bool)
    return Case(dataset, given != truth, everything, np.isin(truth, chosen))


def real(name: str) -> Case:
    """Read a table of real noise."""
    table = read(TABLES / f"{name}.csv", load_config("embedded").data.max_text_chars)
    wrong = table.dataset.given != table.truth
    return Case(table.dataset, wrong, table.scored, np.zeros(len(wrong), dtype=bool))


def measure(name: str, seed: int, code: str) -> Line:
    """Analyse one table, mend it, and hold both to the truth."""
    case = clinc(seed) if name == CLINC else real(name)
    config = load_config("embedded", [f"seed={seed}"])
    data, _ = trainable_set(case.dataset, np.ones(len(case.dataset)), name, "keep")
    embeddings = ProfileSpace(config.encoders).fit(data.texts, NoProgress())
    found = analyse_errors(
        data, embeddings, config.classify, LogisticRegressionHead(), seed, NoProgress()
    )
    pair_of = found.pair_of(case.dataset)
    rows = np.flatnonzero((pair_of >= 0) & case.scored)
    pair, wrong = pair_of[rows], case.wrong[rows]
    kind = np.array([str(found.kinds[i]) for i in pair.tolist()])
    quality = labelmend.mend(case.dataset, config).decisions.quality[rows]
    called = int((kind == "label error").sum())
    worst = np.argsort(quality, kind="stable")[:called]
    rare = case.rare[rows] & ~wrong
    return Line(
        table=name,
        seed=seed,
        code=code,
        rows=len(rows),
        wrong=int(wrong.sum()),
        kinds={k: int((kind == k).sum()) for k in KINDS},
        wrong_of={k: int(wrong[kind == k].sum()) for k in KINDS},
        worst_wrong=int(wrong[worst].sum()),
        precision=float(average_precision_score(wrong, found.doubt[pair])),
        quality_precision=float(average_precision_score(wrong, 1 - quality)),
        rare=int(rare.sum()),
        rare_of={k: int(rare[kind == k].sum()) for k in KINDS},
    )


def report(lines: Sequence[Line], command: str, code: str) -> str:
    """Return the section: counts are summed over the seeds, average precisions are means."""
    seeds = sorted({line.seed for line in lines})
    out = [
        "# Error analysis",
        "",
        f"`python benchmarks/{command}`",
        f"Seeds: {', '.join(map(str, seeds))} of CLINC150's noise. Machine: {platform.machine()}, "
        f"2 cores, no GPU. {package_versions()}; labelmend's sources {code}.",
        "",
        f"Per cent. CLINC150: {RARE_SHARE:.0%} of the labels keep {RARE_ROWS} rows, then "
        f"{NOISE:.0%} of all rows get another label; the other tables have the errors that people "
        "or rules made. Wrong: rows whose label is not the true one, which is what a choice by "
        "chance would find. Called: rows called a label error, and how many of these are one; "
        "beside it, how many of as many rows that `labelmend relabel` holds for the worst by "
        "`label_quality`. Found: of the wrong rows, those called a label error. Average precision: "
        "of the order by both models' probabilities of the label, and by `label_quality`.",
        "",
        "| table | wrong | called | of these wrong | the same by `label_quality` | found | average "
        "precision | the same by `label_quality` |",
        "|---|---|---|---|---|---|---|---|",
    ]
    names = list(dict.fromkeys(line.table for line in lines))
    for name in names:
        own = [line for line in lines if line.table == name]
        called, hits = _total(own, "kinds", "label error"), _total(own, "wrong_of", "label error")
        cells = [
            _share(sum(line.wrong for line in own), sum(line.rows for line in own)),
            _share(called, sum(line.rows for line in own)),
            _share(hits, called),
            _share(sum(line.worst_wrong for line in own), called),
            _share(hits, sum(line.wrong for line in own)),
            f"{100 * np.mean([line.precision for line in own]):.1f}",
            f"{100 * np.mean([line.quality_precision for line in own]):.1f}",
        ]
        out.append(f"| {name} | {' | '.join(cells)} |")
    heads = " | ".join(f"{kind}: rows | wrong" for kind in KINDS)
    out += ["", f"| table | {heads} |", "|---" * (2 * len(KINDS) + 1) + "|"]
    for name in names:
        own = [line for line in lines if line.table == name]
        cells = []
        for kind in KINDS:
            rows = _total(own, "kinds", kind)
            cells.append(_share(rows, sum(line.rows for line in own)))
            cells.append(_share(_total(own, "wrong_of", kind), rows))
        out.append(f"| {name} | {' | '.join(cells)} |")
    own = [line for line in lines if line.table == CLINC]
    if own:
        rare = sum(line.rare for line in own)
        said = ", ".join(f"{kind} {_share(_total(own, 'rare_of', kind), rare)}" for kind in KINDS)
        missing = _total(own, "kinds", "missing data")
        out += [
            "",
            f"Of the {rare} rightly labelled rows of labels that were made rare: {said}. They are "
            f"{_share(rare, sum(line.rows for line in own))} of the rows, and "
            f"{_share(_total(own, 'rare_of', 'missing data'), missing)} of those called missing "
            "data.",
        ]
    return "\n".join(out)


def _total(lines: Sequence[Line], counts: str, kind: str) -> int:
    return sum(getattr(line, counts)[kind] for line in lines)


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f}" if total else ""


def main() -> None:
    """Measure what is not measured yet, and write the section."""
    everything = (CLINC, *sorted(path.stem for path in TABLES.glob("*.csv")))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument("--tables", default=",".join(everything))
    asked = parser.parse_args()
    seeds, tables = tuple(map(int, asked.seeds.split(","))), tuple(asked.tables.split(","))
    kept = user_cache_path("labelmend-benchmarks") / "error_analysis.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    code = code_digest()
    known, lines = read_latest(kept, Line), []
    for name in tables:
        # Real noise is not drawn: a seed more would draw other folds of the same table.
        for seed in seeds if name == CLINC else seeds[:1]:
            line = known.get((name, seed, code)) or measure(name, seed, code)
            if line.key not in known:
                append_record(kept, asdict(line))
            print(line, flush=True)
            lines.append(line)
    text = report(lines, "error_analysis.py", code)
    print(text)
    if set(tables) == set(everything) and seeds == SEEDS:
        write_section(RESULTS, "error_analysis", text)


if __name__ == "__main__":
    main()
