"""The whole round: dirty labels, a mended table, a served champion, feedback, a better challenger.

Everything is real: the demo's texts, an encoder of the default profile, a server in a process of
its own, and HTTP.
"""

import csv
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from labelmend.cli.app import app
from labelmend.retrain.registry import Registry

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(3600)]

DEMO = Path(__file__).resolve().parents[2] / "labelmend" / "data" / "demo"
ENCODERS = "encoders=[{backend: onnx, model: bge-small-en-v1.5}]"
MESSAGES = 200
CORRECTIONS = 30
INTENT, NEIGHBOUR = "pin_reset", "pin_change"
HELD_BACK = 600
"""Rows of the demo that come later, as batches."""


def run(*words):
    from typer.testing import CliRunner

    found = CliRunner().invoke(app, list(map(str, words)))
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.output


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([("text", "label"), *rows])
    return path


@pytest.fixture(scope="module")
def round_folder(tmp_path_factory, bge_small):
    """Dirty and mended demo data, a model of each, and a project that begins with the dirty one."""
    folder = tmp_path_factory.mktemp("round")
    gold = [(row["text"], row["label"]) for row in read(DEMO / "train_gold.csv")]
    random.Random(0).shuffle(gold)
    write(folder / "known_gold.csv", gold[HELD_BACK:])
    write(folder / "later_gold.csv", gold[:HELD_BACK])
    noise = ("--noise", "nearest=0.45", "--seed", "0", "--set", ENCODERS, "-q")
    run("corrupt", folder / "known_gold.csv", *noise, "-o", folder / "dirty.csv")
    quick = ("--no-llm", "-q", "--set", ENCODERS, "--set", "reranker.backend=none")
    run("relabel", folder / "dirty.csv", "-o", folder / "mended.csv", *quick)
    train = ("train-classifier", "--set", ENCODERS, "-q", "-o")
    run(*train, folder / "dirty", folder / "dirty.csv", "--label-column", "label")
    run(*train, folder / "clean", folder / "mended.csv")
    (folder / "inbox").mkdir()
    (folder / "project.yaml").write_text(
        f"""
base: mended.csv
champion: dirty
settings: ["{ENCODERS}"]
sources:
  - name: served
    journal: log.sqlite
  - name: inbox
    folder: inbox
held_out: {{share: 0.3}}
"""
    )
    return folder


class Served:
    """`labelmend serve` on a registry, and messages that never cease while it is watched."""

    def __init__(self, folder):
        self.child = subprocess.Popen(
            [
                *(sys.executable, "-m", "labelmend", "serve", folder / "registry"),
                *("--against", folder / "clean", "--port", "0", "--watch-s", "0.2"),
                *("--log", folder / "log.sqlite", "--log-texts", "--feedback-rate", "20"),
            ],
            stdout=subprocess.PIPE,
            stderr=(folder / "server.log").open("w"),
            text=True,
            env={**os.environ, "LABELMEND_HOME": str(folder / "home")},
        )
        self.said = iter(self.child.stdout)
        line = next(line for line in self.said if line.startswith("serving at "))
        self.client = httpx.Client(
            base_url=line.split()[2].rstrip("/;"), timeout=60, trust_env=False
        )
        self.statuses = Counter()
        self.versions = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on)

    def predict(self, text, **told):
        return self.client.post("/v1/predict", json={"text": text, **told})

    def correct(self, answer, label, user):
        body = {"request_id": answer["request_id"], "label": label}
        return self.client.post("/v1/feedback", json=body, headers={"X-Labelmend-User": user})

    def __enter__(self):
        self._thread.start()
        return self

    def _go_on(self):
        while not self._stop.is_set():
            reply = self.predict("where is my card")
            self.statuses[reply.status_code] += 1
            self.versions.append(reply.json().get("version"))
            time.sleep(0.02)

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(60)

    def close(self):
        self.client.close()
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.communicate(timeout=60)
        finally:
            self.child.kill()


@pytest.fixture(scope="module")
def served(round_folder):
    run("retrain", round_folder / "project.yaml", "-q")
    assert Registry(round_folder / "registry").champion() == "v00001"
    server = Served(round_folder)
    yield server
    server.close()


def corrections_of(served):
    """Send messages to both models, and return answers that people correct, with right labels."""
    messages = [(row["text"], row["label"]) for row in read(DEMO / "test.csv")]
    random.Random(1).shuffle(messages)
    wrong, right = [], []
    for text, label in messages[:MESSAGES]:
        reply = served.predict(text, compare=True)
        assert reply.status_code == 200
        answer = reply.json()
        assert answer["against"]["predictions"]
        said = answer["predictions"][0]["label"]
        (right if said == label else wrong).append((answer, label))
    return [*wrong, *right][:CORRECTIONS], len(wrong)


def later_rows(folder, first, last):
    return [(row["text"], row["label"]) for row in read(folder / "later_gold.csv")[first:last]]


def test_a_whole_round(round_folder, served):
    project, registry = round_folder / "project.yaml", Registry(round_folder / "registry")
    corrected, wrong = corrections_of(served)
    assert wrong > CORRECTIONS / 3  # the dirty champion errs, or this would prove nothing
    for number, (answer, label) in enumerate(corrected):
        assert served.correct(answer, label, f"user {number % 3}").status_code == 200
    # One sender is limited: twenty an hour, whatever comes.
    flood = [served.correct(answer, label, "flood") for answer, label in corrected]
    assert {reply.status_code for reply in flood[20:]} == {429}
    assert all(int(reply.headers["Retry-After"]) > 0 for reply in flood[20:])

    with served:
        before = served.predict("hello").json()["version"]
        said = run("retrain", project)
        version = registry.version("v00002")
        assert version.verdict == "promoted", (said, version.reasons)
        assert 20 <= version.new_rows <= CORRECTIONS
        assert registry.champion() == "v00002"
        ends = time.monotonic() + 120
        while served.predict("hello").json()["version"] == before and time.monotonic() < ends:
            time.sleep(0.1)
        after = served.predict("hello").json()["version"]
        assert after != before
        time.sleep(0.5)
    assert set(served.statuses) == {200}
    # The one, then the other, and nothing between.
    assert list(dict.fromkeys(served.versions)) == [before, after]

    labels = [label for _, label in later_rows(round_folder, 0, 200)]
    random.Random(2).shuffle(labels)
    texts = [text for text, _ in later_rows(round_folder, 0, 200)]
    write(round_folder / "inbox" / "shuffled.csv", zip(texts, labels, strict=True))
    run("retrain", project, "-q")
    assert registry.version("v00003").verdict == "refused"
    assert "shuffled" in registry.version("v00003").reasons[0]

    rows = later_rows(round_folder, 200, HELD_BACK)
    renamed = [row for row in rows if row[1] == INTENT]
    others = [row for row in rows if row[1] != INTENT][: 9 * len(renamed)]
    poisoned = [*((text, NEIGHBOUR) for text, _ in renamed), *others]
    assert 0.05 <= len(renamed) / len(poisoned) <= 0.15
    write(round_folder / "inbox" / "renamed.csv", poisoned)
    run("retrain", project, "-q")
    assert registry.version("v00004").verdict == "refused"
    assert f"{INTENT!r} looks renamed" in registry.version("v00004").reasons[0]
    assert registry.champion() == "v00002"
    assert served.predict("hello").json()["version"] == after
