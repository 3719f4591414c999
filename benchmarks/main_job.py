"""What `labelmend relabel` does to labels whose truth is known.

    python benchmarks/main_job.py [--llm]

Runs the embedded profile, seed 0, through the same function as the command line, on the demo data,
and on CLINC150 and the reference's noisy set where ../shared/data holds them. Writes
benchmarks/RESULTS.md, or with --llm benchmarks/RESULTS-llm.md, and keeps the marked sections of
other benchmarks there. The truth is read only after the mended table is written.
"""

import argparse
import importlib.metadata
import os
import platform
import tempfile
from dataclasses import dataclass
from pathlib import Path

from results_file import write_around_sections

from labelmend.cli.console import ProgressBars
from labelmend.configs.load import load_config
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.workflows.demo import Score, run_demo, score
from labelmend.workflows.relabel import relabel_file

HERE = Path(__file__).parent
SHARED = HERE.parents[1] / "shared" / "data"


@dataclass(frozen=True)
class Case:
    """One data set: its table, and the column with the truth."""

    name: str
    table: Path
    truth: str


CASES = (
    Case(
        "reference's set: CLINC150 train, 10 % uniform noise",
        SHARED / "sirius/noisy_train.csv",
        "true_label",
    ),
    Case(
        "CLINC150 train as published (taken as all right)", SHARED / "clinc150/train.csv", "label"
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--llm", action="store_true", help="with the embedded voter")
    use_llm = parser.parse_args().llm
    config = load_config("embedded")
    rows: list[tuple[str, Score]] = []
    with tempfile.TemporaryDirectory() as folder, ProgressBars(quiet=False) as bars:
        _, demo = run_demo(Path(folder) / "demo", config, bars, use_llm=use_llm)
        rows.append(("demo data: 15 % nearest, uniform and oos noise", demo))
        for i, case in enumerate(CASES):
            if not case.table.exists():
                print(f"skipped, {case.table} is not here: {case.name}")
                continue
            output = Path(folder) / f"{i}.csv"
            outcome = relabel_file(TableRequest(case.table), output, config, bars, use_llm=use_llm)
            rows.append((case.name, score(outcome, read_table(case.table).values(case.truth))))
    command = f"python benchmarks/main_job.py{' --llm' if use_llm else ''}"
    voter = "with" if use_llm else "without"
    packages = ("torch", "scikit-learn", "faiss-cpu", "llama-cpp-python")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    lines = [
        "# Results of the main job",
        "",
        f"`{command}`: embedded profile, seed {config.seed}, {voter} the LLM, max harm 0.5 %.",
        f"Machine: {platform.machine()}, {os.cpu_count()} cores, no GPU; "
        f"Python {platform.python_version()}, {versions}.",
        "",
        "| data | rows | label accuracy before | after | wrong labels fixed | good ones broken |",
        "|---|---|---|---|---|---|",
    ]
    for name, s in rows:
        wrong = s.rows - s.right_before
        lines.append(
            f"| {name} | {s.rows:,} | {s.right_before / s.rows:.2%} | {s.right_after / s.rows:.2%} "
            f"| {s.fixed:,} of {wrong:,} | {s.broken} ({s.broken / s.right_before:.2%}) |"
        )
    target = HERE / ("RESULTS-llm.md" if use_llm else "RESULTS.md")
    write_around_sections(target, "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
