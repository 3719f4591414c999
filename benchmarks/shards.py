"""Tables in shards: the memory that each stage takes, and that the rows of one file say the same.

    python benchmarks/shards.py [--rows 1000000] [--shards 64] [--labels 150] [--whole ROWS,ROWS]
        [--work FOLDER] [--no-write]

Makes short texts in shards of real Parquet, with a column of 200 letters besides, which nothing
reads. Processes of their own then work on them, each with its cache of embeddings on the disk.
The first embeds the texts, finds neighbours and candidates, and writes the shards with these; the
others, on tables of ROWS each, are all of `labelmend relabel`. Only the encoder is a
stand-in, a real ONNX file whose vectors of 384 numbers are the means of their words' vectors.
Memory is what the system says was resident at the most, mapped files counted. With `--work`, what
is measured is kept there, and a size that was measured before is not measured again. Writes its
section of benchmarks/RESULTS.md.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from results_file import typed, write_section
from scale import Watch, word

from labelmend.configs.load import load_config
from labelmend.configs.schema import Config
from labelmend.data.request import TableRequest, load_table
from labelmend.data.shards.table import ShardedTable
from labelmend.data.shards.write import write_shard
from labelmend.data.table import NewColumn
from labelmend.data.write import atomic_files
from labelmend.llm.store import Store
from labelmend.protocols import NoProgress
from labelmend.relabel.evidence.registry import resolved_sources
from labelmend.relabel.pipeline import PREPARE, propose, relabel
from labelmend.relabel.run_models import locate_models
from labelmend.relabel.run_state import Run, Stage, carry_out, found
from labelmend.retrieval.space import open_space
from labelmend.workflows import relabel as workflow

HERE = Path(__file__).resolve().parent
ROWS, SHARDS, LABELS = 1_000_000, 64, 150
"""What is asked of the first process."""

SEARCHED = 10_000
"""Texts that each is compared with, where there are too many to compare all: a fifth of the
default, for time. What is held of it at once is a block of so many vectors."""

LIMIT_GIB = 4.0
"""That it may take at the most."""

_WIDTH = 384
"""Numbers of a vector, as bge-small's."""

_COMMON, _OWN = 3000, 12
"""Words of all texts, and of each label."""

_TEXT_COMMON, _TEXT_OWN = 6, 3
"""Words of a text: such as any has, and of its label's."""

_NOISE = 0.1
"""Share of the labels that are another's."""

_PAYLOAD = 200
"""Letters of a column that nobody reads."""

_ROW_GROUP = 4096
"""Rows of a Parquet row group."""


@dataclass(frozen=True)
class Measured:
    """One process.

    Attributes:
        rows: n.
        shards: files.
        labels: K.
        seconds: of CPU time by stage.
        peak_gib: by stage, of resident memory.
        most_gib: over all of it, as `getrusage` has it.
        read_mib: size of the shards that were read.
        written_mib: of those that were written, evidence and index counted.
        right: share of the labels that are right after mending; None where none was mended.
    """

    rows: int
    shards: int
    labels: int
    seconds: dict[str, float]
    peak_gib: dict[str, float]
    most_gib: float
    read_mib: float
    written_mib: float
    right: float | None = None


def words(labels: int) -> list[str]:
    """Return all words: the common ones, then those of each label in turn."""
    return [word(number) for number in range(_COMMON + labels * _OWN)]


