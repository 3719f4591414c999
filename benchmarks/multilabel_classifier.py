"""What mended labels do for a classifier where a text may have several.

    python benchmarks/multilabel_classifier.py [--seeds 0,1,2,3,4]

NLU++ and the noise are those of `multilabel.py`, uniform. 30 % of the texts are held out with their
true labels. Of the others, classifiers are trained on the noisy labels, on those that
`labelmend.mend_sets` made of them, and on the true ones, as `train-classifier` trains them, and are
tested on what was held out. How much of the gap from noisy to true labels is closed is
(mended - noisy) / (true - noisy). It is told twice: with the thresholds that each classifier
learned, and with thresholds of 0.5 for all, which is what classifiers of several labels have where
nothing is said. Learned ones make up for forgotten labels by themselves, so they leave a smaller
gap.

The time of a large table is taken on made-up embeddings. Written into benchmarks/RESULTS.md between
the markers of `multilabel_classifier`, if all was asked.

How far thresholds are drawn together was chosen on true and on noisy labels of seeds 10 to 12, and
nothing on mended ones.
"""

import argparse
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from correction import code_digest, package_versions, spread
from multilabel import MAX_HARM, RATE, RESULTS, Table, corrupted, nlu
from results_file import write_section
from sklearn.metrics import f1_score

import labelmend
from labelmend.arrays import unit_rows
from labelmend.classify.several.data import set_training
from labelmend.classify.several.linear import KINDS
from labelmend.classify.several.train import train_sets
from labelmend.configs.load import load_config
from labelmend.data.sets.label_sets import LabelSets
from labelmend.evaluation.set_metrics import SetMetrics, evaluate_sets
from labelmend.protocols import NoProgress
from labelmend.retrieval.space import open_space
from labelmend.types import Bools
from labelmend.weights.locate import locate

SEEDS = (0, 1, 2, 3, 4)
HELD_OUT = 0.3
HALF = 0.5
ROWS, LABELS, WIDTH = 15_000, 60, 896
"""Of the made-up table; the profile's encoders give so many numbers a text."""

Version = Literal["noisy", "mended", "true"]
VERSIONS: tuple[Version, ...] = ("noisy", "mended", "true")


@dataclass(frozen=True)
class Trained:
    """A classifier on one version of the labels.

    Attributes:
        kind: of the classifier.
        version: of the labels.
        metrics: on the held-out rows.
        at_half: micro-F1 on them if all labels are called whose probability is 0.5 or more.
        seconds: of processors, the embedding of the texts left out.
    """

    kind: str
    version: Version
    metrics: SetMetrics
    at_half: float
    seconds: float


def one_seed(table: Table, seed: int) -> list[Trained]:
    """Train on all versions of one noisy table."""
    held_out = np.random.default_rng(seed).random(len(table.texts)) < HELD_OUT
    texts = tuple(text for text, out in zip(table.texts, held_out, strict=True) if not out)
    tested = tuple(text for text, out in zip(table.texts, held_out, strict=True) if out)
    truth = table.truth[~held_out]
    noisy = corrupted(truth, "uniform", seed)
    config = load_config("embedded", [f"decision.max_harm={MAX_HARM}"])
    sets = [[table.labels[k] for k in np.flatnonzero(row)] for row in noisy]
    mended = labelmend.mend_sets(texts, sets, config, label_set=table.labels).mended
    space = open_space(config.encoders, [locate(encoder.model) for encoder in config.encoders])
    names = set_training(_sets(texts, truth, table.labels)).texts
    embeddings = space.fit(names, NoProgress())
    queries = space.queries(tested)
    versions: Mapping[Version, Bools] = {"noisy": noisy, "mended": mended, "true": truth}
    found = []
    for kind in KINDS:
        for version, given in versions.items():
            data = set_training(_sets(texts, given, table.labels))
            began = time.process_time()
            trained = train_sets(data, embeddings, config.classify, kind, seed, NoProgress())
            seconds = time.process_time() - began
            said = trained.classifier.predict(queries)
            metrics = evaluate_sets(
                *(table.truth[held_out], said.called, said.probabilities, table.labels), draws=0
            )
            half = f1_score(table.truth[held_out], said.probabilities >= HALF, average="micro")
            found.append(Trained(kind, version, metrics, half, seconds))
            print(seed, kind, version, metrics.micro_f1.value, half, round(seconds, 1), flush=True)
    return found


