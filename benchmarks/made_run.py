"""The files of a run on a table of any size, by our own writers and without a run.

Texts are of made-up words, each label has some of its own, and 15 % of the given labels are wrong.
What a run would find out is drawn: candidates, evidence, neighbours and places. So the files are as
large, and as hard to read, as those of a real one; what they say is of no use.
"""

import csv
from pathlib import Path

import numpy as np

from labelmend.configs.load import load_config
from labelmend.configs.schema import Config
from labelmend.data.duplicates import unique_texts
from labelmend.data.read import table_digest
from labelmend.data.request import LoadedTable, TableRequest, load_table
from labelmend.relabel.labelmodel.decisions import decide
from labelmend.relabel.labelmodel.types import NoiseChannel, Posterior
from labelmend.relabel.result import Layout, Relabelling
from labelmend.runs.layout import OutputPaths
from labelmend.runs.parts import InputColumns, RunInput
from labelmend.runs.record import RunRecord
from labelmend.types import Doubles, Evidence, Floats, Ints, LabelCard, UniqueTexts
from labelmend.workflows.relabel import write_run

NOISE = 0.15
CANDIDATES, NEIGHBOURS, AXES = 12, 30, 64
SOURCES = ("bm25", "classifier", "description", "lexical", "neighbour", "oos", "prototypes")
WORDS = 14
"""Of a text: as many as CLINC150's longer ones have."""


def made_run(folder: Path, rows: int, labels: int, seed: int) -> Path:
    """Write a table and the files of a run on it; return the mended table."""
    rng = np.random.default_rng(seed)
    source = folder / "table.csv"
    truth = _write_table(source, rows, labels, rng)
    config = load_config()
    loaded = load_table(TableRequest(source), config.data, {})
    result = _made_result(loaded, config, truth, rng)
    columns = InputColumns(text="text", label="label", id="id", votes=())
    read = RunInput(
        path=str(source),
        sha256=table_digest(source),
        rows=rows,
        texts=len(result.unique),
        columns=columns,
    )
    record = RunRecord.of(result, config, {}, read, ())
    mended = folder / "mended.csv"
    paths = OutputPaths.beside(mended)
    write_run(paths, loaded, result, record, labels=True, excel_safe=False)
    return mended


def _write_table(path: Path, rows: int, labels: int, rng: np.random.Generator) -> Ints:
    """Write the table; return the true label of each row, int64 [n]."""
    names = [f"topic_{k:05}" for k in range(labels)]
    truth = np.concatenate([np.arange(labels), rng.integers(0, labels, rows - labels)])
    given = np.where(rng.random(rows) < NOISE, rng.integers(0, labels, rows), truth)
    common = ["".join(rng.choice(list("aeioulnrst"), size)) for size in rng.integers(3, 9, 4000)]
    picks = rng.integers(0, len(common), (rows, WORDS))
    lengths = rng.integers(4, WORDS, rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "label", "true_label"])
        for row in range(rows):
            words = [common[word] for word in picks[row, : lengths[row]]]
            text = " ".join([*words, f"of{truth[row]}", str(row)])
            writer.writerow([f"r{row}", text, names[given[row]], names[truth[row]]])
    return truth


def _made_result(
    loaded: LoadedTable, config: Config, truth: Ints, rng: np.random.Generator
) -> Relabelling:
    dataset = loaded.dataset
    unique = unique_texts(dataset)
    _, first = np.unique(unique.of_row, return_index=True)
    count, total = len(unique), len(dataset.labels)
    given = dataset.given[first]
    candidates = _candidates(np.stack([truth[first], given], axis=1), total, rng)
    evidence = tuple(
        Evidence(
            name,
            rng.normal(size=candidates.shape).astype(np.float32)
            + np.where(np.arange(candidates.shape[1]) == 0, 2, 0).astype(np.float32),
        )
        for name in SOURCES
    )
    posterior = _posterior(candidates, evidence, (candidates == given[:, None]).astype(float))
    centres = rng.normal(size=(total, AXES)).astype(np.float32) / np.float32(8)
    drawn = centres[truth[first]] + rng.normal(size=(count, AXES)) / 20
    vectors: Floats = drawn.astype(np.float32)
    return Relabelling(
        dataset=dataset,
        cards=tuple(
            LabelCard(label, f"What people ask about {label}, in words of their own.", (), "llm")
            for label in dataset.labels
        ),
        posterior=posterior,
        decisions=decide(dataset, unique.of_row, posterior, config.decision),
        unique=unique,
        evidence=evidence,
        neighbours=_neighbours(unique, truth[first], rng),
        neighbour_scores=-np.sort(-rng.random((count, NEIGHBOURS)).astype(np.float32), axis=1),
        routed=np.zeros(count, dtype=bool),
        voters=(),
        seconds={},
        layout=Layout(vectors[:, :2], vectors.astype(np.float16)),
    )


def _candidates(named: Ints, total: int, rng: np.random.Generator) -> Ints:
    """Return int64 [u, c]: the true label, the given one, and others, distinct in a row."""
    width = min(CANDIDATES, total)
    drawn = (
        named[:, :1] + np.cumsum(rng.integers(1, max(2, total // width), (len(named), width)), 1)
    ) % total
    found = np.concatenate([named[:, :1], drawn[:, : width - 1]], axis=1)
    lacks = ~(found == named[:, 1:]).any(axis=1)
    found[lacks, -1] = named[lacks, 1]
    return found


def _posterior(candidates: Ints, evidence: tuple[Evidence, ...], given: Doubles) -> Posterior:
    weights = {each.source: 0.5 for each in evidence}
    nats = sum(0.5 * (e.scores - e.scores.mean(axis=1, keepdims=True)) for e in evidence)
    channel = given * 4.0
    odds = np.exp(nats + channel - (nats + channel).max(axis=1, keepdims=True))
    learned = NoiseChannel(1 - NOISE, 0.3, 0.0, 0.1, None, None)
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    return Posterior(candidates, probabilities, learned, weights, 0.0, channel, given)


def _neighbours(unique: UniqueTexts, truth: Ints, rng: np.random.Generator) -> Ints:
    """Return int64 [u, m], texts that mostly share the true label."""
    order = np.argsort(truth, kind="stable")
    place = np.empty(len(unique), dtype=np.int64)
    place[order] = np.arange(len(unique))
    steps = np.cumsum(rng.integers(1, 3, (len(unique), NEIGHBOURS)), axis=1)
    found: Ints = order[(place[:, None] + steps) % len(unique)]
    return found