def make(folder: Path, rows: int, shards: int, labels: int, seed: int = 0) -> None:
    """Write a table in shards; its column `truth` has the labels without the errors."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    known = np.array(words(labels), dtype=object)
    frequency = 1 / np.arange(10, _COMMON + 10)
    cuts = np.linspace(0, rows, shards + 1).astype(int)
    letters = np.frombuffer(b"abcdefghijklmnop", dtype="S1")
    names = np.array([f"label_{k:04d}" for k in range(labels)], dtype=object)
    for shard, (start, end) in enumerate(pairwise(cuts.tolist())):
        count = end - start
        truth = generator.integers(0, labels, count)
        common = generator.choice(_COMMON, (count, _TEXT_COMMON), p=frequency / frequency.sum())
        own = _COMMON + truth[:, None] * _OWN + generator.integers(0, _OWN, (count, _TEXT_OWN))
        numbers = generator.permuted(np.concatenate([common, own], axis=1), axis=1)
        wrong = generator.random(count) < _NOISE
        given = np.where(wrong, generator.integers(0, labels, count), truth)
        other = generator.choice(letters, (count, _PAYLOAD)).view(f"S{_PAYLOAD}").ravel()
        table = pa.table(
            {
                "id": np.arange(start, end),
                "text": [" ".join(line) for line in known[numbers].tolist()],
                "label": pa.array(names[given]).dictionary_encode(),
                "payload": pa.array(other.astype(str)),
                "truth": names[truth],
            }
        )
        path = folder / f"part-{shard:05d}.parquet"
        pq.write_table(table, path, row_group_size=_ROW_GROUP, compression="zstd")


def write_stand_in(folder: Path, labels: int) -> Path:
    """Write a model folder: a graph of the mean of words' vectors, and a tokenizer of words."""
    import onnx
    import tokenizers
    from onnx import TensorProto, helper, numpy_helper

    folder.mkdir(parents=True)
    places = {name: place for place, name in enumerate(["[UNK]", *words(labels)])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(places, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 64}))
    generator = np.random.default_rng(1)
    table = generator.standard_normal((len(places), _WIDTH)).astype(np.float32)
    # A label's words point the way of the label, as an encoder's do.
    centres = generator.standard_normal((labels, _WIDTH)).astype(np.float32)
    table[1 + _COMMON :] += 1.5 * np.repeat(centres, _OWN, axis=0)
    body = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["states"], axis=0),
            helper.make_node("Shape", ["states"], ["shape"]),
            helper.make_node("ReduceMean", ["states", "tokens"], ["mean"], keepdims=1),
            helper.make_node("Expand", ["mean", "shape"], ["output"]),
        ],
        "words",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["b", "t"])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["b", "t", _WIDTH])],
        [
            numpy_helper.from_array(table, "table"),
            helper.make_tensor("tokens", TensorProto.INT64, [1], [1]),
        ],
    )
    graph = helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(graph, folder / "model.onnx")
    return folder


def settings(encoder: Path) -> Config:
    """Return the default profile with the stand-in as its one encoder, and without a reranker."""
    changes = [
        f"encoders=[{{backend: onnx, model: {encoder}}}]",
        "evidence.reranker.enabled=false",
        f"retrieval.searched_texts={SEARCHED}",
    ]
    return load_config("embedded", changes)


def retrieve(source: Path, output: Path, config: Config, watch: Watch) -> None:
    """Embed, find neighbours and candidates, and write the shards with the candidates."""
    config = resolved_sources(config)
    models = locate_models(config, use_llm=False)
    with watch.stage("read"):
        loaded = load_table(TableRequest(source), config.data, {})
    table = loaded.table
    assert isinstance(table, ShardedTable)
    run = Run(
        dataset=loaded.dataset,
        config=config,
        models=models,
        space=open_space(config.encoders, models.encoders),
        store=Store(None),
        clock=watch,
    )
    state = carry_out(run, (*PREPARE, Stage("candidates", propose)))
    labels, of_row = found(state.start).candidates.kept, found(state.unique).of_row
    names = loaded.dataset.labels
    output.mkdir()
    with watch.stage("write"):
        for shard in table.shards:
            texts = of_row[shard.part.start : shard.part.stop]
            cells = tuple(" | ".join(names[k] for k in line) for line in labels[texts].tolist())
            with atomic_files([output / shard.path.name]) as (temporary,):
                write_shard(shard, [NewColumn("candidates", cells)], temporary)


