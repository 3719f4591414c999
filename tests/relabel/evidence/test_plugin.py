"""The tutorial's package, as a stranger would install it from docs/evidence.md."""

import csv
import json
import os
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from labelmend.configs.fields import settings_of
from labelmend.relabel.evidence.registry import known_sources, source_class

ROOT = Path(__file__).resolve().parents[3]
TUTORIAL = (ROOT / "docs" / "evidence.md").read_text("utf-8")

QUICK = ("--no-llm", "--set", "reranker.max_rows=0")
"""The reranker takes most of the time, and says the same with and without the source."""


def block(language, number=0):
    return re.findall(rf"```{language}\n(.*?)```", TUTORIAL, re.DOTALL)[number]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder on the path that holds the package, as pip would put it there."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "letters.py").write_text(block("python"), "utf-8")
    installed = folder / "letters-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: letters\nVersion: 1.0\n")
    group, line = block("toml").strip().splitlines()
    named = group.removeprefix('[project.entry-points."').removesuffix('"]')
    entry = line.replace('"', "")
    (installed / "entry_points.txt").write_text(f"[{named}]\n{entry}\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def run(site, tmp_path_factory):
    """Runs Python with the package installed, in a folder with the demo's table and profile."""
    folder = tmp_path_factory.mktemp("work")
    demo = resources.files("labelmend.data.demo")
    table = demo.joinpath("train_noisy.csv").read_text("utf-8")
    (folder / "data.csv").write_text(table, "utf-8")
    (folder / "few.csv").write_text("".join(table.splitlines(keepends=True)[:301]), "utf-8")
    (folder / "mine.yaml").write_text(block("yaml"), "utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "COLUMNS": "200"}

    def python(*words):
        done = subprocess.run(
            [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    python.folder = folder
    return python


def test_the_source_has_thirty_lines_and_keeps_the_rules(run):
    code = [line for line in block("python").splitlines() if line.strip()]
    assert len(code) <= 30
    check = block("python", 1)
    assert run("-c", f"from letters import LetterSource\n{check}print('kept')") == "kept\n"


def mended(run, *words):
    run("-m", "labelmend", "relabel", "data.csv", "--quiet", *QUICK, *words)
    table = run.folder / words[words.index("-o") + 1]
    with table.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.slow
def test_it_changes_labels_of_the_demo_and_is_seen_everywhere(run, encoders):
    assert len(encoders) == 2
    mine = ("--profile", "mine.yaml")
    without = mended(run, "-o", "without.csv")
    with_letters = mended(run, "-o", "mended.csv", *mine)
    pairs = list(zip(without, with_letters, strict=True))
    changed = [row for row, (a, b) in enumerate(pairs, 1) if a["mended_label"] != b["mended_label"]]
    assert changed
    # It helps, or at least it does no harm.
    right = [sum(r["mended_label"] == r["true_label"] for r in t) for t in (without, with_letters)]
    assert right[1] >= right[0] - 5
    lines = (run.folder / "mended.evidence.jsonl").read_text("utf-8").splitlines()
    seen = json.loads(lines[changed[0] - 1])
    assert any("letters" in candidate["nats"] for candidate in seen["candidates"])
    record = json.loads((run.folder / "mended.run.json").read_text("utf-8"))
    assert record["sources"]["letters"]["weight"] > 0
    assert record["config"]["evidence"]["letters"]["enabled"] is True
    assert "letters" not in json.loads((run.folder / "without.run.json").read_text())["sources"]
    explained = run("-m", "labelmend", "explain", "mended.csv", "--row", str(changed[0]))
    assert re.search(r"^letters +", explained, re.MULTILINE)
    plan = run("-m", "labelmend", "relabel", "few.csv", *QUICK, "--dry-run", *mine)
    assert "letters (round)" in plan


def test_a_source_that_is_not_installed_is_told_before_any_work(run):
    done = subprocess.run(
        [sys.executable, "-m", "labelmend", "relabel", "data.csv", "--profile", "mine.yaml"],
        cwd=run.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "unknown source of evidence 'letters'" in line
    assert not (run.folder / "data.mended.csv").exists()


def test_the_tutorial_names_all_sources_and_their_options():
    for name in known_sources():
        assert f"\n| `{name}` | " in TUTORIAL
        for option in settings_of(options).values() if (options := _options(name)) else ():
            key, default = f"evidence.{name}.options.{option.name}", json.dumps(option.default)
            line = f"| `{key}` | `{default}` | {option.values} | {option.sentence} |"
            assert f"\n{line}\n" in TUTORIAL


def _options(name):
    return getattr(source_class(name), "Options", None)