def large_table() -> dict[str, float]:
    """Return the processor seconds of a training on a large made-up table, by kind."""
    rng = np.random.default_rng(0)
    embeddings = unit_rows(rng.normal(size=(ROWS, WIDTH)).astype(np.float32))
    sides = embeddings @ rng.normal(size=(WIDTH, LABELS)).astype(np.float32)
    given = sides + 0.5 * rng.normal(size=sides.shape) > 2.2
    data = set_training(_sets(tuple(f"{i:05}" for i in range(ROWS)), given, _names()))
    found = {}
    for kind in KINDS:
        began = time.process_time()
        train_sets(data, embeddings, load_config("embedded").classify, kind, 0, NoProgress())
        found[kind] = time.process_time() - began
        print("large table", kind, round(found[kind], 1), flush=True)
    return found


def _names() -> tuple[str, ...]:
    return tuple(f"{k:02}" for k in range(LABELS))


def _sets(texts: tuple[str, ...], given: Bools, labels: tuple[str, ...]) -> LabelSets:
    return LabelSets(tuple(map(str, range(len(texts)))), texts, given, labels)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    seeds = tuple(map(int, parser.parse_args().seeds.split(",")))
    table = nlu()
    found = [one_seed(table, seed) for seed in seeds]
    text = report(table, seeds, found, large_table())
    if seeds == SEEDS:
        write_section(RESULTS, "multilabel_classifier", text)
    else:
        print(text)


def report(
    table: Table,
    seeds: Sequence[int],
    found: Sequence[Sequence[Trained]],
    large: Mapping[str, float],
) -> str:
    """Return the section."""
    lines = [
        "# Classifiers of several labels a text",
        "",
        "`python benchmarks/multilabel_classifier.py`",
        f"Seeds: {', '.join(map(str, seeds))}. Machine: {platform.machine()}, 2 cores, no GPU. "
        f"{package_versions()}; labelmend's sources {code_digest()}.",
        "",
        f"NLU++, {len(table.texts):,} texts, {len(table.labels)} labels; {HELD_OUT:.0%} of the "
        f"texts are held out with their true labels. Of the others' labels {RATE:.0%} are "
        f"forgotten, and {RATE:.0%} of the rows get one that does not hold; `labelmend.mend_sets` "
        "mends them. Per cent: the mean over the seeds, and the least and the most.",
        "",
        "| kind | labels | micro-F1 | macro-F1 | subset accuracy | ranking | micro-F1 at 0.5 "
        "| processor s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    gaps = []
    for kind in KINDS:
        runs = {
            version: [
                one for seed in found for one in seed if (one.kind, one.version) == (kind, version)
            ]
            for version in VERSIONS
        }
        for version, ones in runs.items():
            figures = [
                spread([one.metrics.micro_f1.value for one in ones]),
                spread([one.metrics.macro_f1.value for one in ones]),
                spread([one.metrics.subset_accuracy.value for one in ones]),
                spread([one.metrics.ranking.value for one in ones]),
                spread([one.at_half for one in ones]),
                spread([one.seconds for one in ones], 0, 1),
            ]
            lines.append(f"| {kind} | {version} | {' | '.join(figures)} |")
        learned = {v: [one.metrics.micro_f1.value for one in runs[v]] for v in VERSIONS}
        halves = {v: [one.at_half for one in runs[v]] for v in VERSIONS}
        gaps.append(
            f"{kind}: mended labels close {_closed(learned)} of the gap in micro-F1 with learned "
            f"thresholds, and {_closed(halves)} with thresholds of 0.5 (the mean gap; by seed the "
            "least and the most)."
        )
    lines += ["", *gaps, ""]
    seconds = ", ".join(f"{kind} {value:.0f} s" for kind, value in large.items())
    lines.append(
        f"A made-up table of {ROWS:,} rows by {LABELS} labels, {WIDTH} numbers a text, trains in "
        f"these seconds of processors, embeddings left out: {seconds}."
    )
    return "\n".join(lines)


def _closed(figures: Mapping[Version, Sequence[float]]) -> str:
    """Return what is closed of the gap: of the mean gap, and the least and the most of a seed."""
    noisy, mended, true = (np.array(figures[version]) for version in VERSIONS)
    by_seed = (mended - noisy) / (true - noisy)
    whole = (mended - noisy).mean() / (true - noisy).mean()
    return f"{whole:.0%} ({by_seed.min():.0%} to {by_seed.max():.0%})"


if __name__ == "__main__":
    main()
