"""What computing the default encoders in int8 changes: labels that a model gives, and its speed.

    python benchmarks/encoders.py [--before CHECKOUT] [--work FOLDER]

The default kind is trained on CLINC150's training rows (as published). Its test rows are then
placed by the profile's encoders as labelmend computes them, by the same with products in float32,
and with bge-small's graph as its package has it, whose int8 takes its scale from the whole input,
so that texts run singly. Told is how many test rows get another label.

--before names a checkout of an earlier commit: both train their default kind on CLINC150's
validation rows, and predict its test rows in turns, each command a process of its own with nothing
cached. Texts a second are those beyond the start, which predicting one text tells. Nothing was
chosen on the test rows. Writes its section of benchmarks/RESULTS.md.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from correction import SHARED, package_versions
from results_file import write_section

from labelmend.classify.model_folder import load_model
from labelmend.parallel import usable_cores
from labelmend.protocols import Encoder
from labelmend.regular_file import parsed_json
from labelmend.retrieval.encode import OnnxEncoder, OnnxModel
from labelmend.retrieval.encoders.bert_graph import Bert, encoder_model, pooling_of
from labelmend.retrieval.encoders.quantized_file import read_quantized
from labelmend.retrieval.encoders.use_file import read_use
from labelmend.retrieval.encoders.use_graph import Use, use_model
from labelmend.retrieval.space import TextSpace
from labelmend.types import Floats
from labelmend.weights.locate import locate

HERE = Path(__file__).resolve().parent
CLINC = SHARED / "clinc150"
ROUNDS = 3
"""Predictions are timed in turns, so that other work slows both alike."""

MOST_MOVED, LEAST_GAIN = 0.005, 2.0
"""Share of the labels that int8 may move, and how much faster it has to be than it was."""

_TOKENS = 256
"""Of a text at most: CLINC150's are shorter."""


@dataclass(frozen=True)
class Spent:
    """What a command took: seconds of the clock, and of the processor, its children's too."""

    clock: float
    processor: float