def mend(source: Path, output: Path, config: Config, watch: Watch) -> None:
    """Do all of `labelmend relabel`."""
    # The command has no watch to give; its stages are those of the job.
    vars(workflow)["relabel"] = partial(relabel, clock=watch)
    with watch.stage("read and write"):
        workflow.relabel_file(TableRequest(source), output, config, NoProgress(), use_llm=False)


def right(output: Path) -> float:
    """Return the share of mended labels that are the true ones."""
    counts = [0, 0]
    for path in sorted(output.glob("*.parquet")):
        table = pq.read_table(path, columns=["truth", "mended_label"])
        same = np.array(table["truth"].to_pylist()) == np.array(table["mended_label"].to_pylist())
        counts[0] += int(same.sum())
        counts[1] += len(same)
    return counts[0] / counts[1]


def size_mib(folder: Path) -> float:
    """Return the size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def measure(source: Path, output: Path, encoder: Path, labels: int, *, whole: bool) -> Measured:
    """Work on a table in shards in this process."""
    watch = Watch()
    (mend if whole else retrieve)(source, output, settings(encoder), watch)
    shards = sorted(source.iterdir())
    return Measured(
        rows=sum(pq.ParquetFile(path).metadata.num_rows for path in shards),
        shards=len(shards),
        labels=labels,
        seconds=watch.seconds,
        peak_gib=watch.peak,
        most_gib=max(*watch.peak.values(), _most_gib()),
        read_mib=size_mib(source),
        written_mib=size_mib(output),
        right=right(output) if whole else None,
    )


def _most_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure_apart(work: Path, rows: int, shards: int, labels: int, *, whole: bool) -> Measured:
    """Make a table, and work on it in a process of its own; what was measured before stays."""
    name = f"{'whole' if whole else 'head'}-{rows}"
    record = work / f"{name}.json"
    if record.exists():
        return Measured(**json.loads(record.read_text("utf-8")))
    source, output, encoder = work / f"{name}-rows", work / f"{name}-out", work / "encoder"
    if not source.is_dir():
        make(source, rows, shards, labels)
    if not encoder.is_dir():
        write_stand_in(encoder, labels)
    command = [sys.executable, __file__, "--labels", str(labels), "--work", str(work)]
    command += ["--alone", "whole" if whole else "head", str(source), str(output)]
    began = time.monotonic()
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env={**os.environ, "LABELMEND_HOME": str(work / f"home-{name}")},
    )
    record.write_text(done.stdout.splitlines()[-1], "utf-8")
    measured = Measured(**json.loads(record.read_text("utf-8")))
    took = sum(measured.seconds.values())
    print(
        f"{name}: {measured.most_gib:.2f} GiB, {took:.0f} s of CPU, "
        f"{time.monotonic() - began:.0f} s by the clock",
        file=sys.stderr,
    )
    return measured


def stage_rows(runs: Sequence[Measured]) -> Iterator[str]:
    """Yield a line a stage that took a second or more in a run; the others are one line.

    Of several runs it ends with what a row more takes, from the first to the last of them.
    """
    stages = list(dict.fromkeys(stage for run in runs for stage in run.seconds))
    small = [stage for stage in stages if max(run.seconds.get(stage, 0.0) for run in runs) < 1]
    groups = {stage: [stage] for stage in stages if stage not in small}
    for name, members in {**groups, **({"all others": small} if small else {})}.items():
        peaks = [max(run.peak_gib.get(stage, 0.0) for stage in members) for run in runs]
        seconds = [sum(run.seconds.get(stage, 0.0) for stage in members) for run in runs]
        cells = [f"{took:.0f} s, {peak:.2f} GiB" for took, peak in zip(seconds, peaks, strict=True)]
        if len(runs) > 1:
            cells.append(f"{kib_a_row(runs, peaks):.1f}")
        yield f"| {name} | {' | '.join(cells)} |"


def kib_a_row(runs: Sequence[Measured], gib: Sequence[float]) -> float:
    """Return by how many KiB memory grows with a row, between the first and the last run."""
    return (gib[-1] - gib[0]) * 2**20 / (runs[-1].rows - runs[0].rows)


def report(runs: Sequence[Measured], command: str) -> str:
    """Return the section of RESULTS.md."""
    lines = [
        "## Tables in shards",
        "",
        f"`{command}` on {platform.processor() or platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, pyarrow "
        f"{importlib.metadata.version('pyarrow')}. Texts of nine made-up words, {_NOISE:.0%} of "
        f"the labels wrong; the encoder is a stand-in, an ONNX file of {_WIDTH} numbers a text, "
        f"and `retrieval.searched_texts` is {SEARCHED:,} for time. Seconds are of processor time. "
        "Memory is the most that was resident while a stage was at work, mapped files counted.",
        "",
    ]
    for run in runs:
        if run.right is None:
            verdict = "below" if run.most_gib < LIMIT_GIB else "**above**"
            lines += [
                f"**{run.rows:,} rows in {run.shards} shards, {run.labels:,} labels: embedded, "
                f"candidates found, shards written.** {run.read_mib:,.0f} MiB read, "
                f"{run.written_mib:,.0f} MiB written; at the most {run.most_gib:.2f} GiB, "
                f"{verdict} the {LIMIT_GIB:.0f} GiB that it may take.",
                "",
                f"| stage | {run.rows:,} rows |",
                "|---|---|",
                *stage_rows([run]),
                "",
            ]
    return "\n".join([*lines, *_of_whole([run for run in runs if run.right is not None])])


def _of_whole(runs: Sequence[Measured]) -> list[str]:
    """Return what is said of runs of all of `labelmend relabel`."""
    if not runs:
        return []
    last = runs[-1]
    lines = [
        f"**All of `labelmend relabel`, {last.labels:,} labels.** "
        + "; ".join(
            f"{run.rows:,} rows in {run.shards} shards: {run.most_gib:.2f} GiB at the "
            f"most, {run.right:.1%} of the labels right after it, {run.written_mib:,.0f} MiB "
            "written"
            for run in runs
        )
        + ".",
        "",
        "| stage |"
        + "".join(f" {run.rows:,} rows |" for run in runs)
        + (" KiB a row more |" if len(runs) > 1 else ""),
        "|---|" + "---|" * (len(runs) + (len(runs) > 1)),
        *stage_rows(runs),
        "",
    ]
    if len(runs) > 1:
        grows = kib_a_row(runs, [run.most_gib for run in runs])
        million = last.most_gib + grows * (1_000_000 - last.rows) / 2**20
        fits = last.rows + (LIMIT_GIB - last.most_gib) * 2**20 / grows
        lines += [
            f"All of it grows by {grows:.1f} KiB a row. Drawn out, not measured: "
            f"{LIMIT_GIB:.0f} GiB are enough for {round(fits, -4):,.0f} rows, and a million takes "
            f"{million:.1f} GiB.",
            "",
        ]
    return lines


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(sorted(int(part) for part in text.split(",")))


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--shards", type=int, default=SHARDS)
    parser.add_argument("--labels", type=int, default=LABELS)
    parser.add_argument("--whole", type=_sizes, default=())
    parser.add_argument("--work", type=Path)
    parser.add_argument("--no-write", action="store_true")
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        what, source, output = options.alone
        run = measure(
            *(Path(source), Path(output), options.work / "encoder", options.labels),
            whole=what == "whole",
        )
        print(json.dumps(asdict(run)))
        return
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        runs = []
        if options.rows:
            runs.append(
                measure_apart(work, options.rows, options.shards, options.labels, whole=False)
            )
        runs += [
            measure_apart(work, rows, options.shards, options.labels, whole=True)
            for rows in options.whole
        ]
    text = report(
        runs, " ".join(["benchmarks/shards.py", *typed(sys.argv[1:], {"--no-write"}, {"--work"})])
    )
    print(text)
    if not options.no_write:
        write_section(HERE / "RESULTS.md", "shards", text)


if __name__ == "__main__":
    main()
