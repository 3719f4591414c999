"""The server itself, with its own database, is the peer of these tests."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from fixtures.peer_venv import peer_environment
from fixtures.retraining import LABELS, texts_of, write_rows_file

from labelmend.errors import OutputError
from labelmend.tracking.mlflow_server import MlflowServer
from labelmend.tracking.tracked import Tracked, tracked_model

LABELMEND = [sys.executable, "-m", "labelmend"]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_a_server_that_is_not_there_is_told_of_before_any_work(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(OutputError) as caught:
        MlflowServer(f"http://me:geheim@127.0.0.1:{free_port()}")
    said = str(caught.value)
    assert said.endswith("check the address and the server; nothing was done")
    assert "geheim" not in said
    assert "\n" not in said


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a real MLflow server on a SQLite file."""
    folder = tmp_path_factory.mktemp("mlflow")
    python = peer_environment("mlflow", "mlflow==3.17.2")
    port = free_port()
    told = (folder / "server.log").open("w")
    running = subprocess.Popen(
        [
            *(python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
            *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1"),
            *("--artifacts-destination", str(folder / "artifacts")),
        ],
        stdout=told,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env={
            "PATH": f"{Path(python).parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        },
    )
    address = f"http://127.0.0.1:{port}"
    try:
        ends = time.monotonic() + 240
        while time.monotonic() < ends and running.poll() is None:
            try:
                if httpx.get(f"{address}/health", timeout=5).text == "OK":
                    break
            except httpx.HTTPError:
                time.sleep(0.5)
        else:
            pytest.fail((folder / "server.log").read_text()[-3000:])
        yield address
    finally:
        running.terminate()
        running.wait(30)
        told.close()


def runs_of(address):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=address)
    experiment = client.get_experiment_by_name("labelmend")
    return client, client.search_runs([experiment.experiment_id])


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_model_is_logged_and_loaded_as_predict_says(server, word_models):
    import mlflow

    tracked = tracked_model("train-classifier", word_models / "model")
    name = MlflowServer(server).log(tracked)
    client, runs = runs_of(server)
    (run,) = [run for run in runs if run.info.run_id == name]
    assert run.info.status == "FINISHED"
    assert run.data.tags["labelmend.command"] == "train-classifier"
    assert run.data.params["kind"] == "logreg"
    accuracy = run.data.metrics["held_out.accuracy"]
    assert accuracy == pytest.approx(tracked.metrics["held_out.accuracy"])
    history = client.get_metric_history(name, "oos_trade_off/in_scope_accuracy")
    assert len(history) == len(tracked.curves["oos_trade_off"])
    kept = {file.path for file in client.list_artifacts(name)}
    assert kept >= {"model", "model_card.json", "model_card.md"}
    mlflow.set_tracking_uri(server)
    loaded = mlflow.pyfunc.load_model(f"runs:/{name}/model")
    import pandas as pd

    found = loaded.predict(pd.DataFrame({"text": ["my card is gone", "what time is it"]}))
    assert found.predicted_label.tolist() == ["card", "time"]
    # No file of it is a pickle.
    assert loaded.metadata.flavors["python_function"]["loader_module"] == (
        "labelmend.tracking.pyfunc"
    )


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_the_server_refuses_is_one_line_and_a_failed_run(server):
    # One parameter can't have two values.
    tracked = Tracked("retrain", params={"a:b": 1, "a;b": 2})
    with pytest.raises(OutputError, match="what the command wrote is in its place"):
        MlflowServer(server).log(tracked)
    _, runs = runs_of(server)
    assert runs[0].info.status == "FAILED"


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_commands_log_their_runs(server, project, tmp_path, topic_encoder):
    setting = f"encoders=[{{backend: onnx, model: {topic_encoder}, cache: false}}]"
    rows = [(text, label) for label in LABELS for text in texts_of(label, 20)]
    write_rows_file(tmp_path / "clean.csv", rows)
    dirty = [
        (text, LABELS[0] if number % 9 == 0 else label) for number, (text, label) in enumerate(rows)
    ]
    write_rows_file(tmp_path / "dirty.csv", dirty)
    shared = ["--mlflow", server, "--set", setting, "--set", "classify.folds=2"]
    commands = [
        ["train-classifier", tmp_path / "clean.csv", "-o", tmp_path / "model", *shared],
        [
            "compare-baseline",
            tmp_path / "dirty.csv",
            tmp_path / "clean.csv",
            "-o",
            tmp_path / "report",
            "--kind",
            "logreg",
            "--seeds",
            "1",
            "--test",
            tmp_path / "clean.csv",
            "--keep-overlap",
            *shared,
        ],
        ["retrain", project, "--mlflow", server],
    ]
    for command in commands:
        ran = subprocess.run([*LABELMEND, *map(str, command)], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr[-2000:]
    client, runs = runs_of(server)
    by_command = {run.data.tags["labelmend.command"]: run for run in reversed(runs)}
    compared = by_command["compare-baseline"]
    assert compared.data.params["verdict"]
    assert "logreg/accuracy/change" in compared.data.metrics
    assert {f.path for f in client.list_artifacts(compared.info.run_id, "report")} >= {
        "report/report.html"
    }
    retrained = by_command["retrain"]
    assert retrained.data.params["version.id"] == "v00001"
    assert retrained.data.params["version.verdict"] == "promoted"
    version = client.download_artifacts(retrained.info.run_id, "version.json", str(tmp_path))
    assert json.loads(Path(version).read_text())["id"] == "v00001"
