import json
from dataclasses import asdict, replace

import downstream
import numpy as np
import pytest
from correction import Run
from downstream import Line

from labelmend.evaluation.baseline import Condition
from labelmend.types import Dataset

RUN = Run("clinc", "uniform-20", 0)
FIGURES = {key: 0.9 for key, _ in downstream.FIGURES}


def line(condition, accuracy, seed=0, kind="logreg", noise="uniform-20", **figures):
    found = {**FIGURES, "accuracy": accuracy, **figures}
    return Line(Run("clinc", noise, seed), kind, condition, 0.8, found, 1.0, "c0de", "numpy 2")


def lines(*some):
    return {one.key: one for one in some}


def test_the_share_of_the_gap_is_that_of_the_means():
    dirty, mended, gold = {0: 0.80, 1: 0.82}, {0: 0.88, 1: 0.90, 2: 0.1}, {0: 0.90, 1: 0.92}
    # (0.08 + 0.08) / (0.10 + 0.10), over the seeds that all have.
    assert downstream.recovered(dirty, mended, gold) == pytest.approx(0.8)
    assert downstream.recovered(dirty, mended, {}) is None
    assert downstream.recovered(gold, mended, gold) is None


def test_the_lead_is_over_the_better_variant():
    found = lines(
        line("mended", 0.90), line("cleanlab pruned", 0.85), line("cleanlab relabelled", 0.91)
    )
    said = {what: (value, held) for what, _, value, held in downstream.verdicts(found)}
    key = "CLINC150 train, uniform 20 %, logreg: lead over cleanlab's better one"
    assert said[key] == ("-1.00 %", False)
    assert said["CLINC150 train, uniform 20 %, logreg: gap recovered"] == ("", None)
    recall = "CLINC150 train, uniform 20 %, logreg, mended: oos recall"
    assert said[recall] == ("90.00 %", True)


def test_results_are_read_again_and_a_cut_line_is_passed_over(tmp_path):
    path = tmp_path / "r.jsonl"
    first, second = line("dirty", 0.5), line("dirty", 0.6)
    downstream.append_line(path, first)
    with path.open("a") as file:
        file.write('{"run": {"da')
    downstream.append_line(path, second)
    downstream.append_line(path, replace(line("gold", 0.9), run=replace(RUN, seed=3)))
    found = downstream.read_lines(path)
    assert list(found) == [(RUN, "logreg", "dirty"), (replace(RUN, seed=3), "logreg", "gold")]
    assert found[RUN, "logreg", "dirty"].figures["accuracy"] == 0.6


def test_results_that_call_the_condition_an_arm_are_read(tmp_path):
    path = tmp_path / "r.jsonl"
    plain = asdict(line("gold", 0.75))
    plain["arm"] = plain.pop("condition")
    path.write_text(f"{json.dumps(plain)}\n")
    assert downstream.read_lines(path) == lines(line("gold", 0.75))


def test_the_table_has_a_row_a_version_of_the_labels():
    found = lines(line("gold", 0.9), line("dirty", 0.5), line("dirty", 0.7, seed=1))
    text = downstream.report(found, [0, 1], "python benchmarks/downstream.py")
    assert "### CLINC150 train, uniform 20 % (seeds 0, 1)" in text
    rows = [row for row in text.splitlines() if row.startswith("| logreg")]
    assert rows[0].startswith("| logreg | dirty | 80.00 | 60.00 (50.00 to 70.00) | 90.00 |")
    # What was measured on fewer seeds says so.
    assert rows[1].startswith("| logreg, seed 0 | gold | 80.00 | 90.00 |")


def test_label_accuracy_counts_kept_rows():
    texts = ("a", "b", "c", "d")
    given = np.array([0, 1, -1, 0])
    condition = Condition("a", Dataset(texts, texts, given, ("x", "y"), None), np.ones(4))
    table = downstream.Table(texts, ("x", "y"), np.array([0, 0, 0, 0]), None, {})
    assert downstream.label_accuracy(condition, table) == pytest.approx(2 / 3)
