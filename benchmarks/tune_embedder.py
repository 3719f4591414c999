"""Does tuning the encoder bring the right label nearer? On the demo's noisy data, mended first.

    python benchmarks/tune_embedder.py [--seeds 0,1,2] [--set tune.epochs=3] [--work FOLDER]

labelmend mends the demo's noisy table (embedded profile, no LLM), then `tune-embedder`'s own
function tunes all-MiniLM-L6-v2 on the mended table, once a seed. Recall of candidates is measured
on held-out texts, by their mended and by their true labels, and on the demo's test set, another
file, whose texts that are trained on are passed over. Nothing is chosen on either. Each result is
appended to a file in the work folder, and an interrupted tuning goes on. Times are those of this
process: CPU time is of all its threads. At the end the table is written into
benchmarks/RESULTS.md, between the markers of `tune_embedder`, if all default seeds have run with
the profile's settings.
"""

import argparse
import os
import platform
import shlex
import sys
import time
from collections.abc import Mapping
from functools import partial
from importlib import resources
from pathlib import Path

import numpy as np
from correction import code_digest, package_versions
from platformdirs import user_cache_path
from results_file import append_record, read_records, write_section

from labelmend.cli.console import ProgressBars
from labelmend.configs.load import load_config
from labelmend.configs.schema import Config, EncoderConfig
from labelmend.data.labels_file import read_labels_file
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.protocols import NoProgress
from labelmend.relabel.label_cards import OOS_DESCRIPTION
from labelmend.retrieval.dense import DescriptionRetriever
from labelmend.retrieval.encoders.cache import open_encoder
from labelmend.retrieval.passages import label_passages
from labelmend.retrieval.space import TextSpace
from labelmend.retrieval.tuned import TRAINED_TEXTS, text_hashes, with_embedder
from labelmend.tune.recall import DEPTHS, Questions, candidate_recall
from labelmend.types import LabelCard
from labelmend.weights.locate import locate
from labelmend.workflows.corrupt import TRUE_LABEL
from labelmend.workflows.relabel import relabel_file
from labelmend.workflows.tune import tune_file

HERE = Path(__file__).resolve().parent
SEEDS = (0, 1, 2)
ROWS = {"before": "all-MiniLM-L6-v2", "profile": "both encoders of the profile", "after": "tuned"}
SETS = {
    "recall": "held out, by mended labels",
    "gold_recall": "held out, by true labels",
    "test_recall": "test set, by true labels",
}


def mended(work: Path, config: Config) -> Path:
    """Return the demo's table as labelmend mends it; done once a work folder."""
    path = work / "mended.csv"
    if not path.exists():
        data = resources.files("labelmend.data.demo")
        with (
            resources.as_file(data / "train_noisy.csv") as table,
            resources.as_file(data / "labels.yaml") as labels,
            ProgressBars(quiet=False) as bars,
        ):
            relabel_file(
                TableRequest(table, label_column="label"),
                path,
                config,
                bars,
                labels_file=labels,
                use_llm=False,
            )
    return path


def recall_of(
    encoders: tuple[EncoderConfig, ...], cards: Mapping[str, LabelCard], trained: Path
) -> tuple[dict[int, float], int]:
    """Return candidate recall on the demo's test set, and the number of texts behind it."""
    with resources.as_file(resources.files("labelmend.data.demo") / "test.csv") as path:
        table = read_table(path, None)
    names = sorted(cards)
    seen = np.load(trained / TRAINED_TEXTS)
    rows = {
        text: names.index(label)
        for text, label in zip(table.values("text"), table.values("label"), strict=True)
        if label in cards and not np.isin(text_hashes([text]), seen).any()
    }
    texts = sorted(rows)
    passages = label_passages([cards[name] for name in names], texts, None)
    space = TextSpace([partial(open_encoder, e, locate(e.model)) for e in encoders])
    embeddings = space.fit(texts, NoProgress())
    retriever = DescriptionRetriever(embeddings, passages, space.passages(passages.passages))
    right = np.array([rows[text] for text in texts], dtype=np.int64)
    return candidate_recall(retriever, Questions(np.arange(len(texts)), right)), len(texts)


