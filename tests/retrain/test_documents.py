"""What stands beside the code: its page, a DAG of Airflow, a timer of systemd."""

import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

from labelmend.configs.fields import settings_of
from labelmend.retrain.project import (
    GateConfig,
    HeldOutConfig,
    Project,
    PromotionConfig,
    RowSource,
    open_project,
)

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "retrain.md").read_text("utf-8")


@pytest.mark.parametrize(
    "section", [Project, RowSource, HeldOutConfig, GateConfig, PromotionConfig]
)
def test_the_page_names_every_setting_with_its_default(section):
    for name, setting in settings_of(section).items():
        assert f"`{name}`" in PAGE or f" {name}:" in PAGE, name
        if isinstance(setting.default, float) and section is not Project:
            assert f"`{name}` ({setting.default:g})" in PAGE, name


def test_the_project_of_the_page_is_one(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "project.yaml"
    path.write_text(text)
    sources = open_project(path).project.sources
    assert [source.name for source in sources] == ["inbox", "reviewers", "served", "tickets"]


class Airflow(types.ModuleType):
    """As much of Airflow as the DAG asks for."""

    made = ()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.mark.parametrize(
    "names",
    [
        ("airflow.sdk", "airflow.providers.standard.operators.bash"),
        ("airflow", "airflow.operators.bash"),
    ],
    ids=["3", "2"],
)
def test_the_dag_is_one_step_at_a_time(monkeypatch, names):
    made = {}

    def dag(**told):
        made["dag"] = told
        return Airflow("dag")

    def operator(**told):
        made["task"] = told

    home, operators = names
    for name in (home, operators):
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            part = ".".join(parts[:length])
            monkeypatch.setitem(sys.modules, part, types.ModuleType(part))
    for name in {"airflow.sdk", "airflow.providers"} - set(names) - {home.rpartition(".")[0]}:
        if not operators.startswith(name):
            monkeypatch.setitem(sys.modules, name, None)
    sys.modules[home].DAG = dag
    sys.modules[operators].BashOperator = operator
    monkeypatch.setenv("LABELMEND_PROJECT", "/srv/a project.yaml")
    source = (ROOT / "examples" / "airflow_dag.py").read_text("utf-8")
    exec(compile(source, "airflow_dag.py", "exec"), {"__name__": "dag"})
    assert made["dag"]["max_active_runs"] == 1
    assert made["dag"]["schedule"].total_seconds() == 900
    ran = subprocess.run(
        ["bash", "-c", made["task"]["bash_command"]],
        env={**made["task"]["env"], "LABELMEND": "/bin/echo"},
        capture_output=True,
        text=True,
    )
    assert ran.stdout == "retrain /srv/a project.yaml\n"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_takes_the_units(tmp_path):
    for path in (ROOT / "examples" / "systemd").iterdir():
        text = path.read_text("utf-8").replace("/opt/labelmend/bin/labelmend", "/bin/true")
        (tmp_path / path.name).write_text(text)
    ran = subprocess.run(
        [
            "systemd-analyze",
            "verify",
            tmp_path / "labelmend-retrain.timer",
            tmp_path / "labelmend-retrain.service",
        ],
        capture_output=True,
        text=True,
    )
    ours = [line for line in ran.stderr.splitlines() if "labelmend-retrain" in line]
    assert ours == []
