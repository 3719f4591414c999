"""The demo does what the README says: no LLM here, so that it stays short."""

from types import SimpleNamespace

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.protocols import NoProgress
from labelmend.relabel.demo import run_demo, score


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
