"""The main job with people's answers, on real encoders and a few dozen rows of the demo data."""

import csv
import json
from importlib import resources

import numpy as np
import pytest
from fixtures.installed import ONE_ENCODER

from labelmend.audit.held_out import read_held_out
from labelmend.configs.load import load_config
from labelmend.data.answer_file import append_answers, loaded_answers
from labelmend.data.answers import Answer, Saw, Shown, text_sha256
from labelmend.data.request import TableRequest
from labelmend.errors import ConfigError
from labelmend.protocols import NoProgress
from labelmend.relabel.pipeline import relabel
from labelmend.relabel.run_models import locate_models
from labelmend.runs.record import RunRecord
from labelmend.types import Dataset
from labelmend.workflows.plan import plan_file
from labelmend.workflows.relabel import relabel_file

LABELS = ("card_lost", "exchange_rate", "login_problem", "statement_download")
CONFIG = load_config("embedded", ["reranker.backend=none", ONE_ENCODER])


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Two labels merged by rule where a text says so, and the answers of a person on some rows."""
    text = resources.files("labelmend.data.demo").joinpath("train_gold.csv").read_text("utf-8")
    rows = [r for r in csv.DictReader(text.splitlines()) if r["label"] in LABELS]
    folder = tmp_path_factory.mktemp("answers")
    truth = [r["label"] for r in rows]
    given = ["card_lost" if t == "login_problem" and i % 2 else t for i, t in enumerate(truth)]
    with (folder / "t.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "text", "label"])
        writer.writerows(
            [i, r["text"], g] for i, (r, g) in enumerate(zip(rows, given, strict=True))
        )
    asked = np.random.default_rng(0).choice(len(rows), 40, replace=False)
    when, seen = "2026-11-29T12:00:00Z", Saw(given=True, proposed=False)
    shown = Shown("import", None, None, None)
    said = [
        Answer(text_sha256(rows[i]["text"]), str(i), "label", (truth[i],), "ann", when, shown, seen)
        for i in asked
    ]
    append_answers(folder / "answers.jsonl", said)
    return folder, rows, truth, given, asked


def test_answers_settle_their_rows_and_teach_the_others(table, encoders):
    folder, rows, truth, given, asked = table
    assert len(encoders) == 2
    request = TableRequest(folder / "t.csv")
    quiet = NoProgress()
    plain = relabel_file(request, folder / "plain.csv", CONFIG, quiet, use_llm=False)
    outcome = relabel_file(
        request,
        folder / "m.csv",
        CONFIG,
        quiet,
        answers_file=folder / "answers.jsonl",
        use_llm=False,
    )
    decisions, labels = outcome.result.decisions, outcome.result.dataset.labels
    settled = [row for row, action in enumerate(decisions.actions) if action == "answered"]
    assert settled == sorted(asked)
    assert all(labels[decisions.mended[row]] == truth[row] for row in settled)

    rest = np.setdiff1d(np.arange(len(rows)), settled)
    wrong = np.array([g != t for g, t in zip(given, truth, strict=True)])

    def found(result):
        return np.array(
            [labels[k] == t for k, t in zip(result.decisions.proposed, truth, strict=True)]
        )

    # Many of a rule's errors pass for the truth until somebody says so.
    before, after = (found(o.result)[rest][wrong[rest]].mean() for o in (plain, outcome))
    assert after > before + 0.1
    assert found(outcome.result)[rest][~wrong[rest]].mean() > 0.95

    lines = (folder / "m.evidence.jsonl").read_text("utf-8").splitlines()
    first = json.loads(lines[settled[0]])
    assert first["decision"] == "answered"
    assert first["reason"] == f"A person said: {truth[settled[0]]}."
    assert "held_out" not in json.loads(lines[rest[0]])
    held = read_held_out(folder / "m.csv", settled)
    assert set(held) == set(settled)
    assert all(h.decision in {"keep", "change", "review"} for h in held.values())
    nats = json.loads(lines[rest[0]])["candidates"][0]["nats"]
    assert "answers" in nats
    record = json.loads((folder / "m.run.json").read_text("utf-8"))
    assert record["sources"]["answers"]["weight"] == 1
    assert record["counts"]["answered"] == len(settled)
    assert record["answers"] == {
        "texts": len(settled),
        "audited": 0,
        "unsure": 0,
        "people": {"ann": {"accuracy": 0.97, "answers": len(settled), "shared": 0}},
        "learned": True,
        "guaranteed": None,
        "allowed": None,
    }
    told = RunRecord.read(folder / "m.run.json").answers
    assert told.in_words == f"{len(settled)} texts are answered, by ann {len(settled)}"


def test_a_dry_run_says_how_many_texts_are_answered(table, encoders):
    folder, *_, asked = table
    assert len(encoders) == 2
    plan, _, _ = plan_file(
        TableRequest(folder / "t.csv"), CONFIG, None, folder / "answers.jsonl", use_llm=False
    )
    assert plan.answered == len(asked)


def test_a_majority_of_votes_can_learn_nothing(table, encoders):
    folder, rows, truth, _, _ = table
    assert len(encoders) == 2
    labels = tuple(sorted(set(truth)))
    given = np.array([labels.index(t) for t in truth])
    texts = tuple(r["text"] for r in rows)
    dataset = Dataset(tuple(map(str, range(len(texts)))), texts, given, labels, None)
    config = load_config("embedded", ["fusion.method=majority", ONE_ENCODER])
    answers = loaded_answers(dataset, folder / "answers.jsonl")
    with pytest.raises(ConfigError, match="answers need a posterior"):
        relabel(dataset, config, locate_models(config, use_llm=False), answers=answers)
