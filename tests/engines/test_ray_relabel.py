"""The main job on a real Ray cluster: its outputs are those of a local run."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from labelmend.configs.load import load_config
from labelmend.data.request import TableRequest
from labelmend.engines.choose import HERE, Engine
from labelmend.engines.ray_executor import RayExecutor
from labelmend.parallel import LOCAL
from labelmend.protocols import NoProgress
from labelmend.relabel.assignments.answers import AnsweredTexts
from labelmend.relabel.assignments.fusion import fuse
from labelmend.retrieval.encoders.cache import open_encoder
from labelmend.retrieval.neighbours import find_neighbours
from labelmend.workflows.describe import describe_file
from labelmend.workflows.predict import predict_file
from labelmend.workflows.relabel import relabel_file
from labelmend.workflows.train import default_point, train_file

DEMO = Path(__file__).parents[2] / "labelmend" / "data" / "demo" / "train_noisy.csv"


@pytest.fixture
def executor(ray_cluster):
    made = RayExecutor(ray_cluster)
    yield made
    made.close()


class Killer:
    """Kills a process that holds a model with SIGKILL, once it has encoded something."""

    def __init__(self):
        self.stage, self.killed = "", {}

    def start(self, stage, total):
        self.stage = stage

    def advance(self, steps=1):
        if self.stage in ("embed texts", "reranker") and self.stage not in self.killed:
            holders = [
                process
                for process in psutil.Process().children(recursive=True)
                if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::Holder")
            ]
            self.killed[self.stage] = len(holders)
            os.kill(holders[0].pid, signal.SIGKILL)


def mended(folder, engine, progress, monkeypatch):
    """The demo mended by the quicker encoder, with an empty cache of embeddings."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    config = load_config(
        "embedded",
        [
            *("cluster.model_cores=1", "reranker.max_rows=40", "reranker.candidates=3"),
            *("routing.audit_rows=64", "retrieval.block_rows=512"),
        ],
    )
    config = replace(config, encoders=config.encoders[1:])
    request = TableRequest(DEMO, ("text",), "label")
    output = folder / "mended.csv"
    outcome = relabel_file(
        request, output, config, progress, use_llm=False, self_test=True, engine=engine
    )
    return outcome.result, outcome.paths


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_the_demo_comes_out_as_it_does_locally_though_workers_are_killed(
    tmp_path, monkeypatch, encoders
):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    killer = Killer()
    there, files = mended(tmp_path / "there", Engine("ray"), killer, monkeypatch)
    here, expected = mended(tmp_path / "here", HERE, NoProgress(), monkeypatch)
    assert min(killer.killed.values()) >= 1
    assert set(killer.killed) == {"embed texts", "reranker"}
    np.testing.assert_array_equal(there.decisions.mended, here.decisions.mended)
    np.testing.assert_array_equal(there.posterior.candidates, here.posterior.candidates)
    np.testing.assert_allclose(
        there.posterior.probabilities, here.posterior.probabilities, atol=1e-6
    )
    assert [e.source for e in there.evidence] == [e.source for e in here.evidence]
    assert there.self_test == here.self_test
    assert there.notes == here.notes
    columns = [path.table.read_text("utf-8").splitlines() for path in (files, expected)]
    assert columns[0] == columns[1]
    # What was encoded there is in the cache here.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "there" / "cache"))
    texts = there.unique.texts
    encoder = open_encoder(load_config("embedded").encoders[1], encoders[1])
    assert encoder.look_up(texts).missing == []


@pytest.mark.usefixtures("encoders", "ray_cluster")
def test_cards_are_those_of_a_local_run(tmp_path):
    config = load_config("embedded")
    request = TableRequest(DEMO, ("text",), "label")
    written = []
    for name, engine in (("here", HERE), ("there", Engine("ray"))):
        output = tmp_path / f"{name}.yaml"
        describe_file(request, output, config, NoProgress(), use_llm=False, engine=engine)
        written.append(output.read_bytes())
    assert written[0] == written[1]


@pytest.mark.slow
@pytest.mark.usefixtures("encoders", "ray_cluster")
def test_predictions_are_those_of_a_local_run(tmp_path, monkeypatch):
    config = load_config("embedded", ["classify.batch_rows=512"])
    request = TableRequest(DEMO, ("text",), "label")
    model, point = tmp_path / "model", default_point(config)
    train_file(request, model, config, "logreg", point, NoProgress())
    written = []
    for name, engine in (("there", Engine("ray")), ("here", HERE)):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        output = tmp_path / f"{name}.csv"
        table = TableRequest(DEMO.with_name("test.csv"))
        predict_file(model, table, output, config, NoProgress(), engine=engine)
        written.append(output.read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize("exact_up_to", [0, 10_000])
def test_neighbours_are_those_of_a_local_run(executor, exact_up_to):
    vectors = np.random.default_rng(0).normal(size=(3000, 24)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found, expected = (
        find_neighbours(vectors, 10, 512, exact_up_to=exact_up_to, executor=each)
        for each in (executor, LOCAL)
    )
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.similarities, expected.similarities, atol=1e-6)


def test_assignments_are_those_of_a_local_run(executor):
    rng = np.random.default_rng(0)
    truth = rng.random((400, 4)) < 0.4
    vectors = truth @ rng.normal(size=(4, 12)) + 0.4 * rng.normal(size=(400, 12))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    given = truth ^ (rng.random(truth.shape) < 0.1)
    nobody = AnsweredTexts.none(4)
    found, expected = (
        fuse(vectors, given, nobody, 0, each, NoProgress()) for each in (executor, LOCAL)
    )
    np.testing.assert_allclose(found.holds, expected.holds, atol=1e-6)
    np.testing.assert_array_equal(found.near, expected.near)
