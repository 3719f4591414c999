"""What GitHub runs and shows: the workflows, the forms, the citation."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from labelmend.version import __version__

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted(
    path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def loaded(path):
    """A workflow; YAML 1.1 reads its `on` as true."""
    tree = yaml.safe_load(path.read_text("utf-8"))
    return {"on" if key is True else key: value for key, value in tree.items()}


def actionlint():
    beside = Path(sys.executable).parent / "actionlint"
    found = str(beside) if beside.exists() else shutil.which("actionlint")
    if found is None:
        pytest.skip("actionlint is not installed; run: make setup")
    return found


def test_actionlint_finds_nothing():
    ran = subprocess.run(
        [actionlint(), "-no-color", *map(str, WORKFLOWS)], capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_actionlint_finds_a_key_that_there_is_none(tmp_path):
    broken = tmp_path / "ci.yml"
    broken.write_text(WORKFLOWS[0].read_text("utf-8").replace("runs-on:", "run-on:"), "utf-8")
    ran = subprocess.run([actionlint(), "-no-color", broken], capture_output=True, text=True)
    assert ran.returncode == 1
    assert "run-on" in ran.stdout


def test_ci_runs_what_a_developer_runs_on_every_python_that_is_promised():
    job = loaded(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["check"]
    assert [step["run"] for step in job["steps"] if "run" in step][-1] == "bash .ci/run"
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert job["strategy"]["matrix"]["python"] == promised
    assert promised == ["3.11", "3.12", "3.13"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_bounded(path):
    """Actions are pinned by commit, jobs by time, and what they may do is said."""
    uses = re.findall(r"uses: (.+)$", path.read_text("utf-8"), re.MULTILINE)
    for line in uses:
        assert re.fullmatch(r"(\./\S+|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)", line), line
    tree = loaded(path)
    assert tree["permissions"] in ({}, {"contents": "read"})
    assert tree["concurrency"]["group"]
    for job in tree["jobs"].values():
        assert "uses" in job or 1 <= job["timeout-minutes"] <= 90


def test_only_a_checked_release_is_published_and_without_a_secret():
    path = ROOT / ".github" / "workflows" / "release.yml"
    jobs = loaded(path)["jobs"]
    assert jobs["publish"]["needs"] == ["check", "build"]
    assert jobs["check"]["uses"] == "./.github/workflows/ci.yml"
    assert jobs["publish"]["environment"] == "pypi"
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["announce"]["needs"] == "publish"
    assert "secrets." not in path.read_text("utf-8")


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_asks(path):
    form = yaml.safe_load(path.read_text("utf-8"))
    assert form["name"]
    assert form["description"]
    asked = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in asked}) == len(asked) >= 3
    assert all(field["attributes"]["label"] for field in asked)
    # What a form names exists.
    commands = re.findall(r"`labelmend ([a-z-]+)", path.read_text("utf-8"))
    from labelmend.cli.app import app

    assert set(commands) <= {command.name for command in app.registered_commands}


def test_forms_for_bugs_wrong_changes_and_features():
    assert [path.stem for path in FORMS] == ["bug", "feature", "wrong_change"]


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == __version__
    assert citation["license"] == PROJECT["license"]
    assert [author["name"] for author in citation["authors"]] == [
        author["name"] for author in PROJECT["authors"]
    ]
    assert {"message", "title", "type"} <= citation.keys()
