"""How well soft targets are predicted: Romanian messages, and made-up pairs whose groups leak.

    python benchmarks/soft_targets.py [--seeds 0,1,2]

REDv2 (Ciobotaru et al. 2022): each message's share of three annotators that saw an emotion in it.
Five folds of its texts a seed, each held out once; ridge and logistic regression as
`train-classifier` trains them, beside scikit-learn's `RidgeCV` on the same embeddings, its
predictions cut to 0 and 1; and, on the first seed alone, for time, `finetune` with the profile's
multilingual-e5-small, whose weights of four bits are the beginning.

The made-up table has 6,000 pairs, ten answers to each of 600 questions, and 30 targets. What a
question adds to a target is drawn, so that nothing but having seen the question tells it; the rest
follows from the answer, and from what question and answer say together. Embeddings are drawn, too:
it shows how folds and pairs work, not what they give. Written into benchmarks/RESULTS.md between
the markers of `soft_targets`, if all was asked. No constant was chosen on either.
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from correction import code_digest, package_versions, spread
from results_file import write_section
from scipy.special import expit
from sklearn.linear_model import RidgeCV

from labelmend.arrays import unit_rows
from labelmend.classify.soft.data import SoftRows
from labelmend.classify.soft.finetune import soft_training, tune_rows
from labelmend.classify.soft.folds import group_folds
from labelmend.classify.soft.train import FINETUNE, LINEAR, SoftExamples, train_soft
from labelmend.configs.load import load_config
from labelmend.data.duplicates import text_groups
from labelmend.evaluation.soft_metrics import SoftMetrics, evaluate_soft
from labelmend.protocols import NoProgress
from labelmend.retrieval.encode import load_sentence_transformer
from labelmend.retrieval.space import open_space
from labelmend.types import Doubles, Ints
from labelmend.weights.locate import locate

HERE = Path(__file__).resolve().parent
RED = HERE.parent.parent / "shared" / "data" / "multilabel" / "red.jsonl"
RESULTS = HERE / "RESULTS.md"

SEEDS = (0, 1, 2)
FOLDS = 5
ALPHAS = tuple(np.logspace(-2, 3, 21))
"""Of scikit-learn's ridge, which chooses by leaving out one row at a time."""

THEIRS, MEAN = "RidgeCV", "mean of the training rows"
ENCODER = "multilingual-e5-small"
"""That is fine-tuned."""

QUESTIONS, ANSWERS, TARGETS, WIDTH = 600, 10, 30, 384
OF_QUESTION, OF_ANSWER, OF_BOTH, NOISE = 1.0, 0.7, 0.7, 0.7
"""Deviations of what makes a target's log-odds."""


@dataclass(frozen=True)
class Measured:
    """One method on all rows, each predicted by models that were trained without its fold.

    Attributes:
        metrics: over all rows.
        seconds: of processors.
    """

    metrics: SoftMetrics
    seconds: float


@dataclass(frozen=True)
class Red:
    """Messages and the share of annotators that saw each emotion."""

    texts: tuple[str, ...]
    emotions: tuple[str, ...]
    values: Doubles


def red() -> Red:
    """Read REDv2."""
    rows = [json.loads(line) for line in RED.read_text("utf-8").splitlines()]
    emotions = tuple(sorted(rows[0]["soft"]))
    values = np.array([[row["soft"][emotion] for emotion in emotions] for row in rows])
    return Red(tuple(row["text"] for row in rows), emotions, values)


