"""Five thousand requests to a served model leave its memory as it was; a benchmark has 200,000."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest
from fixtures.word_model import TOPICS

pytestmark = [pytest.mark.peer, pytest.mark.slow]

WARM, REQUESTS, LOTS = 1000, 5000, 10
CLIENTS = 4
MOST_MIB = 4.0
"""That the process may have more of at the end than after the warm-up: 800 bytes a request. SQLite
keeps 2 MiB of the log's pages, which fill up meanwhile."""

TEXTS = [text for texts in TOPICS.values() for text in texts.split("|")]


@pytest.fixture
def server(word_models, tmp_path):
    """A served model in a process of its own, with a log; and where it is."""
    words = [sys.executable, "-m", "labelmend", "serve", str(word_models / "model")]
    words += ["--port", "0", "--watch-s", "0.5", "--log", str(tmp_path / "log.sqlite")]
    child = subprocess.Popen(
        [*words, "--against", str(word_models / "other"), "--log-texts"],
        stdout=subprocess.PIPE,
        stderr=(tmp_path / "err").open("w"),
        text=True,
        env={**os.environ, "LABELMEND_HOME": str(tmp_path / "home")},
    )
    try:
        line = next(line for line in child.stdout if line.startswith("serving at "))
        yield child, line.split()[2].rstrip("/;")
    finally:
        child.kill()
        child.communicate()


def test_memory_is_flat_over_five_thousand_requests(server):
    child, base = server
    process, held = psutil.Process(child.pid), []
    with (
        ThreadPoolExecutor(CLIENTS) as pool,
        httpx.Client(base_url=base, trust_env=False, timeout=60) as client,
    ):

        def ask(number):
            body = {"text": f"{TEXTS[number % len(TEXTS)]} {number}", "compare": number % 5 == 0}
            reply = client.post("/v1/predict", json={**body, "near": number % 7 == 0})
            assert reply.status_code == 200, reply.text
            (prediction,) = reply.json()["predictions"]
            return prediction["label"]

        labels = list(pool.map(ask, range(WARM)))
        for lot in range(LOTS):
            held.append(process.memory_info().rss / 2**20)
            first = WARM + lot * REQUESTS // LOTS
            labels += pool.map(ask, range(first, first + REQUESTS // LOTS))
        held.append(process.memory_info().rss / 2**20)
        metrics = client.get("/metrics").text
    assert len(labels) == WARM + REQUESTS
    assert set(labels) == set(TOPICS)
    counted = f'labelmend_requests_total{{path="/v1/predict",status="200"}} {WARM + REQUESTS}.0'
    assert counted in metrics
    assert held[-1] - held[0] < MOST_MIB, held
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 0