def run(seed: int, settings: list[str], work: Path) -> dict[str, object]:
    """Tune with one seed, and measure."""
    config = load_config("embedded", [*settings, f"seed={seed}"])
    table = mended(work, load_config("embedded"))
    folder = work / f"embedder-{seed}"
    with resources.as_file(resources.files("labelmend.data.demo") / "labels.yaml") as labels:
        cards = {
            name: card
            for name, card in read_labels_file(labels).items()
            if card.description != OOS_DESCRIPTION
        }
        began, worked = time.monotonic(), time.process_time()
        with ProgressBars(quiet=False) as bars:
            outcome = tune_file(
                TableRequest(table),
                folder,
                config,
                bars,
                labels_file=labels,
                gold_column=TRUE_LABEL,
            )
    seconds, cpu = time.monotonic() - began, time.process_time() - worked
    assert outcome.gold_recall is not None
    tested = {
        "before": config.encoders[:1],
        "profile": config.encoders,
        "after": with_embedder(config, str(folder)).encoders,
    }
    found = {name: recall_of(encoders, cards, folder) for name, encoders in tested.items()}
    return {
        "seed": seed,
        "code": code_digest(),
        "settings": settings,
        "trained": int(outcome.texts.trained.sum()),
        "measured": {
            "recall": outcome.measured,
            "gold_recall": outcome.gold_measured,
            "test_recall": found["after"][1],
        },
        "recall": _plain(outcome.recall),
        "gold_recall": _plain(outcome.gold_recall),
        "test_recall": _plain({name: recall for name, (recall, _) in found.items()}),
        "steps": len(outcome.losses),
        "resumed": outcome.resumed,
        "seconds": round(seconds),
        "cpu_seconds": round(cpu),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
    }


def _plain(recalls: Mapping[str, Mapping[int, float]]) -> dict[str, list[float]]:
    return {name: [recall[depth] for depth in DEPTHS] for name, recall in recalls.items()}


def table_of(records: list[dict[str, object]]) -> str:
    """Return the results as Markdown: the mean over seeds, and the least gain at 1."""
    lines = [
        f"`{shlex.join(['python', 'benchmarks/tune_embedder.py', *sys.argv[1:]])}`, seeds "
        f"{', '.join(str(r['seed']) for r in records)}; mean recall, per cent.",
        f"{package_versions()}; {platform.machine()}, {os.cpu_count()} cores.",
        "",
        "| texts | encoder | Recall@1 | Recall@5 | Recall@10 | least gain at 1 |",
        "|---|---|---|---|---|---|",
    ]
    for key, where in SETS.items():
        for name, words in ROWS.items():
            recalls = np.array([r[key][name] for r in records])  # type: ignore[index]
            start = np.array([r[key]["before"] for r in records])  # type: ignore[index]
            gain = f"{100 * (recalls - start)[:, 0].min():+.1f}" if name == "after" else ""
            cells = " | ".join(f"{100 * share:.1f}" for share in recalls.mean(axis=0))
            lines.append(f"| {where} | {words} | {cells} | {gain} |")
    lines += ["", "| seed | trained on | steps | seconds | CPU seconds | OMP threads |"]
    lines.append("|---|---|---|---|---|---|")
    for r in records:
        went_on = f" ({r['resumed']} by an earlier run)" if r["resumed"] else ""
        lines.append(
            f"| {r['seed']} | {r['trained']:,} texts | {r['steps']}{went_on} | {r['seconds']} | "
            f"{r['cpu_seconds']} | {r['threads']} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--work", type=Path, default=user_cache_path("labelmend") / "tune-bench")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    results = asked.work / "results.jsonl"
    seeds = [int(seed) for seed in asked.seeds.split(",")]
    records = []
    for seed in seeds:
        known = [
            r
            for r in read_records(results)
            if (r["seed"], r["code"], r["settings"]) == (seed, code_digest(), asked.settings)
        ]
        if not known:
            known = [run(seed, asked.settings, asked.work)]
            append_record(results, known[0])
        records.append(known[-1])
    text = table_of(records)
    print(text)
    if tuple(seeds) == SEEDS and not asked.settings:
        title = "## Tuning the sentence encoder\n\n"
        write_section(HERE / "RESULTS.md", "tune_embedder", title + text)


if __name__ == "__main__":
    main()
