"""A real Triton server for the processor, of `nvidia-pytriton`, says what `predict` says.

It brings the Python backend and no ONNX one. So the repository whose graphs run in the Python
backend is served; that for the ONNX backend is parsed by tritonclient and played by its
configuration. Both have the same graphs.
"""

import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from pathlib import Path

import pytest
from fixtures.peer_venv import peer_environment, site_packages

pytestmark = [pytest.mark.peer, pytest.mark.timeout(1200)]

SCRIPT = Path(__file__).with_name("triton_peer.py")
LABELMEND = (sys.executable, "-m", "labelmend")
DEMO = Path(__file__).parents[3] / "labelmend/data/demo"

STRANGE = [
    60 * "we talked of the weather for a while. " + "my card is lost",
    "ÄRGER  mit\tKarte 🙂",
    "?",
    "Где моя карта?",
    "\u200b zero width",
    "x" * 3000,
]


@pytest.fixture(scope="module")
def triton():
    """An environment with the server and its client; numpy below 2 is pytriton's."""
    return peer_environment(
        *("triton", "nvidia-pytriton==0.7.0", "numpy<2", "onnxruntime>=1.20", "tokenizers>=0.20")
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory, encoders):
    """A classifier on both encoders, one of them int8, its two repositories, and predictions."""
    folder = tmp_path_factory.mktemp("triton")
    with (DEMO / "train_noisy.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:300]
    with (DEMO / "test.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)][::40] + STRANGE
    for name, lines in (
        ("train", [(row["text"], row["true_label"]) for row in rows]),
        ("ask", [(text, "") for text in texts]),
    ):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *lines])
    export = ("export", "bank model", "--check", "ask.csv", "--triton")
    for words in (
        ("train-classifier", "train.csv", "-o", "bank model"),
        ("predict", "bank model", "ask.csv", "-o", "said.csv"),
        (*export, "onnx"),
        (*export, "python", "--triton-runtime", "python"),
    ):
        ran = subprocess.run([*LABELMEND, *words, "-q"], cwd=folder, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
    with (folder / "said.csv").open(encoding="utf-8", newline="") as file:
        said = list(csv.DictReader(file))
    return folder, texts, said


@pytest.fixture
def served(triton, model, tmp_path):
    """The server's address."""
    packages = site_packages(triton)
    shutil.copytree(packages / "pytriton/tritonserver", tmp_path / "server")
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    backend = tmp_path / "server/backends/python"
    shutil.copy(
        tmp_path / "server/python_backend_stubs" / version / "triton_python_backend_stub", backend
    )
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    libraries = f"{packages / 'nvidia_pytriton.libs'}:{sysconfig.get_config_var('LIBDIR')}"
    command = [
        *(tmp_path / "server/bin/tritonserver", f"--model-repository={model[0] / 'python'}"),
        *(f"--backend-directory={tmp_path / 'server/backends'}", "--http-address=127.0.0.1"),
        *(f"--http-port={address.rpartition(':')[2]}", "--allow-grpc=false"),
        "--allow-metrics=false",
    ]
    # The backend finds an environment by the Python that is first on the path.
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
        "PATH": f"{triton.parent}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": libraries,
    }
    log = tmp_path / "server.log"
    with log.open("w") as file:
        server = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        until = time.monotonic() + 120
        while not is_ready(address):
            assert server.poll() is None, log.read_text()[-4000:]
            assert time.monotonic() < until, log.read_text()[-4000:]
            time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def is_ready(address):
    try:
        with urllib.request.urlopen(f"http://{address}/v2/health/ready", timeout=5) as said:
            return said.status == 200
    except OSError:
        return False


def peer(triton, texts, *words):
    ran = subprocess.run(
        [triton, SCRIPT, *words],
        input=json.dumps(texts),
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    return json.loads(ran.stdout)


def check(found, said):
    assert found["label"] == [row["predicted_label"] for row in said]
    assert [str(flag) for flag in found["is_oos"]] == [row["is_oos"] for row in said]
    ours = [float(row["probability"]) for row in said]
    assert found["probability"] == pytest.approx(ours, abs=1e-4)


def test_both_repositories_do_by_their_configurations_what_predict_does(triton, model):
    folder, texts, said = model
    onnx, python = peer(triton, texts, "configs", folder / "onnx", folder / "python")
    check(onnx, said)
    check(python, said)


def test_a_real_server_says_what_predict_says(triton, model, served):
    _, texts, said = model
    found = peer(triton, texts, "ask", served, "bank_model")
    check(found["whole"], said)
    check(found["singly"], said)
    assert "text 1 is blank" in found["refused"]
    # Requests of one text were put together.
    assert max(size for size in found["batches"] if size < len(texts)) > 1
