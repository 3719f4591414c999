"""The tutorial's package, as a stranger would install it from docs/evidence.md."""

import csv
import json
import re
import sys
from importlib import resources

import pytest
from fixtures.installed import ONE_ENCODER, ROOT, run_beside

from labelmend.cli.app import main
from labelmend.configs.fields import settings_of
from labelmend.relabel.evidence.registry import known_sources, source_class

TUTORIAL = (ROOT / "docs" / "evidence.md").read_text("utf-8")

OFF = ("reranker.backend=none", "evidence.classifier.enabled=false", ONE_ENCODER)
QUICK = ("--no-llm", *(word for setting in OFF for word in ("--set", setting)))
"""Reranker, classifier and a second encoder take most of the time, and say nothing of letters."""

ONE_IN = 3
"""Of the demo's rows, so that every label keeps some thirty."""


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
def work(tmp_path_factory):
    """A folder with rows of the demo's table, and the profile."""
    folder = tmp_path_factory.mktemp("work")
    demo = resources.files("labelmend.data.demo").joinpath("train_noisy.csv").read_text("utf-8")
    head, *rows = demo.splitlines(keepends=True)
    (folder / "data.csv").write_text("".join([head, *rows[::ONE_IN]]), "utf-8")
    (folder / "few.csv").write_text("".join([head, *rows[: 300 * ONE_IN : ONE_IN]]), "utf-8")
    (folder / "mine.yaml").write_text(block("yaml"), "utf-8")
    return folder


def in_this_process(monkeypatch, folder, *words):
    """The exit code of a command without the package."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("sys.argv", ["labelmend", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_the_source_has_thirty_lines_and_keeps_the_rules(site, monkeypatch):
    code = [line for line in block("python").splitlines() if line.strip()]
    assert len(code) <= 30
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "letters", raising=False)
    exec(f"from letters import LetterSource\n{block('python', 1)}", {})


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_it_changes_labels_of_the_demo_and_is_seen_everywhere(
    site, work, encoders, monkeypatch, capsys
):
    assert len(encoders) == 2
    mine = ("--profile", "mine.yaml")
    relabel = ("relabel", "data.csv", "--quiet", *QUICK)
    said = run_beside(
        site,
        work,
        (*relabel, "-o", "without.csv"),
        (*relabel, "-o", "mended.csv", *mine),
        ("relabel", "few.csv", *QUICK, "--dry-run", *mine),
    )
    assert [command.code for command in said] == [0, 0, 0], said
    tables = [rows_of(work / name) for name in ("without.csv", "mended.csv")]
    pairs = list(zip(*tables, strict=True))
    changed = [row for row, (a, b) in enumerate(pairs, 1) if a["mended_label"] != b["mended_label"]]
    assert changed
    # It helps, or at least it does no harm.
    right = [sum(r["mended_label"] == r["true_label"] for r in t) for t in tables]
    assert right[1] >= right[0] - 5
    lines = (work / "mended.evidence.jsonl").read_text("utf-8").splitlines()
    seen = json.loads(lines[changed[0] - 1])
    assert any("letters" in candidate["nats"] for candidate in seen["candidates"])
    record = json.loads((work / "mended.run.json").read_text("utf-8"))
    assert record["sources"]["letters"]["weight"] > 0
    assert record["config"]["evidence"]["letters"]["enabled"] is True
    assert "letters" not in json.loads((work / "without.run.json").read_text())["sources"]
    assert "letters (round)" in said[-1].out
    # What it said is in the files: nobody asks it again.
    explain = ("explain", "mended.csv", "--row", str(changed[0]))
    assert in_this_process(monkeypatch, work, *explain) == 0
    assert re.search(r"^letters +", capsys.readouterr().out, re.MULTILINE)


def test_a_source_that_is_not_installed_is_told_before_any_work(work, monkeypatch, capsys):
    wanted = ("relabel", "data.csv", "--profile", "mine.yaml")
    assert in_this_process(monkeypatch, work, *wanted) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "unknown source of evidence 'letters'" in line
    assert not (work / "data.mended.csv").exists()


def test_the_tutorial_names_all_sources_and_their_options():
    for name in known_sources():
        assert f"\n| `{name}` | " in TUTORIAL
        for option in settings_of(options).values() if (options := _options(name)) else ():
            key, default = f"evidence.{name}.options.{option.name}", json.dumps(option.default)
            line = f"| `{key}` | `{default}` | {option.values} | {option.sentence} |"
            assert f"\n{line}\n" in TUTORIAL


def _options(name):
    return getattr(source_class(name), "Options", None)
