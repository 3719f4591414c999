"""The demo's second half on the demo's own rows, with the truth for the mended labels."""

import csv
import json
from importlib import resources

import pytest

from labelmend.configs.load import load_config
from labelmend.protocols import NoProgress
from labelmend.report.demo import report_demo, train_demo


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
