"""Runs that were trained before an interruption are not trained again."""

import hashlib
import json

import numpy as np
import pytest

from labelmend.classify.calibrate import OperatingPoint
from labelmend.evaluation import baseline
from labelmend.evaluation.baseline import Condition, TestSet, Vectors, run_all
from labelmend.evaluation.unfinished import RunLog, log_beside
from labelmend.protocols import NoProgress

POINT = OperatingPoint("in-scope-loss", 0.015)


@pytest.fixture
def clusters(world):
    data, embeddings = world(3, 12)
    labels = [data.labels[k] for k in data.main_labels()]
    return {"texts": data.texts, "labels": labels, "vectors": Vectors(data.texts, embeddings)}


@pytest.fixture
def conditions(clusters, dataset_of):
    dataset = dataset_of(clusters["texts"], clusters["labels"])
    ones = np.ones(len(dataset))
    halves = np.where(np.arange(len(dataset)) % 2, 1.0, 0.5)
    return [
        Condition("given", dataset, ones),
        Condition("mended", dataset, halves),
        Condition("gold", dataset, ones),
    ]


@pytest.fixture
def run(conditions, clusters, settings, monkeypatch):
    """Train all that is not known; returns the runs, and in which conditions it trained."""
    trained = []
    real = baseline.train_and_test

    def counting(condition, *rest):
        trained.append(condition.name)
        return real(condition, *rest)

    monkeypatch.setattr(baseline, "train_and_test", counting)
    test = TestSet(tuple(clusters["texts"][:20]), tuple(clusters["labels"][:20]), None)

    def go(log, seeds=(0,)):
        trained.clear()
        vectors = clusters["vectors"]
        runs = run_all(
            *(conditions, ["logreg"], seeds, test, vectors, settings, POINT, NoProgress()),
            cross_validate=False,
            known=log,
        )
        return runs, list(trained)

    return go


def same(one, two):
    arrays = zip(vars(one.curve).values(), vars(two.curve).values(), strict=True)
    return (
        all(np.array_equal(a, b, equal_nan=True) for a, b in arrays)
        and one.metrics == two.metrics
        and (one.condition, one.kind, one.seed) == (two.condition, two.kind, two.seed)
        and (one.called, one.flagged) == (two.called, two.flagged)
    )


def test_a_second_run_trains_nothing_and_says_the_same(run, tmp_path):
    log = RunLog(tmp_path / "log", "facts")
    first, trained = run(log)
    # Gold's labels are those that were given.
    assert trained == ["given", "mended"]
    again, trained = run(RunLog(tmp_path / "log", "facts"))
    assert trained == []
    assert [one.condition for one in again] == ["given", "mended", "gold"]
    assert all(same(one, two) for one, two in zip(first, again, strict=True))
    without, trained = run(None)
    assert trained == ["given", "mended", "gold"]
    assert all(same(one, two) for one, two in zip(first, without, strict=True))


def test_other_seeds_and_other_facts_are_trained(run, tmp_path):
    run(RunLog(tmp_path / "log", "facts"))
    assert run(RunLog(tmp_path / "log", "facts"), seeds=(0, 1))[1] == ["given", "mended"]
    assert run(RunLog(tmp_path / "log", "other facts"))[1] == ["given", "mended"]


def test_a_line_that_was_cut_short_is_trained_again(run, tmp_path):
    path = tmp_path / "log"
    run(RunLog(path, "facts"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 40])
    assert run(RunLog(path, "facts"))[1] == ["mended"]
    assert run(RunLog(path, "facts"))[1] == []


def test_lines_of_an_older_version_are_passed_over(run, conditions, tmp_path, capfd):
    path = tmp_path / "log"
    run(RunLog(path, "facts"))
    lines = []
    for line, condition in zip(path.read_bytes().split(b"\n")[1::2], conditions, strict=False):
        cell = json.loads(line)["run"]
        cell["arm"] = cell.pop("condition")
        facts = json.dumps(("facts", condition.training_set().digest, "logreg", 0))
        lines.append(
            json.dumps({"key": hashlib.sha256(facts.encode()).hexdigest(), "cell": cell}) + "\n"
        )
    assert len(lines) == 2
    path.write_text("".join(lines), "utf-8")
    assert run(RunLog(path, "facts"))[1] == ["given", "mended"]
    assert run(RunLog(path, "facts"))[1] == []
    assert capfd.readouterr() == ("", "")


def test_the_log_stands_beside_the_report(tmp_path):
    assert log_beside(tmp_path / "report") == tmp_path / "report.unfinished.jsonl"
