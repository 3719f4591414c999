"""The score is counted by hand; tests/cli/test_demo.py runs the demo."""

from types import SimpleNamespace

import numpy as np

from labelmend.workflows.demo import score


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
