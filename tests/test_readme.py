"""Executes docs/get_started.md, and so the README: every `labelmend` command in them runs.

The table is a slice of the demo data.
"""

import csv
import re
import shlex
from contextlib import nullcontext
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import pytest

from labelmend.cli.app import main

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
GET_STARTED = (ROOT / "docs" / "get_started.md").read_text("utf-8")
MEASURED = (ROOT / "docs" / "measured.md").read_text("utf-8")
SCREENS = 115
"""Lines of one screen and a half, table and pictures counted as they stand."""


def commands_in(text):
    return [
        line.split("#")[0].strip()
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]


def test_the_readme_names_its_two_commands_and_the_makefile_has_them():
    assert [c for c in commands_in(README) if c.startswith("make")] == ["make demo", "make test"]
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert {"demo", "test", "check"} <= set(targets)


def test_the_readme_is_short_and_shows_real_noise_first():
    assert len(README.splitlines()) <= SCREENS
    table = README.partition("<!-- figures:start -->")[2].partition("<!-- figures:end -->")[0]
    assert (
        0 < table.index("python benchmarks/real_noise.py") < table.index("benchmarks/correction.py")
    )
    assert README.index("docs/review.webp") < README.index("labelmend certify")
    assert README.index("labelmend certify") < README.index("## Install")


def test_the_readmes_commands_are_those_of_get_started_in_their_order():
    ours = [command for command in commands_in(README) if command.startswith("labelmend ")]
    assert len(ours) == 6
    theirs = iter(commands_in(GET_STARTED))
    assert all(command in theirs for command in ours)


def fill_in(sheet, truth):
    """Answer every row of an audit."""
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "answer": truth[row["text"]]} for row in rows)


def test_the_commands_of_get_started_run(tmp_path, monkeypatch, capsys, encoders):
    assert all(model.path.is_dir() for model in encoders)
    monkeypatch.chdir(tmp_path)
    noisy = resources.files("labelmend.data.demo").joinpath("train_noisy.csv").read_text("utf-8")
    rows = list(csv.reader(noisy.splitlines()))
    labels = ("label", "card_lost", "exchange_rate", "oos")
    few = [row[:2] for label in labels for row in [r for r in rows if r[1] == label][:40]]
    with Path("data.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(few)
    tested = resources.files("labelmend.data.demo").joinpath("test.csv").read_text("utf-8")
    checked = [r for r in csv.reader(tested.splitlines()) if r[1] in {row[1] for row in few}]
    with Path("test.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(checked)
    with Path("texts.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([row[:1] for row in checked])
    # An export is held against its model on these, not on all 809 of the demo.
    few_texts = SimpleNamespace(files=lambda _: Path(), as_file=nullcontext)
    monkeypatch.setattr("labelmend.workflows.export_check.resources", few_texts)
    ours = [c for c in commands_in(GET_STARTED) if c.startswith("labelmend ")]
    assert len(ours) == 15
    truth = {row[0]: row[2] for row in rows}
    for command in ours:
        if command.startswith("labelmend answers import"):
            fill_in(Path("audit.csv"), truth)
        monkeypatch.setattr("sys.argv", shlex.split(command))
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0, command
    written = {"mended.csv", "mended.evidence.jsonl", "mended.run.json", "labels.yaml", "noisy.csv"}
    written |= {"model", "predicted.csv", "report", "model-onnx"}
    written |= {"audit.csv", "answers.jsonl", "mended.certificate.json"}
    assert written <= {path.name for path in tmp_path.iterdir()}
    assert "dry run" in capsys.readouterr().out


def test_get_started_documents_every_column():
    from labelmend.runs.columns import COLUMNS

    assert all(f"| `{column}` |" in GET_STARTED for column in COLUMNS)


def test_the_page_of_figures_quotes_the_benchmark():
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text("utf-8")
    main_job = results.split("<!-- correction:start -->")[0]
    table = [line for line in main_job.splitlines() if line.startswith("|")]
    assert len(table) >= 3
    assert all(line in MEASURED for line in table)


def test_each_benchmark_of_mending_is_on_the_page_of_figures():
    for script in ("real_noise", "main_job", "correction", "downstream", "votes"):
        assert f"`python benchmarks/{script}.py" in MEASURED


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_the_readme_links_to_files_that_exist(link):
    assert (ROOT / link).exists()