def on_red(data: Red, seed: int, *, tunes: bool) -> dict[str, Measured]:
    """Predict each fold by models of the others."""
    config = load_config("multilingual")
    models = [locate(encoder.model) for encoder in config.encoders]
    groups = text_groups(data.texts)
    fold_of = group_folds(groups, FOLDS, seed)
    names = (*LINEAR, *([FINETUNE] if tunes else []), THEIRS, MEAN)
    found = {name: np.empty(data.values.shape) for name in names}
    seconds = dict.fromkeys(found, 0.0)
    for fold in range(FOLDS):
        inside, outside = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        space = open_space(config.encoders, models)
        learned = space.fit([data.texts[i] for i in inside.tolist()], NoProgress())
        unseen = space.queries([data.texts[i] for i in outside.tolist()])
        values = data.values[inside]
        renumbered = np.unique(groups[inside], return_inverse=True)[1]
        examples = SoftExamples((learned,), values, renumbered.astype(np.int64))
        for kind in LINEAR:
            began = time.process_time()
            trained = train_soft(examples, kind, config.classify, seed, NoProgress())
            found[kind][outside] = trained.scorer.predict([unseen])
            seconds[kind] += time.process_time() - began
        if tunes:
            began = time.process_time()
            rows = SoftRows([[data.texts[i] for i in inside.tolist()]], values, examples.groups)
            found[FINETUNE][outside] = tuned(rows, [data.texts[i] for i in outside.tolist()], seed)
            seconds[FINETUNE] += time.process_time() - began
            print(f"fold {fold} of seed {seed} tuned", flush=True)
        began = time.process_time()
        theirs = RidgeCV(ALPHAS, alpha_per_target=True).fit(learned, values)
        found[THEIRS][outside] = np.clip(theirs.predict(unseen), 0, 1)
        seconds[THEIRS] += time.process_time() - began
        found[MEAN][outside] = values.mean(axis=0)
    return {
        name: Measured(
            evaluate_soft(data.values, predicted, data.emotions, groups, seed), seconds[name]
        )
        for name, predicted in found.items()
    }


def tuned(rows: SoftRows, texts: Sequence[str], seed: int) -> Doubles:
    """Return what an encoder says of texts that was fine-tuned on rows, with default settings."""
    config = load_config("multilingual").classify
    with tempfile.TemporaryDirectory() as work:
        found = tune_rows(rows, config, locate(ENCODER), seed, Path(work), NoProgress())
        encoder = load_sentence_transformer(found.folder, config.finetune.max_tokens)
        vectors = encoder.encode(list(texts), normalize_embeddings=True)
    return soft_training(found, rows.values).scorer.predict([vectors])


@dataclass(frozen=True)
class World:
    """What makes the targets of made-up pairs."""

    axes: Doubles
    together: Doubles

    def pairs(self, rng: np.random.Generator) -> SoftExamples:
        """Return pairs of questions that nobody has seen."""
        rows = QUESTIONS * ANSWERS
        of = np.repeat(np.arange(QUESTIONS), ANSWERS)
        question = unit_rows(rng.normal(size=(QUESTIONS, WIDTH)).astype(np.float32))[of]
        answer = unit_rows(rng.normal(size=(rows, WIDTH)).astype(np.float32))
        parts = [
            OF_QUESTION * rng.normal(size=(QUESTIONS, TARGETS))[of],
            OF_ANSWER * standard(answer @ self.axes),
            OF_BOTH * standard((question * answer) @ self.together),
            NOISE * rng.normal(size=(rows, TARGETS)),
        ]
        return SoftExamples((question, answer), expit(np.sum(parts, axis=0)), of.astype(np.int64))


def standard(values: Doubles) -> Doubles:
    """Return columns of deviation 1."""
    return np.asarray(values / values.std(axis=0), dtype=np.float64)


