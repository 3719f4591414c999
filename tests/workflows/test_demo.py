"""The demo does what the README says: no LLM here, so that it stays short."""

import csv
import json
from importlib import resources
from types import SimpleNamespace

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.protocols import NoProgress
from labelmend.workflows.demo import report_demo, run_demo, score, train_demo


def test_score_counts_by_hand():
    outcome = SimpleNamespace(
        result=SimpleNamespace(
            dataset=SimpleNamespace(labels=("a", "b"), given=np.array([0, 0, 1, 1, -1])),
            decisions=SimpleNamespace(mended=np.array([0, 1, 1, 0, 1])),
        )
    )
    # before: a a b b -, after: a b b a b, truth: a a a a b
    counted = score(outcome, ["a", "a", "a", "a", "b"])
    assert (counted.right_before, counted.right_after) == (2, 3)
    assert (counted.broken, counted.fixed) == (1, 2)


@pytest.mark.slow
def test_the_demo_mends_to_95_percent_and_breaks_at_most_1(encoders, tmp_path):
    assert [m.name for m in encoders] == [e.model for e in load_config().encoders]
    outcome, counted = run_demo(tmp_path, load_config(), NoProgress(), use_llm=False)
    assert counted.right_before == 1771
    assert counted.right_after >= 0.95 * counted.rows
    assert counted.broken <= 0.01 * counted.right_before
    assert outcome.paths.table.exists()


@pytest.mark.slow
def test_a_model_and_a_report_are_beside_the_mended_table(encoders, tmp_path, write_rows):
    assert len(encoders) == 2
    noisy = resources.files("labelmend.data.demo").joinpath("train_noisy.csv").read_text("utf-8")
    rows = list(csv.DictReader(noisy.splitlines()))
    table = write_rows(
        tmp_path / "mended.csv", [{**row, "mended_label": row["true_label"]} for row in rows]
    )
    config = load_config("embedded", ["classify.folds=2"])
    trained = train_demo(table, config, NoProgress())
    assert trained.label_column == "mended_label"
    assert (tmp_path / "model").is_dir()
    report = report_demo(table, config, NoProgress())
    record = json.loads((tmp_path / "report" / "comparison.json").read_text("utf-8"))
    # 1,771 of 2,083 labels were right; all changes are.
    assert record["mending"]["changed"] == 2083 - 1771
    assert record["mending"]["rightness"]["recall"]["rate"] == 1.0
    assert record["test_rows"] == 809
    assert record["arms"] == {"as given": 2083, "mended": 2083, "gold": 2083}
    # The same labels give the same classifiers.
    same = {(c["kind"], c["arm"], c["seed"]): c["metrics"]["accuracy"] for c in record["cells"]}
    assert all(
        accuracy == same[kind, "gold", seed]
        for (kind, arm, seed), accuracy in same.items()
        if arm == "mended"
    )
    assert report.files[0].read_text("utf-8").startswith("<!DOCTYPE html>")