class ByGraph:
    """An encoder by a graph of onnxruntime's: texts of as many tokens together, or singly."""

    def __init__(self, folder: Path, graph: bytes | None) -> None:
        self._model = OnnxModel(folder, _TOKENS, graph)
        self._pooled = graph is not None

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], unit vectors."""
        if self._pooled:
            return self._model.run_alike(list(texts), 64)
        vectors = np.stack([states[0] for states in self._model.run(list(texts))])
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    encode_passages = encode


def labels(work: Path) -> list[str]:
    """Return the lines on labels that move."""
    model = work / "model"
    if not model.exists():
        _run(
            None, Path(os.environ.get("LABELMEND_HOME", work / "home")), *_training("train", model)
        )
    saved = load_model(model)
    texts = pd.read_csv(CLINC / "test.csv", keep_default_na=False)["text"].tolist()
    folders = [locate(encoder.model).path for encoder in saved.encoders]
    bge, use = folders
    config = parsed_json((bge / "config.json").read_text("utf-8"))
    weights = read_quantized(bge, config)
    assert weights is not None
    floats = encoder_model(Bert(config, weights), pooling_of(bge)).SerializeToString()
    use_floats = use_model(Use(read_use(use))).SerializeToString()

    def ours(folder: Path) -> OnnxEncoder:
        return OnnxEncoder(folder, batch_size=64, max_tokens=_TOKENS, query_prefix="")

    ways: dict[str, list[Callable[[], Encoder]]] = {
        "as labelmend computes them": [lambda: ours(bge), lambda: ours(use)],
        "in float32": [lambda: ByGraph(bge, floats), lambda: ByGraph(use, use_floats)],
        "bge-small's graph as it is": [lambda: ByGraph(bge, None), lambda: ours(use)],
    }
    found, lines = {}, []
    for name, openers in ways.items():
        space = TextSpace(openers, saved.means)
        space.queries(texts[:8])
        began, before = time.perf_counter(), time.process_time()
        vectors = space.queries(texts)
        clock, spent = time.perf_counter() - began, time.process_time() - before
        named = saved.classifier.predict(vectors).labels
        found[name] = named
        moved = (named != next(iter(found.values()))).mean()
        lines.append(
            f"| {name} | {moved:.2%} | {len(texts) / clock:,.0f} | {len(texts) / spent:,.0f} |"
        )
    most = (found["as labelmend computes them"] != found["in float32"]).mean()
    return [
        "| encoders | labels other than labelmend's | texts/s | texts per core second |",
        "|---|---|---|---|",
        *lines,
        "",
        f"Goal: at most {MOST_MOVED:.1%} of the labels are others than in float32: "
        f"{'reached' if most <= MOST_MOVED else '**not reached**'} ({most:.2%}).",
        "",
    ]


def speed(work: Path, before: Path) -> list[str]:
    """Return the lines on this and an earlier commit's speed."""
    table = pd.read_csv(CLINC / "test.csv", keep_default_na=False)[["text"]].drop_duplicates()
    one, many = work / "one.csv", work / "many.csv"
    table.head(1).to_csv(one, index=False)
    table.to_csv(many, index=False)
    checkouts = {"before": before, "now": HERE.parent}
    for name, checkout in checkouts.items():
        if not (work / name).exists():
            _run(checkout, work / f"home-{name}", *_training("validation", work / name))
    spent: dict[str, list[tuple[Spent, Spent]]] = {name: [] for name in checkouts}
    for _ in range(ROUNDS):
        for name, checkout in checkouts.items():
            pair = [
                _predict(checkout, work / name, path, work / f"{name}.csv") for path in (one, many)
            ]
            spent[name].append((pair[0], pair[1]))
    lines = [
        "| `predict` with the default kind | texts/s | texts per core second |",
        "|---|---|---|",
    ]
    rates = {}
    for name, rounds in spent.items():
        clock = median(many.clock - one.clock for one, many in rounds)
        cores = median(many.processor - one.processor for one, many in rounds)
        rates[name] = (len(table) - 1) / cores
        at = _commit(checkouts[name])
        lines.append(
            f"| {name}: {at} | {(len(table) - 1) / clock:,.0f} | {(len(table) - 1) / cores:,.0f} |"
        )
    gain = rates["now"] / rates["before"]
    return [
        *lines,
        "",
        f"Goal: {LEAST_GAIN:g} times as fast, by the processor: {gain:.1f} times, "
        f"{'reached' if gain >= LEAST_GAIN else '**not reached**'}.",
    ]


def _training(part: str, model: Path) -> tuple[str | Path, ...]:
    table = CLINC / f"{part}.csv"
    return "train-classifier", table, "--label-column", "label", "-o", model


def _predict(checkout: Path, model: Path, table: Path, output: Path) -> Spent:
    output.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as home:
        return _run(checkout, Path(home), "predict", model, table, "-o", output)


def _run(checkout: Path | None, home: Path, *command: str | Path) -> Spent:
    environment = {**os.environ, "LABELMEND_HOME": str(home)}
    if checkout is not None:
        environment["PYTHONPATH"] = str(checkout)
    began, before = time.perf_counter(), _processor()
    # Python looks first where it is started.
    subprocess.run(
        [sys.executable, "-m", "labelmend", *command, "-q"],
        env=environment,
        cwd=checkout,
        check=True,
    )
    return Spent(time.perf_counter() - began, _processor() - before)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _commit(checkout: Path) -> str:
    words = ["git", "-C", str(checkout), "log", "-1", "--format=%h of %cs"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", type=Path, help="a checkout of an earlier commit")
    parser.add_argument("--work", type=Path, help="a folder that is kept")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (told.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        lines = [
            "# The default encoders in int8",
            "",
            "`python benchmarks/encoders.py --before CHECKOUT`: the default kind on CLINC150, "
            f"5,500 test rows. {package_versions()}; {platform.machine()}, {usable_cores()} cores.",
            "",
            *labels(work),
        ]
        if told.before is not None:
            lines += speed(work, told.before.resolve())
    write_section(HERE / "RESULTS.md", "encoders", "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