def made_up(seed: int) -> dict[str, tuple[float, float, float]]:
    """Return what held-out rows say, what is true of new questions, and processor seconds."""
    rng = np.random.default_rng(seed)
    shape = WIDTH, TARGETS
    world = World(*(rng.normal(size=shape) for _ in range(2)))
    data, fresh = world.pairs(rng), world.pairs(rng)
    rows = np.arange(len(data.values), dtype=np.int64)
    ways = {
        "logreg, folds by question": ("logreg", data),
        "ridge, folds by question": ("ridge", data),
        "ridge, folds by row": ("ridge", SoftExamples(data.parts, data.values, rows)),
        "ridge, [q, a] alone, folds by question": (
            "ridge",
            SoftExamples((np.hstack(data.parts),), data.values, data.groups),
        ),
    }
    found = {}
    for name, (kind, examples) in ways.items():
        began = time.process_time()
        learner = next(one for one in LINEAR if one == kind)
        trained = train_soft(
            examples, learner, load_config("embedded").classify, seed, NoProgress()
        )
        seconds = time.process_time() - began
        parts = fresh.parts if len(examples.parts) > 1 else (np.hstack(fresh.parts),)
        says = mean_spearman(data.values, trained.held_out, data.groups)
        is_so = mean_spearman(fresh.values, trained.scorer.predict(parts), fresh.groups)
        found[name] = (says, is_so, seconds)
    return found


def mean_spearman(values: Doubles, predicted: Doubles, groups: Ints) -> float:
    """Return the mean over the targets."""
    names = [str(t) for t in range(values.shape[1])]
    value = evaluate_soft(values, predicted, names, groups, 0, draws=0).spearman.value
    assert value is not None
    return value


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    seeds = tuple(map(int, parser.parse_args().seeds.split(",")))
    data = red()
    found: list[dict[str, Measured]] = []
    made = []
    for seed in seeds:
        found.append(on_red(data, seed, tunes=not found))
        print(seed, {name: one.metrics.spearman for name, one in found[-1].items()}, flush=True)
        made.append(made_up(seed))
        print(seed, made[-1], flush=True)
    text = report(data, seeds, found, made)
    if seeds == SEEDS:
        write_section(RESULTS, "soft_targets", text)
    else:
        print(text)


def report(
    data: Red,
    seeds: Sequence[int],
    found: Sequence[dict[str, Measured]],
    made: Sequence[dict[str, tuple[float, float, float]]],
) -> str:
    """Return the section."""
    lines = [
        "# Soft targets",
        "",
        "`python benchmarks/soft_targets.py`",
        f"Seeds: {', '.join(map(str, seeds))}. Machine: {platform.machine()}, 2 cores, no GPU. "
        f"{package_versions()}; labelmend's sources {code_digest()}.",
        "",
        f"REDv2, {len(data.texts):,} Romanian messages, {len(data.emotions)} emotions, encoders of "
        f"the profile `multilingual`; {FOLDS} folds, all rows predicted by models that have not "
        "seen their fold. Means over the emotions; over the seeds the mean, and the least and the "
        f"most; the interval is of the first seed, over texts. `{FINETUNE}` tunes {ENCODER}, on "
        "the first seed alone.",
        "",
        "| method | Spearman | 95 % | cross-entropy | mean absolute error | processor s a fold |",
        "|---|---|---|---|---|---|",
    ]
    for name in found[0]:
        runs = [one[name] for one in found if name in one]
        overall = [run.metrics for run in runs]
        first = overall[0].spearman
        interval = "" if first.low is None else f"{first.low:.3f} to {first.high:.3f}"
        cells = (
            # Of the mean it would only say that folds with less leave others with more.
            "" if name == MEAN else spread([one.spearman.value for one in overall], 3, 1),
            "" if name == MEAN else interval,
            spread([one.cross_entropy.value for one in overall], 3, 1),
            spread([one.absolute_error.value for one in overall], 3, 1),
            spread([run.seconds / FOLDS for run in runs], 1, 1),
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        f"Made-up pairs: {QUESTIONS * ANSWERS:,} rows, {ANSWERS} answers to each of {QUESTIONS} "
        f"questions, {TARGETS} targets, embeddings of {WIDTH} numbers. Held out: what the training "
        "says of itself. New questions: what is so, on as many pairs of other questions.",
        "",
        "| model | Spearman held out | on new questions | processor s |",
        "|---|---|---|---|",
    ]
    for name in made[0]:
        figures = [
            spread([one[name][i] for one in made], digits, 1) for i, digits in enumerate((3, 3, 0))
        ]
        lines.append(f"| {name} | {' | '.join(figures)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
